//! Checks the three gates with random profiles and requests.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dsp_fuzz::decision::check(data));
