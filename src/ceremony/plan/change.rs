//! What a change states beside keys and roles: what it starts from, and what becomes of targets and delegations.

use serde::{Deserialize, Serialize};

use crate::tuf::digest::Digest;
use crate::tuf::key::Fingerprint;
use crate::tuf::name::{KeyName, RoleName};
use crate::tuf::time::{Lifetime, Timestamp};

use super::{Confirmed, Input, Label, SignWho};

/// What a change starts from: documents on IN, each of which is listed among the inputs, in a folder as a server serves
/// it, and the root that people trust already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeforePlan {
    /// The IN medium.
    pub medium: KeyName,
    /// The folder on it; empty where the documents lie at the top.
    pub folder: String,
    /// The root digest (SHA-256 of its signing bytes) of one of the roots, and who confirms it.
    pub root: Confirmed<Digest>,
    /// Keys of earlier roots that sign the new root beside its own: enough of the root before, and, for clients that
    /// were away for long, more of those before it.
    pub also_sign: Vec<KeyName>,
}

/// The last state that is known to be good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownGood {
    /// A file on the medium of the state before; it is listed among the inputs.
    pub file: String,
    /// What kind of file it is.
    pub form: Goodness,
    /// Since when the key may have been somebody else's, as people found out.
    pub since: Option<Timestamp>,
}

/// What states the known-good targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goodness {
    /// An older targets document: its targets and its delegations were good.
    Targets,
    /// A list of builds, one a line: `name sha256 length`. It knows of no delegation.
    Builds,
}

/// A delegation that is added or changed, or for which something is signed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedDelegation {
    /// Its name: `releases`, or in Notary `targets/releases`.
    pub name: RoleName,
    /// Its keys, by name.
    pub keys: Vec<KeyName>,
    /// How many must sign.
    pub threshold: u32,
    /// Who signs here.
    pub sign: SignWho,
    /// Path patterns (TUF) or prefixes (Notary).
    pub paths: Vec<String>,
    /// Prefixes of the SHA-256 of a path, in hex; TUF only.
    pub path_hash_prefixes: Vec<String>,
    /// Whether the search for a target ends here; TUF only.
    pub terminating: bool,
    /// How long its own document is valid, where that is signed here.
    pub valid_for: Option<Lifetime>,
    /// The version of its document, where the next one would not do.
    pub version: Option<u64>,
}

/// Hash bins to which targets delegate, in the place of roles with names (TAP 15, `succinct_roles`); TUF only. Their
/// documents are made and signed where their key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedBins {
    /// What the names of bins begin with: `bin` in `bin-0f`.
    pub prefix: RoleName,
    /// How many leading bits of the SHA-256 of a path choose the bin: 1 to 16.
    pub bits: u32,
    /// Their keys, by name.
    pub keys: Vec<KeyName>,
    /// How many must sign each bin.
    pub threshold: u32,
}

/// What is taken out, or kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A target, in the document of a role.
    Target {
        /// The role whose document names it.
        role: RoleName,
        /// Its name.
        name: String,
    },
    /// A delegation.
    Delegation(RoleName),
}

/// Something that is taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// What.
    pub what: What,
    /// Why: 1 to 200 printable characters.
    pub reason: String,
}

/// Something that was signed after the known-good state, and stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBack {
    /// What.
    pub what: What,
    /// How people know that it is good: 1 to 200 printable characters.
    pub reason: String,
    /// Who says so.
    pub by: Label,
}

/// A key that somebody else may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compromised {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Since when, as far as people know.
    pub since: Option<Timestamp>,
    /// What happened, or the name of the incident.
    pub reason: String,
}

impl BeforePlan {
    /// The name under which a client asks for the document that an input is; nothing for inputs that lie elsewhere.
    pub fn name_of<'a>(&self, input: &'a Input) -> Option<&'a str> {
        if input.medium != self.medium {
            return None;
        }
        let below = if self.folder.is_empty() {
            input.path.as_str()
        } else {
            input.path.strip_prefix(&self.folder)?.strip_prefix('/')?
        };
        below.strip_suffix(".json").map(|_| below)
    }
}
