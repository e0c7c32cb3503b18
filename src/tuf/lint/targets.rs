//! Targets, delegations, and what snapshot and timestamp name. One pass over the targets, however many there are.

use std::collections::{BTreeMap, BTreeSet};

use crate::tuf::any::AnyDocument;
use crate::tuf::bins::{self, Bins};
use crate::tuf::document::Dialect;
use crate::tuf::key::KeyId;
use crate::tuf::name::RoleName;
use crate::tuf::overlap::{Overlap, overlaps};
use crate::tuf::snapshot::MetaFile;
use crate::tuf::targets::{DelegatedRole, Delegations, TargetFile, Targets};
use crate::tuf::wire::json::Json;

use super::table::{
    DECEPTIVE_NAME, DELEGATION_NAME, DELEGATION_NAME_RESERVED, DELEGATION_NAME_TWICE,
    DELEGATION_NEVER_ASKED, DELEGATION_PATHS_AND_PREFIXES, DELEGATION_WITHOUT_PATHS,
    DELEGATIONS_OVERLAP, HASH_LENGTH, HASH_UNKNOWN, META_EXTRA, META_MISSING, META_WITHOUT_SHA256,
    SUCCINCT_ROLES, TARGET_WITHOUT_HASH,
};
use super::{Counted, Raised};

pub(super) fn findings(document: &AnyDocument, raised: &mut Raised<'_>) {
    match document {
        AnyDocument::Root(root) => {
            let root = root.peek();
            names("roles", root.roles.keys().map(RoleName::as_str), raised);
            names("keys", root.keys.keys().map(KeyId::as_str), raised);
        }
        AnyDocument::Targets(targets) => {
            files(targets.peek(), raised);
            if let Some(delegations) = &targets.peek().delegations {
                of_delegations(delegations, raised);
            }
        }
        AnyDocument::Snapshot(snapshot) => {
            let wanted: &[&str] = match document.dialect() {
                Dialect::Tuf1 => &["targets.json"],
                Dialect::Notary1 => &["root", "targets"],
            };
            meta(&snapshot.peek().meta, wanted, raised);
        }
        AnyDocument::Timestamp(timestamp) => {
            let wanted: &[&str] = match document.dialect() {
                Dialect::Tuf1 => &["snapshot.json"],
                Dialect::Notary1 => &["snapshot"],
            };
            meta(&timestamp.peek().meta, wanted, raised);
            let mut extra = Counted::default();
            for name in timestamp.peek().meta.keys().filter(|n| !wanted.contains(&n.as_str())) {
                extra.add(|| name.clone());
            }
            raised.raise_counted(&META_EXTRA, "meta", &extra);
        }
    }
    let signers = document.signatures().iter().map(|entry| entry.keyid.as_str());
    names("signatures", signers, raised);
}

/// Visits every target.
pub(in crate::tuf) fn each(targets: &Targets, mut visit: impl FnMut(&str, &TargetFile)) {
    let files = targets.targets.iter();
    for (name, file) in files {
        visit(&name, &file);
    }
}

fn files(targets: &Targets, raised: &mut Raised<'_>) {
    let (mut bare, mut odd, mut unknown, mut deceptive) =
        (Counted::default(), Counted::default(), Counted::default(), Counted::default());
    each(targets, |name, file| {
        if file.hashes.is_empty() {
            bare.add(|| name.to_owned());
        }
        for (algorithm, hash) in &file.hashes {
            match wrong_hash(algorithm, hash.len()) {
                Some(true) => odd.add(|| name.to_owned()),
                Some(false) => {}
                None => unknown.add(|| format!("{algorithm} of {name}")),
            }
        }
        if is_deceptive(name) {
            deceptive.add(|| name.to_owned());
        }
    });
    raised.raise_counted(&TARGET_WITHOUT_HASH, "targets", &bare);
    raised.raise_counted(&HASH_LENGTH, "targets", &odd);
    raised.raise_counted(&HASH_UNKNOWN, "targets", &unknown);
    raised.raise_counted(&DECEPTIVE_NAME, "targets", &deceptive);
}

/// Whether a hash has the wrong length for its algorithm; nothing for an unknown algorithm.
fn wrong_hash(algorithm: &str, length: usize) -> Option<bool> {
    match algorithm {
        "sha256" => Some(length != 32),
        "sha512" => Some(length != 64),
        _ => None,
    }
}

fn meta(stated: &BTreeMap<String, MetaFile>, wanted: &[&str], raised: &mut Raised<'_>) {
    for name in wanted.iter().filter(|name| !stated.contains_key(**name)) {
        raised.raise(&META_MISSING, name, format!("no entry {name:?}"));
    }
    let (mut bare, mut odd, mut unknown) =
        (Counted::default(), Counted::default(), Counted::default());
    for (name, file) in stated {
        if !file.hashes.contains_key("sha256") {
            bare.add(|| name.clone());
        }
        for (algorithm, hash) in &file.hashes {
            match wrong_hash(algorithm, hash.len()) {
                Some(true) => odd.add(|| name.clone()),
                Some(false) => {}
                None => unknown.add(|| format!("{algorithm} of {name}")),
            }
        }
    }
    raised.raise_counted(&META_WITHOUT_SHA256, "meta", &bare);
    raised.raise_counted(&HASH_LENGTH, "meta", &odd);
    raised.raise_counted(&HASH_UNKNOWN, "meta", &unknown);
    names("meta", stated.keys().map(String::as_str), raised);
}

fn of_delegations(delegations: &Delegations, raised: &mut Raised<'_>) {
    let mut seen = BTreeSet::new();
    for role in &delegations.roles {
        let name = role.name.as_str();
        if !seen.insert(name) {
            raised.raise(&DELEGATION_NAME_TWICE, name, "two delegations of this name");
        }
        delegation(role, raised);
    }
    shared(delegations, raised);
    names("delegations", delegations.roles.iter().map(|role| role.name.as_str()), raised);
    let patterns = delegations.roles.iter().flat_map(|role| role.paths.iter().flatten());
    names("paths", patterns.map(String::as_str), raised);
    names("keys", delegations.keys.keys().map(KeyId::as_str), raised);
    if let Some(stated) = delegations.unknown.get(bins::MEMBER)
        && let Some(found) = bad_bins(stated, !delegations.roles.is_empty())
    {
        raised.raise(&SUCCINCT_ROLES, "delegations", found);
    }
}

/// Paths that two delegations cover, and delegations that are never asked.
fn shared(delegations: &Delegations, raised: &mut Raised<'_>) {
    let found = overlaps(raised.dialect, &delegations.roles);
    let mut pairs = Counted::default();
    for Overlap { first, second, first_path, second_path, .. } in &found.pairs {
        pairs.add(|| format!("{first} with {first_path:?} and {second} with {second_path:?}"));
    }
    raised.raise_counted(&DELEGATIONS_OVERLAP, "delegations", &pairs);
    for role in &found.never_asked {
        raised.raise(&DELEGATION_NEVER_ASKED, role.as_str(), "all its paths end before it");
    }
    if !found.complete {
        let found = "there are too many paths to compare them all";
        raised.raise(&DELEGATIONS_OVERLAP, "delegations", found);
    }
}

fn delegation(role: &DelegatedRole, raised: &mut Raised<'_>) {
    let name = role.name.as_str();
    if ["root", "targets", "snapshot", "timestamp"].contains(&name) {
        raised.raise(&DELEGATION_NAME_RESERVED, name, "the name of a role of the root");
    }
    if !good_name(raised.dialect, name) {
        raised.raise(&DELEGATION_NAME, name, format!("{name:?}"));
    }
    let count = |list: &Option<Vec<String>>| list.as_ref().map_or(0, Vec::len);
    let (paths, prefixes) = (count(&role.paths), count(&role.path_hash_prefixes));
    if paths + prefixes == 0 {
        raised.raise(&DELEGATION_WITHOUT_PATHS, name, "no paths");
    }
    if role.paths.is_some() && role.path_hash_prefixes.is_some() {
        raised.raise(
            &DELEGATION_PATHS_AND_PREFIXES,
            name,
            format!("{paths} paths and {prefixes} hash prefixes"),
        );
    }
}

/// Whether every client and server takes a name of a delegation.
fn good_name(dialect: Dialect, name: &str) -> bool {
    let clean = || name.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    match dialect {
        Dialect::Notary1 => {
            let allowed = |c: char| {
                c.is_ascii_lowercase() || c.is_ascii_digit() || ['-', '_', '/'].contains(&c)
            };
            name.starts_with("targets/") && name.chars().all(allowed) && clean()
        }
        Dialect::Tuf1 => {
            !name.starts_with('.') && !name.chars().any(|c| "/\\?#%:*\"<>|".contains(c))
        }
    }
}

fn bad_bins(stated: &Json, roles_beside: bool) -> Option<&'static str> {
    match Bins::read(stated) {
        Err(why) => Some(why),
        Ok(bins) if bins.keys.threshold.0 < 1 => Some("the threshold is below 1"),
        Ok(_) => roles_beside.then_some("there are named roles beside"),
    }
}

fn names<'a>(about: &str, names: impl Iterator<Item = &'a str>, raised: &mut Raised<'_>) {
    let mut deceptive = Counted::default();
    for name in names.filter(|name| is_deceptive(name)) {
        deceptive.add(|| name.to_owned());
    }
    raised.raise_counted(&DECEPTIVE_NAME, about, &deceptive);
}

/// Whether a name has characters that cannot be seen, or that turn the direction of writing.
fn is_deceptive(name: &str) -> bool {
    let hidden = |c: char| {
        c.is_control()
            || matches!(u32::from(c),
                0x00AD | 0x061C | 0x115F..=0x1160 | 0x180B..=0x180F | 0x200B..=0x200F
                | 0x2028..=0x202F | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0
                | 0xFFF0..=0xFFFB | 0xE0000..=0xE0FFF)
    };
    name.chars().any(hidden)
}
