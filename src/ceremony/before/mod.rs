//! The state before: what a change starts from, verified from a root that people trust already.
//!
//! It is a pure function of the plan and of the files that the plan lists: the same on the first laptop, on a second
//! one, and for an auditor years later. Expiry is not looked at, since an expired document is a reason for a change.

mod good;
mod read;

use std::collections::BTreeMap;

use crate::tuf::bins::Bins;
use crate::tuf::document::{Dialect, DocRole};
use crate::tuf::key::{Fingerprint, PublicKey};
use crate::tuf::name::{RepoName, RoleName};
use crate::tuf::root::{ListedKey, Root};
use crate::tuf::signed::Signed;
use crate::tuf::snapshot::{Snapshot, Timestamped};
use crate::tuf::targets::{DelegatedRole, Delegations, Targets};
use crate::tuf::verify::{RootDigest, TrustedRoot, Verified};

use super::event::FileAt;
use super::plan::Plan;

pub use good::{Build, Good};
pub use read::NoBefore;

/// What a ceremony starts from: nothing for a first root, an anchor for a change.
#[derive(Debug, Clone, Default)]
pub struct Before {
    anchor: Option<Anchor>,
    raw: BTreeMap<FileAt, Vec<u8>>,
}

/// A repository as it was found: its roots from the trusted one to the newest, and the documents that these vouch for.
#[derive(Debug, Clone)]
pub struct Anchor {
    repository: RepoName,
    dialect: Dialect,
    pinned: RootDigest,
    roots: BTreeMap<u64, Signed<Root>>,
    trusted: TrustedRoot,
    targets: Option<Held<Targets>>,
    delegated: BTreeMap<RoleName, Held<Targets>>,
    snapshot: Option<Held<Snapshot>>,
    timestamp: Option<Held<Timestamped>>,
    good: Option<Good>,
    files: BTreeMap<String, Vec<u8>>,
}

/// A document that the state before vouches for, and its bytes.
#[derive(Debug, Clone)]
pub struct Held<T> {
    verified: Verified<T>,
    signed: Signed<T>,
    name: String,
}

impl<T> Held<T> {
    /// What it says.
    pub const fn body(&self) -> &T {
        self.verified.body()
    }

    /// The document, verified.
    pub const fn verified(&self) -> &Verified<T> {
        &self.verified
    }

    /// The document as it was received.
    pub const fn signed(&self) -> &Signed<T> {
        &self.signed
    }

    /// The name of its file below the folder of the state before.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Before {
    /// Nothing: what a first root starts from.
    pub const fn none() -> Self {
        Self { anchor: None, raw: BTreeMap::new() }
    }

    /// The repository that is changed; nothing for a first root.
    pub const fn anchor(&self) -> Option<&Anchor> {
        self.anchor.as_ref()
    }

    /// The files as they lie on their medium.
    pub const fn raw(&self) -> &BTreeMap<FileAt, Vec<u8>> {
        &self.raw
    }

    /// The version that the next document of a role has: one more than now, 1 where there is none, or the plan's own.
    pub fn next_version(&self, plan: &Plan, role: &DocRole) -> u64 {
        let stated = role.role_name().and_then(|name| plan.stated_version(&name));
        let last = self.anchor.as_ref().and_then(|anchor| anchor.last_version(role));
        let next = last.unwrap_or(0) + 1;
        stated.map_or(next, |stated| stated.max(next))
    }

    /// The key with this fingerprint, as the state before lists it anywhere.
    pub fn key(&self, fingerprint: Fingerprint) -> Option<&PublicKey> {
        self.anchor
            .as_ref()?
            .listed()
            .map(|(_, key)| &key.public)
            .find(|k| k.fingerprint() == fingerprint)
    }
}

impl Anchor {
    /// The repository.
    pub const fn repository(&self) -> &RepoName {
        &self.repository
    }

    /// Its dialect.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The root that people trust, by whose word everything else is believed.
    pub const fn pinned(&self) -> RootDigest {
        self.pinned
    }

    /// The newest root.
    pub const fn trusted(&self) -> &TrustedRoot {
        &self.trusted
    }

    /// What the newest root says.
    pub const fn root(&self) -> &Root {
        self.trusted.root().body()
    }

    /// All roots that were found, by version, those before the trusted one too.
    pub const fn roots(&self) -> &BTreeMap<u64, Signed<Root>> {
        &self.roots
    }

    /// The top-level targets.
    pub const fn targets(&self) -> Option<&Held<Targets>> {
        self.targets.as_ref()
    }

    /// The document of one delegated role, by whichever role delegates to it.
    pub fn delegated(&self, role: &RoleName) -> Option<&Held<Targets>> {
        self.delegated.get(role)
    }

    /// All delegated documents that were found.
    pub const fn all_delegated(&self) -> &BTreeMap<RoleName, Held<Targets>> {
        &self.delegated
    }

    /// The targets document of a role, top-level or delegated.
    pub fn signs(&self, role: &RoleName) -> Option<&Held<Targets>> {
        if *role == RoleName::targets() { self.targets.as_ref() } else { self.delegated.get(role) }
    }

    /// The snapshot, where it was brought.
    pub const fn snapshot(&self) -> Option<&Held<Snapshot>> {
        self.snapshot.as_ref()
    }

    /// The timestamp, where it was brought.
    pub const fn timestamp(&self) -> Option<&Held<Timestamped>> {
        self.timestamp.as_ref()
    }

    /// The last state that is known to be good, where the plan names one.
    pub const fn good(&self) -> Option<&Good> {
        self.good.as_ref()
    }

    /// The documents by the names under which clients ask for them: `3.root.json`, `targets.json`.
    pub const fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// The current documents by the names under which clients ask for them, without the roots of the past.
    pub fn current_files(&self) -> BTreeMap<String, Vec<u8>> {
        let newest = format!("{}.root.json", self.root().version);
        let is_current = |name: &str| match self.dialect {
            Dialect::Notary1 => !name.ends_with(".root.json"),
            Dialect::Tuf1 => !name.ends_with(".root.json") || name == newest,
        };
        let current = self.files.iter().filter(|(name, _)| is_current(name));
        current.map(|(name, bytes)| (name.clone(), bytes.clone())).collect()
    }

    /// The hash bins to which targets delegates.
    pub fn bins(&self) -> Option<Bins> {
        Bins::of(self.targets.as_ref()?.body().delegations.as_ref()?)
    }

    /// Where a role is delegated: the role that does it, its delegations, and what they say of the role.
    pub fn delegation(&self, role: &RoleName) -> Option<(RoleName, &Delegations, &DelegatedRole)> {
        let top = self.targets.as_ref().map(|held| (RoleName::targets(), held.body()));
        let below = self.delegated.iter().map(|(name, held)| (name.clone(), held.body()));
        top.into_iter().chain(below).find_map(|(name, body)| {
            let delegations = body.delegations.as_ref()?;
            let found = delegations.roles.iter().find(|listed| listed.name == *role)?;
            Some((name, delegations, found))
        })
    }

    /// The version of a role's document; nothing where there is none.
    pub fn version(&self, role: &DocRole) -> Option<u64> {
        match role {
            DocRole::Root => Some(self.root().version),
            DocRole::Targets => self.targets.as_ref().map(|held| held.body().version),
            DocRole::Delegated(name) => self.delegated.get(name).map(|held| held.body().version),
            DocRole::Snapshot => self.snapshot.as_ref().map(|held| held.body().version),
            DocRole::Timestamp => self.timestamp.as_ref().map(|held| held.body().version),
            DocRole::Certificate(_) => None,
        }
    }

    /// The last version that a role's document had: the current one, or, of a TUF delegation whose document is not among the
    /// files, what the snapshot names. A snapshot goes on naming delegations that were taken out.
    pub fn last_version(&self, role: &DocRole) -> Option<u64> {
        self.version(role).or_else(|| match role {
            DocRole::Delegated(name) => {
                let meta = &self.snapshot.as_ref()?.body().meta;
                meta.get(&format!("{name}.json"))?.version
            }
            DocRole::Root
            | DocRole::Targets
            | DocRole::Snapshot
            | DocRole::Timestamp
            | DocRole::Certificate(_) => None,
        })
    }

    /// The current document of a role, as it was received.
    pub fn received(&self, role: &DocRole) -> Option<&[u8]> {
        match role {
            DocRole::Root => self.roots.get(&self.root().version).map(Signed::received),
            DocRole::Targets => self.targets.as_ref().map(|held| held.signed.received()),
            DocRole::Delegated(name) => self.delegated.get(name).map(|held| held.signed.received()),
            DocRole::Snapshot => self.snapshot.as_ref().map(|held| held.signed.received()),
            DocRole::Timestamp => self.timestamp.as_ref().map(|held| held.signed.received()),
            DocRole::Certificate(_) => None,
        }
    }

    /// Every key that a current document lists: the role, what the document calls it, the key.
    pub fn listed(&self) -> impl Iterator<Item = (RoleName, &ListedKey)> {
        let root = self.root();
        let of_root = root.roles.iter().flat_map(move |(name, role)| {
            role.keyids.iter().filter_map(move |id| Some((name.clone(), root.keys.get(id)?)))
        });
        let documents = self.targets.iter().chain(self.delegated.values());
        let delegated =
            documents.filter_map(|held| held.body().delegations.as_ref()).flat_map(|delegations| {
                let named = delegations.roles.iter();
                let named = named.map(|role| (role.name.clone(), role.keys.keyids.clone()));
                let bins = Bins::of(delegations)
                    .and_then(|bins| Some((bins.prefix.parse().ok()?, bins.keys.keyids)));
                named.chain(bins).flat_map(move |(name, ids)| {
                    ids.into_iter()
                        .filter_map(move |id| Some((name.clone(), delegations.keys.get(&id)?)))
                })
            });
        of_root.chain(delegated)
    }
}
