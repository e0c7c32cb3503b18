//! Putting answers together: counted towards every threshold, and written only when the set is complete.

use std::collections::BTreeMap;

use crate::tuf::digest::Digest;
use crate::tuf::document::DocRole;
use crate::tuf::key::{Algorithm, PublicKey};
use crate::tuf::name::KeyName;
use crate::tuf::payload::Payload;
use crate::tuf::signature::{Hash, Signature};
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{Authority, Tally};

use super::super::authority;
use super::super::engine::{Complete, State};
use super::Request;
use super::answer::{Answer, AnswerFile, BadAnswer};

/// The answers to one request so far.
#[derive(Debug, Clone)]
pub struct Gathering<'a> {
    request: &'a Request,
    /// Older requests, with their files' bytes.
    earlier: Vec<(Request, Vec<u8>)>,
    /// Answers by key and by the request that they answer.
    answers: BTreeMap<(KeyName, Digest), (Answer, Vec<u8>)>,
    detached: BTreeMap<(KeyName, DocRole), (Signature, Vec<u8>)>,
}

/// Why something that was brought is not taken. Nothing of it counts, and the rest is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The answer does not count.
    #[error(transparent)]
    Answer(#[from] BadAnswer),
    /// One key answered twice, in different ways.
    #[error("{key} answered twice, in different ways: sha256 {first} and {second}")]
    Twice {
        /// The key.
        key: KeyName,
        /// One answer.
        first: Digest,
        /// The other.
        second: Digest,
    },
    /// A detached signature fits no document.
    #[error(
        "{key}: the file is not its signature over any document of the request, as openssl or pkcs11-tool write it"
    )]
    Detached {
        /// The key.
        key: KeyName,
    },
}

/// How many good signatures a document has, by somebody's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The document.
    pub role: DocRole,
    /// By whose word: `the root before`, `its own keys`, `whoever delegates`.
    pub by: &'static str,
    /// The keys that signed, by their names.
    pub signed: Vec<KeyName>,
    /// The keys that could still sign.
    pub missing: Vec<KeyName>,
    /// How many are needed.
    pub need: usize,
}

impl Standing {
    /// Whether enough distinct keys signed.
    pub fn reached(&self) -> bool {
        self.signed.len() >= self.need
    }
}

impl<'a> Gathering<'a> {
    /// Begins with nothing.
    pub const fn new(request: &'a Request) -> Self {
        Self { request, earlier: Vec::new(), answers: BTreeMap::new(), detached: BTreeMap::new() }
    }

    /// Takes an older request too: where a document is still the same, byte by byte, what was approved then stays approved.
    pub fn remember(&mut self, earlier: Request, bytes: Vec<u8>) {
        self.earlier.push((earlier, bytes));
    }

    /// Takes an answer file. The very same file twice counts once. An answer to an older request that is at hand counts on
    /// the documents that are the same in both; where none is, it is an answer to another request.
    pub fn take(&mut self, bytes: &[u8]) -> Result<KeyName, NotTaken> {
        let answered = AnswerFile::request_of(bytes);
        let earlier =
            self.earlier.iter().map(|(request, _)| request).find(|r| Some(r.digest()) == answered);
        let mut answer = Answer::read(earlier.unwrap_or(self.request), bytes)?;
        if let Some(earlier) = earlier {
            answer.signatures.retain(|(role, _)| {
                earlier.change().payload(role) == self.request.change().payload(role)
            });
            if answer.signatures.is_empty() {
                return Err(NotTaken::Answer(BadAnswer::OtherRequest {
                    repository: earlier.played().repository.name.clone(),
                    answered: earlier.digest(),
                    request: self.request.digest(),
                }));
            }
        }
        let key = answer.key.clone();
        let place = (key.clone(), earlier.map_or(self.request.digest(), Request::digest));
        match self.answers.get(&place) {
            Some((_, known)) if known != bytes => {
                Err(NotTaken::Twice { key, first: Digest::of(known), second: Digest::of(bytes) })
            }
            Some(_) => Ok(key),
            None => {
                self.answers.insert(place, (answer, bytes.to_vec()));
                Ok(key)
            }
        }
    }

    /// Takes a signature that another program made over an exported payload, and says which document it is on.
    pub fn take_detached(&mut self, key: &KeyName, bytes: &[u8]) -> Result<DocRole, NotTaken> {
        let wrong = || NotTaken::Detached { key: key.clone() };
        let public = self.request.roster().keys.get(key).ok_or_else(wrong)?.key();
        let found = self.request.asks(key).into_iter().find_map(|payload| {
            let signature = detached(public, payload, bytes)?;
            Some((payload.id().role.clone(), signature))
        });
        let (role, signature) = found.ok_or_else(wrong)?;
        match self.detached.get(&(key.clone(), role.clone())) {
            Some((_, known)) if known != bytes => Err(NotTaken::Twice {
                key: key.clone(),
                first: Digest::of(known),
                second: Digest::of(bytes),
            }),
            Some(_) => Ok(role),
            None => {
                self.detached.insert((key.clone(), role.clone()), (signature, bytes.to_vec()));
                Ok(role)
            }
        }
    }

    /// The answers: which request they answer, what was read, and the file's bytes.
    pub fn answers(&self) -> impl Iterator<Item = (Digest, &Answer, &[u8])> {
        self.answers
            .iter()
            .map(|((_, request), (answer, bytes))| (*request, answer, bytes.as_slice()))
    }

    /// The older requests that some answer is to: their digests and their files' bytes.
    pub fn earlier(&self) -> impl Iterator<Item = (Digest, &[u8])> {
        let answered = |request: &Request| {
            self.answers.keys().any(|(_, answered)| *answered == request.digest())
        };
        self.earlier
            .iter()
            .filter(move |(request, _)| answered(request))
            .map(|(request, bytes)| (request.digest(), bytes.as_slice()))
    }

    /// The detached signatures: the key, the document, and the file's bytes.
    pub fn detached(&self) -> impl Iterator<Item = (&KeyName, &DocRole, &[u8])> {
        self.detached.iter().map(|((key, role), (_, bytes))| (key, role, bytes.as_slice()))
    }

    /// The good signatures on each document, in the plan's order of keys, one a key.
    fn signatures(&self) -> BTreeMap<DocRole, Vec<(KeyName, Signature)>> {
        let mut all: BTreeMap<DocRole, Vec<(KeyName, Signature)>> = BTreeMap::new();
        for key in &self.request.played().keys {
            let answered = self.answers.iter().filter(|((name, _), _)| *name == key.name);
            let answered = answered.flat_map(|(_, (answer, _))| answer.signatures.clone());
            let alone = self.detached.iter().filter(|((name, _), _)| *name == key.name);
            let alone = alone.map(|((_, role), (signature, _))| (role.clone(), signature.clone()));
            for (role, signature) in answered.chain(alone) {
                let made = all.entry(role).or_default();
                if !made.iter().any(|(name, _)| *name == key.name) {
                    made.push((key.name.clone(), signature));
                }
            }
        }
        all
    }

    fn state(&self, at: Timestamp) -> State {
        State::gathered(self.request, at, self.signatures())
    }

    /// How every document stands, by everybody whose word counts.
    pub fn standing(&self) -> Vec<Standing> {
        let state = self.state(self.request.facts().base);
        let mut all = Vec::new();
        for payload in self.request.change().payloads() {
            let role = &payload.id().role;
            let counted = authority::counted(&state, role);
            let mut of = |by: &'static str, authority: Option<Authority>| {
                let Some(authority) = authority else { return };
                let tally = authority.tally_over(payload.to_sign(), &counted);
                all.push(self.stands(role, by, &tally));
            };
            if *role == DocRole::Root {
                let before = self.request.anchor().root();
                let name = crate::tuf::name::RoleName::root();
                of("the root before", Authority::stated_by(before, &name).ok());
                of("its own keys", authority::authority(&state, role));
            } else if matches!(role, DocRole::Delegated(_)) {
                of("whoever delegates", authority::authority(&state, role));
            } else {
                of("the root", authority::authority(&state, role));
            }
        }
        all
    }

    fn stands(&self, role: &DocRole, by: &'static str, tally: &Tally) -> Standing {
        let name = |fingerprint: &crate::tuf::key::Fingerprint| {
            let known = self.request.roster().keys.iter();
            let mut of = known.filter(|(_, key)| key.key().fingerprint() == *fingerprint);
            of.next().map(|(name, _)| name.clone())
        };
        Standing {
            role: role.clone(),
            by,
            signed: tally.good.iter().filter_map(|good| name(&good.fingerprint)).collect(),
            missing: tally.missing.iter().filter_map(name).collect(),
            need: tally.threshold.count(),
        }
    }

    /// The complete set, accepted by a fresh client and by one at every earlier root; nothing while a threshold is open. The
    /// error says what a client refuses.
    pub fn complete(&self, at: Timestamp) -> Option<Result<Complete, String>> {
        let open = self.standing().iter().any(|standing| !standing.reached());
        (!open).then(|| self.state(at).complete(self.request.played()))
    }
}

/// A signature as openssl or pkcs11-tool write it: Ed25519 as it is, ECDSA as DER or as r then s, RSA as PSS with SHA-256;
/// or in our own text form.
fn detached(public: &PublicKey, payload: &Payload, bytes: &[u8]) -> Option<Signature> {
    let own = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| Signature::try_from(text.trim().to_owned()).ok());
    let hash = hash_of(public.algorithm(), payload);
    let raw = match public.algorithm() {
        Algorithm::Ed25519 => bytes.try_into().ok().map(Signature::Ed25519),
        algorithm @ (Algorithm::P256 | Algorithm::P384) => {
            let half = if algorithm == Algorithm::P256 { 32 } else { 48 };
            Signature::from_ecdsa_der(algorithm, hash, bytes).or_else(|| {
                (bytes.len() == 2 * half).then(|| Signature::Ecdsa { hash, rs: bytes.to_vec() })
            })
        }
        Algorithm::Rsa => Some(Signature::RsaPss(bytes.to_vec())),
    };
    own.into_iter().chain(raw).find(|made| public.verifies(payload.to_sign(), made))
}

/// What an ECDSA key hashes a payload with: P-384 with SHA-384 in TUF, everything else with SHA-256.
pub fn hash_of(algorithm: Algorithm, payload: &Payload) -> Hash {
    use crate::tuf::document::Dialect;
    match (algorithm, payload.dialect()) {
        (Algorithm::P384, Dialect::Tuf1) => Hash::Sha384,
        (Algorithm::Ed25519 | Algorithm::P256 | Algorithm::P384 | Algorithm::Rsa, _) => {
            Hash::Sha256
        }
    }
}
