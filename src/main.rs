//! Anchorite's program: it parses arguments, calls the library, and exits with its code.

use std::process::ExitCode;

use anchorite::keystore::pages::Heap;

/// Wipes what is given back to it, as soon as a command runs that takes secrets.
#[global_allocator]
static HEAP: Heap = Heap;

fn main() -> ExitCode {
    anchorite::cli::main()
}
