//! The shipped plans of these kinds.
