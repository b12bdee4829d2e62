//! Checks the reader of recordings and the readers of logs with random bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dsp_fuzz::recording::check(data));
