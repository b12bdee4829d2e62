//! The `dsp` binary: everything is in the library, `cli` for what a person meets.

use std::process::ExitCode;

fn main() -> ExitCode {
    dsp::cli::main()
}
