//! Keys in the workspace, through the program: imported, given new passphrases, backed up and restored.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "keys/books.rs"]
mod books;
#[path = "keys/imports.rs"]
mod imports;
#[path = "keys/paper.rs"]
mod paper;
#[path = "keys/passphrases.rs"]
mod passphrases;
#[path = "keys/plugins.rs"]
mod plugins;
mod pty;
#[path = "keys/states.rs"]
mod states;
mod support;
