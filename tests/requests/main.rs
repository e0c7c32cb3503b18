//! Several machines: one asks, others sign, and what comes back is verified, counted and put together.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::tests_outside_test_module,
    clippy::wildcard_enum_match_arm,
    reason = "a test may fail loudly"
)]
#![allow(dead_code, unused_imports, reason = "shared files: each test binary uses its own part")]

mod abandoned;
mod answers;
mod desk;
mod machines;
mod other_programs;
mod pictures;
mod releaser;
#[path = "../changes/sample.rs"]
mod sample;
#[path = "../support/mod.rs"]
mod support;
