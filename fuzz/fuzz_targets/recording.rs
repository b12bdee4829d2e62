//! Bytes against the reader of recordings and the readers of logs.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dsp_fuzz::recording::check(data));
