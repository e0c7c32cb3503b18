//! The root document: which keys may sign for which role.

use std::collections::BTreeMap;

use super::key::{KeyId, PublicKey};
use super::name::RoleName;
use super::time::Timestamp;
use super::wire::json::Json;

/// What a root says (TUF 1.0 section 4.3; Notary v1 `_type` `Root`), free of any dialect but for how its
/// keys are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The version, from 1.
    pub version: u64,
    /// When clients stop accepting it.
    pub expires: Expires,
    /// Whether files are named with their versions and hashes.
    pub consistent_snapshot: bool,
    /// The keys by the ids that this document gives them.
    pub keys: BTreeMap<KeyId, ListedKey>,
    /// The roles: root, timestamp, snapshot, targets, and what else is stated.
    pub roles: BTreeMap<RoleName, RoleKeys>,
    /// `spec_version`, in the TUF dialect only.
    pub spec_version: Option<String>,
    /// Members that we do not know; they survive and are signed.
    pub unknown: BTreeMap<String, Json>,
}

/// An expiry date: the point in time, and the text where our own writing of it would differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expires {
    /// The point in time.
    pub at: Timestamp,
    /// The text as it was read, when it is not what we would write (an offset, padded fractions).
    pub stated: Option<String>,
}

impl Expires {
    /// An expiry at `at`, in our own writing.
    pub const fn new(at: Timestamp) -> Self {
        Self { at, stated: None }
    }
}

/// Which keys may sign for a role, and how many must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleKeys {
    /// Ids of keys, in the order in which they are stated.
    pub keyids: Vec<KeyId>,
    /// The threshold as stated, sensible or not.
    pub threshold: StatedThreshold,
    /// Members that we do not know.
    pub unknown: BTreeMap<String, Json>,
}

/// A threshold as a document states it: any integer. `verify` turns it into a `Threshold` that makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatedThreshold(pub i64);

/// A key as a document lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    /// The key itself.
    pub public: PublicKey,
    /// The certificate that carries it, as PEM text, for Notary's `ecdsa-x509` and `rsa-x509`.
    pub certificate: Option<String>,
    /// The key object exactly as the document holds it; ids are computed over it.
    pub wire: Json,
}
