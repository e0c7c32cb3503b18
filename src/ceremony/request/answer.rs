//! An answer: one key's signatures on what a request asks for, with the record of how they were made.

use serde::{Deserialize, Serialize};

use crate::tuf::digest::Digest;
use crate::tuf::document::DocRole;
use crate::tuf::key::Fingerprint;
use crate::tuf::name::{KeyName, RepoName};
use crate::tuf::signature::Signature;

use super::super::audit;
use super::super::engine::Engine;
use super::super::event::{Outcome, Wanted};
use super::super::transcript;
use super::Request;

/// The file, as it is written: JSON, read strictly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerFile {
    /// The format: 1.
    pub format: u32,
    /// The repository.
    pub repository: RepoName,
    /// SHA-256 of the request file.
    pub request: Digest,
    /// The key that signed.
    pub key: KeyName,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Its signatures, in the order of signing.
    pub signatures: Vec<Made>,
    /// The head of the record.
    pub head: Digest,
    /// The record, line by line.
    pub transcript: Vec<String>,
}

/// One signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// The document's role.
    pub role: DocRole,
    /// Its version.
    pub version: u64,
    /// SHA-256 of the bytes that were signed.
    pub payload: Digest,
    /// The signature.
    pub signature: Signature,
}

/// An answer whose signatures were verified over the documents that the request leads to, and whose record was played
/// again.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The key.
    pub key: KeyName,
    /// Its signatures.
    pub signatures: Vec<(DocRole, Signature)>,
    /// The head of the record.
    pub head: Digest,
    /// The record's bytes.
    pub transcript: Vec<u8>,
    /// Whether a script answered instead of people.
    pub unattended: bool,
}

/// Why an answer does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It answers another request: an older one, or one of another repository.
    #[error(
        "it answers another request: one of {repository}, sha256 {answered}, and this is {request}"
    )]
    OtherRequest {
        /// The repository in the answer.
        repository: RepoName,
        /// The request that it answers.
        answered: Digest,
        /// The request at hand.
        request: Digest,
    },
    /// The request asks for no signature of this key.
    #[error("the request asks for no signature of the key {0}")]
    NotAsked(KeyName),
    /// Another key has this name in the request.
    #[error("{key} has the fingerprint {expected} in the request, and {found} in the answer")]
    OtherKey {
        /// The name.
        key: KeyName,
        /// The fingerprint in the request.
        expected: Fingerprint,
        /// The one in the answer.
        found: Fingerprint,
    },
    /// It is over other bytes.
    #[error(
        "{key} signed other bytes: {role}, version {version}, sha256 {found}; the request leads to {expected}"
    )]
    OtherBytes {
        /// The key.
        key: KeyName,
        /// The role.
        role: DocRole,
        /// The version in the answer.
        version: u64,
        /// What was signed.
        found: Digest,
        /// What the request leads to, in words where there is no such document.
        expected: String,
    },
    /// It is not the key's signature.
    #[error("the signature on {role} is not one of the key {key} over these bytes")]
    Wrong {
        /// The key.
        key: KeyName,
        /// The role.
        role: DocRole,
    },
    /// A document is not signed, or twice.
    #[error("{key} has not signed {role} exactly once")]
    NotOnce {
        /// The key.
        key: KeyName,
        /// The role.
        role: DocRole,
    },
    /// The record cannot be believed.
    #[error("the record of {key}: {why}")]
    Record {
        /// The key.
        key: KeyName,
        /// Why.
        why: String,
    },
}

impl AnswerFile {
    /// Puts an answer together from a ceremony that was held to its end; nothing where nothing was asked for, or the
    /// ceremony is not at its end.
    pub fn of(engine: &Engine, record: &[u8]) -> Option<Self> {
        let state = engine.record();
        let asked = state.asked.as_ref()?;
        if !matches!(engine.wanted(), Wanted::Close(Outcome::Done)) {
            return None;
        }
        let signatures = asked.recipe.documents.iter().filter_map(|doc| {
            let payload = state.payload(&doc.role)?;
            let (_, signature) =
                state.signatures.get(&doc.role)?.iter().find(|(name, _)| *name == asked.key)?;
            Some(Made {
                role: doc.role.clone(),
                version: payload.id().version,
                payload: payload.digest(),
                signature: signature.clone(),
            })
        });
        let record = std::str::from_utf8(record).ok()?;
        Some(Self {
            format: 1,
            repository: asked.repository.clone(),
            request: asked.request,
            key: asked.key.clone(),
            fingerprint: state.roster.keys.get(&asked.key)?.key().fingerprint(),
            signatures: signatures.collect(),
            head: engine.head(),
            transcript: record.lines().map(str::to_owned).collect(),
        })
    }

    /// Which request an answer claims to answer, before anything of it is believed; nothing where it cannot be read.
    pub fn request_of(bytes: &[u8]) -> Option<Digest> {
        serde_json::from_slice::<Self>(bytes).ok().map(|file| file.request)
    }

    /// As JSON with a final newline.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("names and digests are JSON");
        bytes.push(b'\n');
        bytes
    }
}

impl Answer {
    /// Reads an answer and verifies all of it against a request.
    pub fn read(request: &Request, bytes: &[u8]) -> Result<Self, BadAnswer> {
        let unreadable = |why: String| BadAnswer::Unreadable(why);
        let file: AnswerFile =
            serde_json::from_slice(bytes).map_err(|why| unreadable(why.to_string()))?;
        if file.format != 1 {
            return Err(unreadable(format!("expected format 1, found {}", file.format)));
        }
        if file.to_json() != bytes {
            return Err(unreadable("it is not written as we write it".to_owned()));
        }
        if file.request != request.digest() {
            return Err(BadAnswer::OtherRequest {
                repository: file.repository,
                answered: file.request,
                request: request.digest(),
            });
        }
        let signatures = signatures(request, &file)?;
        let (transcript, unattended) = recorded(request, &file)?;
        Ok(Self { key: file.key, signatures, head: file.head, transcript, unattended })
    }
}

/// Each document that is asked for is signed once, over the very bytes that the request leads to.
fn signatures(
    request: &Request,
    file: &AnswerFile,
) -> Result<Vec<(DocRole, Signature)>, BadAnswer> {
    let key = &file.key;
    let asks = request.asks(key);
    let public = request.roster().keys.get(key).map(super::super::roster::Enrolled::key);
    let (Some(public), false) = (public, asks.is_empty()) else {
        return Err(BadAnswer::NotAsked(key.clone()));
    };
    if public.fingerprint() != file.fingerprint {
        return Err(BadAnswer::OtherKey {
            key: key.clone(),
            expected: public.fingerprint(),
            found: file.fingerprint,
        });
    }
    for made in &file.signatures {
        let payload = asks.iter().find(|payload| payload.id().role == made.role);
        let is_it = |payload: &&&crate::tuf::payload::Payload| {
            payload.digest() == made.payload && payload.id().version == made.version
        };
        let Some(payload) = payload.filter(is_it) else {
            return Err(BadAnswer::OtherBytes {
                key: key.clone(),
                role: made.role.clone(),
                version: made.version,
                found: made.payload,
                expected: payload.map_or_else(
                    || "no such document".to_owned(),
                    |p| format!("version {}, sha256 {}", p.id().version, p.digest()),
                ),
            });
        };
        if !public.verifies(payload.to_sign(), &made.signature) {
            return Err(BadAnswer::Wrong { key: key.clone(), role: made.role.clone() });
        }
    }
    for payload in asks {
        let role = &payload.id().role;
        if file.signatures.iter().filter(|made| made.role == *role).count() != 1 {
            return Err(BadAnswer::NotOnce { key: key.clone(), role: role.clone() });
        }
    }
    Ok(file.signatures.iter().map(|made| (made.role.clone(), made.signature.clone())).collect())
}

/// The record replays, is of this request and this key, was held to its end, and holds the very signatures.
fn recorded(request: &Request, file: &AnswerFile) -> Result<(Vec<u8>, bool), BadAnswer> {
    let wrong = |why: String| BadAnswer::Record { key: file.key.clone(), why };
    let bytes: Vec<u8> =
        file.transcript.iter().flat_map(|line| line.bytes().chain([b'\n'])).collect();
    if transcript::head(&bytes) != file.head {
        return Err(wrong("its head is not the one that the answer names".to_owned()));
    }
    let (engine, _) = audit::replay(request.plan(), request.before(), Some(request), &bytes)
        .map_err(|claim| wrong(claim.text))?;
    let asked = engine.record().asked.as_ref();
    if asked.is_none_or(|asked| asked.key != file.key) {
        return Err(wrong("it is the record of something else".to_owned()));
    }
    match AnswerFile::of(&engine, &bytes) {
        Some(derived) if derived == *file => Ok((bytes, engine.opening().unattended)),
        Some(_) => Err(wrong("it holds other signatures than the answer".to_owned())),
        None => Err(wrong("the ceremony was not held to its end".to_owned())),
    }
}
