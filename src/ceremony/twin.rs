//! The twin: the same plan, with stand-ins for every key and file that only the real room has.
//!
//! A plan names serial numbers, fingerprints and server keys; a check or a rehearsal must run *that* plan, with the
//! same digest, without them. The map is pure: the same plan always has the same twin, so that a real ceremony can
//! recognise and refuse what a rehearsal made.

mod before;

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::forge::ForgedKey;
use crate::tuf::key::{Algorithm, Fingerprint, PublicKey};
use crate::tuf::name::{KeyName, RepoName};

use super::before::Before;
use super::event::{FileAt, Place};
use super::plan::{Origin, Plan, PlannedKey};
use super::roster::carried_challenge;
use crate::tuf::verify::Candidate;
use before::Cast;

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
    before: Before,
    /// What makes each stand-in again, by its own fingerprint.
    cast: BTreeMap<Fingerprint, (String, Algorithm)>,
}

/// The prefix of the name of a rehearsed repository; `.invalid` is reserved (RFC 2606), so no server has it.
pub const REHEARSAL_PREFIX: &str = "rehearsal.invalid/";

impl Twin {
    /// Makes the twin of a plan. The seed is SHA-256(`anchorite-twin-1` ‖ plan digest ‖ `check` or `rehearse`).
    pub fn new(plan: &Plan, before: &Before, purpose: Purpose) -> Self {
        let seed = seed(plan, purpose);
        let mut twin = Self {
            plan: plan.clone(),
            seed,
            inputs: BTreeMap::new(),
            before: Before::none(),
            cast: BTreeMap::new(),
        };
        if purpose == Purpose::Rehearse {
            let name = format!("{REHEARSAL_PREFIX}{}", plan.repository.name).parse();
            let name = name.unwrap_or_else(|_| short_name());
            twin.plan.repository.name = name.clone();
            for certificate in twin.plan.keys.iter_mut().filter_map(|key| key.certificate.as_mut())
            {
                let renamed = |stated: &String| {
                    let begins = stated.trim_end_matches('*');
                    let kept = name.as_str().strip_suffix(plan.repository.name.as_str());
                    kept.map_or_else(|| name.to_string(), |prefix| format!("{prefix}{begins}*"))
                };
                certificate.common_name = certificate.common_name.as_ref().map(renamed);
            }
        }
        for key in &plan.keys {
            if let Some(stand_in) = stand_in(&seed, key) {
                let fingerprint = stand_in.public_key().fingerprint();
                twin.cast.insert(fingerprint, (key.name.to_string(), key.algorithm));
                twin.replace(key, &stand_in);
            }
        }
        twin.play_kits(plan);
        twin.play_before(plan, before, purpose);
        for input in &mut twin.plan.inputs {
            // The list of a fleet stays: each of its repositories has a twin of its own.
            if plan.fleet.as_ref().is_some_and(|fleet| fleet.is_list(input)) {
                continue;
            }
            let file =
                FileAt { place: Place::Medium(input.medium.clone()), path: input.path.clone() };
            let bytes = twin.inputs.entry(file).or_insert_with(|| {
                format!("stand-in for {}:{}\n", input.medium, input.path).into_bytes()
            });
            input.sha256.value = Digest::of(bytes);
        }
        twin.before = Before::of(&twin.plan, &twin.inputs).unwrap_or_default();
        twin
    }

    /// Puts stand-ins for back-ups, and for what opens them, on the scratch media.
    fn play_kits(&mut self, plan: &Plan) {
        for drill in &plan.drills {
            let mut put = |medium: &KeyName, path: &str, text: String| {
                let file = FileAt { place: Place::Medium(medium.clone()), path: path.to_owned() };
                self.inputs.insert(file, text.into_bytes());
            };
            let key = &drill.key;
            let text = format!("REHEARSAL: a stand-in for the encrypted key {key}\n");
            put(&drill.medium, &drill.file, text);
            if let Some((medium, file)) = &drill.identity {
                let text = format!("REHEARSAL: a stand-in for the identity that opens {key}\n");
                put(medium, file, text);
            }
        }
    }

    /// Puts the state before on the scratch media, with stand-ins for its keys.
    fn play_before(&mut self, plan: &Plan, before: &Before, purpose: Purpose) {
        let Some(anchor) = before.anchor() else { return };
        // A key that the plan names is played by one and the same key in documents and in the room.
        let labels = plan.keys.iter().filter_map(|key| match &key.origin {
            Origin::Fingerprint(confirmed) => Some((confirmed.value, key.name.to_string())),
            Origin::Listed(fingerprint) => Some((*fingerprint, key.name.to_string())),
            Origin::Make { .. } | Origin::Enrol { .. } | Origin::Server { .. } => None,
        });
        let renamed = purpose == Purpose::Rehearse;
        let name = (self.plan.repository.name.clone(), renamed);
        let cast = Cast::new(self.seed, name, anchor, labels.collect());
        let listed = anchor.listed().map(|(_, key)| &key.public);
        self.cast.extend(cast.all(listed));
        let played = cast.play(anchor);
        for (file, bytes) in before.raw() {
            let new = played.get(&Digest::of(bytes)).unwrap_or(bytes);
            self.inputs.insert(file.clone(), new.clone());
        }
        let pinned = anchor.roots().values().find(|root| root.digest() == anchor.pinned().digest());
        let new = pinned
            .and_then(|root| played.get(&Digest::of(root.received())))
            .and_then(|bytes| Candidate::read(plan.repository.dialect, bytes).ok());
        if let (Some(stated), Some(new)) = (&mut self.plan.before, new) {
            stated.root.value = new.digest().digest();
        }
        for row in &mut self.plan.compromised {
            let public = before.key(row.fingerprint).and_then(|public| cast.key(public));
            if let Some(public) = public {
                row.fingerprint = public.public_key().fingerprint();
            }
        }
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
            Origin::Listed(fingerprint) => *fingerprint = public.fingerprint(),
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

    /// The state before, with stand-ins.
    pub const fn before(&self) -> &Before {
        &self.before
    }

    /// The private half of a stand-in; nothing for keys that are none.
    pub fn plays(&self, public: &PublicKey) -> Option<ForgedKey> {
        let (label, algorithm) = self.cast.get(&public.fingerprint())?;
        ForgedKey::new(&self.seed, label, *algorithm)
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
