//! Notary repositories made with throw-away keys, right or wrong on purpose, as a server would serve them.

use std::collections::BTreeMap;

use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::{Dialect, DocId, DocRole};
use anchorite::tuf::forge::ForgedKey;
use anchorite::tuf::key::{Algorithm, KeyId};
use anchorite::tuf::name::RoleName;
use anchorite::tuf::payload::Draft;
use anchorite::tuf::root::{Expires, ListedKey, RoleKeys, Root, StatedThreshold};
use anchorite::tuf::signed::Body;
use anchorite::tuf::snapshot::{MetaFile, Snapshot, Timestamped};
use anchorite::tuf::targets::{DelegatedRole, Delegations, TargetFile, Targets};
use anchorite::tuf::time::Timestamp;
use anchorite::tuf::wire::json::{Limits, parse};
use anchorite::tuf::wire::notary1::{list_certificate, read_server_key};
use sha2::{Digest as _, Sha256};

/// Documents by the names under which clients ask for them.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A key by its label: P-256, or Ed25519 for labels that begin with `ed-`.
pub(crate) fn key(label: &str) -> ForgedKey {
    let algorithm = if label.starts_with("ed-") { Algorithm::Ed25519 } else { Algorithm::P256 };
    ForgedKey::new(&Digest::of(b"notary repositories"), label, algorithm)
        .unwrap()
        .for_dialect(Dialect::Notary1)
}

/// A certificate to be made.
#[derive(Clone)]
pub(crate) struct Cert {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) authority: bool,
    /// The last byte of an extended key usage 1.3.6.1.5.5.7.3.N.
    pub(crate) usage: Option<u8>,
    pub(crate) sha1: bool,
    /// The label and name of the key that issues it; itself where there is none.
    pub(crate) issuer: Option<(String, String)>,
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    let length = match (high, low) {
        (0, 0..=0x7f) => vec![low],
        (0, 0x80..) => vec![0x81, low],
        (1.., _) => vec![0x82, high, low],
    };
    [vec![tag], length, content.to_vec()].concat()
}

fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn name(text: &str) -> Vec<u8> {
    let attribute = seq(&[tlv(0x06, &[0x55, 0x04, 0x03]), tlv(0x0c, text.as_bytes())]);
    seq(&[tlv(0x31, &attribute)])
}

fn time(at: Timestamp) -> Vec<u8> {
    let digits: String = at.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
    if digits.as_str() < "2050" {
        tlv(0x17, format!("{}Z", &digits[2..]).as_bytes())
    } else {
        tlv(0x18, format!("{digits}Z").as_bytes())
    }
}

impl Cert {
    /// A certificate as Anchorite makes it: for `name`, from a day ago, for twenty years.
    pub(crate) fn new(label: &str, name: &str, now: Timestamp) -> Self {
        Self {
            key: label.to_owned(),
            name: name.to_owned(),
            from: days(now, -1),
            until: days(now, 7300),
            authority: false,
            usage: None,
            sha1: false,
            issuer: None,
        }
    }

    pub(crate) fn pem(&self) -> String {
        let hash = if self.sha1 { vec![0x01] } else { vec![0x03, 0x02] };
        let oid = [vec![0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04], hash].concat();
        let algorithm = seq(&[tlv(0x06, &oid)]);
        let (issuer_key, issuer_name) =
            self.issuer.clone().unwrap_or_else(|| (self.key.clone(), self.name.clone()));
        let yes = tlv(0x01, &[0xff]);
        let constraints = if self.authority { tlv(0x30, &yes) } else { seq(&[]) };
        let mut extensions =
            vec![seq(&[tlv(0x06, &[0x55, 0x1d, 0x13]), yes, tlv(0x04, &constraints)])];
        if let Some(usage) = self.usage {
            let oid = tlv(0x06, &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, usage]);
            extensions.push(seq(&[tlv(0x06, &[0x55, 0x1d, 0x25]), tlv(0x04, &seq(&[oid]))]));
        }
        let serial = Sha256::digest(format!("{}{}{}", self.key, self.name, self.until));
        let tbs = seq(&[
            tlv(0xa0, &tlv(0x02, &[2])),
            tlv(0x02, &[&[0x11], &serial[..8]].concat()),
            algorithm.clone(),
            name(&issuer_name),
            seq(&[time(self.from), time(self.until)]),
            name(&self.name),
            key(&self.key).public_key().spki_der().to_vec(),
            tlv(0xa3, &seq(&extensions)),
        ]);
        let signature = key(&issuer_key).sign(&tbs).to_ecdsa_der().unwrap();
        let der = seq(&[tbs, algorithm, tlv(0x03, &[vec![0], signature].concat())]);
        let text = data_encoding::BASE64.encode(&der);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }
}

/// A time some days later.
pub(crate) fn days(at: Timestamp, days: i64) -> Timestamp {
    Timestamp::from_unix_seconds(at.unix_seconds() + days * 86_400).unwrap()
}

/// A role: the labels of its keys, its threshold, and who signs.
#[derive(Clone)]
pub(crate) struct Role {
    pub(crate) keys: Vec<String>,
    pub(crate) threshold: i64,
    pub(crate) signers: Vec<String>,
}

/// All keys sign.
pub(crate) fn role(keys: &[&str], threshold: i64) -> Role {
    signed_by(keys, threshold, keys)
}

/// Only these sign.
pub(crate) fn signed_by(keys: &[&str], threshold: i64, signers: &[&str]) -> Role {
    let own = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
    Role { keys: own(keys), threshold, signers: own(signers) }
}

/// A delegation and what it publishes.
#[derive(Clone)]
pub(crate) struct Delegation {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) paths: Option<Vec<String>>,
    pub(crate) tags: Vec<String>,
    pub(crate) expires: Timestamp,
}

/// A root to be made: certificates as PEM texts by the labels of their keys.
#[derive(Clone)]
pub(crate) struct RootPlan {
    pub(crate) version: u64,
    pub(crate) expires: Timestamp,
    pub(crate) certificates: Vec<(String, String)>,
    pub(crate) threshold: i64,
    /// Labels with the PEM under whose id they sign: of this root or of an older one.
    pub(crate) signers: Vec<(String, String)>,
}

/// A repository to be made.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) gun: String,
    pub(crate) now: Timestamp,
    pub(crate) root: RootPlan,
    pub(crate) targets: Role,
    pub(crate) tags: Vec<String>,
    pub(crate) delegations: Vec<Delegation>,
    /// When targets, snapshot and timestamp expire.
    pub(crate) expires: [Timestamp; 3],
    /// The keys of a server, instead of our own: timestamp, snapshot.
    pub(crate) server: Option<[Vec<u8>; 2]>,
}

impl Plan {
    /// A good repository with one root key and one tag.
    pub(crate) fn new(gun: &str, now: Timestamp) -> Self {
        let pem = Cert::new("root-a", gun, now).pem();
        let certificates = vec![("root-a".to_owned(), pem)];
        Self {
            gun: gun.to_owned(),
            now,
            root: RootPlan {
                version: 1,
                expires: days(now, 3000),
                signers: certificates.clone(),
                certificates,
                threshold: 1,
            },
            targets: role(&["targets"], 1),
            tags: vec!["v1".to_owned()],
            delegations: Vec::new(),
            expires: [days(now, 1000), days(now, 1000), days(now, 14)],
            server: None,
        }
    }

    /// Gives the root these certificates and threshold; all sign.
    pub(crate) fn with_root(mut self, certificates: &[Cert], threshold: i64) -> Self {
        self.root.certificates =
            certificates.iter().map(|cert| (cert.key.clone(), cert.pem())).collect();
        self.root.signers = self.root.certificates.clone();
        self.root.threshold = threshold;
        self
    }

    /// Adds a delegation.
    pub(crate) fn with(
        mut self,
        name: &str,
        role: Role,
        paths: Option<&[&str]>,
        tags: &[&str],
    ) -> Self {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        self.delegations.push(Delegation {
            name: name.to_owned(),
            role,
            paths: paths.map(own),
            tags: own(tags),
            expires: days(self.now, 1000),
        });
        self
    }

    fn list(keys: &mut BTreeMap<KeyId, ListedKey>, role: &Role) -> RoleKeys {
        let listed = role.keys.iter().map(|label| {
            let (id, listed) = Dialect::Notary1.list_key(key(label).public_key()).unwrap();
            keys.insert(id.clone(), listed);
            id
        });
        RoleKeys {
            keyids: listed.collect(),
            threshold: StatedThreshold(role.threshold),
            unknown: BTreeMap::new(),
        }
    }

    fn sign<T: Body>(&self, role: DocRole, body: T, signers: &[(KeyId, String)]) -> Vec<u8> {
        let id = DocId { repository: self.gun.parse().unwrap(), role, version: 1 };
        let payload = Draft::new(id, Dialect::Notary1, body).payload().unwrap();
        let signatures: Vec<_> = signers
            .iter()
            .map(|(id, label)| (id.clone(), key(label).sign(payload.to_sign())))
            .collect();
        payload.envelope(&signatures)
    }

    fn bare(labels: &[String]) -> Vec<(KeyId, String)> {
        let ids = labels.iter().map(|label| {
            (Dialect::Notary1.list_key(key(label).public_key()).unwrap().0, label.clone())
        });
        ids.collect()
    }

    /// The root document.
    pub(crate) fn root(&self) -> Vec<u8> {
        let mut keys = BTreeMap::new();
        let mut roles = BTreeMap::new();
        let certificates: Vec<_> =
            self.root.certificates.iter().map(|(_, pem)| list(pem)).collect();
        let keyids = certificates.iter().map(|(id, _)| id.clone()).collect();
        keys.extend(certificates);
        let threshold = StatedThreshold(self.root.threshold);
        roles.insert(RoleName::root(), RoleKeys { keyids, threshold, unknown: BTreeMap::new() });
        roles.insert(RoleName::targets(), Self::list(&mut keys, &self.targets));
        for (nth, name) in [RoleName::timestamp(), RoleName::snapshot()].into_iter().enumerate() {
            let listed = match &self.server {
                None => Self::list(&mut keys, &role(&[&format!("ed-{name}")], 1)),
                Some(server) => {
                    let (id, listed) = read_server_key(&server[nth]).unwrap();
                    keys.insert(id.clone(), listed);
                    let threshold = StatedThreshold(1);
                    RoleKeys { keyids: vec![id], threshold, unknown: BTreeMap::new() }
                }
            };
            roles.insert(name, listed);
        }
        let body = Root {
            version: self.root.version,
            expires: Expires::new(self.root.expires),
            consistent_snapshot: false,
            keys,
            roles,
            spec_version: None,
            unknown: BTreeMap::new(),
        };
        let signers: Vec<_> =
            self.root.signers.iter().map(|(label, pem)| (list(pem).0, label.clone())).collect();
        self.sign(DocRole::Root, body, &signers)
    }

    /// A targets document or a delegation, which delegates to the roles directly below it.
    fn targets_of(&self, name: &str, tags: &[String], expires: Timestamp, role: &Role) -> Vec<u8> {
        let mut delegations = Delegations::default();
        for child in &self.delegations {
            if child.name.rsplit_once('/').unwrap().0 == name {
                let keys = Self::list(&mut delegations.keys, &child.role);
                delegations.roles.push(DelegatedRole {
                    name: child.name.parse().unwrap(),
                    keys,
                    paths: child.paths.clone(),
                    path_hash_prefixes: None,
                    terminating: None,
                });
            }
        }
        let targets = tags.iter().map(|tag| {
            let hash = Sha256::digest(tag.as_bytes()).to_vec();
            let hashes = if tag == "no-hash" {
                BTreeMap::new()
            } else {
                BTreeMap::from([("sha256".to_owned(), hash)])
            };
            let file = TargetFile { length: 10, hashes, custom: None, unknown: BTreeMap::new() };
            (tag.clone(), file)
        });
        let body = Targets {
            version: 1,
            expires: Expires::new(expires),
            targets: targets.collect(),
            delegations: Some(delegations),
            spec_version: None,
            unknown: BTreeMap::new(),
        };
        self.sign(DocRole::Targets, body, &Self::bare(&role.signers))
    }

    /// What is uploaded: root, targets, delegations.
    pub(crate) fn offline(&self) -> Files {
        let [targets, ..] = self.expires;
        let mut files = Files::from([
            ("root.json".to_owned(), self.root()),
            (format!("{}.root.json", self.root.version), self.root()),
            (
                "targets.json".to_owned(),
                self.targets_of("targets", &self.tags, targets, &self.targets),
            ),
        ]);
        for child in &self.delegations {
            let bytes = self.targets_of(&child.name, &child.tags, child.expires, &child.role);
            files.insert(format!("{}.json", child.name), bytes);
        }
        files
    }

    /// Adds a snapshot and a timestamp over what is there.
    pub(crate) fn online(&self, files: &mut Files) {
        let [_, snapshot, timestamp] = self.expires;
        let numbered = |name: &str| name.starts_with(|c: char| c.is_ascii_digit());
        let meta = files
            .iter()
            .filter(|(name, _)| !numbered(name))
            .map(|(name, bytes)| (name.trim_end_matches(".json").to_owned(), meta(bytes)));
        let body = Snapshot {
            version: 1,
            expires: Expires::new(snapshot),
            meta: meta.collect(),
            spec_version: None,
            unknown: BTreeMap::new(),
        };
        let signers = Self::bare(&["ed-snapshot".to_owned()]);
        let bytes = self.sign(DocRole::Snapshot, body, &signers);
        self.timestamp(files, bytes, timestamp);
    }

    /// Adds this snapshot, and a timestamp that names it.
    pub(crate) fn timestamp(&self, files: &mut Files, snapshot: Vec<u8>, expires: Timestamp) {
        let body = Timestamped {
            version: 1,
            expires: Expires::new(expires),
            meta: BTreeMap::from([("snapshot".to_owned(), meta(&snapshot))]),
            spec_version: None,
            unknown: BTreeMap::new(),
        };
        let signers = Self::bare(&["ed-timestamp".to_owned()]);
        files.insert("timestamp.json".to_owned(), self.sign(DocRole::Timestamp, body, &signers));
        files.insert("snapshot.json".to_owned(), snapshot);
    }

    /// A root or targets document with something changed in what is signed, and signed again. Of `from` there must be one.
    pub(crate) fn changed(&self, files: &mut Files, name: &str, from: &str, to: &str) {
        let text = String::from_utf8(files[name].clone()).unwrap();
        let (signed, _) = text[r#"{"signed":"#.len()..].split_once(r#","signatures":["#).unwrap();
        assert!(signed.contains(from), "{name} has no {from}");
        let signed = signed.replacen(from, to, 1);
        let canonical = parse(signed.as_bytes(), Limits::default()).unwrap().canonical();
        let signers = if name == "root.json" {
            let ids = self.root.signers.iter().map(|(label, pem)| (list(pem).0, label.clone()));
            ids.collect()
        } else {
            Self::bare(&self.targets.signers)
        };
        let signatures: Vec<_> = signers
            .iter()
            .map(|(id, label)| {
                let signature = key(label).sign(&canonical);
                let sig = data_encoding::BASE64.encode(signature.as_bytes());
                format!(r#"{{"keyid":"{id}","method":"ecdsa","sig":"{sig}"}}"#)
            })
            .collect();
        let whole = format!(r#"{{"signed":{signed},"signatures":[{}]}}"#, signatures.join(","));
        files.insert(name.to_owned(), whole.into_bytes());
    }

    /// Everything.
    pub(crate) fn files(&self) -> Files {
        let mut files = self.offline();
        self.online(&mut files);
        files
    }
}

/// Lists a certificate even where it is not in the form that ours reads.
pub(crate) fn list(pem: &str) -> (KeyId, ListedKey) {
    list_certificate(pem).unwrap()
}

fn meta(bytes: &[u8]) -> MetaFile {
    MetaFile {
        version: None,
        length: u64::try_from(bytes.len()).ok(),
        hashes: BTreeMap::from([("sha256".to_owned(), Sha256::digest(bytes).to_vec())]),
        unknown: BTreeMap::new(),
    }
}
