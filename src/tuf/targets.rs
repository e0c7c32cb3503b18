//! The targets documents: what is signed, and what is handed to delegations.

use std::collections::BTreeMap;

use super::key::KeyId;
use super::name::RoleName;
use super::root::{Expires, ListedKey, RoleKeys};
use super::table::TargetTable;
use super::wire::json::Json;

/// What a targets role or a delegation says (TUF 1.0 section 4.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    /// The version, from 1.
    pub version: u64,
    /// When clients stop accepting it.
    pub expires: Expires,
    /// Targets by path; in Notary a path is an image tag.
    pub targets: TargetTable,
    /// What is delegated; nothing where the document has no such member.
    pub delegations: Option<Delegations>,
    /// `spec_version`, in the TUF dialect only.
    pub spec_version: Option<String>,
    /// Members that we do not know.
    pub unknown: BTreeMap<String, Json>,
}

/// One target: its length and hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetFile {
    /// Length in bytes.
    pub length: u64,
    /// Raw hashes by algorithm name, such as `sha256`.
    pub hashes: BTreeMap<String, Vec<u8>>,
    /// The `custom` member.
    pub custom: Option<Json>,
    /// Members that we do not know.
    pub unknown: BTreeMap<String, Json>,
}

/// The delegations of a targets document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delegations {
    /// Keys by the ids that this document gives them.
    pub keys: BTreeMap<KeyId, ListedKey>,
    /// Delegated roles, in the order of the document, which is the order of trust.
    pub roles: Vec<DelegatedRole>,
    /// Members that we do not know, `succinct_roles` among them for now.
    pub unknown: BTreeMap<String, Json>,
}

/// One delegated role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegatedRole {
    /// Its name: `releases`, or in Notary `targets/releases`.
    pub name: RoleName,
    /// Who signs it, and how many must.
    pub keys: RoleKeys,
    /// Path patterns (TUF) or prefixes (Notary); nothing where the member is missing.
    pub paths: Option<Vec<String>>,
    /// Prefixes of the SHA-256 of a path, in hex.
    pub path_hash_prefixes: Option<Vec<String>>,
    /// Whether the search ends here; nothing in Notary.
    pub terminating: Option<bool>,
}
