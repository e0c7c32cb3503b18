//! The bytes that Notary itself would write for a document.
//!
//! A server that signs the snapshot reads an upload into its own types, writes it again, and hashes *that*. It keeps the
//! uploaded bytes and says 200; where the two differ, every client refuses the repository. So a difference matters wherever
//! the snapshot is the server's.

use std::collections::BTreeMap;

use crate::tuf::document::Dialect;
use crate::tuf::key::KeyId;
use crate::tuf::signed::SignatureEntry;
use crate::tuf::wire::envelope;
use crate::tuf::wire::json::{Json, Limits, parse};

/// What Notary would write for a document, and where the document first differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inexact {
    /// The bytes that Notary would write.
    pub(super) written: Vec<u8>,
    /// Where: a member, such as `signed.expires`, or a byte where only the form differs.
    pub(super) at: String,
}

/// Compares a document with what Notary would write; nothing where they are equal, or where it cannot be read at all.
pub(super) fn inexact(bytes: &[u8], signatures: &[SignatureEntry]) -> Option<Inexact> {
    let value = parse(bytes, Limits::default()).ok()?;
    let signed = value.member("signed")?;
    let normal = body(signed);
    let entries: Vec<_> = signatures
        .iter()
        .map(|entry| {
            let method = entry.method.as_ref().map(|method| method.to_lowercase());
            (entry.keyid.clone(), method, entry.raw.clone())
        })
        .collect();
    let written = envelope::write(Dialect::Notary1, &normal.go_compact(), &entries);
    if written == bytes {
        return None;
    }
    let at = difference("signed", signed, &normal).unwrap_or_else(|| {
        let same = written.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        format!("byte {}", same + 1)
    });
    Some(Inexact { written, at })
}

/// The id of a key object, which Notary computes over what it understands of it.
pub(super) fn key_id(wire: &Json) -> KeyId {
    Dialect::Notary1.key_id(&key(wire))
}

/// Picks members; those that are missing stay missing.
fn pick(value: &Json, names: &[&str]) -> BTreeMap<String, Json> {
    let found = names
        .iter()
        .filter_map(|name| value.member(name).map(|member| ((*name).to_owned(), member.clone())));
    found.collect()
}

/// Applies a rule to every member of an object.
fn each(value: &Json, rule: fn(&Json) -> Json) -> Json {
    match value {
        Json::Object(members) => {
            let normal = members.iter().map(|(name, value)| (name.clone(), rule(value)));
            Json::Object(normal.collect())
        }
        other @ (Json::Null
        | Json::Bool(_)
        | Json::Integer(_)
        | Json::String(_)
        | Json::Array(_)) => other.clone(),
    }
}

/// `signed` of any of the four documents: the members that they do not share are left out of the others.
fn body(signed: &Json) -> Json {
    let mut out = pick(signed, &["_type", "version"]);
    if let Some(Json::String(stated)) = signed.member("expires") {
        out.insert("expires".to_owned(), Json::String(date(stated)));
    }
    match signed.member("_type") {
        Some(Json::String(kind)) if kind == "Root" => {
            out.extend(pick(signed, &["consistent_snapshot"]));
            if let Some(keys) = signed.member("keys") {
                out.insert("keys".to_owned(), each(keys, key));
            }
            if let Some(roles) = signed.member("roles") {
                let role = |role: &Json| Json::Object(pick(role, &["keyids", "threshold"]));
                out.insert("roles".to_owned(), each(roles, role));
            }
        }
        Some(Json::String(kind)) if kind == "Targets" => {
            if let Some(targets) = signed.member("targets") {
                out.insert("targets".to_owned(), each(targets, file));
            }
            let stated = signed.member("delegations").cloned().unwrap_or(Json::Null);
            out.insert("delegations".to_owned(), delegations(&stated));
        }
        Some(_) | None => {
            if let Some(meta) = signed.member("meta") {
                out.insert("meta".to_owned(), each(meta, file));
            }
        }
    }
    Json::Object(out)
}

fn key(wire: &Json) -> Json {
    let public = wire.member("keyval").and_then(|value| value.member("public"));
    let mut out = pick(wire, &["keytype"]);
    let keyval = [("private", Json::Null), ("public", public.cloned().unwrap_or(Json::Null))];
    out.insert("keyval".to_owned(), Json::object(keyval));
    Json::Object(out)
}

fn file(value: &Json) -> Json {
    let mut out = pick(value, &["length", "hashes", "custom"]);
    out.retain(|name, value| name != "custom" || *value != Json::Null);
    Json::Object(out)
}

fn delegations(value: &Json) -> Json {
    let keys = value.member("keys").map_or(Json::Null, |keys| each(keys, key));
    let roles = match value.member("roles") {
        Some(Json::Array(roles)) => Json::Array(roles.iter().map(delegated).collect()),
        Some(_) | None => Json::Null,
    };
    Json::object([("keys", keys), ("roles", roles)])
}

fn delegated(role: &Json) -> Json {
    let mut out = pick(role, &["keyids", "threshold", "name", "paths"]);
    out.retain(|name, value| {
        name != "paths" || matches!(value, Json::Array(paths) if !paths.is_empty())
    });
    Json::Object(out)
}

/// A date as Go writes it again: no zeros at the end of a fraction, `Z` for UTC, other offsets as they are.
fn date(stated: &str) -> String {
    let (moment, offset) =
        match stated.char_indices().find(|(at, c)| *at > 10 && "Z+-".contains(*c)) {
            Some((at, _)) => stated.split_at(at),
            None => (stated, ""),
        };
    let moment = match moment.split_once('.') {
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            fraction => format!("{whole}.{fraction}"),
        },
        None => moment.to_owned(),
    };
    let offset = if ["+00:00", "-00:00"].contains(&offset) { "Z" } else { offset };
    format!("{moment}{offset}")
}

/// The first member that differs, by its path.
fn difference(path: &str, found: &Json, normal: &Json) -> Option<String> {
    if found == normal {
        return None;
    }
    let (Json::Object(one), Json::Object(other)) = (found, normal) else {
        return Some(path.to_owned());
    };
    let names = one.keys().chain(other.keys());
    names
        .filter(|name| one.get(*name) != other.get(*name))
        .map(|name| {
            let path = format!("{path}.{name}");
            match (one.get(name), other.get(name)) {
                (Some(one), Some(other)) => difference(&path, one, other).unwrap_or(path),
                (Some(_) | None, None) | (None, Some(_)) => path,
            }
        })
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXACT: &str = r#"{"signed":{"_type":"Targets","delegations":{"keys":{"a":{"keytype":"ed25519","keyval":{"private":null,"public":"AAAA"}}},"roles":[{"keyids":["a"],"name":"targets/a","paths":[""],"threshold":1}]},"expires":"2035-01-02T03:04:05Z","targets":{"v1":{"hashes":{"sha256":"AAAA"},"length":1}},"version":1},"signatures":[]}"#;

    fn at(text: &str) -> Option<String> {
        inexact(text.as_bytes(), &[]).map(|found| found.at)
    }

    #[test]
    fn every_deviation_is_named_and_the_exact_form_is_none() {
        assert_eq!(at(EXACT), None);
        for (from, to, named) in [
            ("05Z", "05.100Z", "signed.expires"),
            ("05Z", "05+00:00", "signed.expires"),
            ("\"private\":null,", "", "signed.delegations.keys.a.keyval.private"),
            ("[\"\"]", "[]", "signed.delegations.roles"),
            ("\"version\":1}", "\"version\":1,\"x\":1}", "signed.x"),
            ("\"length\":1", "\"length\":1,\"x\":1", "signed.targets.v1.x"),
            ("{\"signed\"", " {\"signed\"", "byte 1"),
            ("[]}", "[]}\n", &format!("byte {}", EXACT.len() + 1)),
            ("v1", "v&1", &format!("byte {}", EXACT.find("v1").unwrap_or_default() + 2)),
        ] {
            assert_eq!(at(&EXACT.replacen(from, to, 1)).as_deref(), Some(named), "{from}");
        }
    }

    #[test]
    fn what_go_keeps_is_no_deviation() {
        for (from, to) in [
            ("05Z", "05.1Z"),
            ("05Z", "05+02:00"),
            ("\"hashes\"", "\"custom\":{\"x\":1},\"hashes\""),
            ("v1", "v\\u00261"),
        ] {
            let text = EXACT.replacen(from, to, 1);
            assert_eq!(at(&text), None, "{to}");
        }
    }
}
