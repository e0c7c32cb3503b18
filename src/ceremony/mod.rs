//! The ceremony as a pure machine: a plan becomes steps, facts go in, requests come out, and the log of both is
//! the transcript.

pub mod ask;
pub mod event;
pub mod plan;
pub mod scene;
