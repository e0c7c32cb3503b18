//! The signer's own pin: a request is believed only as far as it follows from a root that its signer trusts already.

use std::collections::BTreeMap;

use crate::tuf::document::{Dialect, DocRole};
use crate::tuf::name::RoleName;
use crate::tuf::root::Root;
use crate::tuf::signed::Signed;
use crate::tuf::verify::{Candidate, NotASuccessor, NotTrusted, RootDigest};

use super::Request;

/// What a workspace trusts of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The newest root.
    pub root: RootDigest,
    /// The newest version of each role's document.
    pub versions: BTreeMap<RoleName, u64>,
}

/// Why a request does not follow from what its signer trusts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPinned {
    /// The pinned root is not among the request's.
    #[error(
        "the root that is pinned here, {pinned}, is not among the roots of the request: {found}"
    )]
    OtherRoot {
        /// The signer's pin.
        pinned: RootDigest,
        /// The roots of the request.
        found: String,
    },
    /// The pinned root is not signed by its own keys.
    #[error("the root that is pinned here: {0}")]
    NotTrusted(NotTrusted),
    /// A root does not follow.
    #[error("root version {version} does not follow from the one that is pinned here: {why}")]
    Succession {
        /// Its version.
        version: u64,
        /// Why.
        why: Box<NotASuccessor>,
    },
    /// A document is not the next one.
    #[error(
        "the request asks for {role}, version {asked}; the next after what is trusted here is version {next}"
    )]
    OtherVersion {
        /// The role.
        role: DocRole,
        /// The version in the request.
        asked: u64,
        /// The version that would be next.
        next: u64,
    },
}

impl Pinned {
    /// Reads what a workspace keeps of a repository: documents by their names, such as `2.root.json`. Nothing where no
    /// root is among them.
    pub fn of(dialect: Dialect, files: &BTreeMap<String, Vec<u8>>) -> Option<Self> {
        let mut newest: Option<Signed<Root>> = None;
        let mut versions: BTreeMap<RoleName, u64> = BTreeMap::new();
        for (name, bytes) in files {
            let Some(stem) = name.strip_suffix(".json") else { continue };
            let bare = match stem.split_once('.') {
                Some((version, rest)) if version.parse::<u64>().is_ok() => rest,
                Some(_) | None => stem,
            };
            let Ok(role) = bare.parse::<RoleName>() else { continue };
            let Ok(document) = crate::tuf::any::AnyDocument::read(bytes) else { continue };
            let known = versions.entry(role.clone()).or_default();
            *known = (*known).max(document.version());
            if role != RoleName::root() {
                continue;
            }
            let Ok(root) = Signed::<Root>::read(dialect, bytes) else { continue };
            let newer = |known: &Signed<Root>| known.peek().version < root.peek().version;
            if newest.as_ref().is_none_or(newer) {
                newest = Some(root);
            }
        }
        Some(Self { root: RootDigest::new(newest?.digest()), versions })
    }

    /// Whether every document of a request is newer than what is trusted here.
    pub fn is_before(&self, request: &Request) -> Result<(), NotPinned> {
        for payload in request.change().payloads() {
            let id = payload.id();
            let known = id.role.role_name().and_then(|name| self.versions.get(&name));
            let next = known.map_or(1, |known| known + 1);
            if id.version < next {
                let role = id.role.clone();
                return Err(NotPinned::OtherVersion { role, asked: id.version, next });
            }
        }
        Ok(())
    }
}

/// Whether the newest root of a request's state before follows, step by step, from the root that its signer trusts, and
/// the root in its change is the very next.
pub fn follows(request: &Request, pinned: RootDigest) -> Result<(), NotPinned> {
    let roots = request.anchor().roots();
    let dialect = request.played().repository.dialect;
    let Some((start, root)) = roots.iter().find(|(_, root)| root.digest() == pinned.digest())
    else {
        let each = roots.iter().map(|(version, root)| {
            format!("version {version}: {}", RootDigest::new(root.digest()))
        });
        let found = each.collect::<Vec<_>>().join(", ");
        return Err(NotPinned::OtherRoot { pinned, found });
    };
    let mut trusted = Candidate::read(dialect, root.received())
        .expect("it was read when the request was opened")
        .compared(pinned)
        .map_err(NotPinned::NotTrusted)?;
    for (version, next) in roots.range(start + 1..) {
        trusted = trusted
            .succeed(next.clone())
            .map_err(|why| NotPinned::Succession { version: *version, why: Box::new(why) })?;
    }
    let next = trusted.root().body().version + 1;
    match request.change().payload(&DocRole::Root) {
        Some(payload) if payload.id().version != next => {
            let asked = payload.id().version;
            Err(NotPinned::OtherVersion { role: DocRole::Root, asked, next })
        }
        Some(_) | None => Ok(()),
    }
}
