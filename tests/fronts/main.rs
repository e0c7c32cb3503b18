//! The three fronts over the same hand-made scenes.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod lines;
mod scenes;
mod screens;
mod shipped;
