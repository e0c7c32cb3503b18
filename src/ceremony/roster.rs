//! The roster: the keys of a ceremony as they became known, with the proofs that somebody holds them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::tuf::digest::Digest;
use crate::tuf::key::{Fingerprint, PublicKey};
use crate::tuf::name::{KeyName, RepoName};
use crate::tuf::signature::Signature;
use crate::tuf::wire::certificate::Certificate;

use super::event::{Mode, Opening, SessionId};
use super::plan::Plan;

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
    /// Listed by a document of the state before; its private half is not needed here.
    Listed {
        /// Its public half.
        key: PublicKey,
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
            | Self::Server { key, .. }
            | Self::Listed { key } => key,
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
    challenge(facts, name, key.fingerprint())
}

/// The same, for a key of which only the fingerprint is known.
pub fn challenge(facts: &Facts, name: &KeyName, key: Fingerprint) -> Vec<u8> {
    let mode = match facts.mode {
        Mode::Check => "check",
        Mode::Rehearsal => "rehearsal",
        Mode::Real => "real",
    };
    format!("anchorite-proof-1\nroom\n{mode}\n{}\n{}\n{name}\n{key}\n", facts.plan, facts.session)
        .into_bytes()
}

/// The challenge of a proof that is carried in: bound to repository, name and key.
pub fn carried_challenge(repository: &RepoName, name: &KeyName, key: &PublicKey) -> Vec<u8> {
    format!("anchorite-proof-1\ncarried\n{repository}\n{name}\n{}\n", key.fingerprint())
        .into_bytes()
}

/// `roster.json`: what a second laptop needs to draft the same documents from the same plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterFile {
    /// The format: 1.
    pub format: u32,
    /// The plan's codename.
    pub codename: KeyName,
    /// The recorded facts.
    pub facts: Facts,
    /// Keys, proofs and certificates.
    pub roster: Roster,
    /// The head of the transcript when it was written.
    pub head: Digest,
}

impl RosterFile {
    /// As JSON with a final newline.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("names, digests and keys are JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Reads it strictly. The error is a sentence.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if file.format == 1 { Ok(file) } else { Err("expected format 1".to_owned()) }
    }

    /// Checks everything in it that a signature or a certificate proves. The error is a sentence.
    pub fn verify(&self, plan: &Plan) -> Result<(), String> {
        for (name, enrolled) in &self.roster.keys {
            let planned = plan.key(name).ok_or_else(|| format!("{name} is no key of the plan"))?;
            let key = enrolled.key();
            if key.algorithm() != planned.algorithm {
                return Err(format!("{name} is not an {} key", planned.algorithm));
            }
            let proven = match (self.roster.proofs.get(name), enrolled) {
                (Some(Proof::Challenge(signature)), _) => {
                    key.verifies(&room_challenge(&self.facts, name, key), signature)
                }
                (Some(Proof::Certificate(_)), _) => {
                    self.roster.certificates.get(name).is_some_and(|pem| {
                        Certificate::from_pem(pem).is_ok_and(|certificate| {
                            certificate.public == *key
                                && certificate.is_self_signed()
                                && certificate.fits_gun(plan.repository.name.as_str())
                        })
                    })
                }
                // The plan pins the file's digest; the engine compared it.
                (Some(Proof::Carried { .. }), _)
                | (None, Enrolled::Server { .. } | Enrolled::Listed { .. }) => true,
                (
                    None,
                    Enrolled::Made { .. } | Enrolled::Shown { .. } | Enrolled::Enrolled { .. },
                ) => false,
            };
            if !proven {
                return Err(format!("{name}: its proof of possession does not hold"));
            }
        }
        Ok(())
    }
}
