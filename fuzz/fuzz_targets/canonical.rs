//! Checks the canonical form with random request lines.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dsp_fuzz::canonical::check(data));
