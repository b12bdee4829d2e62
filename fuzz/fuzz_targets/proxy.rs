//! A client and an engine that send anything, with the proxy between them.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dsp_fuzz::proxy::check(data));
