//! The walks of clients over a repository: what a client that knows one root accepts, document by document.
//!
//! Two dialects, two walks: TUF 1.0 section 5, and what the `notary` client does. Roles that the online side will sign
//! may be *pending*: the walk then goes as far as documents exist, and says so. The TUF client is also here by itself, as
//! [`Client`]: with what it kept of earlier runs, and asked for one target after another.

pub mod bins;
mod delegation;
pub mod file_name;
mod kept;
pub mod notary1;
mod pattern;
mod rules;
mod search;
mod stated;
mod tuf1;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use delegation::{BadDelegation, delegation_covers};
pub use file_name::percent_encoded;
pub use kept::{KeepsNothing, Kept};
pub use pattern::pattern_covers;
pub(in crate::tuf) use pattern::{Letters, letters_of_set};
pub(in crate::tuf) use rules::{newer_timestamp, no_rollback, online_key_left};
pub use search::FoundTarget;
pub use stated::{check_target, target_name};
pub use tuf1::Client;

use rules::Sensible as _;

use super::document::Dialect;
use super::name::RoleName;
use super::root::Root;
use super::signed::{Body, Signed};
use super::targets::{DelegatedRole, Targets};
use super::time::Timestamp;
use super::verify::{NotASuccessor, Rejected, TrustedRoot, Verified};
use super::wire::WireError;
use super::wire::json::Limits;

/// Where documents come from, by the names under which a client asks for them.
pub trait Fetcher {
    /// Gives a document of at most `limit` bytes, or nothing where there is none.
    fn fetch(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, FetchFailed>;
}

/// A document could not be fetched, which is not the same as that there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {why}")]
pub struct FetchFailed {
    /// The document.
    pub name: String,
    /// Why.
    pub why: String,
}

impl Fetcher for BTreeMap<String, Vec<u8>> {
    fn fetch(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, FetchFailed> {
        match self.get(name) {
            Some(bytes) if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) => {
                Ok(Some(bytes.clone()))
            }
            Some(_) => Err(FetchFailed {
                name: name.to_owned(),
                why: format!("it is longer than {limit} bytes"),
            }),
            None => Ok(None),
        }
    }
}

/// The most bytes of a Notary document: 64 MiB.
pub const MAX_DOCUMENT: u64 = 64 << 20;
/// The most bytes of a root or a timestamp.
pub const MAX_ROOT: u64 = 1 << 20;
/// The most bytes of a TUF document but a root or a timestamp: 512 MiB, some three million targets.
pub const MAX_TARGETS: u64 = 512 << 20;
/// The most roots that are followed in one walk.
pub const MAX_ROOTS: u64 = 1024;
/// The most roles that are asked in one search for a target.
pub const MAX_DELEGATIONS: usize = 256;
/// The most delegated roles that are visited where all are: 65,536, four times the hash bins of the largest repositories.
pub const MAX_ROLES: usize = 1 << 16;

/// One walk over a repository.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// The documents, in the order in which the client came to them.
    pub steps: Vec<WalkStep>,
    /// The root that the walk ended with.
    pub root: Option<TrustedRoot>,
    /// The versions of the accepted documents, by the names of [`WalkStep::document`].
    pub versions: BTreeMap<String, u64>,
    /// The accepted targets documents, by the role that signs each.
    pub targets: BTreeMap<RoleName, Arc<Verified<Targets>>>,
}

/// One document of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkStep {
    /// The document, by the name under which it was asked for.
    pub document: String,
    /// What the client said.
    pub verdict: WalkVerdict,
}

/// What a client says of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalkVerdict {
    /// Accepted; in words, by whom it is signed.
    Accepted(String),
    /// The online side will sign it.
    Pending,
    /// Refused by us; the real client drops this delegated role and all below it with a warning, and goes on (Notary only).
    Dropped(Refused),
    /// Not refused, but to be told (Notary only).
    Told(notary1::Told),
    /// Refused.
    Refused(Refused),
}

/// Why a client refuses a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A document is not there.
    #[error("it is not there")]
    Missing,
    /// A document could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchFailed),
    /// A document cannot be read.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Signatures or expiry are not as they should be.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// A root does not follow the one before.
    #[error(transparent)]
    Succession(#[from] NotASuccessor),
    /// A document is not the one that another document names.
    #[error("expected {expected}, found {found}")]
    Mismatch {
        /// What the other document says.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A document is older than the one that is trusted.
    #[error("{what}: version {found} is older than the trusted version {trusted}")]
    Rollback {
        /// What is older.
        what: String,
        /// The version that is trusted.
        trusted: u64,
        /// The version that came.
        found: u64,
    },
    /// A document is so far ahead of the one that is trusted that no newer one may ever follow. Refused by us alone.
    #[error("{what}: version {found} is {} versions ahead of the trusted version {trusted}", .found.saturating_sub(*.trusted))]
    Jump {
        /// What is ahead.
        what: String,
        /// The version that is trusted.
        trusted: u64,
        /// The version that came.
        found: u64,
    },
    /// Its delegations make no sense, or are too many.
    #[error(transparent)]
    Delegation(#[from] BadDelegation),
    /// A certificate that Notary's clients refuse.
    #[error("certificate: {0}")]
    Certificate(String),
    /// What only a Notary client refuses.
    #[error(transparent)]
    Notary(#[from] notary1::Reason),
}

/// The document at which a client stopped, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{document}: {why}")]
pub struct RefusedDocument {
    /// The document, by the name under which it was asked for.
    pub document: String,
    /// Why it is refused.
    pub why: Refused,
}

impl Walk {
    /// Whether the client accepted everything that is there.
    pub fn accepted(&self) -> bool {
        let refused = |step: &WalkStep| {
            matches!(step.verdict, WalkVerdict::Refused(_) | WalkVerdict::Dropped(_))
        };
        !self.steps.iter().any(refused)
    }

    /// The roles that are still pending.
    pub fn pending(&self) -> Vec<&str> {
        let pending = self.steps.iter().filter(|step| step.verdict == WalkVerdict::Pending);
        pending.map(|step| step.document.as_str()).collect()
    }
}

/// Walks a repository from a root that is trusted already.
pub fn walk(
    dialect: Dialect,
    root: TrustedRoot,
    fetcher: &mut dyn Fetcher,
    at: Timestamp,
    pending: &BTreeSet<RoleName>,
) -> Walk {
    let mut kept = KeepsNothing;
    match dialect {
        Dialect::Tuf1 => {
            let mut client = Client::new(root, fetcher, &mut kept, at).with_pending(pending);
            // The reason is in the steps.
            let _ = client.every_role();
            client.finish()
        }
        Dialect::Notary1 => {
            let mut walking = Walking::new(fetcher, &mut kept, at, pending);
            // The reason is in the steps.
            let _ = notary1::walk(&mut walking, root, &notary1::Contact::default());
            walking.walk
        }
    }
}

/// Whom a TUF client takes a target from, among the targets documents that a walk accepted: the top role, then its
/// delegations in their order, each for the paths that it was given (section 5.6.7). Nothing where nobody whom it asks
/// signs the target, whoever else lists it.
pub fn asked_for(
    accepted: &BTreeMap<RoleName, Arc<Verified<Targets>>>,
    path: &str,
) -> Option<FoundTarget> {
    let top = Arc::clone(accepted.get(&RoleName::targets())?);
    let known = |_: &Arc<Verified<Targets>>, role: &DelegatedRole| {
        Ok::<_, std::convert::Infallible>(accepted.get(&role.name).cloned())
    };
    match search::search(top, path, known) {
        Ok(search::Searched::Found(found)) => Some(found),
        Ok(search::Searched::Nowhere | search::Searched::TooMany(_)) => None,
    }
}

/// Whether every root certificate of a Notary root is for this GUN, as its clients want.
pub fn certificates_fit(root: &Root, gun: &str) -> Result<(), Refused> {
    notary1::for_gun(root, gun)
}

/// How much of a document is read that was fetched within its limit.
pub(super) fn fetched() -> Limits {
    Limits { bytes: usize::MAX, ..Limits::default() }
}

/// The walk stopped at a document that was refused.
struct Stopped;

struct Walking<'a> {
    fetcher: &'a mut dyn Fetcher,
    kept: &'a mut dyn Kept,
    at: Timestamp,
    pending: &'a BTreeSet<RoleName>,
    walk: Walk,
}

impl<'a> Walking<'a> {
    fn new(
        fetcher: &'a mut dyn Fetcher,
        kept: &'a mut dyn Kept,
        at: Timestamp,
        pending: &'a BTreeSet<RoleName>,
    ) -> Self {
        Self { fetcher, kept, at, pending, walk: Walk::default() }
    }

    fn accept(&mut self, document: &str, signers: usize, of: usize) {
        let words = format!("{signers} good signatures, {of} needed");
        self.note(document, WalkVerdict::Accepted(words));
    }

    fn note(&mut self, document: &str, verdict: WalkVerdict) {
        self.walk.steps.push(WalkStep { document: document.to_owned(), verdict });
    }

    fn refuse<T>(&mut self, document: &str, why: impl Into<Refused>) -> Result<T, Stopped> {
        self.note(document, WalkVerdict::Refused(why.into()));
        Err(Stopped)
    }

    /// Goes on with what came out, or stops at the document.
    fn take<T>(
        &mut self,
        document: &str,
        out: Result<T, impl Into<Refused>>,
    ) -> Result<T, Stopped> {
        out.or_else(|why| self.refuse(document, why))
    }

    /// What is told to who asked: the refusal, where there was one.
    fn told<T>(&self, done: Result<T, Stopped>) -> Result<T, RefusedDocument> {
        done.map_err(|Stopped| {
            let refusal = self.walk.steps.iter().rev().find_map(|step| match &step.verdict {
                WalkVerdict::Refused(why) => {
                    Some(RefusedDocument { document: step.document.clone(), why: why.clone() })
                }
                WalkVerdict::Accepted(_)
                | WalkVerdict::Pending
                | WalkVerdict::Dropped(_)
                | WalkVerdict::Told(_) => None,
            });
            refusal.expect("a client stops at a refusal, which is a step")
        })
    }

    fn fetch(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Stopped> {
        match self.fetcher.fetch(name, limit) {
            Ok(found) => Ok(found),
            Err(why) => self.refuse(name, why),
        }
    }

    /// Fetches a document that must be there, unless its role is pending.
    fn need(
        &mut self,
        name: &str,
        role: &RoleName,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, Stopped> {
        match self.fetch(name, limit)? {
            Some(bytes) => Ok(Some(bytes)),
            None if self.pending.contains(role) => {
                self.note(name, WalkVerdict::Pending);
                Ok(None)
            }
            None => self.refuse(name, Refused::Missing),
        }
    }

    /// Follows `N.root.json` from the trusted root on, as far as there are roots, and wants the last one fresh.
    fn follow_roots(&mut self, mut root: TrustedRoot) -> Result<TrustedRoot, Stopped> {
        for _ in 0..MAX_ROOTS {
            let dialect = match root.root().body().spec_version {
                Some(_) => Dialect::Tuf1,
                None => Dialect::Notary1,
            };
            let name = format!("{}.root.json", root.root().body().version + 1);
            let Some(bytes) = self.fetch(&name, MAX_ROOT)? else { break };
            let next = match Signed::<Root>::take(dialect, bytes, fetched()) {
                Ok(next) => next,
                Err(why) => return self.refuse(&name, why),
            };
            let received = next.shared();
            match dialect {
                Dialect::Tuf1 => self.take(&name, next.peek().sensible())?,
                Dialect::Notary1 => {}
            }
            let next = match root.succeed(next) {
                Ok(next) => next,
                Err(why) => return self.refuse(&name, why),
            };
            self.kept.keep(&RoleName::root(), received.as_bytes());
            if rules::online_key_left(root.root().body(), next.root().body()) {
                self.kept.forget(&RoleName::timestamp());
                self.kept.forget(&RoleName::snapshot());
            }
            root = next;
            let tally = root.root().tally();
            self.accept(&name, tally.good.len(), tally.threshold.count());
        }
        let name = format!("root.json, version {}", root.root().body().version);
        if let Err(why) = root.fresh(self.at) {
            return self.refuse(&name, why);
        }
        let tally = root.root().tally();
        self.accept(&name, tally.good.len(), tally.threshold.count());
        self.walk.root = Some(root.clone());
        Ok(root)
    }

    fn accept_verified<T: Body>(&mut self, name: &str, document: &Verified<T>) {
        self.walk.versions.insert(name.to_owned(), document.body().version());
        let tally = document.tally();
        self.accept(name, tally.good.len(), tally.threshold.count());
    }

    fn keep(&mut self, role: RoleName, document: &Verified<Targets>) {
        self.walk.targets.insert(role, Arc::new(document.clone()));
    }
}
