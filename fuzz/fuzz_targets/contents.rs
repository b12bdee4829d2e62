//! Checks how the contents of requests are read and written.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dsp_fuzz::contents::check(data));
