//! Checks the proxy between a client and an engine that both send random bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dsp_fuzz::proxy::check(data));
