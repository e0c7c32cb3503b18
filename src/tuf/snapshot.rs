//! Snapshot and timestamp: which versions of the other documents belong together, and how fresh they are.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256, Sha512};

use super::root::Expires;
use super::wire::json::Json;

/// What a snapshot says (TUF 1.0 section 4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The version, from 1.
    pub version: u64,
    /// When clients stop accepting it.
    pub expires: Expires,
    /// Documents by the name that the dialect gives them: `targets.json` in TUF, `targets` in Notary.
    pub meta: BTreeMap<String, MetaFile>,
    /// `spec_version`, in the TUF dialect only.
    pub spec_version: Option<String>,
    /// Members that we do not know.
    pub unknown: BTreeMap<String, Json>,
}

/// What a timestamp says (TUF 1.0 section 4.6): the same shape with one entry, the snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamped {
    /// The version, from 1.
    pub version: u64,
    /// When clients stop accepting it.
    pub expires: Expires,
    /// The snapshot, under `snapshot.json` in TUF and `snapshot` in Notary.
    pub meta: BTreeMap<String, MetaFile>,
    /// `spec_version`, in the TUF dialect only.
    pub spec_version: Option<String>,
    /// Members that we do not know.
    pub unknown: BTreeMap<String, Json>,
}

/// What is said of one document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetaFile {
    /// Its version; Notary states none.
    pub version: Option<u64>,
    /// Its length in bytes, where stated.
    pub length: Option<u64>,
    /// Its raw hashes by algorithm name, where stated.
    pub hashes: BTreeMap<String, Vec<u8>>,
    /// Members that we do not know.
    pub unknown: BTreeMap<String, Json>,
}

impl MetaFile {
    /// What a Notary snapshot or timestamp says of a file: its length, SHA-256 and SHA-512.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            version: None,
            length: u64::try_from(bytes.len()).ok(),
            hashes: BTreeMap::from([
                ("sha256".to_owned(), Sha256::digest(bytes).to_vec()),
                ("sha512".to_owned(), Sha512::digest(bytes).to_vec()),
            ]),
            unknown: BTreeMap::new(),
        }
    }
}
