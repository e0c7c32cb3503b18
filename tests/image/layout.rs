//! OCI layouts made by hand.

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256, Sha512};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(crate) const BARE_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A layout in a folder; blobs are written as they are added.
pub(crate) struct Layout<'a> {
    folder: &'a Path,
    entries: Vec<String>,
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)))
}

pub(crate) fn sha512(bytes: &[u8]) -> String {
    format!("sha512:{}", data_encoding::HEXLOWER.encode(&Sha512::digest(bytes)))
}

/// Says what content is, by this digest.
pub(crate) fn descriptor(media_type: &str, digest: &str, size: usize, more: &str) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}{more}}}"#)
}

pub(crate) fn named(tag: &str) -> String {
    format!(r#","annotations":{{"org.opencontainers.image.ref.name":"{tag}"}}"#)
}

impl<'a> Layout<'a> {
    pub(crate) fn new(folder: &'a Path) -> Self {
        fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
        fs::create_dir_all(folder.join("blobs/sha512")).unwrap();
        fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Self { folder, entries: Vec::new() }
    }

    /// Puts a blob under a digest, true or not.
    pub(crate) fn blob(&self, digest: &str, bytes: &[u8]) {
        fs::write(self.folder.join("blobs").join(digest.replace(':', "/")), bytes).unwrap();
    }

    /// A manifest with a configuration and a layer that say `text`.
    pub(crate) fn manifest(&self, text: &str, layer_type: &str) -> Vec<u8> {
        let (config, layer) = (format!("{{\"config\":\"{text}\"}}"), format!("layer of {text}"));
        self.blob(&sha256(config.as_bytes()), config.as_bytes());
        self.blob(&sha256(layer.as_bytes()), layer.as_bytes());
        let config_type = "application/vnd.oci.image.config.v1+json";
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[{}]}}"#,
            descriptor(config_type, &sha256(config.as_bytes()), config.len(), ""),
            descriptor(layer_type, &sha256(layer.as_bytes()), layer.len(), "")
        );
        self.blob(&sha256(manifest.as_bytes()), manifest.as_bytes());
        manifest.into_bytes()
    }

    /// Names content in the index of the layout.
    pub(crate) fn name(&mut self, media_type: &str, bytes: &[u8], more: &str) {
        self.entries.push(descriptor(media_type, &sha256(bytes), bytes.len(), more));
        self.write();
    }

    pub(crate) fn entry(&mut self, entry: String) {
        self.entries.push(entry);
        self.write();
    }

    fn write(&self) {
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, self.entries.join(","));
        fs::write(self.folder.join("index.json"), index).unwrap();
    }
}

/// A whole layout with one image under one tag; gives its manifest.
pub(crate) fn one(folder: &Path, tag: &str, text: &str) -> Vec<u8> {
    let mut layout = Layout::new(folder);
    let manifest = layout.manifest(text, LAYER);
    layout.name(MANIFEST, &manifest, &named(tag));
    manifest
}
