//! What each document says: the state before with the plan's changes in it, or, of a first root, the plan alone.

use std::collections::BTreeMap;

use crate::tuf::document::{Dialect, DocId, DocRole};
use crate::tuf::key::KeyId;
use crate::tuf::name::{KeyName, RoleName};
use crate::tuf::payload::{Draft, Payload};
use crate::tuf::root::{Expires, ListedKey, RoleKeys, Root, StatedThreshold};
use crate::tuf::snapshot::{MetaFile, Snapshot, Timestamped};
use crate::tuf::time::Lifetime;
use crate::tuf::wire::json::Json;

use super::super::before::{Anchor, Before};
use super::super::event::Mode;
use super::super::plan::Plan;
use super::super::recipe::{DocRecipe, Recipe};
use super::super::roster::{Enrolled, Facts, Roster};
use super::{DraftError, REHEARSAL_MEMBER, listed, signed_things};

/// What a draft is made from.
pub(super) struct Drafting<'a> {
    pub(super) plan: &'a Plan,
    pub(super) before: &'a Before,
    pub(super) roster: &'a Roster,
    pub(super) facts: &'a Facts,
}

impl Drafting<'_> {
    fn id(&self, doc: &DocRecipe) -> DocId {
        DocId {
            repository: self.plan.repository.name.clone(),
            role: doc.role.clone(),
            version: self.before.next_version(self.plan, &doc.role),
        }
    }

    pub(super) fn document(&self, doc: &DocRecipe) -> Result<Payload, DraftError> {
        let id = self.id(doc);
        let version = id.version;
        let dialect = self.plan.repository.dialect;
        let expires = self.expires(doc.valid_for)?;
        let payload = match &doc.role {
            DocRole::Root => Draft::new(id, dialect, self.root(version, expires)?).payload()?,
            DocRole::Targets | DocRole::Certificate(_) => {
                let body = signed_things::targets(self, &RoleName::targets(), version, expires)?;
                Draft::new(id, dialect, body).payload()?
            }
            DocRole::Delegated(name) => {
                let body = signed_things::targets(self, name, version, expires)?;
                Draft::new(id, dialect, body).payload()?
            }
            DocRole::Snapshot => {
                let old = self.anchor().and_then(Anchor::snapshot).map(|held| held.body().clone());
                let body = Snapshot {
                    version,
                    expires,
                    meta: self.meta(old.as_ref().map(|old| &old.meta)),
                    spec_version: old
                        .as_ref()
                        .map_or_else(|| self.spec_version(), |old| old.spec_version.clone()),
                    unknown: self.marks(old.map(|old| old.unknown)),
                };
                Draft::new(id, dialect, body).payload()?
            }
            DocRole::Timestamp => {
                let old = self.anchor().and_then(Anchor::timestamp).map(|held| held.body().clone());
                let snapshot = self.before.next_version(self.plan, &DocRole::Snapshot);
                let file = MetaFile { version: Some(snapshot), ..MetaFile::default() };
                let body = Timestamped {
                    version,
                    expires,
                    meta: match dialect {
                        Dialect::Tuf1 => BTreeMap::from([("snapshot.json".to_owned(), file)]),
                        Dialect::Notary1 => BTreeMap::new(),
                    },
                    spec_version: old
                        .as_ref()
                        .map_or_else(|| self.spec_version(), |old| old.spec_version.clone()),
                    unknown: self.marks(old.map(|old| old.unknown)),
                };
                Draft::new(id, dialect, body).payload()?
            }
        };
        Ok(payload)
    }

    /// A notary1 snapshot: what was just signed, and what stays as it was.
    pub(super) fn covering(
        &self,
        doc: &DocRecipe,
        signed: &BTreeMap<DocRole, Vec<u8>>,
    ) -> Result<Payload, DraftError> {
        let id = self.id(doc);
        let mut meta: BTreeMap<String, MetaFile> = BTreeMap::new();
        if let Some(anchor) = self.anchor() {
            match anchor.snapshot() {
                Some(held) => meta.extend(held.body().meta.clone()),
                None => meta.extend(anchor.files().iter().filter_map(|(name, bytes)| {
                    let role = name.strip_suffix(".json")?;
                    let numbered =
                        role.split_once('.').is_some_and(|(n, _)| n.parse::<u64>().is_ok());
                    let stays = role != "timestamp" && !numbered;
                    stays.then(|| (role.to_owned(), MetaFile::of(bytes)))
                })),
            }
        }
        meta.extend(signed.iter().map(|(role, bytes)| (role.to_string(), MetaFile::of(bytes))));
        if let Some(anchor) = self.anchor() {
            for role in signed_things::gone_delegations(self.plan, anchor) {
                meta.remove(role.as_str());
            }
        }
        let body = Snapshot {
            version: id.version,
            expires: self.expires(doc.valid_for)?,
            meta,
            spec_version: self.spec_version(),
            unknown: self.marks(None),
        };
        Ok(Draft::new(id, self.plan.repository.dialect, body).payload()?)
    }

    /// A root: the roles that the plan states, and of a change the others as they were.
    fn root(&self, version: u64, expires: Expires) -> Result<Root, DraftError> {
        let old = self.anchor().map(Anchor::root);
        let mut keys: BTreeMap<KeyId, ListedKey> = BTreeMap::new();
        let mut roles: BTreeMap<RoleName, RoleKeys> =
            old.map(|old| old.roles.clone()).unwrap_or_default();
        for (name, planned) in &self.plan.roles {
            let mut keyids = Vec::new();
            for key in &planned.keys {
                self.proven(key)?;
                let (id, listed) = listed(self.plan, self.before, self.roster, name, key)?;
                keyids.push(id.clone());
                keys.insert(id, listed);
            }
            let threshold = StatedThreshold(i64::from(planned.threshold));
            let unknown = roles.remove(name).map(|old| old.unknown).unwrap_or_default();
            roles.insert(name.clone(), RoleKeys { keyids, threshold, unknown });
        }
        // Keys of roles that stay as they were. Those that no role names any more go.
        for id in roles.values().flat_map(|role| &role.keyids) {
            if let (false, Some(known)) = (keys.contains_key(id), old.and_then(|o| o.keys.get(id)))
            {
                keys.insert(id.clone(), known.clone());
            }
        }
        Ok(Root {
            version,
            expires,
            consistent_snapshot: old
                .map_or(self.plan.repository.consistent_snapshot, |old| old.consistent_snapshot),
            keys,
            roles,
            spec_version: old.map_or_else(|| self.spec_version(), |old| old.spec_version.clone()),
            unknown: self.marks(old.map(|old| old.unknown.clone())),
        })
    }

    /// What a snapshot of the TUF dialect states: versions, which is all that clients need. What stays keeps its entry.
    fn meta(&self, old: Option<&BTreeMap<String, MetaFile>>) -> BTreeMap<String, MetaFile> {
        if self.plan.repository.dialect == Dialect::Notary1 {
            return BTreeMap::new();
        }
        let mut meta = old.cloned().unwrap_or_default();
        let mut state = |name: String, version: u64| {
            let file = MetaFile { version: Some(version), ..MetaFile::default() };
            let stays = meta.get(&name).is_some_and(|old| old.version == Some(version));
            if !stays {
                meta.insert(name, file);
            }
        };
        if let Some(anchor) = self.anchor() {
            if let Some(held) = anchor.targets() {
                state("targets.json".to_owned(), held.body().version);
            }
            for (name, held) in anchor.all_delegated() {
                state(format!("{name}.json"), held.body().version);
            }
        } else {
            state("targets.json".to_owned(), 1);
        }
        for doc in &Recipe::of(self.plan).documents {
            if matches!(doc.role, DocRole::Targets | DocRole::Delegated(_)) {
                let version = self.before.next_version(self.plan, &doc.role);
                state(format!("{}.json", doc.role), version);
            }
        }
        meta
    }

    pub(super) fn proven(&self, name: &KeyName) -> Result<(), DraftError> {
        match self.roster.keys.get(name) {
            None => Err(DraftError::Unknown(name.clone())),
            Some(Enrolled::Server { .. } | Enrolled::Listed { .. }) => Ok(()),
            Some(Enrolled::Made { .. } | Enrolled::Shown { .. } | Enrolled::Enrolled { .. })
                if self.roster.proofs.contains_key(name) =>
            {
                Ok(())
            }
            Some(Enrolled::Made { .. } | Enrolled::Shown { .. } | Enrolled::Enrolled { .. }) => {
                Err(DraftError::Unproven(name.clone()))
            }
        }
    }

    pub(super) fn anchor(&self) -> Option<&Anchor> {
        self.before.anchor()
    }

    fn expires(&self, lifetime: Lifetime) -> Result<Expires, DraftError> {
        self.facts.base.plus(lifetime).map(Expires::new).ok_or(DraftError::TooFar { lifetime })
    }

    pub(super) fn spec_version(&self) -> Option<String> {
        match self.plan.repository.dialect {
            Dialect::Tuf1 => Some("1.0.0".to_owned()),
            Dialect::Notary1 => None,
        }
    }

    /// Unknown members stay. A rehearsal says so in every TUF document; Notary refuses unknown members, so there the
    /// name says it.
    pub(super) fn marks(&self, old: Option<BTreeMap<String, Json>>) -> BTreeMap<String, Json> {
        let mut marks = old.unwrap_or_default();
        match (self.plan.repository.dialect, self.facts.mode) {
            (Dialect::Tuf1, Mode::Rehearsal) => {
                let session = Json::String(self.facts.session.to_string());
                marks.insert(REHEARSAL_MEMBER.to_owned(), session);
            }
            (Dialect::Tuf1, Mode::Check | Mode::Real) | (Dialect::Notary1, _) => {}
        }
        marks
    }
}
