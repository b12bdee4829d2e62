//! The `dsp` binary.

fn main() {}
