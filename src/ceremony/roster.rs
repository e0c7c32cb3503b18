//! The roster: the keys of a ceremony as they became known, with the proofs that somebody holds them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::tuf::digest::Digest;
use crate::tuf::key::PublicKey;
use crate::tuf::name::{KeyName, RepoName};
use crate::tuf::signature::Signature;

use super::event::{Mode, Opening, SessionId};

/// The keys, proofs and certificates of a ceremony. It grows by events only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// Keys by their name in the plan.
    pub keys: BTreeMap<KeyName, Enrolled>,
    /// Proofs of possession; server keys have none.
    pub proofs: BTreeMap<KeyName, Proof>,
    /// Self-signed certificates, PEM.
    pub certificates: BTreeMap<KeyName, String>,
}

/// How a key became known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Enrolled {
    /// Made in this ceremony.
    Made {
        /// Its public half.
        key: PublicKey,
    },
    /// Shown by its token in this ceremony.
    Shown {
        /// Its public half.
        key: PublicKey,
    },
    /// Brought in as a public half.
    Enrolled {
        /// Its public half.
        key: PublicKey,
        /// The file it came in.
        file: Digest,
    },
    /// Held by the server.
    Server {
        /// Its public half.
        key: PublicKey,
        /// The file it came in.
        file: Digest,
    },
}

/// How somebody proved to hold a key. Never shown as a proof of who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Proof {
    /// It signed this ceremony's challenge.
    Challenge(Signature),
    /// It signed its own certificate.
    Certificate(Signature),
    /// A signature was carried in.
    Carried {
        /// The file it came in.
        file: Digest,
    },
}

impl Enrolled {
    /// The public half.
    pub const fn key(&self) -> &PublicKey {
        match self {
            Self::Made { key }
            | Self::Shown { key }
            | Self::Enrolled { key, .. }
            | Self::Server { key, .. } => key,
        }
    }
}

/// What a draft needs beside plan and roster; recorded when the ceremony opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Real, rehearsal or check.
    pub mode: Mode,
    /// The session.
    pub session: SessionId,
    /// SHA-256 of the plan file.
    pub plan: Digest,
    /// The day from which lifetimes count.
    pub base: crate::tuf::time::Timestamp,
}

impl From<&Opening> for Facts {
    fn from(opening: &Opening) -> Self {
        Self {
            mode: opening.mode,
            session: opening.session,
            plan: opening.plan,
            base: opening.base,
        }
    }
}

/// The challenge that a key in the room signs: domain-separated, bound to mode, plan, session, name and key, and never
/// valid metadata.
pub fn room_challenge(facts: &Facts, name: &KeyName, key: &PublicKey) -> Vec<u8> {
    let mode = match facts.mode {
        Mode::Check => "check",
        Mode::Rehearsal => "rehearsal",
        Mode::Real => "real",
    };
    format!(
        "anchorite-proof-1\nroom\n{mode}\n{}\n{}\n{name}\n{}\n",
        facts.plan,
        facts.session,
        key.fingerprint()
    )
    .into_bytes()
}

/// The challenge of a proof that is carried in: bound to repository, name and key.
pub fn carried_challenge(repository: &RepoName, name: &KeyName, key: &PublicKey) -> Vec<u8> {
    format!("anchorite-proof-1\ncarried\n{repository}\n{name}\n{}\n", key.fingerprint())
        .into_bytes()
}
