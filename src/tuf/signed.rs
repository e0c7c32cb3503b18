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
use super::wire::member::{Members, wrong};
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
            Some(Json::Array(stated)) => entries(dialect, stated)?,
            Some(other) => return Err(wrong("signatures", "an array", &other)),
            None => return Err(no_value("signatures")),
        };
        Ok(Self { body, dialect, received, signing, signatures, foreign })
    }

    /// The bytes as they came, shared with the document.
    pub(super) fn shared(&self) -> Arc<String> {
        Arc::clone(&self.received)
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

fn entries(dialect: Dialect, stated: Vec<Json>) -> Result<Vec<SignatureEntry>, WireError> {
    let read = |(nth, entry)| {
        let mut entry = Members::of(&format!("signatures[{nth}]"), entry)?;
        let sig = entry.text("sig")?;
        let decoded = match dialect {
            Dialect::Tuf1 => HEXLOWER_PERMISSIVE.decode(sig.as_bytes()),
            Dialect::Notary1 => BASE64.decode(sig.as_bytes()),
        };
        let raw = decoded.map_err(|_| WireError::Member {
            member: entry.path("sig"),
            expected: "hex (tuf1) or base64 (notary1)",
            found: "other text".to_owned(),
        })?;
        let method = match dialect {
            Dialect::Notary1 => Some(entry.text("method")?),
            Dialect::Tuf1 => None,
        };
        Ok(SignatureEntry { keyid: KeyId::new(entry.text("keyid")?), method, raw })
    };
    stated.into_iter().enumerate().map(read).collect()
}

fn no_member(member: &str, value: &Json) -> WireError {
    WireError::Member {
        member: member.to_owned(),
        expected: "a document with `signed` and `signatures`",
        found: value.kind().to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use proptest::prelude::*;

    use super::super::root::Root;
    use super::super::snapshot::{Snapshot, Timestamped};
    use super::super::targets::Targets;
    use super::*;

    const KEY: &str = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";

    fn root() -> String {
        let roles = ["root", "snapshot", "targets", "timestamp"]
            .map(|role| format!("\"{role}\":{{\"keyids\":[\"k\"],\"threshold\":1}}"))
            .join(",");
        format!(
            "{{\n\"signatures\":[{{\"keyid\":\"k\",\"sig\":\"00\"}}],\"signed\":{{\"_type\":\"root\",\
             \"consistent_snapshot\":true,\"expires\":\"2030-01-01T00:00:00Z\",\"keys\":{{\"k\":{{\
             \"keytype\":\"ed25519\",\"keyval\":{{\"public\":\"{KEY}\"}},\"scheme\":\"ed25519\"}}}},\
             \"roles\":{{{roles}}},\"spec_version\":\"1.0.0\",\"version\":1}}}}"
        )
    }

    fn read(text: &str) -> Result<Signed<Root>, WireError> {
        Signed::read(Dialect::Tuf1, text.as_bytes())
    }

    #[test]
    fn what_is_wrong_with_a_document_is_told_with_its_place() {
        read(&root()).unwrap();
        for (good, bad, told) in [
            (
                "\"version\":1",
                "\"version\":1,\"version\":1",
                "line 2, column 476: the member \"version\" is there twice",
            ),
            (
                "\"version\":1",
                "\"version\":1.0",
                "line 2, column 475: expected an integer, found a fraction",
            ),
            (
                "\"version\":1",
                "\"version\":1e400",
                "expected an integer, found a fraction or exponent",
            ),
            ("\"version\":1", "\"version\":99999999999999999999", "the integer is beyond 2^53 - 1"),
            (
                "\"version\":1",
                "\"version\":-1",
                "signed.version: expected an integer that is not negative, found -1",
            ),
            (
                "\"version\":1",
                "\"version\":null",
                "signed.version: expected an integer, found null",
            ),
            (
                "\"version\":1",
                "\"version\":\"1\"",
                "signed.version: expected an integer, found a string",
            ),
            (
                "\"version\":1",
                "\"x\":\"\\ud800\",\"version\":1",
                "an escape that JSON does not have",
            ),
            (
                "\"version\":1",
                "\"x\":\"\\u0000\",\"version\":1",
                "a string with the character U+0000",
            ),
            ("\"version\":1", "\"x\":NaN,\"version\":1", "unexpected 'N'"),
            ("\"_type\":\"root\"", "\"_type\":null", "signed._type: expected a string, found null"),
            ("[\"k\"]", "null", "signed.roles.root.keyids: expected an array, found null"),
            ("true", "null", "signed.consistent_snapshot: expected true or false, found null"),
            ("[{\"keyid\"", "[null,{\"keyid\"", "signatures[0]: expected an object, found null"),
            (
                "[{\"keyid\":\"k\",\"sig\":\"00\"}]",
                "null",
                "signatures: expected an array, found null",
            ),
            ("\"sig\":\"00\"", "\"sig\":\"0\"", "signatures[0].sig: expected hex"),
            ("{\n", "\u{feff}{\n", "line 1, column 1: expected JSON without a byte order mark"),
            (KEY, &KEY[2..], "key k: 31 bytes are not the length of a key"),
            (KEY, &format!("{KEY}00"), "key k: 33 bytes are not the length of a key"),
            (KEY, &format!("02{}", &KEY), "key k: 33 bytes are not the length of a key"),
            (KEY, "-----BEGIN", "key k: expected 64 hex digits"),
        ] {
            let text = root().replacen(good, bad, 1);
            assert_ne!(text, root());
            let found = read(&text).unwrap_err().to_string();
            assert!(found.contains(told), "{bad}: {found}");
        }
        let found = read(&format!("{} {{}}", root())).unwrap_err().to_string();
        assert!(found.ends_with("expected the end after the value"), "{found}");
        let deep = root().replacen(
            "\"version\"",
            &format!("\"x\":{},\"version\"", "[".repeat(1 << 20)),
            1,
        );
        assert!(read(&deep).unwrap_err().to_string().ends_with("too many levels"));
    }

    #[test]
    fn a_document_over_the_limit_is_refused_unread() {
        let limits = Limits { bytes: 100, ..Limits::default() };
        let found = Signed::<Root>::take(Dialect::Tuf1, vec![0xff; 101], limits).unwrap_err();
        assert!(found.to_string().ends_with("101 bytes are more than is read"), "{found}");
        let text = root().into_bytes();
        let limits = Limits { bytes: text.len(), ..Limits::default() };
        assert!(Signed::<Root>::take(Dialect::Tuf1, text, limits).is_ok());
    }

    #[test]
    fn members_that_nobody_knows_are_signed_and_written_again() {
        let plain = read(&root()).unwrap();
        let mine = "\"consistent_snapshot\":true,\"x-mine\":{\"b\":[1,null],\"a\":\"\u{e9}\"}";
        let text = root().replacen("\"consistent_snapshot\":true", mine, 1);
        let with = read(&text).unwrap();
        let canonical = "\"x-mine\":{\"a\":\"\u{e9}\",\"b\":[1,null]}";
        for bytes in [with.signing_bytes(), &with.reemitted()] {
            assert!(std::str::from_utf8(bytes).unwrap().contains(canonical));
        }
        assert!(plain.peek().unknown.is_empty() && with.peek().unknown.contains_key("x-mine"));
        assert_ne!(plain.digest(), with.digest());
    }

    #[test]
    fn members_beside_the_signed_ones_are_known_by_name() {
        assert!(read(&root()).unwrap().foreign_members().is_empty());
        let text = root().replacen("{\n", "{\"x\":{\"signed\":1},\"y\":[],", 1);
        assert_eq!(read(&text).unwrap().foreign_members(), ["x", "y"]);
        let text = root().replacen("{\n", "{\"x\":1,\"x\":1,", 1);
        assert!(read(&text).unwrap_err().to_string().contains("there twice"));
    }

    #[test]
    fn signers_that_repeat_are_known() {
        assert!(read(&root()).unwrap().repeated_signers().is_empty());
        let one = "{\"keyid\":\"k\",\"sig\":\"00\"}";
        let text =
            root().replacen(one, &format!("{one},{},{one}", one.replace("\"k\"", "\"l\"")), 1);
        let found = read(&text).unwrap();
        assert_eq!(found.repeated_signers(), BTreeSet::from([&KeyId::new("k")]));
    }

    #[test]
    fn a_file_is_sniffed_without_reading_it_all() {
        assert_eq!(sniff(root().as_bytes()), Some((Dialect::Tuf1, "root".to_owned())));
        let notary = br#"{"x":{"signed":{}},"signed":{"a":[],"_type":"Targets"}, and so on"#;
        assert_eq!(sniff(notary), Some((Dialect::Notary1, "targets".to_owned())));
        for other in [&b"[]"[..], b"{}", b"{\"signed\":{\"_type\":7}}", b"{\"signed\":1}", b"\xff"]
        {
            assert_eq!(sniff(other), None);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_comes_in_makes_a_reader_panic(
            noise in prop::collection::vec(any::<u8>(), 0..40),
            at in any::<prop::sample::Index>(),
            length in 0..30_usize,
        ) {
            let mut text = root().into_bytes();
            let at = at.index(text.len());
            let end = text.len().min(at + length);
            text.splice(at..end, noise);
            for dialect in [Dialect::Tuf1, Dialect::Notary1] {
                let _ = Signed::<Root>::read(dialect, &text).map(|read| read.reemitted());
                let _ = Signed::<Targets>::read(dialect, &text);
                let _ = Signed::<Snapshot>::read(dialect, &text);
                let _ = Signed::<Timestamped>::read(dialect, &text);
            }
            let _ = sniff(&text);
        }
    }
}
