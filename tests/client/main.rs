//! The TUF client, against repositories made in memory, against python-tuf, and against Sigstore's own metadata.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod against_python;
mod by_http;
#[path = "../../examples/conformance_client.rs"]
#[expect(dead_code, reason = "a test calls what its main function calls")]
mod conformance_client;
mod delegations;
mod made;
mod order;
mod real;
mod repository;
mod rollback;
mod roots;
mod signatures;
mod stated;
mod user;
