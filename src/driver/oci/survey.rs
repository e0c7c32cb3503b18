//! What of an image is in a layout, and whether it is what its manifests say: configuration, layers, and the manifests
//! of other platforms.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256, Sha512};

use crate::tuf::image::{Content, ContentDigest, ContentHash, Descriptor, MAX_MANIFEST, Named};

use super::{Layout, MAX_BLOB, NoLayout};

/// The most levels of indexes within indexes.
const MAX_LEVELS: usize = 8;

/// An image whose manifest is what the layout's index says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The bytes of its manifest or index.
    pub manifest: Vec<u8>,
    /// How many other blobs were checked: configurations, layers, manifests.
    pub checked: usize,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many blobs are not there, by platform; the empty name is for an image without one.
    pub missing: BTreeMap<String, usize>,
    /// How many blobs are named by a hash that is not computed, or are beyond the limits.
    pub unchecked: usize,
    /// Blobs that are not what their digest or size says.
    pub wrong: Vec<Wrong>,
    /// Whether a manifest lists layers that were not compressed.
    pub bare_layers: bool,
    /// The manifests inside an index: SHA-256 and platform.
    pub platforms: Vec<(String, String)>,
}

/// A blob that is not what names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The blob.
    pub digest: ContentDigest,
    /// Of which platform.
    pub platform: String,
    /// What is wrong, in words.
    pub found: String,
}

/// Why an image cannot be looked into.
#[derive(Debug, thiserror::Error)]
pub enum NoImage {
    /// The layout cannot be read.
    #[error(transparent)]
    Layout(#[from] NoLayout),
    /// Its manifest is named by a hash that is not computed.
    #[error("its manifest is named by {0}, a hash that is not computed here")]
    Hash(String),
    /// Its manifest is not there.
    #[error("the index names {0}, and there is no such blob")]
    Missing(ContentDigest),
    /// Its manifest is not what the index says.
    #[error("the manifest {0} is not what the index says: {1}")]
    Wrong(ContentDigest, String),
}

/// Reads the manifest that an index names, and checks everything below it that is there.
pub fn survey(layout: &mut Layout, image: &Descriptor) -> Result<Survey, NoImage> {
    let Named::Known(digest) = &image.digest else {
        return Err(NoImage::Hash(image.digest.to_string()));
    };
    let bytes = layout
        .read(&digest.path(), MAX_MANIFEST)?
        .ok_or_else(|| NoImage::Missing(digest.clone()))?;
    if let Some(why) = wrong(digest, image.size, &bytes) {
        return Err(NoImage::Wrong(digest.clone(), why));
    }
    let content = Content::read(&bytes, &image.media_type)
        .map_err(|why| NoLayout::Malformed(digest.path(), why))?;
    let mut found = Survey {
        manifest: bytes,
        checked: 0,
        bytes: 0,
        missing: BTreeMap::new(),
        unchecked: 0,
        wrong: Vec::new(),
        bare_layers: false,
        platforms: Vec::new(),
    };
    let mut seen = BTreeSet::from([(digest.clone(), image.size)]);
    let platform = image.platform.clone().unwrap_or_default();
    let mut waiting = vec![(content, platform, 1)];
    while let Some((content, platform, level)) = waiting.pop() {
        let (entries, index) = match content {
            Content::Index(entries) => (entries, true),
            Content::Manifest(entries) => (entries, false),
        };
        for entry in entries {
            let platform = entry.platform.as_ref().unwrap_or(&platform).clone();
            found.bare_layers |= !index && entry.is_bare_layer();
            let Named::Known(digest) = &entry.digest else {
                found.unchecked += 1;
                continue;
            };
            if !seen.insert((digest.clone(), entry.size)) {
                continue;
            }
            if !index {
                found.blob(layout, digest, entry.size, platform)?;
            } else if let Some(content) = found.manifest(layout, digest, &entry, &platform)? {
                if level < MAX_LEVELS {
                    waiting.push((content, platform, level + 1));
                } else {
                    found.unchecked += 1;
                }
            }
        }
    }
    Ok(found)
}

impl Survey {
    fn blob(
        &mut self,
        layout: &mut Layout,
        digest: &ContentDigest,
        size: u64,
        platform: String,
    ) -> Result<(), NoLayout> {
        let Some(found) = layout.measure(digest, size)? else {
            *self.missing.entry(platform).or_default() += 1;
            return Ok(());
        };
        match found.digest {
            None if found.length == size => self.unchecked += 1,
            None => {
                let found = format!("expected {size} bytes, found {}", found.length);
                self.wrong.push(Wrong { digest: digest.clone(), platform, found });
            }
            Some(other) if other != *digest => {
                let found = format!("its bytes hash to {other}");
                self.wrong.push(Wrong { digest: digest.clone(), platform, found });
            }
            Some(_) => {
                self.checked += 1;
                self.bytes += size.min(MAX_BLOB);
            }
        }
        Ok(())
    }

    /// A manifest inside an index: checked, and read for what it lists.
    fn manifest(
        &mut self,
        layout: &mut Layout,
        digest: &ContentDigest,
        entry: &Descriptor,
        platform: &str,
    ) -> Result<Option<Content>, NoLayout> {
        let Some(bytes) = layout.read(&digest.path(), MAX_MANIFEST)? else {
            *self.missing.entry(platform.to_owned()).or_default() += 1;
            return Ok(None);
        };
        let mut fault = |found: String| {
            self.wrong.push(Wrong { digest: digest.clone(), platform: platform.to_owned(), found });
            Ok(None)
        };
        if let Some(why) = wrong(digest, entry.size, &bytes) {
            return fault(why);
        }
        let content = match Content::read(&bytes, &entry.media_type) {
            Ok(content) => content,
            Err(why) => return fault(why.to_string()),
        };
        self.checked += 1;
        self.bytes += entry.size;
        let sha256 = ContentDigest::new(ContentHash::Sha256, &Sha256::digest(&bytes));
        self.platforms.push((sha256.hex().to_owned(), platform.to_owned()));
        Ok(Some(content))
    }
}

/// What is wrong with the bytes under a digest.
fn wrong(digest: &ContentDigest, size: u64, bytes: &[u8]) -> Option<String> {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if length != size {
        return Some(format!("expected {size} bytes, found {length}"));
    }
    let found = match digest.hash() {
        ContentHash::Sha256 => ContentDigest::new(ContentHash::Sha256, &Sha256::digest(bytes)),
        ContentHash::Sha512 => ContentDigest::new(ContentHash::Sha512, &Sha512::digest(bytes)),
    };
    (found != *digest).then(|| format!("its bytes hash to {found}"))
}
