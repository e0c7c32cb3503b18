//! The TUF client: specification 1.0, section 5, document by document, and no document that is not needed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::tuf::digest::Digest;
use crate::tuf::name::RoleName;
use crate::tuf::snapshot::{MetaFile, Snapshot, Timestamped};
use crate::tuf::targets::{DelegatedRole, Targets};
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{Authority, Rejected, TrustedRoot, Verified};

use super::delegation::{BadDelegation, Delegated};
use super::file_name::percent_encoded;
use super::kept::Kept;
use super::rules::{self, Examined, SNAPSHOT, examine, recall};
use super::search::{FoundTarget, Searched, search};
pub(super) use super::stated::wrong_hash;
use super::stated::wrong_meta;
use super::{Fetcher, MAX_ROLES, MAX_ROOT, MAX_TARGETS, RefusedDocument, Stopped, Walk, Walking};

type Document = Arc<Verified<Targets>>;

/// A TUF 1.0 client at work, from a root that it trusts already.
///
/// It asks the [`Fetcher`] for documents in the order of the specification, each once it knows that it needs it: the next
/// roots, `timestamp.json`, then what is not kept already in the version that the timestamp and the snapshot name. All of
/// it happens at one fixed time. The first document that is refused ends the work.
pub struct Client<'a> {
    walking: Walking<'a>,
    root: TrustedRoot,
    snapshot: Option<Verified<Snapshot>>,
    targets: Option<Document>,
    /// Delegated roles by name *and* by the document that delegates: who may sign is that document's word.
    delegated: BTreeMap<(RoleName, Digest), Document>,
    refreshed: bool,
}

impl<'a> Client<'a> {
    /// A client that trusts `root`, with what it kept of earlier runs.
    pub fn new(
        root: TrustedRoot,
        fetcher: &'a mut dyn Fetcher,
        kept: &'a mut dyn Kept,
        at: Timestamp,
    ) -> Self {
        static NOTHING: BTreeSet<RoleName> = BTreeSet::new();
        Self {
            walking: Walking::new(fetcher, kept, at, &NOTHING),
            root,
            snapshot: None,
            targets: None,
            delegated: BTreeMap::new(),
            refreshed: false,
        }
    }

    /// Does not stop where a document of one of these roles is not there: somebody signs it later.
    #[must_use]
    pub const fn with_pending(mut self, roles: &'a BTreeSet<RoleName>) -> Self {
        self.walking.pending = roles;
        self
    }

    /// Brings the top-level roles up to date (sections 5.3 to 5.6). Asking again changes nothing.
    pub fn refresh(&mut self) -> Result<(), RefusedDocument> {
        let done = self.update();
        self.walking.told(done)
    }

    /// Looks for a target, with as many delegated roles as that takes (section 5.6.7); nothing where no role that may
    /// sign it does. What is found names length and hashes for [`super::check_target`].
    pub fn find(&mut self, path: &str) -> Result<Option<FoundTarget>, RefusedDocument> {
        let done = self.search(path);
        self.walking.told(done)
    }

    /// Visits every role that is delegated to, whatever it may sign, once for each document that delegates to it.
    pub fn every_role(&mut self) -> Result<(), RefusedDocument> {
        let done = self.visit_all();
        self.walking.told(done)
    }

    /// The root that is trusted now.
    pub const fn root(&self) -> &TrustedRoot {
        &self.root
    }

    /// What happened, document by document.
    pub fn finish(self) -> Walk {
        self.walking.walk
    }

    fn update(&mut self) -> Result<(), Stopped> {
        if self.refreshed {
            return Ok(());
        }
        self.root = self.walking.follow_roots(self.root.clone())?;
        let timestamp = self.timestamp()?;
        let stated = timestamp.and_then(|t| t.body().meta.get(SNAPSHOT).cloned());
        self.snapshot = self.update_snapshot(stated.as_ref())?;
        let role = RoleName::targets();
        let authority = self.authority(&role);
        self.targets = self.load(&role, authority)?;
        self.refreshed = true;
        Ok(())
    }

    /// Section 5.4: of the version that is kept already, the kept one stays, whatever came.
    fn timestamp(&mut self) -> Result<Option<Verified<Timestamped>>, Stopped> {
        const NAME: &str = "timestamp.json";
        let role = RoleName::timestamp();
        let authority = self.walking.take(NAME, self.authority(&role))?;
        let at = self.walking.at;
        let known = self.walking.kept.recall(&role);
        let known = known.and_then(|bytes| recall::<Timestamped>(&authority, &bytes, at));
        let Some(bytes) = self.walking.need(NAME, &role, MAX_ROOT)? else { return Ok(None) };
        let new = examine::<Timestamped>(&authority, None, bytes, at);
        let Examined { document: mut new, received } = self.walking.take(NAME, new)?;
        let mut newer = true;
        if let Some(known) = known {
            newer = rules::newer_timestamp(&known.body, new.body())
                .or_else(|why| self.walking.refuse(NAME, why))?;
            if !newer {
                new = self.walking.take(NAME, known.current)?;
            }
        }
        if newer {
            self.walking.kept.keep(&role, received.as_bytes());
        }
        self.walking.accept_verified(NAME, &new);
        Ok(Some(new))
    }

    /// Section 5.5: what is kept is used where it is what the timestamp names; else it still guards against rollback.
    fn update_snapshot(
        &mut self,
        stated: Option<&MetaFile>,
    ) -> Result<Option<Verified<Snapshot>>, Stopped> {
        let role = RoleName::snapshot();
        let name = self.name(&role, stated);
        let authority = self.walking.take(&name, self.authority(&role))?;
        let at = self.walking.at;
        let mut before = None;
        if let Some(bytes) = self.walking.kept.recall(&role)
            && let Some(known) = recall::<Snapshot>(&authority, &bytes, at)
        {
            match known.current {
                Ok(snapshot) if is_stated(stated, snapshot.body().version, &bytes) => {
                    self.walking.accept_verified(&name, &snapshot);
                    return Ok(Some(snapshot));
                }
                Ok(_) | Err(_) => before = Some(known.body),
            }
        }
        let limit = limit(stated);
        let Some(bytes) = self.walking.need(&name, &role, limit)? else { return Ok(None) };
        let new = examine::<Snapshot>(&authority, stated, bytes, at);
        let Examined { document: new, received } = self.walking.take(&name, new)?;
        if let Some(before) = before {
            self.walking.take(&name, rules::no_rollback(&before, new.body()))?;
        }
        self.walking.kept.keep(&role, received.as_bytes());
        self.walking.accept_verified(&name, &new);
        Ok(Some(new))
    }

    /// Section 5.6, for `targets` and for each role below it.
    fn load(
        &mut self,
        role: &RoleName,
        authority: Result<Authority, Rejected>,
    ) -> Result<Option<Document>, Stopped> {
        let mut stated = None;
        if let Some(snapshot) = &self.snapshot {
            stated = snapshot.body().meta.get(&format!("{role}.json")).cloned();
            if stated.is_none() {
                let name = self.name(role, None);
                return self.walking.refuse(&name, rules::not_named("it in the snapshot"));
            }
        }
        let stated = stated.as_ref();
        let name = self.name(role, stated);
        let authority = self.walking.take(&name, authority)?;
        let at = self.walking.at;
        let known = self.walking.kept.recall(role);
        let known = known.and_then(|bytes| examine::<Targets>(&authority, stated, bytes, at).ok());
        let document = if let Some(known) = known {
            known.document
        } else {
            let Some(bytes) = self.walking.need(&name, role, limit(stated))? else {
                return Ok(None);
            };
            let new = examine::<Targets>(&authority, stated, bytes, at);
            let new = self.walking.take(&name, new)?;
            self.walking.kept.keep(role, new.received.as_bytes());
            new.document
        };
        self.walking.accept_verified(&name, &document);
        let document = Arc::new(document);
        self.walking.walk.targets.insert(role.clone(), Arc::clone(&document));
        Ok(Some(document))
    }

    fn load_delegated(
        &mut self,
        by: &Document,
        role: &DelegatedRole,
    ) -> Result<Option<Document>, Stopped> {
        let key = (role.name.clone(), by.digest());
        if let Some(known) = self.delegated.get(&key) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(delegations) = &by.body().delegations else { return Ok(None) };
        let authority = Authority::delegated(delegations, role).map_err(Rejected::from);
        let loaded = self.load(&role.name, authority)?;
        if let Some(loaded) = &loaded {
            self.delegated.insert(key, Arc::clone(loaded));
        }
        Ok(loaded)
    }

    fn search(&mut self, path: &str) -> Result<Option<FoundTarget>, Stopped> {
        self.update()?;
        let Some(top) = self.targets.clone() else { return Ok(None) };
        match search(top, path, |by, role| self.load_delegated(by, role))? {
            Searched::Found(found) => Ok(Some(found)),
            Searched::Nowhere => Ok(None),
            Searched::TooMany(role) => {
                let name = self.name(&role, None);
                self.walking.refuse(&name, BadDelegation::TooMany(super::MAX_DELEGATIONS))
            }
        }
    }

    fn visit_all(&mut self) -> Result<(), Stopped> {
        self.update()?;
        let mut visited = BTreeSet::new();
        let mut waiting = Vec::new();
        let mut next = self.targets.clone().map(|top| (RoleName::targets(), top));
        loop {
            if let Some((role, document)) = next.take() {
                let delegations = document.body().delegations.as_ref();
                let room = MAX_ROLES.saturating_sub(visited.len() + waiting.len());
                let roles = delegations.map(|all| Delegated::of(all)?.all(room)).transpose();
                let name = self.name(&role, None);
                let roles = self.walking.take(&name, roles)?.unwrap_or_default();
                waiting.extend(roles.into_iter().rev().map(|role| (Arc::clone(&document), role)));
            }
            let Some((by, role)) = waiting.pop() else { return Ok(()) };
            if visited.insert((role.name.clone(), by.digest())) {
                next = self.load_delegated(&by, &role)?.map(|document| (role.name, document));
            }
        }
    }

    fn authority(&self, role: &RoleName) -> Result<Authority, Rejected> {
        self.root.authority(role).map_err(Rejected::from)
    }

    /// `3.targets.json` where snapshots are consistent, `targets.json` where they are not. Version 1 where nothing states
    /// one.
    fn name(&self, role: &RoleName, stated: Option<&MetaFile>) -> String {
        let version = stated.and_then(|file| file.version).unwrap_or(1);
        let role = percent_encoded(role.as_str());
        let consistent = self.root.root().body().consistent_snapshot;
        if consistent { format!("{version}.{role}.json") } else { format!("{role}.json") }
    }
}

impl std::fmt::Debug for Client<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("walk", &self.walking.walk).finish_non_exhaustive()
    }
}

fn is_stated(stated: Option<&MetaFile>, version: u64, bytes: &[u8]) -> bool {
    stated.is_some_and(|stated| {
        stated.version == Some(version) && wrong_meta(stated, bytes).is_none()
    })
}

/// The most bytes of a document: what is stated, but never more than can be read.
fn limit(stated: Option<&MetaFile>) -> u64 {
    stated.and_then(|file| file.length).unwrap_or(MAX_TARGETS).min(MAX_TARGETS)
}
