//! A request: what one machine asks others to sign, in one file that is derived again by whoever reads it.
//!
//! The file holds a plan and all that its documents are drafted from, and never a digest of what is to be signed: the
//! signer drafts the documents and compares their digest with what people say. What the file states beside that binds it:
//! to a repository, to the root before, to the versions, and to a day after which nobody signs it any more.

pub mod answer;
mod asked;
pub mod codes;
pub mod evidence;
mod make;
pub mod merge;
pub mod pin;
mod roster;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::tuf::digest::Digest;
use crate::tuf::document::{Dialect, DocRole};
use crate::tuf::name::{KeyName, RepoName};
use crate::tuf::payload::Payload;
use crate::tuf::root::Root;
use crate::tuf::targets::Delegations;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::RootDigest;

use super::authority;
use super::before::{Anchor, Before, NoBefore};
use super::change::{self, ChangeSet, DraftError};
use super::check::base;
use super::event::{Base64, FileAt, Mode, Place};
use super::plan::Plan;
use super::plan::parse::PlanErrors;
use super::roster::{Facts, Roster};
use super::twin::Twin;

pub use asked::Asked;
pub use make::{NoRequest, make};

/// The most bytes of a request or an answer: 64 MiB.
pub const MAX_REQUEST: u64 = 64 << 20;

/// The file, as it is written: JSON, read strictly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestFile {
    /// The format: 1.
    pub format: u32,
    /// The repository.
    pub repository: RepoName,
    /// Its dialect.
    pub dialect: Dialect,
    /// The root digest of the newest root before the change.
    pub previous_root: Digest,
    /// The documents to sign, in the order of signing.
    pub documents: Vec<Wanted>,
    /// Nobody signs it after this.
    pub use_by: Timestamp,
    /// What the draft counts from.
    pub facts: Facts,
    /// The plan file, word for word.
    pub plan: String,
    /// The plan's inputs.
    pub files: Vec<Carried>,
    /// Keys, proofs and certificates.
    pub roster: Roster,
}

/// A document that is to be signed: its role and its version. Its bytes are derived.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The role.
    pub role: DocRole,
    /// The version.
    pub version: u64,
}

/// An input of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carried {
    /// The medium on which the plan lists it.
    pub medium: KeyName,
    /// Its path there.
    pub path: String,
    /// Its bytes.
    pub content: Base64,
}

/// A request whose plan was read, whose state before was verified, and whose documents were drafted again.
#[derive(Debug, Clone)]
pub struct Request {
    file: RequestFile,
    digest: Digest,
    plan: Plan,
    played: Plan,
    before: Before,
    change: ChangeSet,
    root: Option<Root>,
    delegations: Option<Delegations>,
}

/// Why a request is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// It cannot be read.
    #[error("the request cannot be read: {0}")]
    Unreadable(String),
    /// Its plan cannot be read.
    #[error("the plan in the request: {0}")]
    Plan(PlanErrors),
    /// It is of another plan than the roster in it.
    #[error("the request's keys are of the plan {roster}, and its plan is {plan}")]
    OtherPlan {
        /// The plan's digest.
        plan: Digest,
        /// The plan that the facts name.
        roster: Digest,
    },
    /// A file is not the one that its plan lists.
    #[error("{file} in the request: expected sha256 {expected}, found {found}")]
    OtherFile {
        /// The file.
        file: FileAt,
        /// What the plan says.
        expected: Digest,
        /// What is there.
        found: Digest,
    },
    /// A file is there that the plan does not list, or twice.
    #[error("{0} in the request is no input of its plan, or is there twice")]
    Foreign(FileAt),
    /// The state before cannot be believed.
    #[error("the state before, in the request: {0}")]
    Before(#[from] NoBefore),
    /// A key is not proven as the plan wants it.
    #[error("the keys in the request: {0}")]
    Roster(String),
    /// The dates do not count from where the plan says.
    #[error("the request counts dates from {0}, and its plan does not")]
    OtherBase(Timestamp),
    /// The documents cannot be drafted.
    #[error("the documents of the request cannot be drafted: {0}")]
    Draft(#[from] DraftError),
    /// What it states beside its plan is not what its plan leads to.
    #[error("the request says {what} {stated}, and its plan leads to {derived}")]
    Bound {
        /// What is stated.
        what: &'static str,
        /// What the request says.
        stated: String,
        /// What was derived.
        derived: String,
    },
    /// This plan is no matter for several machines.
    #[error(transparent)]
    Alone(#[from] NoRequest),
}

impl RequestFile {
    /// As JSON with a final newline.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("names, digests and keys are JSON");
        bytes.push(b'\n');
        bytes
    }
}

impl Request {
    /// Reads a request and derives everything again.
    pub fn open(bytes: &[u8]) -> Result<Self, BadRequest> {
        let unreadable = |why: String| BadRequest::Unreadable(why);
        let file: RequestFile =
            serde_json::from_slice(bytes).map_err(|why| unreadable(why.to_string()))?;
        if file.format != 1 {
            return Err(unreadable(format!("expected format 1, found {}", file.format)));
        }
        if file.to_json() != bytes {
            return Err(unreadable("it is not written as we write it".to_owned()));
        }
        let plan = Plan::parse(file.plan.as_bytes()).map_err(BadRequest::Plan)?;
        if file.facts.plan != plan.digest {
            return Err(BadRequest::OtherPlan { plan: plan.digest, roster: file.facts.plan });
        }
        let carried = carried(&plan, &file.files)?;
        let before = Before::of(&plan, &carried)?;
        let (played, before, inputs) = match file.facts.mode {
            Mode::Real => (plan.clone(), before, carried),
            Mode::Rehearsal | Mode::Check => {
                let twin = Twin::new(&plan, &before, make::purpose(file.facts.mode));
                (twin.plan().clone(), twin.before().clone(), twin.inputs().clone())
            }
        };
        make::is_for_many(&played)?;
        let start = base(&plan, file.facts.base);
        if start != file.facts.base {
            return Err(BadRequest::OtherBase(file.facts.base));
        }
        roster::verify(&played, &before, &inputs, &file.roster, &file.facts)
            .map_err(BadRequest::Roster)?;
        let change = change::draft(&played, &before, &file.roster, &file.facts)?;
        let request = Self {
            digest: Digest::of(bytes),
            root: authority::drafted_root(&played, &change),
            delegations: authority::drafted_delegations(&played, &change),
            file,
            plan,
            played,
            before,
            change,
        };
        request.bound()?;
        Ok(request)
    }

    /// What the file states is what was derived.
    fn bound(&self) -> Result<(), BadRequest> {
        let stated = |what, stated: String, derived: String| {
            if stated == derived {
                Ok(())
            } else {
                Err(BadRequest::Bound { what, stated, derived })
            }
        };
        let file = &self.file;
        let repository = &self.played.repository;
        stated("repository", file.repository.to_string(), repository.name.to_string())?;
        stated("dialect", file.dialect.to_string(), repository.dialect.to_string())?;
        stated("root before", file.previous_root.to_string(), self.previous_root().to_string())?;
        let list = |all: &[Wanted]| {
            let each = all.iter().map(|doc| format!("{} version {}", doc.role, doc.version));
            each.collect::<Vec<_>>().join(", ")
        };
        stated("documents", list(&file.documents), list(&wanted(&self.change)))
    }

    /// SHA-256 of the file.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The plan as it was written.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The plan file's bytes.
    pub const fn plan_bytes(&self) -> &[u8] {
        self.file.plan.as_bytes()
    }

    /// The plan that is played: in a rehearsal, the twin's.
    pub const fn played(&self) -> &Plan {
        &self.played
    }

    /// The state before, verified from the root that the plan names. A signer also wants it to follow from a root of
    /// their own: [`pin::follows`].
    pub const fn before(&self) -> &Before {
        &self.before
    }

    /// The repository that is changed.
    pub fn anchor(&self) -> &Anchor {
        self.before.anchor().expect("only changes are asked for, and their state before was read")
    }

    /// The root digest of the newest root before the change.
    pub fn previous_root(&self) -> RootDigest {
        self.anchor().trusted().digest()
    }

    /// The keys, proofs and certificates.
    pub const fn roster(&self) -> &Roster {
        &self.file.roster
    }

    /// What the draft counts from.
    pub const fn facts(&self) -> &Facts {
        &self.file.facts
    }

    /// Nobody signs it after this.
    pub const fn use_by(&self) -> Timestamp {
        self.file.use_by
    }

    /// The documents, drafted again.
    pub const fn change(&self) -> &ChangeSet {
        &self.change
    }

    /// The inputs that it carries, for a check.
    pub fn files(&self) -> BTreeMap<FileAt, Vec<u8>> {
        let each = self.file.files.iter().map(|file| (file.at(), file.content.0.clone()));
        each.collect()
    }

    /// The payloads on which a signature of this key counts for somebody.
    pub fn asks<'a>(&'a self, key: &KeyName) -> Vec<&'a Payload> {
        let Some(enrolled) = self.file.roster.keys.get(key) else { return Vec::new() };
        let counts = |payload: &&Payload| {
            let (root, delegations) = (self.root.as_ref(), self.delegations.as_ref());
            let role = &payload.id().role;
            !change::ids(&self.before, root, delegations, role, enrolled.key()).is_empty()
        };
        self.change.payloads().iter().filter(counts).collect()
    }
}

impl Carried {
    /// Where the plan lists it.
    pub fn at(&self) -> FileAt {
        FileAt { place: Place::Medium(self.medium.clone()), path: self.path.clone() }
    }
}

/// The documents of a change.
fn wanted(change: &ChangeSet) -> Vec<Wanted> {
    let each = change
        .payloads()
        .iter()
        .map(|payload| Wanted { role: payload.id().role.clone(), version: payload.id().version });
    each.collect()
}

/// The files of a request, each of which the plan lists with its digest.
fn carried(plan: &Plan, files: &[Carried]) -> Result<BTreeMap<FileAt, Vec<u8>>, BadRequest> {
    let mut found = BTreeMap::new();
    for file in files {
        let listed = plan.inputs.iter().find(|i| i.medium == file.medium && i.path == file.path);
        let Some(input) = listed else { return Err(BadRequest::Foreign(file.at())) };
        let digest = Digest::of(&file.content.0);
        if digest != input.sha256.value {
            let expected = input.sha256.value;
            return Err(BadRequest::OtherFile { file: file.at(), expected, found: digest });
        }
        if found.insert(file.at(), file.content.0.clone()).is_some() {
            return Err(BadRequest::Foreign(file.at()));
        }
    }
    Ok(found)
}
