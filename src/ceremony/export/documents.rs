//! The documents of one repository at one time, by role: what the export says is read from them, not from the plan, so
//! that a change of any kind explains itself.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64;

use crate::tuf::any::AnyDocument;
use crate::tuf::client::file_name::role_of;
use crate::tuf::digest::Digest;
use crate::tuf::key::KeyId;
use crate::tuf::name::RoleName;
use crate::tuf::root::{ListedKey, Root};
use crate::tuf::targets::Targets;
use crate::tuf::wire::json::Json;

use super::online::Tag;

/// Documents by their role. Files that are no documents are not among them.
#[derive(Debug, Clone, Default)]
pub(super) struct Documents(BTreeMap<RoleName, AnyDocument>);

impl Documents {
    /// Reads files under the names that clients ask for: `root.json`, `2.root.json`, `targets/releases.json`. Of a role
    /// with several files the highest version counts.
    pub(super) fn read(files: &BTreeMap<String, Vec<u8>>) -> Self {
        let mut found: BTreeMap<RoleName, AnyDocument> = BTreeMap::new();
        for (name, bytes) in files {
            let Ok(document) = AnyDocument::read(bytes) else { continue };
            let Some(role) = role_of(document.dialect(), name) else { continue };
            if found.get(&role).is_none_or(|other| other.version() < document.version()) {
                found.insert(role, document);
            }
        }
        Self(found)
    }

    /// The same with the later documents in place of those that they replace.
    pub(super) fn then(&self, later: &Self) -> Self {
        let mut all = self.0.clone();
        all.extend(later.0.iter().map(|(role, document)| (role.clone(), document.clone())));
        Self(all)
    }

    /// The document of a role.
    pub(super) fn of(&self, role: &RoleName) -> Option<&AnyDocument> {
        self.0.get(role)
    }

    /// All of them: root, then the others by name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&RoleName, &AnyDocument)> {
        let root = RoleName::root();
        let others = self.0.iter().filter(move |(role, _)| **role != RoleName::root());
        self.0.get_key_value(&root).into_iter().chain(others)
    }

    /// The root.
    pub(super) fn root(&self) -> Option<&Root> {
        match self.of(&RoleName::root())? {
            AnyDocument::Root(root) => Some(root.peek()),
            AnyDocument::Targets(_) | AnyDocument::Snapshot(_) | AnyDocument::Timestamp(_) => None,
        }
    }

    /// The targets of a role.
    pub(super) fn targets(&self, role: &RoleName) -> Option<&Targets> {
        match self.of(role)? {
            AnyDocument::Targets(targets) => Some(targets.peek()),
            AnyDocument::Root(_) | AnyDocument::Snapshot(_) | AnyDocument::Timestamp(_) => None,
        }
    }

    /// SHA-256 of the root's signing bytes.
    pub(super) fn root_digest(&self) -> Option<Digest> {
        self.of(&RoleName::root()).map(AnyDocument::digest)
    }

    /// The keys that the root lists for a role, by id.
    pub(super) fn keys(&self, role: &RoleName) -> Vec<(&KeyId, &ListedKey)> {
        let Some(root) = self.root() else { return Vec::new() };
        let ids = root.roles.get(role).map(|role| role.keyids.as_slice()).unwrap_or_default();
        ids.iter().filter_map(|id| root.keys.get_key_value(id)).collect()
    }

    /// The first key of a role as the base64 `public` that its Notary root shows.
    pub(super) fn public(&self, role: &RoleName) -> Option<String> {
        let (_, listed) = self.keys(role).into_iter().next()?;
        match listed.wire.member("keyval").and_then(|value| value.member("public")) {
            Some(Json::String(text)) => Some(text.clone()),
            Some(
                Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Array(_) | Json::Object(_),
            )
            | None => Some(BASE64.encode(listed.public.spki_der())),
        }
    }

    /// The tags that a Notary client can show, in the order of its walk: those of targets, then those of each delegation in
    /// the order of its parent, as far as its paths let it. A tag that several roles sign is there several times.
    pub(super) fn tags(&self) -> Vec<Tag> {
        let mut tags = Vec::new();
        let mut seen = BTreeSet::new();
        let mut waiting = vec![(RoleName::targets(), vec![String::new()])];
        while let Some((role, paths)) = waiting.pop() {
            let Some(targets) = self.targets(&role).filter(|_| seen.insert(role.clone())) else {
                continue;
            };
            for (name, file) in targets.targets.iter() {
                let sha256 =
                    file.hashes.get("sha256").and_then(|hash| hash.as_slice().try_into().ok());
                let reached = paths.iter().any(|path| name.starts_with(path.as_str()));
                if let Some(sha256) = sha256.filter(|_| reached) {
                    tags.push(Tag {
                        name: name.into_owned(),
                        digest: Digest::from_bytes(sha256),
                        length: file.length,
                        role: role.clone(),
                    });
                }
            }
            let roles = targets.delegations.iter().flat_map(|delegations| &delegations.roles);
            let below =
                roles.map(|role| (role.name.clone(), role.paths.clone().unwrap_or_default()));
            waiting.extend(below.collect::<Vec<_>>().into_iter().rev());
        }
        tags
    }
}
