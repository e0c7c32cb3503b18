//! The twin: the same plan, with stand-ins for every key and file that only the real room has.
//!
//! A plan names serial numbers, fingerprints and server keys; a check or a rehearsal must run *that* plan, with the
//! same digest, without them. The map is pure: the same plan always has the same twin, so that a real ceremony can
//! recognise and refuse what a rehearsal made.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::forge::ForgedKey;
use crate::tuf::key::{Fingerprint, PublicKey};
use crate::tuf::name::{KeyName, RepoName};

use super::event::{FileAt, Place};
use super::plan::{Origin, Plan, PlannedKey};
use super::roster::carried_challenge;

/// What a twin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The machine plays by itself; names and documents stay as they are.
    Check,
    /// People play; the repository's name and the documents say so.
    Rehearse,
}

/// A plan with stand-ins.
#[derive(Debug, Clone)]
pub struct Twin {
    plan: Plan,
    seed: Digest,
    inputs: BTreeMap<FileAt, Vec<u8>>,
}

/// The prefix of the name of a rehearsed repository; `.invalid` is reserved (RFC 2606), so no server has it.
pub const REHEARSAL_PREFIX: &str = "rehearsal.invalid/";

impl Twin {
    /// Makes the twin of a plan. The seed is SHA-256(`anchorite-twin-1` ‖ plan digest ‖ `check` or `rehearse`).
    pub fn new(plan: &Plan, purpose: Purpose) -> Self {
        let seed = seed(plan, purpose);
        let mut twin = Self { plan: plan.clone(), seed, inputs: BTreeMap::new() };
        if purpose == Purpose::Rehearse {
            let name = format!("{REHEARSAL_PREFIX}{}", plan.repository.name).parse();
            twin.plan.repository.name = name.unwrap_or_else(|_| short_name());
        }
        for key in &plan.keys {
            if let Some(stand_in) = stand_in(&seed, key) {
                twin.replace(key, &stand_in);
            }
        }
        for input in &mut twin.plan.inputs {
            let file =
                FileAt { place: Place::Medium(input.medium.clone()), path: input.path.clone() };
            let bytes = twin.inputs.entry(file).or_insert_with(|| {
                format!("stand-in for {}:{}\n", input.medium, input.path).into_bytes()
            });
            input.sha256.value = Digest::of(bytes);
        }
        twin
    }

    fn replace(&mut self, key: &PlannedKey, stand_in: &ForgedKey) {
        let public = stand_in.public_key();
        let dialect = self.plan.repository.dialect;
        let repository = self.plan.repository.name.clone();
        let Some(planned) = self.plan.keys.iter_mut().find(|known| known.name == key.name) else {
            return;
        };
        match &mut planned.origin {
            Origin::Make { .. } => {}
            Origin::Fingerprint(confirmed) => confirmed.value = public.fingerprint(),
            Origin::Enrol { medium, public: path, proof, fingerprint } => {
                fingerprint.value = public.fingerprint();
                let challenge = carried_challenge(&repository, &key.name, public);
                let signature = String::from(stand_in.sign(&challenge));
                let at = |path: &str| FileAt {
                    place: Place::Medium(medium.clone()),
                    path: path.to_owned(),
                };
                self.inputs.insert(at(path), public.to_pem().into_bytes());
                self.inputs.insert(at(proof), format!("{signature}\n").into_bytes());
            }
            Origin::Server { medium, file, id } => {
                let file = FileAt { place: Place::Medium(medium.clone()), path: file.clone() };
                if let Some((stated, listed)) = dialect.list_key(public) {
                    *id = stated;
                    let bytes = match dialect {
                        Dialect::Notary1 => listed.wire.canonical(),
                        Dialect::Tuf1 => public.to_pem().into_bytes(),
                    };
                    self.inputs.insert(file, bytes);
                }
            }
        }
    }

    /// The plan with stand-ins; its digest is still that of the plan file.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The seed of all its keys.
    pub const fn seed(&self) -> Digest {
        self.seed
    }

    /// The files that it puts on the scratch media.
    pub const fn inputs(&self) -> &BTreeMap<FileAt, Vec<u8>> {
        &self.inputs
    }

    /// The private half that plays a key of the plan; nothing for algorithms that cannot be forged.
    pub fn key(&self, name: &KeyName) -> Option<ForgedKey> {
        self.plan.key(name).and_then(|key| stand_in(&self.seed, key))
    }
}

/// The fingerprints of all keys that checks and rehearsals of this plan use: a real ceremony refuses them.
pub fn forged_fingerprints(plan: &Plan) -> BTreeMap<Fingerprint, KeyName> {
    [Purpose::Check, Purpose::Rehearse]
        .into_iter()
        .map(|purpose| seed(plan, purpose))
        .flat_map(|seed| {
            plan.keys.iter().filter_map(move |key| {
                let public: PublicKey = stand_in(&seed, key)?.public_key().clone();
                Some((public.fingerprint(), key.name.clone()))
            })
        })
        .collect()
}

/// The key that plays `key`.
fn stand_in(seed: &Digest, key: &PlannedKey) -> Option<ForgedKey> {
    ForgedKey::new(seed, key.name.as_str(), key.algorithm)
}

fn seed(plan: &Plan, purpose: Purpose) -> Digest {
    let mut hash = Sha256::new();
    hash.update(b"anchorite-twin-1");
    hash.update(plan.digest.as_bytes());
    hash.update(match purpose {
        Purpose::Check => b"check".as_slice(),
        Purpose::Rehearse => b"rehearse".as_slice(),
    });
    Digest::from_bytes(hash.finalize().into())
}

fn short_name() -> RepoName {
    "rehearsal.invalid/long-name".parse().expect("the name follows the rule")
}
