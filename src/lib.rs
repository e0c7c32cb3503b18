//! Anchorite holds signing ceremonies: it guides a few people at an air-gapped laptop through making
//! the keys that a fleet of clients trusts, and leaves signed metadata and evidence behind.
//!
//! The library is built in floors, and imports only go down:
//!
//! | floor | module | what it is |
//! |---|---|---|
//! | 5 | [`cli`] | arguments, subcommands, failures in words |
//! | 4 | [`front`] | the three faces of a ceremony: terminal, plain, script |
//! | 3 | [`driver`] | the loop and its ports; media, journal, workspace, evidence |
//! | 2 | [`ceremony`] | plan, engine, check, transcript: pure |
//! | 2 | [`keystore`] | where private keys live and sign |
//! | 1 | [`tuf`] | documents and trust: pure |

pub mod ceremony;
pub mod cli;
pub mod driver;
pub mod front;
pub mod keystore;
pub mod tuf;
