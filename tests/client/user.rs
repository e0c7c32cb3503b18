//! Somebody who uses a client again and again: what it kept, and what it asked for.
#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method is of one lifetime only"
)]

use std::collections::BTreeMap;

use anchorite::tuf::client::{
    Client, FetchFailed, Fetcher, FoundTarget, Kept, Refused, RefusedDocument, Walk,
};
use anchorite::tuf::document::Dialect;
use anchorite::tuf::name::RoleName;
use anchorite::tuf::verify::Candidate;

use super::repository::{NOW, Repository};

pub(crate) struct User {
    pub(crate) kept: BTreeMap<RoleName, Vec<u8>>,
    pub(crate) asked: Vec<String>,
    pub(crate) now: String,
}

struct Asking<'a> {
    served: &'a BTreeMap<String, Vec<u8>>,
    asked: &'a mut Vec<String>,
}

impl Fetcher for Asking<'_> {
    fn fetch(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, FetchFailed> {
        self.asked.push(name.to_owned());
        // One document at a time: all of them would be copied for each.
        let one = self.served.get(name).map(|bytes| (name.to_owned(), bytes.clone()));
        one.into_iter().collect::<BTreeMap<_, _>>().fetch(name, limit)
    }
}

impl User {
    /// Knows the first root of a repository.
    pub(crate) fn of(repository: &Repository) -> Self {
        let root = repository.served["1.root.json"].clone();
        Self { kept: [(RoleName::root(), root)].into(), asked: Vec::new(), now: NOW.to_owned() }
    }

    /// Lets a client do something; what it asked for is in `asked` afterwards.
    pub(crate) fn with<T>(
        &mut self,
        repository: &Repository,
        work: impl FnOnce(&mut Client<'_>) -> T,
    ) -> (T, Walk) {
        self.asked.clear();
        let root = self.kept.recall(&RoleName::root()).unwrap();
        let root = Candidate::read(Dialect::Tuf1, &root).unwrap().trusted_on_first_use().unwrap();
        let mut asking = Asking { served: &repository.served, asked: &mut self.asked };
        let mut client = Client::new(root, &mut asking, &mut self.kept, self.now.parse().unwrap());
        let out = work(&mut client);
        (out, client.finish())
    }

    pub(crate) fn refresh(&mut self, repository: &Repository) -> Result<(), RefusedDocument> {
        self.with(repository, |client| client.refresh()).0
    }

    /// Visits every delegated role with a new client.
    pub(crate) fn visit(&mut self, repository: &Repository) -> (Result<(), RefusedDocument>, Walk) {
        self.with(repository, |client| client.every_role())
    }

    /// Looks for one target with a new client.
    pub(crate) fn find(
        &mut self,
        repository: &Repository,
        path: &str,
    ) -> Result<Option<FoundTarget>, RefusedDocument> {
        self.with(repository, |client| client.find(path)).0
    }

    /// The versions that are kept: root, timestamp, snapshot, targets; 0 for none.
    pub(crate) fn versions(&self) -> [u64; 4] {
        ["root", "timestamp", "snapshot", "targets"].map(|role| self.version(role))
    }

    pub(crate) fn version(&self, role: &str) -> u64 {
        let Some(bytes) = self.kept.get(&role.parse::<RoleName>().unwrap()) else { return 0 };
        let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        value["signed"]["version"].as_u64().unwrap()
    }
}

/// A user who has refreshed once already.
pub(crate) fn up_to_date(repository: &Repository) -> User {
    let mut user = User::of(repository);
    user.refresh(repository).unwrap();
    user
}

/// The document that was refused, and whether it was for being another than was stated.
pub(crate) fn refused_at(done: Result<(), RefusedDocument>) -> String {
    done.unwrap_err().document
}

pub(crate) const fn is_mismatch(why: &RefusedDocument) -> bool {
    matches!(why.why, Refused::Mismatch { .. })
}
