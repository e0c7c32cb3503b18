//! Real ceremonies through the program, as small as they can be: what comes in, what leaves, and what goes wrong.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod coming_in;
mod exports;
mod going_wrong;
#[path = "../pty/mod.rs"]
mod pty;
mod retiring;
mod small;
mod states;
#[path = "../support/mod.rs"]
mod support;
