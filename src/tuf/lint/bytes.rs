//! What the bytes hold beside what is read from them.

use std::collections::BTreeMap;

use crate::tuf::any::AnyDocument;
use crate::tuf::bins;
use crate::tuf::document::Dialect;
use crate::tuf::root::{ListedKey, RoleKeys};
use crate::tuf::targets::{Delegations, Targets};
use crate::tuf::wire::json::Json;

use super::outer::Outer;
use super::table::{
    CONSISTENT_SNAPSHOT_OFF, CONSISTENT_SNAPSHOT_ON, PRIVATE_MATERIAL, SIGNATURE_MEMBER,
    SILENT_BRICK, SPEC_VERSION, UNKNOWN_MEMBER, UNSIGNED_MEMBER, WRITTEN_DIFFERENTLY,
};
use super::{Counted, Raised};

pub(super) fn findings(document: &AnyDocument, raised: &mut Raised<'_>) {
    outer(document, raised);
    form(document, raised);
    unknown(document, raised);
    if text_of_private_key(document.received()) {
        raised.raise(&PRIVATE_MATERIAL, "document", "the text of a private key in PEM");
    }
    if let Some(stated) = document.spec_version()
        && stated != "1"
        && !stated.starts_with("1.")
    {
        raised.raise(&SPEC_VERSION, "spec_version", format!("{stated:?}"));
    }
    if let AnyDocument::Root(root) = document {
        let rule = if root.peek().consistent_snapshot {
            &CONSISTENT_SNAPSHOT_ON
        } else {
            &CONSISTENT_SNAPSHOT_OFF
        };
        let stated = root.peek().consistent_snapshot.to_string();
        raised.raise(rule, "consistent_snapshot", stated);
    }
}

fn text_of_private_key(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.contains("PRIVATE KEY-----"))
}

/// Members beside `signed` and `signatures`, and beside those of a signature.
fn outer(document: &AnyDocument, raised: &mut Raised<'_>) {
    let outer = Outer::of(document.received());
    for name in outer.members {
        raised.raise(&UNSIGNED_MEMBER, &name, format!("the member {name:?}"));
    }
    let mut beside = Counted::default();
    for entry in outer.signatures {
        let Json::Object(members) = entry else { continue };
        let known: &[&str] = match document.dialect() {
            Dialect::Tuf1 => &["keyid", "sig"],
            Dialect::Notary1 => &["keyid", "method", "sig"],
        };
        for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
            beside.add(|| name.clone());
        }
    }
    raised.raise_counted(&SIGNATURE_MEMBER, "signatures", &beside);
}

/// Whether writing it again gives the same bytes.
fn form(document: &AnyDocument, raised: &mut Raised<'_>) {
    match document.dialect() {
        Dialect::Notary1 => {
            if let Some(found) = brick(document) {
                raised.raise(&SILENT_BRICK, "document", found);
            }
        }
        Dialect::Tuf1 => {
            let again = AnyDocument::read(&document.reemitted());
            if !again.is_ok_and(|again| again.signing_bytes() == document.signing_bytes()) {
                raised.raise(&WRITTEN_DIFFERENTLY, "document", "other signing bytes");
            }
        }
    }
}

/// What Notary would write in another way.
fn brick(document: &AnyDocument) -> Option<String> {
    let method = document.signatures().iter().find_map(|entry| {
        let stated = entry.method.as_ref()?;
        (*stated != stated.to_lowercase()).then(|| format!("the method {stated:?} in capitals"))
    });
    let keyval = keys(document).into_iter().find_map(|(id, key)| {
        let private = key.wire.member("keyval").and_then(|value| value.member("private"));
        private.is_none().then(|| format!("no \"private\":null in key {id}"))
    });
    let delegations = match document {
        AnyDocument::Targets(targets) if targets.peek().delegations.is_none() => {
            Some("no member `delegations`".to_owned())
        }
        AnyDocument::Targets(_)
        | AnyDocument::Root(_)
        | AnyDocument::Snapshot(_)
        | AnyDocument::Timestamp(_) => None,
    };
    let bytes = || {
        let (ours, theirs) = (document.reemitted(), document.received());
        let at = ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count();
        (ours != theirs).then(|| format!("other bytes from byte {} on", at + 1))
    };
    method.or(keyval).or(delegations).or_else(bytes)
}

/// The keys that a document lists.
pub(super) fn keys(document: &AnyDocument) -> Vec<(&str, &ListedKey)> {
    let listed = match document {
        AnyDocument::Root(root) => Some(&root.peek().keys),
        AnyDocument::Targets(targets) => targets.peek().delegations.as_ref().map(|d| &d.keys),
        AnyDocument::Snapshot(_) | AnyDocument::Timestamp(_) => None,
    };
    listed.into_iter().flatten().map(|(id, key)| (id.as_str(), key)).collect()
}

fn unknown(document: &AnyDocument, raised: &mut Raised<'_>) {
    let mut names = Counted::default();
    for name in unknown_members(document) {
        names.add(|| name);
    }
    raised.raise_counted(&UNKNOWN_MEMBER, "document", &names);
}

/// Every member that the specification does not know, as a path below `signed`. What targets call `custom` is known.
pub fn unknown_members(document: &AnyDocument) -> Vec<String> {
    let mut found = Unknown { dialect: document.dialect(), names: Vec::new() };
    match document {
        AnyDocument::Root(root) => {
            found.all("", &root.peek().unknown);
            for (name, role) in &root.peek().roles {
                found.role(name.as_str(), role);
            }
        }
        AnyDocument::Targets(targets) => found.targets(targets.peek()),
        AnyDocument::Snapshot(snapshot) => {
            found.all("", &snapshot.peek().unknown);
            for (name, file) in &snapshot.peek().meta {
                found.all(&format!("meta.{name}."), &file.unknown);
            }
        }
        AnyDocument::Timestamp(timestamp) => {
            found.all("", &timestamp.peek().unknown);
            for (name, file) in &timestamp.peek().meta {
                found.all(&format!("meta.{name}."), &file.unknown);
            }
        }
    }
    for (id, key) in keys(document) {
        found.key(id, key);
    }
    found.names
}

struct Unknown {
    dialect: Dialect,
    names: Vec<String>,
}

impl Unknown {
    fn all(&mut self, path: &str, unknown: &BTreeMap<String, Json>) {
        for name in unknown.keys() {
            self.names.push(format!("{path}{name}"));
        }
    }

    fn role(&mut self, name: &str, role: &RoleKeys) {
        self.all(&format!("roles.{name}."), &role.unknown);
    }

    fn targets(&mut self, targets: &Targets) {
        self.all("", &targets.unknown);
        super::targets::each(targets, |name, file| {
            if !file.unknown.is_empty() {
                self.all(&format!("targets.{name}."), &file.unknown);
            }
        });
        if let Some(delegations) = &targets.delegations {
            self.delegations(delegations);
        }
    }

    fn delegations(&mut self, delegations: &Delegations) {
        for name in delegations.unknown.keys() {
            // Hash bins are known, in the TUF dialect.
            if !(self.dialect == Dialect::Tuf1 && name == bins::MEMBER) {
                self.names.push(format!("delegations.{name}"));
            }
        }
        for role in &delegations.roles {
            self.role(role.name.as_str(), &role.keys);
        }
    }

    fn key(&mut self, id: &str, key: &ListedKey) {
        let (outer, inner): (&[&str], &[&str]) = match self.dialect {
            Dialect::Tuf1 => {
                (&["keytype", "keyval", "scheme", "keyid_hash_algorithms"], &["public"])
            }
            Dialect::Notary1 => (&["keytype", "keyval"], &["private", "public"]),
        };
        for (value, known, path) in
            [(Some(&key.wire), outer, ""), (key.wire.member("keyval"), inner, "keyval.")]
        {
            let Some(Json::Object(members)) = value else { continue };
            for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
                self.names.push(format!("keys.{id}.{path}{name}"));
            }
        }
    }
}
