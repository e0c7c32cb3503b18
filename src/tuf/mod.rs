//! Documents and trust: what the metadata of TUF 1.0 and Notary v1 says, who may sign it, and
//! whether a client would accept it. Everything here takes values and returns values.

pub mod any;
pub mod bins;
pub mod client;
pub mod diff;
pub mod digest;
pub mod document;
pub mod forge;
pub mod history;
pub mod image;
pub mod key;
pub mod lint;
pub mod name;
pub mod nonces;
pub mod overlap;
pub mod payload;
pub mod policy;
pub mod qr;
mod recent;
pub mod replay;
mod roca;
pub mod root;
pub mod signature;
pub mod signed;
pub mod snapshot;
pub mod table;
pub mod targets;
pub mod time;
pub mod verify;
pub mod wire;
pub mod words;

#[cfg(test)]
mod tests;
