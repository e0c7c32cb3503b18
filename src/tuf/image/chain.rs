//! The chain from a root to what it lets others sign: which documents a walk accepted, and who signed each.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::tuf::client::file_name::role_of;
use crate::tuf::client::{FetchFailed, Fetcher, Walk, WalkVerdict};
use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::signed::{Body, Signed};
use crate::tuf::snapshot::{Snapshot, Timestamped};
use crate::tuf::targets::Targets;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{Authority, Tally, TrustedRoot, Verified, verify};

/// Keeps what a walk fetched, so that it can be looked at in the very same bytes.
pub struct Kept<'a> {
    from: &'a mut dyn Fetcher,
    documents: BTreeMap<String, Vec<u8>>,
}

/// The documents of a walk that were accepted, from the root down.
#[derive(Debug, Clone)]
pub struct Chain {
    /// One link a document, in the order in which the client came to them.
    pub links: Vec<Link>,
    /// The targets documents, by role.
    pub targets: BTreeMap<RoleName, Arc<Verified<Targets>>>,
}

/// One document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// By what name it was fetched.
    pub document: String,
    /// Its role.
    pub role: RoleName,
    /// Its version.
    pub version: u64,
    /// When it expires.
    pub expires: Timestamp,
    /// Who signed it.
    pub tally: Tally,
}

impl<'a> Kept<'a> {
    /// Keeps what comes from there.
    pub const fn new(from: &'a mut dyn Fetcher) -> Self {
        Self { from, documents: BTreeMap::new() }
    }
}

impl Fetcher for Kept<'_> {
    fn fetch(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, FetchFailed> {
        let found = self.from.fetch(name, limit)?;
        if let Some(bytes) = &found {
            self.documents.insert(name.to_owned(), bytes.clone());
        }
        Ok(found)
    }
}

impl Chain {
    /// Says who signed the documents that a walk accepted.
    pub fn of(dialect: Dialect, walk: &Walk, kept: &Kept<'_>, at: Timestamp) -> Self {
        let mut chain = Self { links: Vec::new(), targets: walk.targets.clone() };
        let Some(root) = &walk.root else { return chain };
        chain.link("root.json", RoleName::root(), root.root());
        let accepted = |verdict: &WalkVerdict| matches!(verdict, WalkVerdict::Accepted(_));
        for step in walk.steps.iter().filter(|step| accepted(&step.verdict)) {
            let Some(bytes) = kept.documents.get(&step.document) else { continue };
            let Some(role) = role_of(dialect, &step.document) else { continue };
            chain.add(dialect, root, &step.document, role, bytes, at);
        }
        chain
    }

    fn add(
        &mut self,
        dialect: Dialect,
        root: &TrustedRoot,
        document: &str,
        role: RoleName,
        bytes: &[u8],
        at: Timestamp,
    ) {
        match role.as_str() {
            "root" => {}
            "timestamp" => {
                if let Some(found) =
                    read::<Timestamped>(dialect, root.authority(&role).ok(), bytes, at)
                {
                    self.link(document, role, &found);
                }
            }
            "snapshot" => {
                if let Some(found) =
                    read::<Snapshot>(dialect, root.authority(&role).ok(), bytes, at)
                {
                    self.link(document, role, &found);
                }
            }
            _ => {
                if let Some(found) = self.targets.get(&role).cloned() {
                    self.link(document, role, &found);
                }
            }
        }
    }

    fn link<T: Body>(&mut self, document: &str, role: RoleName, found: &Verified<T>) {
        self.links.push(Link {
            document: document.to_owned(),
            role,
            version: found.body().version(),
            expires: found.body().expires().at,
            tally: found.tally().clone(),
        });
    }
}

fn read<T: Body>(
    dialect: Dialect,
    authority: Option<Authority>,
    bytes: &[u8],
    at: Timestamp,
) -> Option<Verified<T>> {
    verify(&authority?, Signed::<T>::read(dialect, bytes).ok()?, at).ok()
}
