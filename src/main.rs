//! Anchorite's program: it parses arguments, calls the library, and exits with its code.

fn main() {}
