//! A document with its signatures, as it was received: read, but not believed.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};

use super::digest::Digest;
use super::document::Dialect;
use super::key::KeyId;
use super::root::{Expires, ListedKey};
use super::signature::Signature;
use super::wire::json::{Json, Limits, parse};
use super::wire::{WireError, envelope, notary1, tuf1};

/// The body of a document.
pub trait Body: Sized + Clone {
    /// The role type in lower case: `root`.
    const KIND: &'static str;

    /// Reads the value of `signed`.
    fn read(dialect: Dialect, value: &Json) -> Result<Self, WireError>;

    /// Writes the value of `signed`.
    fn write(&self, dialect: Dialect) -> Json;

    /// The version.
    fn version(&self) -> u64;

    /// The expiry date.
    fn expires(&self) -> &Expires;
}

/// A document as it was received. Its body may be looked at through [`Signed::peek`]; whether to believe it is for
/// `verify` to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<T> {
    body: T,
    dialect: Dialect,
    received: Vec<u8>,
    signing_bytes: Vec<u8>,
    signatures: Vec<SignatureEntry>,
}

/// One signature as a document holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureEntry {
    /// The id of the key that is said to have made it.
    pub keyid: KeyId,
    /// Notary's `method`.
    pub method: Option<String>,
    /// The bytes; empty where the document has an empty place-holder.
    pub raw: Vec<u8>,
}

impl<T: Body> Signed<T> {
    /// Reads a document of this kind and dialect. The signing bytes are the canonical form of its `signed`.
    pub fn read(dialect: Dialect, bytes: &[u8]) -> Result<Self, WireError> {
        let value = parse(bytes, Limits::default())?;
        let signed = value.member("signed").ok_or_else(|| no_member("signed", &value))?;
        let body = T::read(dialect, signed)?;
        let signatures = entries(dialect, &value)?;
        let signing_bytes = signed.canonical();
        Ok(Self { body, dialect, received: bytes.to_vec(), signing_bytes, signatures })
    }

    /// The body, unverified.
    pub const fn peek(&self) -> &T {
        &self.body
    }

    pub(super) fn into_body(self) -> T {
        self.body
    }

    /// The bytes that signatures are made over.
    pub fn signing_bytes(&self) -> &[u8] {
        &self.signing_bytes
    }

    /// SHA-256 of the signing bytes: unchanged when signatures are added.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.signing_bytes)
    }

    /// The signatures, in the order of the document.
    pub fn signatures(&self) -> &[SignatureEntry] {
        &self.signatures
    }

    /// The bytes as they came.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// The dialect.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The bytes that we would write for it. A Notary server writes documents again in this way and hashes the result, so a
    /// difference makes clients refuse the repository.
    pub fn reemitted(&self) -> Vec<u8> {
        let signatures: Vec<_> = self
            .signatures
            .iter()
            .map(|entry| (entry.keyid.clone(), entry.method.clone(), entry.raw.clone()))
            .collect();
        envelope::write(self.dialect, &self.body.write(self.dialect), &signatures)
    }
}

impl SignatureEntry {
    /// The signature typed by the key that is said to have made it; nothing where it cannot be that key's.
    pub fn typed(&self, dialect: Dialect, key: &ListedKey) -> Option<Signature> {
        match dialect {
            Dialect::Tuf1 => tuf1::read_signature(&self.raw, key),
            Dialect::Notary1 => notary1::read_signature(self.method.as_deref(), &self.raw, key),
        }
    }
}

/// Tells the dialect and the role type of a file, without believing anything of it.
pub fn sniff(bytes: &[u8]) -> Option<(Dialect, String)> {
    let value = parse(bytes, Limits::default()).ok()?;
    let Some(Json::String(found)) = value.member("signed")?.member("_type") else { return None };
    let kind = found.to_lowercase();
    if !["root", "targets", "snapshot", "timestamp"].contains(&kind.as_str()) {
        return None;
    }
    let dialect = if *found == kind { Dialect::Tuf1 } else { Dialect::Notary1 };
    Some((dialect, kind))
}

fn entries(dialect: Dialect, value: &Json) -> Result<Vec<SignatureEntry>, WireError> {
    let Some(Json::Array(stated)) = value.member("signatures") else {
        return Err(no_member("signatures", value));
    };
    stated
        .iter()
        .enumerate()
        .map(|(nth, entry)| {
            let text = |name: &str| match entry.member(name) {
                Some(Json::String(text)) => Ok(text.clone()),
                Some(other) => Err(WireError::Member {
                    member: format!("signatures[{nth}].{name}"),
                    expected: "a string",
                    found: other.kind().to_owned(),
                }),
                None => Err(no_member(&format!("signatures[{nth}].{name}"), entry)),
            };
            let sig = text("sig")?;
            let decoded = match dialect {
                Dialect::Tuf1 => HEXLOWER_PERMISSIVE.decode(sig.as_bytes()),
                Dialect::Notary1 => BASE64.decode(sig.as_bytes()),
            };
            let raw = decoded.map_err(|_| WireError::Member {
                member: format!("signatures[{nth}].sig"),
                expected: "hex (tuf1) or base64 (notary1)",
                found: "other text".to_owned(),
            })?;
            let method = match dialect {
                Dialect::Notary1 => Some(text("method")?),
                Dialect::Tuf1 => None,
            };
            Ok(SignatureEntry { keyid: KeyId::new(text("keyid")?), method, raw })
        })
        .collect()
}

fn no_member(member: &str, value: &Json) -> WireError {
    WireError::Member {
        member: member.to_owned(),
        expected: "a document with `signed` and `signatures`",
        found: value.kind().to_owned(),
    }
}
