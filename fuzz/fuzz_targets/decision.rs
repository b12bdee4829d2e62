//! Profiles and requests against the three gates.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dsp_fuzz::decision::check(data));
