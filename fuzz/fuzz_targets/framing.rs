//! Checks where requests end in random streams.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dsp_fuzz::framing::check(data));
