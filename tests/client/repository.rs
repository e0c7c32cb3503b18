//! A repository in memory. Its documents are plain JSON values, so that a test can make of them what it wants; whatever is
//! published is well formed and well signed unless the test sees to it that it is not.

use std::collections::BTreeMap;

use anchorite::tuf::digest::Digest;
use anchorite::tuf::forge::ForgedKey;
use anchorite::tuf::key::Algorithm;
use anchorite::tuf::wire::json::{Limits, parse};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The time of all tests; documents expire in 2030.
pub(crate) const NOW: &str = "2026-01-01T00:00:00Z";

#[derive(Clone)]
pub(crate) struct Repository {
    /// The `signed` of each role, as it will be published next.
    pub(crate) bodies: BTreeMap<String, Value>,
    /// The keys that sign for each role, by name.
    pub(crate) signers: BTreeMap<String, Vec<String>>,
    /// What a server would give, by name.
    pub(crate) served: BTreeMap<String, Vec<u8>>,
    /// Whether lengths and hashes are stated.
    pub(crate) hashes: bool,
}

impl Repository {
    /// Four roles with one key each, all published in version 1.
    pub(crate) fn new() -> Self {
        let mut made = Self {
            bodies: BTreeMap::new(),
            signers: BTreeMap::new(),
            served: BTreeMap::new(),
            hashes: false,
        };
        let mut root = document("root");
        root["consistent_snapshot"] = json!(true);
        root["keys"] = json!({});
        root["roles"] = json!({});
        made.bodies.insert("root".to_owned(), root);
        for role in ["root", "timestamp", "snapshot", "targets"] {
            made.authorize(role, &[role], 1);
        }
        let mut timestamp = document("timestamp");
        timestamp["meta"] = json!({"snapshot.json": {"version": 1}});
        let mut snapshot = document("snapshot");
        snapshot["meta"] = json!({"targets.json": {"version": 1}});
        for (role, body) in
            [("timestamp", timestamp), ("snapshot", snapshot), ("targets", targets())]
        {
            made.bodies.insert(role.to_owned(), body);
        }
        made.publish(&["root", "targets", "snapshot", "timestamp"]);
        made
    }

    pub(crate) fn body(&mut self, role: &str) -> &mut Value {
        self.bodies.get_mut(role).unwrap()
    }

    /// Lets the root give a role to these keys, which sign it from now on.
    pub(crate) fn authorize(&mut self, role: &str, keys: &[&str], threshold: i64) {
        let root = self.body("root");
        for name in keys {
            let (id, listed) = key(name);
            root["keys"][id] = listed;
        }
        root["roles"][role] = json!({"keyids": ids(keys), "threshold": threshold});
        self.sign_with(role, keys);
    }

    pub(crate) fn sign_with(&mut self, role: &str, keys: &[&str]) {
        let names = keys.iter().map(|name| (*name).to_owned()).collect();
        self.signers.insert(role.to_owned(), names);
    }

    /// Lets a targets role delegate to another, whose key is called as it is; `more` are the members that say which paths.
    pub(crate) fn delegate(&mut self, by: &str, to: &str, more: &Value) {
        self.delegate_with(by, to, &[to], 1, more);
    }

    pub(crate) fn delegate_with(
        &mut self,
        by: &str,
        to: &str,
        keys: &[&str],
        threshold: i64,
        more: &Value,
    ) {
        let mut role = json!({
            "name": to, "keyids": ids(keys), "threshold": threshold, "terminating": false,
        });
        for (name, value) in more.as_object().unwrap() {
            role[name] = value.clone();
        }
        let delegations = &mut self.body(by)["delegations"];
        if delegations.is_null() {
            *delegations = json!({"keys": {}, "roles": []});
        }
        for name in keys {
            let (id, listed) = key(name);
            delegations["keys"][id] = listed;
        }
        delegations["roles"].as_array_mut().unwrap().push(role);
        if !self.bodies.contains_key(to) {
            self.bodies.insert(to.to_owned(), targets());
            self.sign_with(to, keys);
        }
    }

    pub(crate) fn add_target(&mut self, role: &str, path: &str, content: &str) {
        let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(content.as_bytes()));
        self.body(role)["targets"][path] =
            json!({"length": content.len(), "hashes": {"sha256": hash}});
        let (folder, name) = path.rsplit_once('/').map_or(("", path), |(f, n)| (f, n));
        let slash = if folder.is_empty() { "" } else { "/" };
        self.served.insert(format!("{folder}{slash}{hash}.{name}"), content.as_bytes().to_vec());
    }

    /// Publishes the next version of these roles, in this order.
    pub(crate) fn publish(&mut self, roles: &[&str]) {
        for role in roles {
            let version = self.version(role);
            if self.served.contains_key(&self.name(role, version)) {
                self.body(role)["version"] = json!(version + 1);
            }
            self.publish_as_it_is(role);
        }
    }

    /// Publishes everything again, delegated roles first.
    pub(crate) fn publish_all(&mut self) {
        let top = ["root", "targets", "snapshot", "timestamp"];
        let names: Vec<String> =
            self.bodies.keys().filter(|name| !top.contains(&name.as_str())).cloned().collect();
        let mut roles: Vec<&str> = names.iter().map(String::as_str).collect();
        roles.extend(&top[1..]);
        self.publish(&roles);
    }

    /// Signs a role as its body is, serves it, and names it in the snapshot or timestamp that is published next.
    pub(crate) fn publish_as_it_is(&mut self, role: &str) {
        let bytes = self.signed(role);
        let mut stated = json!({"version": self.version(role)});
        if self.hashes {
            stated["length"] = json!(bytes.len());
            let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes));
            stated["hashes"] = json!({"sha256": hash});
        }
        match role {
            "root" | "timestamp" => {}
            "snapshot" => self.body("timestamp")["meta"]["snapshot.json"] = stated,
            other => self.body("snapshot")["meta"][format!("{other}.json")] = stated,
        }
        let name = self.name(role, self.version(role));
        self.served.insert(name, bytes);
    }

    /// The document of a role with the signatures of its signers.
    pub(crate) fn signed(&self, role: &str) -> Vec<u8> {
        let body = &self.bodies[role];
        let signatures = self.signers[role].iter().map(|name| signature(name, body));
        envelope(body, &signatures.collect::<Vec<_>>())
    }

    pub(crate) fn version(&self, role: &str) -> u64 {
        self.bodies[role]["version"].as_u64().unwrap()
    }

    /// The name under which a version of a role is served.
    pub(crate) fn name(&self, role: &str, version: u64) -> String {
        let consistent = self.bodies["root"]["consistent_snapshot"] == json!(true);
        let encoded = anchorite::tuf::client::percent_encoded(role);
        if role == "root" || (consistent && role != "timestamp") {
            format!("{version}.{encoded}.json")
        } else {
            format!("{encoded}.json")
        }
    }
}

/// A document of a kind, empty but for what all have.
fn document(kind: &str) -> Value {
    json!({
        "_type": kind, "spec_version": "1.0.0", "version": 1, "expires": "2030-01-01T00:00:00Z",
    })
}

pub(crate) fn targets() -> Value {
    let mut body = document("targets");
    body["targets"] = json!({});
    body
}

fn forged(name: &str) -> ForgedKey {
    ForgedKey::new(&Digest::of(b"client"), name, Algorithm::Ed25519).unwrap()
}

/// A key under its own id; one whose name ends with `'` is the same key under a second id.
pub(crate) fn key(name: &str) -> (String, Value) {
    let plain = name.trim_end_matches('\'');
    let bytes = forged(plain).public_key().ed25519_bytes().unwrap();
    let mut listed = json!({
        "keytype": "ed25519", "scheme": "ed25519",
        "keyval": {"public": data_encoding::HEXLOWER.encode(&bytes)},
    });
    if plain != name {
        listed["second"] = json!(true);
    }
    let id = Sha256::digest(serde_json::to_vec(&listed).unwrap());
    (data_encoding::HEXLOWER.encode(&id), listed)
}

pub(crate) fn ids(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|name| key(name).0).collect()
}

pub(crate) fn signature(name: &str, body: &Value) -> Value {
    let bytes = serde_json::to_vec(body).unwrap();
    // What cannot be canonical is signed as it is.
    let to_sign = parse(&bytes, Limits::default()).map_or(bytes, |value| value.canonical());
    let made = forged(name.trim_end_matches('\'')).sign(&to_sign);
    json!({"keyid": key(name).0, "sig": data_encoding::HEXLOWER.encode(made.as_bytes())})
}

pub(crate) fn envelope(body: &Value, signatures: &[Value]) -> Vec<u8> {
    serde_json::to_vec(&json!({"signed": body, "signatures": signatures})).unwrap()
}
