//! Request lines against the canonical form.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dsp_fuzz::canonical::check(data));
