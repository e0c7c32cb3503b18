//! Documents that tests make: good ones, and what is changed in them.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;

use crate::tuf::any::AnyDocument;
use crate::tuf::digest::Digest;
use crate::tuf::document::{Dialect, DocId, DocRole};
use crate::tuf::forge::ForgedKey;
use crate::tuf::key::{Algorithm, KeyId};
use crate::tuf::wire::certificate::CertificateDraft;
use crate::tuf::wire::json::Json;
use crate::tuf::wire::{envelope, notary1, tuf1};

pub(super) const TUF: Dialect = Dialect::Tuf1;
pub(super) const NOTARY: Dialect = Dialect::Notary1;
pub(super) const GUN: &str = "example.com/a";

/// A document to be made: what is signed, by which ids with which keys, and what is done to the bytes.
#[derive(Clone)]
pub(super) struct Doc {
    pub(super) repository: &'static str,
    pub(super) role: &'static str,
    pub(super) dialect: Dialect,
    pub(super) signed: Json,
    pub(super) signers: Vec<(String, &'static str)>,
    pub(super) bytes: fn(String) -> String,
}

pub(super) fn forged(label: &str, dialect: Dialect) -> ForgedKey {
    let algorithm = match dialect {
        Dialect::Tuf1 if !label.starts_with("p384") => Algorithm::Ed25519,
        Dialect::Tuf1 => Algorithm::P384,
        Dialect::Notary1 => Algorithm::P256,
    };
    ForgedKey::new(&Digest::of(b"lint"), label, algorithm).unwrap().for_dialect(dialect)
}

/// A key as a document lists it; in Notary the keys `r…` come in certificates.
pub(super) fn listed(label: &str, dialect: Dialect) -> (String, Json) {
    let key = forged(label, dialect);
    let (id, key) = match dialect {
        Dialect::Notary1 if label.starts_with('r') => {
            notary1::list_certificate(&certificate(label, GUN, "2027-01-01T00:00:00Z")).unwrap()
        }
        Dialect::Notary1 | Dialect::Tuf1 => dialect.list_key(key.public_key()).unwrap(),
    };
    (id.to_string(), key.wire)
}

/// A certificate that ends in 2050 and the years after, by the last letter of its key.
pub(super) fn certificate(label: &str, common_name: &str, not_before: &str) -> String {
    let key = forged(label, NOTARY);
    let year = 2050 + u32::from(*label.as_bytes().last().unwrap() % 10);
    let draft = CertificateDraft {
        common_name: common_name.to_owned(),
        public: key.public_key().clone(),
        not_before: not_before.parse().unwrap(),
        not_after: format!("{year}-01-01T00:00:00Z").parse().unwrap(),
        serial: [7; 16],
    };
    let id = DocId {
        repository: GUN.parse().unwrap(),
        role: DocRole::Certificate("r".parse().unwrap()),
        version: 1,
    };
    let payload = draft.payload(id).unwrap();
    let signature = key.sign(payload.to_sign());
    String::from_utf8(payload.envelope(&[(KeyId::new("r"), signature)])).unwrap()
}

pub(super) fn x509(pem: &str) -> (String, Json) {
    let (id, key) = notary1::list_certificate(pem).unwrap();
    (id.to_string(), key.wire)
}

pub(super) fn text(text: &str) -> Json {
    Json::text(text)
}

pub(super) fn object(members: impl IntoIterator<Item = (String, Json)>) -> Json {
    Json::Object(members.into_iter().collect())
}

pub(super) fn role(ids: &[String], threshold: i64) -> Json {
    let ids = ids.iter().map(|id| text(id)).collect();
    Json::object([("keyids", Json::Array(ids)), ("threshold", Json::Integer(threshold))])
}

/// A root that nobody objects to: 2 of 3, one key for each other role.
pub(super) fn root(dialect: Dialect) -> Doc {
    root_of(dialect, ["r1", "r2", "r3"], "t")
}

pub(super) fn root_of(
    dialect: Dialect,
    root_keys: [&'static str; 3],
    targets_key: &'static str,
) -> Doc {
    let keys: Vec<_> = root_keys.iter().map(|label| listed(label, dialect)).collect();
    let ids: Vec<_> = keys.iter().map(|(id, _)| id.clone()).collect();
    let (t, s, h) = (listed(targets_key, dialect), listed("s", dialect), listed("h", dialect));
    let roles = [
        ("root".to_owned(), role(&ids, 2)),
        ("targets".to_owned(), role(std::slice::from_ref(&t.0), 1)),
        ("snapshot".to_owned(), role(std::slice::from_ref(&s.0), 1)),
        ("timestamp".to_owned(), role(std::slice::from_ref(&h.0), 1)),
    ];
    let mut signed = BTreeMap::from([
        ("version".to_owned(), Json::Integer(1)),
        ("expires".to_owned(), text("2030-01-01T00:00:00Z")),
        ("consistent_snapshot".to_owned(), Json::Bool(dialect == TUF)),
        ("keys".to_owned(), object(keys.into_iter().chain([t, s, h]))),
        ("roles".to_owned(), object(roles)),
    ]);
    kind(&mut signed, dialect, "root");
    Doc {
        repository: "a",
        role: "root",
        dialect,
        signed: Json::Object(signed),
        signers: ids.into_iter().zip(root_keys).collect(),
        bytes: |bytes| bytes,
    }
}

pub(super) fn kind(signed: &mut BTreeMap<String, Json>, dialect: Dialect, kind: &str) {
    match dialect {
        Dialect::Tuf1 => {
            signed.insert("_type".to_owned(), text(kind));
            signed.insert("spec_version".to_owned(), text("1.0.0"));
        }
        Dialect::Notary1 => {
            let capital = kind.get(..1).unwrap().to_uppercase() + kind.get(1..).unwrap();
            signed.insert("_type".to_owned(), text(&capital));
        }
    }
}

pub(super) fn hash(dialect: Dialect) -> Json {
    text(&match dialect {
        Dialect::Tuf1 => data_encoding::HEXLOWER.encode(&[7; 32]),
        Dialect::Notary1 => data_encoding::BASE64.encode(&[7; 32]),
    })
}

/// One target and one delegation.
pub(super) fn targets(dialect: Dialect) -> Doc {
    let (id, key) = listed("d", dialect);
    let Json::Object(mut delegation) = role(std::slice::from_ref(&id), 1) else { panic!("a role") };
    let (name, paths) = match dialect {
        Dialect::Tuf1 => ("releases", "v*"),
        Dialect::Notary1 => ("targets/releases", ""),
    };
    delegation.insert("name".to_owned(), text(name));
    delegation.insert("paths".to_owned(), Json::Array(vec![text(paths)]));
    if dialect == TUF {
        delegation.insert("terminating".to_owned(), Json::Bool(false));
    }
    let file = Json::object([
        ("length", Json::Integer(7)),
        ("hashes", Json::object([("sha256", hash(dialect))])),
    ]);
    let delegations = Json::object([
        ("keys", object([(id, key)])),
        ("roles", Json::Array(vec![Json::Object(delegation)])),
    ]);
    let mut signed = BTreeMap::from([
        ("version".to_owned(), Json::Integer(1)),
        ("expires".to_owned(), text("2029-01-01T00:00:00Z")),
        ("targets".to_owned(), Json::object([("v1", file)])),
        ("delegations".to_owned(), delegations),
    ]);
    kind(&mut signed, dialect, "targets");
    let signers = vec![(listed("t", dialect).0, "t")];
    Doc {
        repository: "a",
        role: "targets",
        dialect,
        signed: Json::Object(signed),
        signers,
        bytes: |bytes| bytes,
    }
}

pub(super) fn meta(dialect: Dialect, what: &'static str, names: &[&str]) -> Doc {
    let entry = match dialect {
        Dialect::Tuf1 => Json::object([("version", Json::Integer(1))]),
        Dialect::Notary1 => Json::object([
            ("length", Json::Integer(7)),
            ("hashes", Json::object([("sha256", hash(dialect))])),
        ]),
    };
    let mut signed = BTreeMap::from([
        ("version".to_owned(), Json::Integer(1)),
        ("expires".to_owned(), text("2028-06-01T00:00:00Z")),
        ("meta".to_owned(), object(names.iter().map(|name| ((*name).to_owned(), entry.clone())))),
    ]);
    kind(&mut signed, dialect, what);
    let label = if what == "snapshot" { "s" } else { "h" };
    Doc {
        repository: "a",
        role: what,
        dialect,
        signed: Json::Object(signed),
        signers: vec![(listed(label, dialect).0, label)],
        bytes: |bytes| bytes,
    }
}

pub(super) fn snapshot(dialect: Dialect) -> Doc {
    match dialect {
        Dialect::Tuf1 => meta(dialect, "snapshot", &["targets.json"]),
        Dialect::Notary1 => meta(dialect, "snapshot", &["root", "targets"]),
    }
}

pub(super) fn timestamp(dialect: Dialect) -> Doc {
    match dialect {
        Dialect::Tuf1 => meta(dialect, "timestamp", &["snapshot.json"]),
        Dialect::Notary1 => meta(dialect, "timestamp", &["snapshot"]),
    }
}

impl Doc {
    pub(super) fn at(&mut self, path: &str) -> &mut Json {
        path.split('|').fold(&mut self.signed, |value, name| match value {
            Json::Object(members) => members.entry(name.to_owned()).or_insert(Json::Null),
            Json::Array(items) => items.get_mut(name.parse::<usize>().unwrap()).unwrap(),
            Json::Null | Json::Bool(_) | Json::Integer(_) | Json::String(_) => {
                panic!("nothing at {name} of {path}")
            }
        })
    }

    pub(super) fn set(mut self, path: &str, value: impl Into<Json>) -> Self {
        *self.at(path) = value.into();
        self
    }

    pub(super) fn without(mut self, path: &str, name: &str) -> Self {
        let value = if path.is_empty() { &mut self.signed } else { self.at(path) };
        if let Json::Object(members) = value {
            members.remove(name).unwrap();
        }
        self
    }

    /// Adds a key to the list and to a role.
    pub(super) fn key(mut self, role: &str, (id, key): (String, Json)) -> Self {
        if let Json::Array(ids) = self.at(&format!("roles|{role}|keyids")) {
            ids.push(text(&id));
        }
        self.set(&format!("keys|{id}"), key)
    }

    /// Lists the first root key in another way; who signs is not changed.
    pub(super) fn rekey(mut self, (id, key): (String, Json)) -> Self {
        let old = self.signers.first().unwrap().0.clone();
        if let Json::Array(ids) = self.at("roles|root|keyids") {
            *ids.first_mut().unwrap() = text(&id);
        }
        self.without("keys", &old).set(&format!("keys|{id}"), key)
    }

    pub(super) fn signed_by(mut self, signers: &[(&str, &'static str)]) -> Self {
        self.signers = signers.iter().map(|(id, label)| ((*id).to_owned(), *label)).collect();
        self
    }

    pub(super) fn bytes(mut self, change: fn(String) -> String) -> Self {
        self.bytes = change;
        self
    }

    pub(super) fn read(&self) -> AnyDocument {
        let to_sign = self.signed.canonical();
        let signatures: Vec<_> = self
            .signers
            .iter()
            .map(|(id, label)| {
                let signature = forged(label, self.dialect).sign(&to_sign);
                match self.dialect {
                    Dialect::Tuf1 => {
                        (KeyId::new(id.clone()), None, tuf1::signature_bytes(&signature))
                    }
                    Dialect::Notary1 => (
                        KeyId::new(id.clone()),
                        Some(notary1::method(&signature).to_owned()),
                        signature.as_bytes().to_vec(),
                    ),
                }
            })
            .collect();
        let signed = match self.dialect {
            Dialect::Tuf1 => self.signed.compact(),
            Dialect::Notary1 => self.signed.go_compact(),
        };
        let bytes = envelope::write(self.dialect, &signed, &signatures);
        let bytes = (self.bytes)(String::from_utf8(bytes).unwrap());
        AnyDocument::read(bytes.as_bytes()).unwrap()
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<bool> for Json {
    fn from(stated: bool) -> Self {
        Self::Bool(stated)
    }
}
