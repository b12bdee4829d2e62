//! Texts against the parser and the writer of profiles.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dsp_fuzz::profile::check(data));
