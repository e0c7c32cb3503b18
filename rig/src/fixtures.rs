//! The files that every side reads.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use anchorite::tuf::document::Dialect;
use anchorite::tuf::payload::Draft;
use anchorite::tuf::root::{Expires, RoleKeys, Root, StatedThreshold};
use anchorite::tuf::signed::Body;
use anchorite::tuf::snapshot::{MetaFile, Snapshot, Timestamped};
use anchorite::tuf::table::TargetTable;
use anchorite::tuf::targets::{Delegations, TargetFile, Targets};
use anchorite::tuf::wire::json::Json;
use sha2::{Digest as _, Sha256};

use crate::keys::{Key, document};

type Done = Result<(), Box<dyn Error>>;

/// How many bins the hash-bin repository has, and what for.
pub const BINS: u32 = 16_384;
const BITS: u32 = 14;
const IN_BINS: u32 = 100_000;

/// Makes every fixture below a folder.
pub fn make(to: &Path) -> Done {
    for (name, count) in [("1k", 1_000), ("100k", 100_000), ("1m", 1_000_000)] {
        repository(&to.join(name), targets(0..count), None)?;
    }
    roots(&to.join("roots"), 10_000)?;
    chain(&to.join("chain"))
}

/// `bin-0a1b.json` and so on, under versions.
pub fn bin_file(bin: u32) -> String {
    format!("1.{}.json", bin_name(bin))
}

fn bin_name(bin: u32) -> String {
    format!("bin-{bin:04x}")
}

fn path(nth: u32) -> String {
    format!("project-{:03}/releases/linux/file-{nth:07}.tar.gz", nth % 1000)
}

fn file(nth: u32) -> TargetFile {
    let hash = Sha256::digest(nth.to_be_bytes()).to_vec();
    TargetFile {
        length: u64::from(nth) * 7 + 1000,
        hashes: BTreeMap::from([("sha256".to_owned(), hash)]),
        custom: None,
        unknown: BTreeMap::new(),
    }
}

fn targets(which: impl Iterator<Item = u32>) -> TargetTable {
    which.map(|nth| (path(nth), file(nth))).collect()
}

fn expires() -> Expires {
    Expires::new("2036-01-01T00:00:00Z".parse().unwrap())
}

fn body(targets: TargetTable, delegations: Option<Delegations>) -> Targets {
    Targets {
        version: 1,
        expires: expires(),
        targets,
        delegations,
        spec_version: Some("1.0.0".to_owned()),
        unknown: BTreeMap::new(),
    }
}

fn signed<T: Body>(role: &str, body: T, keys: &[&Key]) -> Result<Vec<u8>, Box<dyn Error>> {
    let payload = Draft::new(document(role, body.version()), Dialect::Tuf1, body).payload()?;
    let signatures: Vec<_> = keys.iter().map(|key| key.sign(payload.to_sign())).collect();
    Ok(payload.envelope(&signatures))
}

fn role(keys: &[&Key], threshold: i64) -> RoleKeys {
    RoleKeys {
        keyids: keys.iter().map(|key| key.listed().0).collect(),
        threshold: StatedThreshold(threshold),
        unknown: BTreeMap::new(),
    }
}

fn root(version: u64, roots: &[&Key]) -> Root {
    let online: Vec<(&str, Key)> =
        ["targets", "snapshot", "timestamp"].map(|name| (name, Key::named(name))).into();
    let listed = online.iter().map(|(_, key)| key.listed());
    let threshold = if roots.len() > 1 { 2 } else { 1 };
    Root {
        version,
        expires: expires(),
        consistent_snapshot: true,
        keys: roots.iter().map(|key| key.listed()).chain(listed).collect(),
        roles: online
            .iter()
            .map(|(name, key)| (name.parse().unwrap(), role(&[key], 1)))
            .chain([("root".parse().unwrap(), role(roots, threshold))])
            .collect(),
        spec_version: Some("1.0.0".to_owned()),
        unknown: BTreeMap::new(),
    }
}

fn meta(bytes: &[u8]) -> MetaFile {
    MetaFile {
        version: Some(1),
        length: u64::try_from(bytes.len()).ok(),
        hashes: BTreeMap::from([("sha256".to_owned(), Sha256::digest(bytes).to_vec())]),
        unknown: BTreeMap::new(),
    }
}

/// A repository with one root key and one document of targets.
fn repository(to: &Path, table: TargetTable, delegations: Option<Delegations>) -> Done {
    fs::create_dir_all(to)?;
    let key = Key::named("root-1");
    fs::write(to.join("1.root.json"), signed("root", root(1, &[&key]), &[&key])?)?;
    let targets = signed("targets", body(table, delegations), &[&Key::named("targets")])?;
    fs::write(to.join("1.targets.json"), &targets)?;
    let snapshot = Snapshot {
        version: 1,
        expires: expires(),
        meta: BTreeMap::from([("targets.json".to_owned(), meta(&targets))]),
        spec_version: Some("1.0.0".to_owned()),
        unknown: BTreeMap::new(),
    };
    let snapshot = signed("snapshot", snapshot, &[&Key::named("snapshot")])?;
    fs::write(to.join("1.snapshot.json"), &snapshot)?;
    let timestamp = Timestamped {
        version: 1,
        expires: expires(),
        meta: BTreeMap::from([("snapshot.json".to_owned(), meta(&snapshot))]),
        spec_version: Some("1.0.0".to_owned()),
        unknown: BTreeMap::new(),
    };
    fs::write(
        to.join("timestamp.json"),
        signed("timestamp", timestamp, &[&Key::named("timestamp")])?,
    )?;
    Ok(())
}

/// So many roots, each of three keys, two of which sign.
pub fn roots(to: &Path, count: u32) -> Done {
    fs::create_dir_all(to)?;
    let keys = ["root-1", "root-2", "root-3"].map(Key::named);
    let listed = keys.each_ref();
    for nth in 0..count {
        let mut body = root(1, &listed);
        body.unknown.insert("x-name".to_owned(), Json::text(format!("repository {nth}")));
        fs::write(to.join(format!("{nth:05}.json")), signed("root", body, &listed[..2])?)?;
    }
    Ok(())
}

/// Fifteen roots; every other one replaces a key.
fn chain(to: &Path) -> Done {
    fs::create_dir_all(to)?;
    let mut before: Option<[Key; 3]> = None;
    for version in 1..=15_u32 {
        let keys = [0, 1, 2].map(|nth| Key::named(&format!("chain-{}", version / 2 + nth)));
        let mut signers: Vec<&Key> = keys.iter().collect();
        signers.extend(
            before
                .iter()
                .flatten()
                .filter(|old| keys.iter().all(|key| key.listed().0 != old.listed().0)),
        );
        let bytes = signed("root", root(version.into(), &keys.each_ref()), &signers)?;
        fs::write(to.join(format!("{version}.root.json")), bytes)?;
        before = Some(keys);
    }
    Ok(())
}

/// Makes the hash bins: puts each target in its bin, signs and writes all of them (TUF, succinct roles).
pub fn bins(to: &Path) -> Done {
    let key = Key::named("bins");
    let mut filled: Vec<BTreeMap<String, TargetFile>> =
        (0..BINS).map(|_| BTreeMap::new()).collect();
    for nth in 0..IN_BINS {
        let path = path(nth);
        let hash = Sha256::digest(path.as_bytes());
        let bin = u32::from_be_bytes(hash[..4].try_into()?) >> (32 - BITS);
        filled[usize::try_from(bin)?].insert(path, file(nth));
    }
    let succinct = Json::object([
        ("bit_length", Json::Integer(BITS.into())),
        ("keyids", Json::Array(vec![Json::text(key.listed().0.as_str())])),
        ("name_prefix", Json::text("bin")),
        ("threshold", Json::Integer(1)),
    ]);
    let delegations = Delegations {
        keys: [key.listed()].into(),
        roles: Vec::new(),
        unknown: BTreeMap::from([("succinct_roles".to_owned(), succinct)]),
    };
    repository(to, TargetTable::default(), Some(delegations))?;
    for (bin, files) in (0..).zip(filled) {
        let bytes = signed(&bin_name(bin), body(files.into(), None), &[&key])?;
        fs::write(to.join(bin_file(bin)), bytes)?;
    }
    Ok(())
}
