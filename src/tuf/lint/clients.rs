//! What single clients refuse, though the specification allows it.

use crate::tuf::any::AnyDocument;
use crate::tuf::bins;
use crate::tuf::document::Dialect;
use crate::tuf::key::Algorithm;

use super::table::{
    CLIENT_DATES, CLIENT_DIALECT, CLIENT_HASH_PREFIXES, CLIENT_HEX_KEYS, CLIENT_KEY_IDS,
    CLIENT_KEY_TYPE, CLIENT_P384, CLIENT_SHA256, CLIENT_SHA256_DOCKER, CLIENT_SIZE,
    CLIENT_SPEC_VERSION, CLIENT_SUB_DIRECTORIES, CLIENT_SUCCINCT_ROLES, CLIENT_TAG,
};
use super::{Client, Counted, Raised};

pub(super) fn findings(document: &AnyDocument, raised: &mut Raised<'_>) {
    let dialect = document.dialect();
    let foreign: Vec<Client> =
        raised.asked.clients.iter().copied().filter(|client| client.dialect() != dialect).collect();
    for client in foreign {
        raised.raise_for(&CLIENT_DIALECT, client, "dialect", dialect.to_string());
    }
    if dialect == Dialect::Tuf1 {
        header(document, raised);
        keys(document, raised);
    }
    if let AnyDocument::Targets(targets) = document {
        files(targets.peek(), raised);
    }
}

fn header(document: &AnyDocument, raised: &mut Raised<'_>) {
    if let Some(stated) =
        document.spec_version().filter(|v| !["1.0", "1.0.0"].contains(&v.as_str()))
    {
        raised.raise(&CLIENT_SPEC_VERSION, "spec_version", format!("{stated:?}"));
    }
    let expires = document.expires();
    if expires.at.has_fraction() || expires.stated.is_some() {
        let written = expires.stated.clone().unwrap_or_else(|| expires.at.to_string());
        raised.raise(&CLIENT_DATES, "expires", written);
    }
    let limit = match document {
        AnyDocument::Root(_) => 512_000,
        AnyDocument::Targets(_) => 5_000_000,
        AnyDocument::Snapshot(_) => 2_000_000,
        AnyDocument::Timestamp(_) => 16_384,
    };
    let length = document.received().len();
    if length > limit {
        raised.raise(&CLIENT_SIZE, "document", format!("{length} bytes"));
    }
}

fn keys(document: &AnyDocument, raised: &mut Raised<'_>) {
    let (mut ids, mut kinds, mut p384, mut hex) =
        (Counted::default(), Counted::default(), Counted::default(), Counted::default());
    for (id, key) in super::bytes::keys(document) {
        let name = || id.to_owned();
        if document.dialect().key_id(&key.wire).as_str() != id {
            ids.add(name);
        }
        match key.public.algorithm() {
            Algorithm::Ed25519 => {}
            Algorithm::P384 => {
                kinds.add(name);
                p384.add(name);
            }
            Algorithm::P256 | Algorithm::Rsa => kinds.add(name),
        }
        if super::keys::is_hex_point(key) {
            hex.add(name);
        }
    }
    raised.raise_counted(&CLIENT_KEY_IDS, "keys", &ids);
    raised.raise_counted(&CLIENT_KEY_TYPE, "keys", &kinds);
    raised.raise_counted(&CLIENT_P384, "keys", &p384);
    raised.raise_counted(&CLIENT_HEX_KEYS, "keys", &hex);
}

fn files(targets: &crate::tuf::targets::Targets, raised: &mut Raised<'_>) {
    let (mut folders, mut bare, mut no_tag) =
        (Counted::default(), Counted::default(), Counted::default());
    super::targets::each(targets, |name, file| {
        if name.contains('/') {
            folders.add(|| name.to_owned());
        }
        if !file.hashes.contains_key("sha256") {
            bare.add(|| name.to_owned());
        }
        if !is_tag(name) {
            no_tag.add(|| name.to_owned());
        }
    });
    raised.raise_counted(&CLIENT_SUB_DIRECTORIES, "targets", &folders);
    raised.raise_counted(&CLIENT_SHA256, "targets", &bare);
    raised.raise_counted(&CLIENT_SHA256_DOCKER, "targets", &bare);
    raised.raise_counted(&CLIENT_TAG, "targets", &no_tag);
    let Some(delegations) = &targets.delegations else { return };
    let mut prefixes = Counted::default();
    for role in delegations.roles.iter().filter(|role| role.path_hash_prefixes.is_some()) {
        prefixes.add(|| role.name.to_string());
    }
    raised.raise_counted(&CLIENT_HASH_PREFIXES, "delegations", &prefixes);
    if delegations.unknown.contains_key(bins::MEMBER) {
        raised.raise(&CLIENT_SUCCINCT_ROLES, "delegations", "hash bins");
    }
}

/// An image tag as the registry takes it (OCI distribution specification).
fn is_tag(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= 128
        && letters.all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}
