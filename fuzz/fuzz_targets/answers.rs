//! Checks what is left of answers of which something is hidden.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dsp_fuzz::answers::check(data));
