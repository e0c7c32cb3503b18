//! What changed between two versions of a document, by role and *public key*, never by key id.
//!
//! A pure comparison: typed changes, each with a stable name and a mark for what is dangerous. Words for people are made
//! from the values elsewhere.

mod keys;
mod targets;
pub mod words;

use std::collections::{BTreeMap, BTreeSet};

use super::any::AnyDocument;
use super::document::Dialect;
use super::key::{Fingerprint, KeyId};
use super::lint::policy_end;
use super::name::RoleName;
use super::root::{Expires, Root};
use super::snapshot::MetaFile;
use super::time::Timestamp;
use super::wire::json::Json;

/// One change. A role is named as its document names it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// The version is another one; by more or less than one it is dangerous.
    Version {
        /// Before.
        from: u64,
        /// Now.
        to: u64,
    },
    /// The expiry date is another one; beyond policy it is dangerous.
    Expires {
        /// Before.
        from: Timestamp,
        /// Now.
        to: Timestamp,
        /// Whether policy wants a shorter life, counted from the time for which the question was asked.
        beyond_policy: bool,
    },
    /// `spec_version` is another one.
    SpecVersion {
        /// Before.
        from: Option<String>,
        /// Now.
        to: Option<String>,
    },
    /// `consistent_snapshot` was switched: clients ask for other file names.
    ConsistentSnapshot {
        /// Now.
        to: bool,
    },
    /// A root states a role that it did not.
    RoleAdded {
        /// The role.
        role: RoleName,
        /// Its threshold.
        threshold: i64,
        /// Its keys.
        keys: Vec<Fingerprint>,
    },
    /// A root states a role no more.
    RoleRemoved {
        /// The role.
        role: RoleName,
    },
    /// The threshold is another one; lower is dangerous.
    Threshold {
        /// The role.
        role: RoleName,
        /// Before.
        from: i64,
        /// Now.
        to: i64,
    },
    /// A key may sign for a role that could not.
    KeyAdded {
        /// The role.
        role: RoleName,
        /// The key.
        key: Fingerprint,
        /// What the document calls it.
        ids: Vec<KeyId>,
    },
    /// A key may sign for a role no more.
    KeyRemoved {
        /// The role.
        role: RoleName,
        /// The key.
        key: Fingerprint,
        /// What the document called it.
        ids: Vec<KeyId>,
    },
    /// Not one key of a role stayed.
    AllKeysReplaced {
        /// The role.
        role: RoleName,
        /// How many there were.
        before: usize,
        /// How many there are.
        now: usize,
    },
    /// A key stayed, but the document calls it otherwise: signatures under the old id count no more.
    KeyRenamed {
        /// The role.
        role: RoleName,
        /// The key.
        key: Fingerprint,
        /// Ids before.
        from: Vec<KeyId>,
        /// Ids now.
        to: Vec<KeyId>,
    },
    /// A key stayed and came in another certificate, which changes its id; an earlier end is dangerous.
    CertificateReplaced {
        /// The role.
        role: RoleName,
        /// The key.
        key: Fingerprint,
        /// The end of the certificate before.
        from: Timestamp,
        /// The end of the certificate now.
        to: Timestamp,
    },
    /// Another public key stands under an id that stayed.
    KeyBytes {
        /// The id.
        id: KeyId,
        /// The key before.
        from: Fingerprint,
        /// The key now.
        to: Fingerprint,
    },
    /// The key object under an id is written otherwise, though the key is the same.
    KeyObject {
        /// The id.
        id: KeyId,
        /// The key.
        key: Fingerprint,
    },
    /// A key that no role names was added.
    UnusedKeyAdded {
        /// The id.
        id: KeyId,
        /// The key.
        key: Fingerprint,
    },
    /// A key that no role names was dropped.
    UnusedKeyRemoved {
        /// The id.
        id: KeyId,
        /// The key.
        key: Fingerprint,
    },
    /// A role is delegated to that was not.
    DelegationAdded {
        /// The role.
        role: RoleName,
        /// Its threshold.
        threshold: i64,
        /// Its keys.
        keys: Vec<Fingerprint>,
        /// Its paths or hash prefixes.
        paths: Vec<String>,
    },
    /// A role is delegated to no more.
    DelegationRemoved {
        /// The role.
        role: RoleName,
    },
    /// A delegation may sign for more.
    PathsAdded {
        /// The role.
        role: RoleName,
        /// Paths, or hash prefixes.
        paths: Vec<String>,
    },
    /// A delegation may sign for less.
    PathsRemoved {
        /// The role.
        role: RoleName,
        /// Paths, or hash prefixes.
        paths: Vec<String>,
    },
    /// Whether the search for a target ends at a delegation was changed.
    Terminating {
        /// The role.
        role: RoleName,
        /// Now.
        to: Option<bool>,
    },
    /// The delegations that stayed are asked in another order.
    DelegationOrder {
        /// Those that stayed, in the order of before.
        from: Vec<RoleName>,
        /// The same in the order of now.
        to: Vec<RoleName>,
    },
    /// The number, name or keys of hash bins changed.
    Bins {
        /// Before, as canonical JSON.
        from: Option<String>,
        /// Now, as canonical JSON.
        to: Option<String>,
    },
    /// A target is signed that was not.
    TargetAdded {
        /// Its name.
        name: String,
        /// Its hash.
        hash: String,
    },
    /// A target is signed no more.
    TargetRemoved {
        /// Its name.
        name: String,
        /// Its hash before.
        hash: String,
    },
    /// The same name stands for other content.
    TargetMoved {
        /// Its name.
        name: String,
        /// Its hash before.
        from: String,
        /// Its hash now.
        to: String,
    },
    /// The content of a target stayed, what is said of it changed (`custom`, length, further hashes).
    TargetDescribed {
        /// Its name.
        name: String,
    },
    /// A snapshot or timestamp names a document that it did not.
    MetaAdded {
        /// Its name.
        name: String,
        /// The version that is stated.
        version: Option<u64>,
    },
    /// A snapshot or timestamp names a document no more: clients refuse that in a snapshot.
    MetaRemoved {
        /// Its name.
        name: String,
    },
    /// A snapshot or timestamp names another version or content; a lower version is dangerous.
    MetaChanged {
        /// Its name.
        name: String,
        /// The version before, where stated.
        from: Option<u64>,
        /// The version now, where stated.
        to: Option<u64>,
    },
    /// A member that the specification does not know was added, removed or changed.
    UnknownMember {
        /// Where it stands, as a path below `signed`.
        member: String,
        /// Before, as canonical JSON.
        from: Option<String>,
        /// Now, as canonical JSON.
        to: Option<String>,
    },
}

/// Why two documents cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected two documents of one kind, found {from_dialect} {from} and {to_dialect} {to}")]
pub struct NotComparable {
    /// The dialect of the first.
    pub from_dialect: Dialect,
    /// The kind of the first.
    pub from: &'static str,
    /// The dialect of the second.
    pub to_dialect: Dialect,
    /// The kind of the second.
    pub to: &'static str,
}

/// Compares two versions of a document. Signatures are not looked at. `at` is the time from which policy counts how long
/// the new one may live.
pub fn diff(
    old: &AnyDocument,
    new: &AnyDocument,
    at: Timestamp,
) -> Result<Vec<Change>, NotComparable> {
    let mut changes = Changes::default();
    if old.dialect() == new.dialect() {
        let role = new.role().unwrap_or_else(RoleName::targets);
        changes.head(&role, old, new, at);
        match (old, new) {
            (AnyDocument::Root(old), AnyDocument::Root(new)) => {
                changes.roots(old.peek(), new.peek());
                return Ok(changes.0);
            }
            (AnyDocument::Targets(old), AnyDocument::Targets(new)) => {
                changes.targets(old.peek(), new.peek());
                return Ok(changes.0);
            }
            (AnyDocument::Snapshot(old), AnyDocument::Snapshot(new)) => {
                changes.meta(&old.peek().meta, &new.peek().meta);
                changes.unknown("", &old.peek().unknown, &new.peek().unknown);
                return Ok(changes.0);
            }
            (AnyDocument::Timestamp(old), AnyDocument::Timestamp(new)) => {
                changes.meta(&old.peek().meta, &new.peek().meta);
                changes.unknown("", &old.peek().unknown, &new.peek().unknown);
                return Ok(changes.0);
            }
            (
                AnyDocument::Root(_)
                | AnyDocument::Targets(_)
                | AnyDocument::Snapshot(_)
                | AnyDocument::Timestamp(_),
                _,
            ) => {}
        }
    }
    Err(NotComparable {
        from_dialect: old.dialect(),
        from: old.kind(),
        to_dialect: new.dialect(),
        to: new.kind(),
    })
}

impl Change {
    /// The stable name of this kind of change.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Version { .. } => "version",
            Self::Expires { .. } => "expires",
            Self::SpecVersion { .. } => "spec-version",
            Self::ConsistentSnapshot { .. } => "consistent-snapshot",
            Self::RoleAdded { .. } => "role-added",
            Self::RoleRemoved { .. } => "role-removed",
            Self::Threshold { .. } => "threshold",
            Self::KeyAdded { .. } => "key-added",
            Self::KeyRemoved { .. } => "key-removed",
            Self::AllKeysReplaced { .. } => "all-keys-replaced",
            Self::KeyRenamed { .. } => "key-renamed",
            Self::CertificateReplaced { .. } => "certificate-replaced",
            Self::KeyBytes { .. } => "key-bytes",
            Self::KeyObject { .. } => "key-object",
            Self::UnusedKeyAdded { .. } => "unused-key-added",
            Self::UnusedKeyRemoved { .. } => "unused-key-removed",
            Self::DelegationAdded { .. } => "delegation-added",
            Self::DelegationRemoved { .. } => "delegation-removed",
            Self::PathsAdded { .. } => "paths-added",
            Self::PathsRemoved { .. } => "paths-removed",
            Self::Terminating { .. } => "terminating",
            Self::DelegationOrder { .. } => "delegation-order",
            Self::Bins { .. } => "bins",
            Self::TargetAdded { .. } => "target-added",
            Self::TargetRemoved { .. } => "target-removed",
            Self::TargetMoved { .. } => "target-moved",
            Self::TargetDescribed { .. } => "target-described",
            Self::MetaAdded { .. } => "meta-added",
            Self::MetaRemoved { .. } => "meta-removed",
            Self::MetaChanged { .. } => "meta-changed",
            Self::UnknownMember { .. } => "unknown-member",
        }
    }

    /// Whether somebody should look at it by itself before signing.
    pub fn is_danger(&self) -> bool {
        match self {
            Self::Version { from, to } => from.checked_add(1) != Some(*to),
            Self::Expires { beyond_policy, .. } => *beyond_policy,
            Self::Threshold { from, to, .. } => to < from,
            Self::CertificateReplaced { from, to, .. } => to < from,
            Self::MetaChanged { from, to, .. } => to < from,
            Self::ConsistentSnapshot { .. }
            | Self::RoleAdded { .. }
            | Self::RoleRemoved { .. }
            | Self::AllKeysReplaced { .. }
            | Self::KeyRenamed { .. }
            | Self::KeyBytes { .. }
            | Self::KeyObject { .. }
            | Self::DelegationAdded { .. }
            | Self::PathsAdded { .. }
            | Self::Terminating { .. }
            | Self::DelegationOrder { .. }
            | Self::Bins { .. }
            | Self::TargetMoved { .. }
            | Self::MetaRemoved { .. }
            | Self::UnknownMember { .. } => true,
            Self::SpecVersion { .. }
            | Self::KeyAdded { .. }
            | Self::KeyRemoved { .. }
            | Self::UnusedKeyAdded { .. }
            | Self::UnusedKeyRemoved { .. }
            | Self::DelegationRemoved { .. }
            | Self::PathsRemoved { .. }
            | Self::TargetAdded { .. }
            | Self::TargetRemoved { .. }
            | Self::TargetDescribed { .. }
            | Self::MetaAdded { .. } => false,
        }
    }
}

/// What was found so far.
#[derive(Default)]
struct Changes(Vec<Change>);

type Unknown = BTreeMap<String, Json>;

impl Changes {
    fn push(&mut self, change: Change) {
        self.0.push(change);
    }

    fn head(&mut self, role: &RoleName, old: &AnyDocument, new: &AnyDocument, at: Timestamp) {
        let (from, to) = (old.version(), new.version());
        if from != to {
            self.push(Change::Version { from, to });
        }
        self.expires(role, old.expires(), new.expires(), at);
        let (from, to) = (old.spec_version(), new.spec_version());
        if from != to {
            self.push(Change::SpecVersion { from: from.cloned(), to: to.cloned() });
        }
    }

    fn expires(&mut self, role: &RoleName, old: &Expires, new: &Expires, at: Timestamp) {
        if old.at != new.at {
            let beyond_policy = policy_end(role, at).is_some_and(|end| new.at > end);
            self.push(Change::Expires { from: old.at, to: new.at, beyond_policy });
        }
    }

    fn roots(&mut self, old: &Root, new: &Root) {
        if old.consistent_snapshot != new.consistent_snapshot {
            self.push(Change::ConsistentSnapshot { to: new.consistent_snapshot });
        }
        let names: BTreeSet<_> = old.roles.keys().chain(new.roles.keys()).collect();
        for name in names {
            match (old.roles.get(name), new.roles.get(name)) {
                (Some(before), Some(now)) => {
                    self.role(name, (&old.keys, before), (&new.keys, now));
                }
                (None, Some(now)) => self.push(Change::RoleAdded {
                    role: name.clone(),
                    threshold: now.threshold.0,
                    keys: keys::fingerprints(&new.keys, now),
                }),
                (Some(_), None) => self.push(Change::RoleRemoved { role: name.clone() }),
                (None, None) => {}
            }
        }
        self.listed(
            (&old.keys, old.roles.values().collect()),
            (&new.keys, new.roles.values().collect()),
        );
        self.unknown("", &old.unknown, &new.unknown);
    }

    fn meta(&mut self, old: &BTreeMap<String, MetaFile>, new: &BTreeMap<String, MetaFile>) {
        let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        for name in names {
            match (old.get(name), new.get(name)) {
                (Some(before), Some(now)) => {
                    let known = |file: &MetaFile| (file.version, file.length, file.hashes.clone());
                    if known(before) != known(now) {
                        let (from, to) = (before.version, now.version);
                        self.push(Change::MetaChanged { name: name.clone(), from, to });
                    }
                    self.unknown(&format!("meta.{name}."), &before.unknown, &now.unknown);
                }
                (None, Some(now)) => {
                    self.push(Change::MetaAdded { name: name.clone(), version: now.version });
                }
                (Some(_), None) => self.push(Change::MetaRemoved { name: name.clone() }),
                (None, None) => {}
            }
        }
    }

    fn unknown(&mut self, path: &str, old: &Unknown, new: &Unknown) {
        let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        for name in names.into_iter().filter(|name| old.get(*name) != new.get(*name)) {
            self.push(Change::UnknownMember {
                member: format!("{path}{name}"),
                from: old.get(name).map(canonical),
                to: new.get(name).map(canonical),
            });
        }
    }
}

fn canonical(value: &Json) -> String {
    String::from_utf8_lossy(&value.canonical()).into_owned()
}

#[cfg(test)]
mod tests;
