//! The driver: the loop that carries requests out, and its three ports: people, machines, paper.

pub mod attestation;
pub mod bench;
pub mod evidence;
pub mod file;
pub mod fleet;
pub mod folder;
pub mod hold;
pub mod journal;
pub mod known;
pub mod media;
pub mod oci;
pub mod picture;
pub mod ports;
pub mod register;
pub mod room;
pub mod session;
pub mod signed;
pub mod token;
pub mod workspace;
