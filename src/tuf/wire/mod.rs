//! How documents look as bytes.

pub mod json;
