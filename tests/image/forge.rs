//! Repositories whose keys everybody can make, in the very bytes that a server or a TUF repository serves.
#![allow(dead_code, reason = "each program takes what it needs of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::{Dialect, DocId, DocRole};
use anchorite::tuf::forge::ForgedKey;
use anchorite::tuf::key::{Algorithm, KeyId};
use anchorite::tuf::signature::Signature;
use anchorite::tuf::wire::certificate::CertificateDraft;
use anchorite::tuf::wire::json::{Json, Limits, parse};
use anchorite::tuf::wire::notary1;
use sha2::{Digest as _, Sha256, Sha512};

pub(crate) const GUN: &str = "registry.example.com/team/app";
/// A day on which nothing here has expired.
pub(crate) const DAY: &str = "2027-01-01T00:00:00Z";

/// A role below `targets`: its name, its paths, whether the search ends there, and what it signs.
pub(crate) struct Delegation {
    pub(crate) name: &'static str,
    pub(crate) paths: &'static [&'static str],
    pub(crate) terminating: bool,
    pub(crate) targets: Vec<(String, Json)>,
}

/// A repository to be.
pub(crate) struct Repository {
    pub(crate) dialect: Dialect,
    pub(crate) targets: Vec<(String, Json)>,
    pub(crate) delegations: Vec<Delegation>,
}

/// A key as its repository lists it.
struct Listed {
    key: ForgedKey,
    id: KeyId,
    wire: Json,
}

/// An entry that signs this content.
pub(crate) fn entry(dialect: Dialect, content: &[u8]) -> Json {
    let hash = |bytes: &[u8]| match dialect {
        Dialect::Notary1 => data_encoding::BASE64.encode(bytes),
        Dialect::Tuf1 => data_encoding::HEXLOWER.encode(bytes),
    };
    Json::object([
        (
            "hashes",
            Json::object([
                ("sha256", Json::String(hash(&Sha256::digest(content)))),
                ("sha512", Json::String(hash(&Sha512::digest(content)))),
            ]),
        ),
        ("length", Json::Integer(i64::try_from(content.len()).unwrap())),
    ])
}

impl Repository {
    pub(crate) fn signing(dialect: Dialect, tag: &str, content: &[u8]) -> Self {
        let targets = vec![(tag.to_owned(), entry(dialect, content))];
        Self { dialect, targets, delegations: Vec::new() }
    }

    /// Writes the documents, and gives the root's digest.
    pub(crate) fn write(&self, folder: &Path) -> String {
        let (digest, documents) = self.documents();
        for (name, bytes) in &documents {
            let path = folder.join(format!("{name}.json"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        digest
    }

    /// The root's digest, and the documents by their names.
    pub(crate) fn documents(&self) -> (String, BTreeMap<String, Vec<u8>>) {
        let keys: BTreeMap<&str, Listed> = ["root", "targets", "snapshot", "timestamp", "lower"]
            .into_iter()
            .map(|name| (name, self.key(name)))
            .collect();
        let root = self.signed(
            "root",
            1,
            [
                ("consistent_snapshot", Json::Bool(false)),
                (
                    "keys",
                    Json::Object(
                        keys.values().map(|key| (key.id.to_string(), key.wire.clone())).collect(),
                    ),
                ),
                (
                    "roles",
                    Json::Object(
                        ["root", "targets", "snapshot", "timestamp"]
                            .into_iter()
                            .map(|name| (name.to_owned(), role(&[&keys[name].id])))
                            .collect(),
                    ),
                ),
            ],
        );
        let mut documents = BTreeMap::new();
        documents.insert("root".to_owned(), self.envelope(&root, &keys["root"]));
        for delegation in &self.delegations {
            let document = self.signed("targets", 3, [("targets", object(&delegation.targets))]);
            let bytes = self.envelope(&document, &keys["lower"]);
            documents.insert(delegation.name.to_owned(), bytes);
        }
        let targets = self.signed(
            "targets",
            2,
            [("delegations", self.delegated(&keys["lower"])), ("targets", object(&self.targets))],
        );
        documents.insert("targets".to_owned(), self.envelope(&targets, &keys["targets"]));
        let meta = documents.iter().map(|(name, bytes)| self.meta(name, bytes)).collect();
        let snapshot = self.signed("snapshot", 4, [("meta", Json::Object(meta))]);
        documents.insert("snapshot".to_owned(), self.envelope(&snapshot, &keys["snapshot"]));
        let meta = [self.meta("snapshot", &documents["snapshot"])].into_iter().collect();
        let timestamp = self.signed("timestamp", 5, [("meta", Json::Object(meta))]);
        documents.insert("timestamp".to_owned(), self.envelope(&timestamp, &keys["timestamp"]));
        (Digest::of(&root.canonical()).to_string(), documents)
    }

    fn key(&self, name: &str) -> Listed {
        let seed = Digest::of(b"images");
        if self.dialect == Dialect::Tuf1 || name != "root" {
            let key = ForgedKey::new(&seed, name, Algorithm::Ed25519).unwrap();
            let (id, listed) = self.dialect.list_key(key.public_key()).unwrap();
            return Listed { key, id, wire: listed.wire };
        }
        let key = ForgedKey::new(&seed, name, Algorithm::P256).unwrap();
        let draft = CertificateDraft {
            common_name: GUN.to_owned(),
            public: key.public_key().clone(),
            not_before: "2026-01-01T00:00:00Z".parse().unwrap(),
            not_after: "2050-01-01T00:00:00Z".parse().unwrap(),
            serial: [0x40; 16],
        };
        let role = DocRole::Certificate("root".parse().unwrap());
        let id = DocId { repository: GUN.parse().unwrap(), role, version: 1 };
        let payload = draft.payload(id).unwrap();
        let pem = payload.envelope(&[(KeyId::new(String::new()), key.sign(payload.to_sign()))]);
        let (id, listed) = notary1::list_certificate(std::str::from_utf8(&pem).unwrap()).unwrap();
        Listed { key, id, wire: listed.wire }
    }

    fn signed<const N: usize>(&self, kind: &str, version: i64, more: [(&str, Json); N]) -> Json {
        let kind = match self.dialect {
            Dialect::Tuf1 => kind.to_owned(),
            Dialect::Notary1 => kind[..1].to_uppercase() + &kind[1..],
        };
        let mut members = BTreeMap::from([
            ("_type".to_owned(), Json::String(kind)),
            ("expires".to_owned(), Json::text("2030-01-01T00:00:00Z")),
            ("version".to_owned(), Json::Integer(version)),
        ]);
        if self.dialect == Dialect::Tuf1 {
            members.insert("spec_version".to_owned(), Json::text("1.0.0"));
        } else if more.iter().any(|(name, _)| *name == "targets") {
            let none = Json::object([
                ("keys", Json::Object(BTreeMap::new())),
                ("roles", Json::Array(Vec::new())),
            ]);
            members.insert("delegations".to_owned(), none);
        }
        members.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Json::Object(members)
    }

    fn delegated(&self, key: &Listed) -> Json {
        let roles = self.delegations.iter().map(|delegation| {
            let Json::Object(mut members) = role(&[&key.id]) else { unreachable!() };
            let paths = delegation.paths.iter().map(|path| Json::text(*path)).collect();
            members.insert("name".to_owned(), Json::text(delegation.name));
            members.insert("paths".to_owned(), Json::Array(paths));
            if self.dialect == Dialect::Tuf1 {
                members.insert("terminating".to_owned(), Json::Bool(delegation.terminating));
            }
            Json::Object(members)
        });
        let keys = BTreeMap::from([(key.id.to_string(), key.wire.clone())]);
        let keys = if self.delegations.is_empty() { BTreeMap::new() } else { keys };
        Json::object([("keys", Json::Object(keys)), ("roles", Json::Array(roles.collect()))])
    }

    fn meta(&self, name: &str, bytes: &[u8]) -> (String, Json) {
        if self.dialect == Dialect::Notary1 {
            return (name.to_owned(), entry(self.dialect, bytes));
        }
        let signed = parse(bytes, Limits::default()).unwrap();
        let version = signed.member("signed").unwrap().member("version").unwrap().clone();
        (format!("{name}.json"), Json::object([("version", version)]))
    }

    fn envelope(&self, signed: &Json, by: &Listed) -> Vec<u8> {
        let signature = by.key.sign(&signed.canonical());
        let (id, raw) = (&by.id, signature.as_bytes());
        match self.dialect {
            Dialect::Notary1 => {
                let body = String::from_utf8(signed.go_compact()).unwrap();
                let (method, sig) = (method(&signature), data_encoding::BASE64.encode(raw));
                format!(
                    r#"{{"signed":{body},"signatures":[{{"keyid":"{id}","method":"{method}","sig":"{sig}"}}]}}"#
                )
                .into_bytes()
            }
            Dialect::Tuf1 => {
                let body = String::from_utf8(signed.compact()).unwrap();
                let sig = data_encoding::HEXLOWER.encode(raw);
                format!(r#"{{"signatures":[{{"keyid":"{id}","sig":"{sig}"}}],"signed":{body}}}"#)
                    .into_bytes()
            }
        }
    }
}

fn object(members: &[(String, Json)]) -> Json {
    Json::Object(members.iter().cloned().collect())
}

fn role(ids: &[&KeyId]) -> Json {
    let ids = ids.iter().map(|id| Json::text(id.as_str())).collect();
    Json::object([("keyids", Json::Array(ids)), ("threshold", Json::Integer(1))])
}

fn method(signature: &Signature) -> &'static str {
    if matches!(signature, Signature::Ed25519(_)) { "eddsa" } else { "ecdsa" }
}
