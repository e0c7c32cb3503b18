//! Container images as an OCI layout holds them: what its index names, and what a manifest lists. Nothing here is
//! believed because of where it was found: content is what its digest says (OCI image specification 1.1).

pub mod chain;
pub mod signer;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::wire::WireError;
use super::wire::json::{Json, Limits, parse};

/// The most bytes of an index or a manifest: 32 MiB, an index of more than 100,000 manifests.
pub const MAX_MANIFEST: u64 = 32 << 20;

/// The annotation that names a tag in `index.json`.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation of containerd and Docker with the whole name.
const IMAGE_NAME: &str = "io.containerd.image.name";

/// What an index, or a manifest, says of other content (OCI `descriptor.md`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Its media type; empty where none is stated.
    pub media_type: String,
    /// What its bytes must hash to.
    pub digest: Named,
    /// Its length in bytes.
    pub size: u64,
    /// The tag or name of `org.opencontainers.image.ref.name`.
    pub ref_name: Option<String>,
    /// The whole name of `io.containerd.image.name`.
    pub image_name: Option<String>,
    /// `linux/amd64`, `linux/arm64/v8`.
    pub platform: Option<String>,
}

/// A digest by which content is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// By a hash that we compute.
    Known(ContentDigest),
    /// By another one, as it is written.
    Unknown(String),
}

/// `sha256:` and 64, or `sha512:` and 128, lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContentDigest {
    hash: ContentHash,
    hex: String,
}

/// A hash by which content may be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContentHash {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// What an index or manifest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An index, or a Docker manifest list: one manifest a platform.
    Index(Vec<Descriptor>),
    /// A manifest: the configuration first, then the layers.
    Manifest(Vec<Descriptor>),
}

/// Which image a tag names in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen<'a> {
    /// This one, by its name.
    Named(&'a Descriptor),
    /// The only one; the index gives it no name.
    Only(&'a Descriptor),
    /// None: these tags are there.
    Absent(Vec<String>),
    /// Several different ones carry the tag.
    Several(Vec<&'a Descriptor>),
}

impl ContentDigest {
    /// Takes the bytes of a hash.
    pub fn new(hash: ContentHash, bytes: &[u8]) -> Self {
        Self { hash, hex: data_encoding::HEXLOWER.encode(bytes) }
    }

    /// The hash.
    pub const fn hash(&self) -> ContentHash {
        self.hash
    }

    /// The digits.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// Where a layout keeps this content: `blobs/sha256/…`.
    pub fn path(&self) -> String {
        format!("blobs/{}/{}", self.hash.name(), self.hex)
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.hash.name(), self.hex)
    }
}

impl ContentHash {
    /// As digests name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    const fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(digest) => fmt::Display::fmt(digest, f),
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

impl FromStr for Named {
    type Err = NotContent;

    /// Reads `algorithm:encoded` by the grammar of OCI `descriptor.md`, at most 512 characters.
    fn from_str(text: &str) -> Result<Self, NotContent> {
        let bad = || NotContent(text.to_owned());
        let (algorithm, encoded) = text.split_once(':').ok_or_else(bad)?;
        let algorithm_fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let encoded_fits = |c: char| c.is_ascii_alphanumeric() || "=_-".contains(c);
        let parts = algorithm.split(['+', '.', '_', '-']);
        if text.len() > 512
            || !parts.clone().all(|part| !part.is_empty() && part.chars().all(algorithm_fits))
            || encoded.is_empty()
            || !encoded.chars().all(encoded_fits)
        {
            return Err(bad());
        }
        let hash = match algorithm {
            "sha256" => ContentHash::Sha256,
            "sha512" => ContentHash::Sha512,
            _ => return Ok(Self::Unknown(text.to_owned())),
        };
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if encoded.len() != hash.digits() || !encoded.bytes().all(digit) {
            return Err(bad());
        }
        Ok(Self::Known(ContentDigest { hash, hex: encoded.to_owned() }))
    }
}

/// The text is no digest of content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no digest: expected sha256: and 64 hex digits in lower case")]
pub struct NotContent(pub String);

impl Content {
    /// Reads an index or a manifest, whatever its media type says: one with the members of both is refused, because two
    /// readers would take it for two things. `stated` is the media type by which it was named; its own must be the same.
    pub fn read(bytes: &[u8], stated: &str) -> Result<Self, WireError> {
        let limit = usize::try_from(MAX_MANIFEST).unwrap_or(usize::MAX);
        let value = parse(bytes, Limits { bytes: limit, ..Limits::default() })?;
        if !matches!(value, Json::Object(_)) {
            return Err(expected("an index or manifest", "an object", value.kind()));
        }
        if let Some(own) = value.member("mediaType") {
            let own = text("mediaType", own)?;
            if !stated.is_empty() && own != stated {
                return Err(expected("mediaType", "the media type that names it", &own));
            }
        }
        let layers = value.member("layers").or_else(|| value.member("config"));
        match (value.member("manifests"), layers) {
            (Some(_), Some(_)) => Err(expected("manifests", "either manifests or layers", "both")),
            (Some(manifests), None) => Ok(Self::Index(descriptors("manifests", manifests)?)),
            (None, Some(_)) => {
                let config = value.member("config");
                let config = config.map(|config| descriptor("config", config)).transpose()?;
                let layers = value.member("layers");
                let layers = layers.map(|layers| descriptors("layers", layers)).transpose()?;
                Ok(Self::Manifest(config.into_iter().chain(layers.into_iter().flatten()).collect()))
            }
            (None, None) => Err(expected("manifests", "manifests or layers", "neither")),
        }
    }
}

impl Descriptor {
    /// The tag by which an index names it, from either annotation.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        let short = self.ref_name.as_deref().map(|name| tag_of(name).unwrap_or(name));
        short.into_iter().chain(self.image_name.as_deref().and_then(tag_of))
    }

    /// Whether it is a layer that was not compressed: registries hold compressed ones, so that a manifest that lists it
    /// was most likely made for an archive.
    pub fn is_bare_layer(&self) -> bool {
        [
            "application/vnd.oci.image.layer.v1.tar",
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "application/vnd.docker.image.rootfs.diff.tar",
        ]
        .contains(&self.media_type.as_str())
    }
}

/// Chooses the image that has a tag. Where several have it, the name of a repository may decide.
pub fn choose<'a>(index: &'a [Descriptor], tag: &str, repository: Option<&str>) -> Chosen<'a> {
    let mut found: Vec<&Descriptor> = Vec::new();
    for entry in index.iter().filter(|entry| entry.tags().any(|name| name == tag)) {
        let same = |known: &&Descriptor| known.digest == entry.digest && known.size == entry.size;
        // One image may stand there under several names; 100,000 different ones tell no more than a few.
        if found.len() < 16 && !found.iter().any(same) {
            found.push(entry);
        }
    }
    if let (true, Some(repository)) = (found.len() > 1, repository) {
        let of = |entry: &&&Descriptor| {
            let name = entry.image_name.as_deref().and_then(|name| name.rsplit_once(':'));
            name.is_some_and(|(before, _)| before == repository)
        };
        let own: Vec<&Descriptor> = found.iter().filter(of).copied().collect();
        if own.len() == 1 {
            found = own;
        }
    }
    match (found.as_slice(), index) {
        ([one], _) => Chosen::Named(one),
        ([], [only]) if only.tags().next().is_none() => Chosen::Only(only),
        ([], _) => {
            let mut tags: Vec<String> =
                index.iter().flat_map(Descriptor::tags).map(str::to_owned).collect();
            tags.sort();
            tags.dedup();
            Chosen::Absent(tags)
        }
        _ => Chosen::Several(found),
    }
}

/// The tag of a whole name: `v1` of `registry.example.com:5000/team/app:v1`.
fn tag_of(name: &str) -> Option<&str> {
    let name = name.split('@').next().unwrap_or_default();
    let last = name.rsplit('/').next().unwrap_or_default();
    last.split_once(':').map(|(_, tag)| tag)
}

fn descriptors(member: &str, value: &Json) -> Result<Vec<Descriptor>, WireError> {
    let Json::Array(items) = value else { return Err(expected(member, "an array", value.kind())) };
    let named = items.iter().enumerate();
    named.map(|(nth, item)| descriptor(&format!("{member}[{nth}]"), item)).collect()
}

fn descriptor(member: &str, value: &Json) -> Result<Descriptor, WireError> {
    let path = |name: &str| format!("{member}.{name}");
    let of = |name: &str| {
        value
            .member(name)
            .map(|found| text(&path(name), found))
            .transpose()
            .map(Option::unwrap_or_default)
    };
    let digest = of("digest")?;
    let digest = digest
        .parse()
        .map_err(|_| expected(&path("digest"), "sha256: and hex digits", &format!("{digest:?}")))?;
    let size = match value.member("size") {
        Some(Json::Integer(size)) => u64::try_from(*size).ok(),
        Some(_) | None => None,
    };
    let size = size.ok_or_else(|| expected(&path("size"), "a length in bytes", "none"))?;
    let annotation = |name: &str| match value.member("annotations")?.member(name)? {
        Json::String(text) => Some(text.clone()),
        Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Array(_) | Json::Object(_) => None,
    };
    Ok(Descriptor {
        media_type: of("mediaType")?,
        digest,
        size,
        ref_name: annotation(REF_NAME),
        image_name: annotation(IMAGE_NAME),
        platform: value.member("platform").map(platform),
    })
}

fn platform(value: &Json) -> String {
    let members: BTreeMap<_, _> = ["os", "architecture", "variant"]
        .into_iter()
        .filter_map(|name| match value.member(name) {
            Some(Json::String(text)) => Some((name, text.as_str())),
            Some(_) | None => None,
        })
        .collect();
    let of = |name| members.get(name).copied().unwrap_or("unknown");
    let variant = members.get("variant").map(|variant| format!("/{variant}")).unwrap_or_default();
    format!("{}/{}{variant}", of("os"), of("architecture"))
}

fn text(member: &str, value: &Json) -> Result<String, WireError> {
    match value {
        Json::String(text) => Ok(text.clone()),
        other @ (Json::Null
        | Json::Bool(_)
        | Json::Integer(_)
        | Json::Array(_)
        | Json::Object(_)) => Err(expected(member, "a string", other.kind())),
    }
}

fn expected(member: &str, expected: &'static str, found: &str) -> WireError {
    WireError::Member { member: member.to_owned(), expected, found: found.to_owned() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests;
