//! What the tests lean on: real clients and servers, started on loopback and ended with the test.
//! `scripts/setup --tests` puts them in place; a missing one fails the test, it never skips it.
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part of the support")]

pub(crate) mod ceremony;
pub(crate) mod clients;
pub(crate) mod command;
pub(crate) mod loopback;
pub(crate) mod notary;
pub(crate) mod notary_repo;
pub(crate) mod notary_variants;
pub(crate) mod publishing;
pub(crate) mod softhsm;
pub(crate) mod token_service;
pub(crate) mod tuf;
pub(crate) mod wrapped;
pub(crate) mod yubikey;
