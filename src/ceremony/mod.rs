//! The ceremony as a pure machine: a plan becomes steps, facts go in, requests come out, and the log of both is
//! the transcript.

pub mod advice;
pub mod ask;
pub mod audit;
pub mod authority;
pub mod before;
pub mod change;
pub mod check;
pub mod engine;
pub mod event;
pub mod export;
pub mod fleet;
pub mod model;
pub mod mounted;
pub mod plan;
pub mod recipe;
pub mod report;
pub mod review;
pub mod roster;
pub mod scene;
pub mod steps;
pub mod story;
pub mod transcript;
pub mod twin;
pub mod walk;
