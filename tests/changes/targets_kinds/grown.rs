//! Repositories that lived on after their first root: delegations, and what somebody else did with a leaked key.

use std::collections::BTreeMap;

use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::{Dialect, DocId, DocRole};
use anchorite::tuf::forge::ForgedKey;
use anchorite::tuf::key::Algorithm;
use anchorite::tuf::payload::Draft;
use anchorite::tuf::root::{RoleKeys, StatedThreshold};
use anchorite::tuf::signed::{Body, Signed};
use anchorite::tuf::snapshot::{MetaFile, Snapshot, Timestamped};
use anchorite::tuf::targets::{DelegatedRole, Delegations, TargetFile, Targets};

use crate::sample::Sample;

/// A repository, and the keys below its root.
pub(super) struct Grown {
    pub(super) sample: Sample,
    /// The targets document as the first root made it.
    pub(super) good: Vec<u8>,
}

/// The names that the samples have in a dialect: the first target, a later one, a delegation and another one.
pub(super) struct Names {
    pub(super) first: &'static str,
    pub(super) later: &'static str,
    pub(super) bad: &'static str,
    pub(super) releases: &'static str,
    pub(super) alice: &'static str,
    pub(super) evil: &'static str,
    pub(super) tagging: &'static str,
}

pub(super) const fn names(dialect: Dialect) -> Names {
    match dialect {
        Dialect::Notary1 => Names {
            first: "v1",
            later: "v2",
            bad: "latest",
            releases: "targets/releases",
            alice: "targets/alice",
            evil: "targets/evil",
            tagging: "tagging",
        },
        Dialect::Tuf1 => Names {
            first: "app/app-1.0.tar.gz",
            later: "app/app-2.0.tar.gz",
            bad: "app/latest",
            releases: "releases",
            alice: "alice",
            evil: "evil",
            tagging: "release",
        },
    }
}

/// The paths of the delegations that work, as TOML and as they are written.
pub(super) fn paths(dialect: Dialect) -> Vec<String> {
    match dialect {
        Dialect::Notary1 => vec![String::new()],
        Dialect::Tuf1 => vec!["app/*".to_owned()],
    }
}

pub(super) fn file(content: &[u8]) -> TargetFile {
    TargetFile {
        length: u64::try_from(content.len()).unwrap(),
        hashes: BTreeMap::from([("sha256".to_owned(), Digest::of(content).as_bytes().to_vec())]),
        custom: None,
        unknown: BTreeMap::new(),
    }
}

impl Grown {
    pub(super) fn new(dialect: Dialect) -> Self {
        let sample = Sample::new(dialect);
        let good = sample.newest_targets();
        Self { sample, good }
    }

    /// With `releases` and `alice`, who sign one and the same later target, as docker does it.
    pub(super) fn with_delegations(dialect: Dialect) -> Self {
        let mut grown = Self::new(dialect);
        let of = names(dialect);
        grown.targets(|targets| {
            for name in [of.releases, of.alice] {
                delegate(dialect, targets, name, &key(name), paths(dialect));
            }
        });
        for name in [of.releases, of.alice] {
            grown.delegated(name, &[of.later]);
        }
        grown.seal();
        grown.good = grown.sample.newest_targets();
        grown
    }

    /// Somebody with the targets key moved a target, added one, and added a delegation for themselves.
    pub(super) fn attacked(mut self) -> Self {
        let dialect = self.sample.dialect;
        let of = names(dialect);
        self.targets(|targets| {
            let mut table = targets.targets.to_map();
            table.insert(of.first.to_owned(), file(b"not what was built"));
            table.insert(of.bad.to_owned(), file(b"something bad"));
            targets.targets = table.into();
            delegate(dialect, targets, of.evil, &key(of.evil), paths(dialect));
        });
        self.delegated(of.evil, &["evil-tag"]);
        self.seal();
        self
    }

    /// Signs the next targets with the targets key.
    pub(super) fn targets(&mut self, change: impl FnOnce(&mut Targets)) {
        let dialect = self.sample.dialect;
        let read = Signed::<Targets>::read(dialect, &self.sample.newest_targets()).unwrap();
        let mut body = read.peek().clone();
        let old = body.version;
        body.version += 1;
        change(&mut body);
        let key = self.sample.twin.key(&names(dialect).tagging.parse().unwrap()).unwrap();
        self.sample.files.remove(&served(dialect, "targets", old));
        self.put(DocRole::Targets, body, key);
    }

    /// Signs version 1 of a delegation.
    pub(super) fn delegated(&mut self, name: &str, of: &[&str]) {
        let dialect = self.sample.dialect;
        let table: BTreeMap<_, _> =
            of.iter().map(|name| ((*name).to_owned(), file(name.as_bytes()))).collect();
        let body = Targets {
            version: 1,
            targets: table.into(),
            delegations: (dialect == Dialect::Notary1).then(Delegations::default),
            ..self.newest()
        };
        self.put(DocRole::Delegated(name.parse().unwrap()), body, key(name));
    }

    fn newest(&self) -> Targets {
        let bytes = self.sample.newest_targets();
        Signed::<Targets>::read(self.sample.dialect, &bytes).unwrap().peek().clone()
    }

    fn put<T: Body>(&mut self, role: DocRole, body: T, key: ForgedKey) {
        let dialect = self.sample.dialect;
        let version = body.version();
        let repository = self.sample.twin.plan().repository.name.clone();
        let name = served(dialect, &role.to_string(), version);
        let id = DocId { repository, role, version };
        let payload = Draft::new(id, dialect, body).payload().unwrap();
        let (keyid, _) = dialect.list_key(key.public_key()).unwrap();
        let made = key.for_dialect(dialect).sign(payload.to_sign());
        self.sample.files.insert(name, payload.envelope(&[(keyid, made)]));
    }

    fn online(&self) -> ForgedKey {
        self.sample.twin.key(&"online".parse().unwrap()).unwrap()
    }

    /// The online side names what there is.
    pub(super) fn seal(&mut self) {
        let dialect = self.sample.dialect;
        if dialect == Dialect::Notary1 {
            return;
        }
        let (name, bytes) =
            self.sample.files.iter().find(|(name, _)| name.ends_with("snapshot.json")).unwrap();
        let mut snapshot = Signed::<Snapshot>::read(dialect, bytes).unwrap().peek().clone();
        let name = name.clone();
        self.sample.files.remove(&name);
        snapshot.version += 1;
        for name in self.sample.files.keys() {
            let (Some((version, role)), false) = (name.split_once('.'), name.contains("root"))
            else {
                continue;
            };
            if let Ok(version) = version.parse() {
                let file = MetaFile { version: Some(version), ..MetaFile::default() };
                snapshot.meta.insert(role.to_owned(), file);
            }
        }
        let version = snapshot.version;
        self.put(DocRole::Snapshot, snapshot, self.online());
        let bytes = &self.sample.files["timestamp.json"];
        let mut timestamp = Signed::<Timestamped>::read(dialect, bytes).unwrap().peek().clone();
        timestamp.version += 1;
        let file = MetaFile { version: Some(version), ..MetaFile::default() };
        timestamp.meta.insert("snapshot.json".to_owned(), file);
        self.put(DocRole::Timestamp, timestamp, self.online());
    }
}

/// The key of a delegation.
pub(super) fn key(name: &str) -> ForgedKey {
    ForgedKey::new(&Digest::of(b"a sample"), name, Algorithm::P256).unwrap()
}

pub(super) fn delegate(
    dialect: Dialect,
    targets: &mut Targets,
    name: &str,
    key: &ForgedKey,
    paths: Vec<String>,
) {
    let (id, listed) = dialect.list_key(key.public_key()).unwrap();
    let delegations = targets.delegations.get_or_insert_default();
    delegations.keys.insert(id.clone(), listed);
    delegations.roles.push(DelegatedRole {
        name: name.parse().unwrap(),
        keys: RoleKeys {
            keyids: vec![id],
            threshold: StatedThreshold(1),
            unknown: BTreeMap::new(),
        },
        paths: Some(paths),
        path_hash_prefixes: None,
        terminating: (dialect == Dialect::Tuf1).then_some(false),
    });
}

fn served(dialect: Dialect, role: &str, version: u64) -> String {
    match dialect {
        Dialect::Tuf1 if role != "timestamp" => format!("{version}.{role}.json"),
        Dialect::Tuf1 | Dialect::Notary1 => format!("{role}.json"),
    }
}
