//! A document with its signatures, as it was received: read, but not believed.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};

use super::digest::Digest;
use super::document::Dialect;
use super::key::KeyId;
use super::root::{Expires, ListedKey};
use super::signature::Signature;
use super::wire::canonical::{Out, Style};
use super::wire::json::{Json, JsonError, Limits};
use super::wire::reader::Reader;
use super::wire::{WireError, envelope, notary1, tuf1};

/// The body of a document.
pub trait Body: Sized + Clone {
    /// The role type in lower case: `root`.
    const KIND: &'static str;

    /// Reads the value of `signed`, which begins here. The reader is over the text of `document`, which a body may share.
    /// After a fault that is not one of the JSON itself, the reader is behind the value.
    fn read(
        dialect: Dialect,
        document: &Arc<String>,
        reader: &mut Reader<'_>,
    ) -> Result<Self, WireError>;

    /// Writes the value of `signed`.
    fn write(&self, dialect: Dialect, style: Style, out: &mut impl Out);

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
    received: Arc<String>,
    signing: SigningBytes,
    signatures: Vec<SignatureEntry>,
    foreign: Vec<String>,
}

/// Where the bytes are that signatures are made over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SigningBytes {
    /// In the document, which is written canonically.
    Here(Range<usize>),
    /// Written again.
    Again(Vec<u8>),
}

impl SigningBytes {
    pub(super) fn of<'a>(&'a self, document: &'a str) -> &'a [u8] {
        match self {
            Self::Here(range) => document.as_bytes().get(range.clone()).unwrap_or_default(),
            Self::Again(bytes) => bytes,
        }
    }
}

/// The value of `signed`: what it says, if it says anything, and its bytes.
pub(super) struct Unsigned<T> {
    pub(super) body: Result<T, WireError>,
    pub(super) signing: SigningBytes,
}

impl<T: Body> Unsigned<T> {
    /// Reads a text that is this value and nothing else.
    pub(super) fn read(dialect: Dialect, document: &Arc<String>) -> Result<Self, JsonError> {
        let mut reader = Reader::over(document, Limits::default().depth);
        reader.space();
        let read = Self::here(dialect, document, &mut reader)?;
        reader.end()?;
        Ok(read)
    }

    fn here(
        dialect: Dialect,
        document: &Arc<String>,
        reader: &mut Reader<'_>,
    ) -> Result<Self, JsonError> {
        reader.mark();
        let begin = reader.at();
        let body = match T::read(dialect, document, reader) {
            Err(WireError::Json(why)) => return Err(why),
            read => read,
        };
        let signing = if body.is_err() || reader.strays().none(Style::Canonical) {
            SigningBytes::Here(begin..reader.at())
        } else {
            let mut again = Vec::new();
            Reader::again(document, begin).transcribe(Style::Canonical, &mut again)?;
            SigningBytes::Again(again)
        };
        Ok(Self { body, signing })
    }
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
    /// Reads a document of this kind and dialect, of at most 64 MiB. The signing bytes are the canonical form of its
    /// `signed`.
    pub fn read(dialect: Dialect, bytes: &[u8]) -> Result<Self, WireError> {
        // Too long is told before anything is copied.
        Reader::new(bytes, Limits::default())?;
        Self::take(dialect, bytes.to_vec(), Limits::default())
    }

    /// Reads a document without copying it, within limits of the caller's own.
    pub fn take(dialect: Dialect, bytes: Vec<u8>, limits: Limits) -> Result<Self, WireError> {
        Reader::new(&bytes, limits)?;
        let received = Arc::new(String::from_utf8(bytes).expect("the reader wanted UTF-8"));
        let mut reader = Reader::over(&received, limits.depth);
        reader.space();
        if reader.peek() != Some(b'{') {
            let value = reader.value()?;
            reader.end()?;
            return Err(no_member("signed", &value));
        }
        let (mut signed, mut stated, mut foreign) = (None, None, Vec::new());
        reader.object(|reader, name, start| {
            let first = match &**name {
                "signed" => signed.replace(Unsigned::here(dialect, &received, reader)?).is_none(),
                "signatures" => stated.replace(reader.value()?).is_none(),
                other => {
                    reader.skip()?;
                    let first = !foreign.iter().any(|name| name == other);
                    foreign.push(other.to_owned());
                    first
                }
            };
            reader.once(first, name, start)
        })?;
        reader.end()?;
        let no_value = |name| no_member(name, &Json::object([]));
        let Unsigned { body, signing } = signed.ok_or_else(|| no_value("signed"))?;
        let body = body?;
        let signatures = match stated {
            Some(Json::Array(stated)) => entries(dialect, &stated)?,
            Some(_) | None => return Err(no_value("signatures")),
        };
        Ok(Self { body, dialect, received, signing, signatures, foreign })
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
        self.signing.of(&self.received)
    }

    /// SHA-256 of the signing bytes: unchanged when signatures are added.
    pub fn digest(&self) -> Digest {
        Digest::of(self.signing_bytes())
    }

    /// The signatures, in the order of the document.
    pub fn signatures(&self) -> &[SignatureEntry] {
        &self.signatures
    }

    /// The bytes as they came.
    pub fn received(&self) -> &[u8] {
        self.received.as_bytes()
    }

    /// The members beside `signed` and `signatures`, by name. Nobody signs them.
    pub fn foreign_members(&self) -> &[String] {
        &self.foreign
    }

    /// The key ids that are there more than once among the signatures. A TUF client refuses such a document, whatever its
    /// other signatures are worth (TUF 1.0 section 4.2).
    pub fn repeated_signers(&self) -> BTreeSet<&KeyId> {
        let mut seen = BTreeSet::new();
        self.signatures.iter().map(|entry| &entry.keyid).filter(|id| !seen.insert(*id)).collect()
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
        let mut signed = Vec::new();
        self.body.write(self.dialect, self.dialect.style(), &mut signed);
        envelope::write(self.dialect, &signed, &signatures)
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

/// Tells the dialect and the role type of a file, without believing anything of it. It reads as far as it must.
pub fn sniff(bytes: &[u8]) -> Option<(Dialect, String)> {
    let mut reader = Reader::new(bytes, Limits { bytes: usize::MAX, ..Limits::default() }).ok()?;
    reader.space();
    let Err(Sniffed::Type(found)) = reader.object(|reader, name, _| match &**name {
        "signed" if reader.peek() == Some(b'{') => reader.object(|reader, name, _| match &**name {
            "_type" => Err(Sniffed::Type(reader.string()?.into_owned())),
            _ => Ok(reader.skip()?),
        }),
        _ => Ok(reader.skip()?),
    }) else {
        return None;
    };
    let kind = found.to_lowercase();
    if !["root", "targets", "snapshot", "timestamp"].contains(&kind.as_str()) {
        return None;
    }
    let dialect = if found == kind { Dialect::Tuf1 } else { Dialect::Notary1 };
    Some((dialect, kind))
}

/// Why sniffing ends.
enum Sniffed {
    Type(String),
    Fault,
}

impl From<JsonError> for Sniffed {
    fn from(_: JsonError) -> Self {
        Self::Fault
    }
}

fn entries(dialect: Dialect, stated: &[Json]) -> Result<Vec<SignatureEntry>, WireError> {
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
