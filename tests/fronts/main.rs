//! The three fronts over the same hand-made scenes.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod hands;
mod lines;
mod same_record;
mod scenes;
mod screens;
mod shipped;
#[path = "../stage/mod.rs"]
mod stage;
