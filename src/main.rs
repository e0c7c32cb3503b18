//! Anchorite's program: it parses arguments, calls the library, and exits with its code.

use std::process::ExitCode;

fn main() -> ExitCode {
    anchorite::cli::main()
}
