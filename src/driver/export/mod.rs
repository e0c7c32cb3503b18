//! What leaves on OUT beside the signed documents.

pub mod online;
