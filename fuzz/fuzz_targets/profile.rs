//! Checks the parser and the writer of profiles with random text.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dsp_fuzz::profile::check(data));
