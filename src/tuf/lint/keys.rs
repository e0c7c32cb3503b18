//! Keys as a document lists them.

use crate::tuf::any::AnyDocument;
use crate::tuf::document::Dialect;
use crate::tuf::key::{Algorithm, PublicKey};
use crate::tuf::root::ListedKey;
use crate::tuf::wire::json::Json;

use super::table::{
    HEX_POINT, KEY_ID_NOT_THE_HASH, KEY_IN_OTHER_FORM, KEYID_HASH_ALGORITHMS, KEYTYPE_OBSOLETE,
    PRIVATE_MATERIAL, RSA_BELOW_3072, RSA_ROCA, SCHEME_DOES_NOT_FIT, SCHEME_UNCOMMON, WEAK_RSA,
};
use super::{Counted, Raised};

pub(super) fn findings(document: &AnyDocument, raised: &mut Raised<'_>) {
    let dialect = document.dialect();
    let mut forms = Forms::default();
    for (id, key) in super::bytes::keys(document) {
        let hash = dialect.key_id(&key.wire);
        if hash.as_str() != id {
            raised.raise(&KEY_ID_NOT_THE_HASH, id, format!("expected {hash}"));
        }
        strength(id, &key.public, raised);
        if let Some(found) = private(key) {
            raised.raise(&PRIVATE_MATERIAL, id, found);
        }
        if dialect == Dialect::Tuf1 {
            scheme(id, key, raised);
            forms.look(id, key);
        }
    }
    raised.raise_counted(&KEYTYPE_OBSOLETE, "keys", &forms.obsolete);
    raised.raise_counted(&KEYID_HASH_ALGORITHMS, "keys", &forms.hash_algorithms);
    raised.raise_counted(&HEX_POINT, "keys", &forms.points);
    raised.raise_counted(&KEY_IN_OTHER_FORM, "keys", &forms.other);
}

/// Keys that are written in ways of the past, counted.
#[derive(Default)]
struct Forms {
    obsolete: Counted,
    hash_algorithms: Counted,
    points: Counted,
    other: Counted,
}

impl Forms {
    fn look(&mut self, id: &str, key: &ListedKey) {
        let name = || id.to_owned();
        if text(key.wire.member("keytype")).is_some_and(|kind| kind.starts_with("ecdsa-sha2-")) {
            self.obsolete.add(name);
        }
        if key.wire.member("keyid_hash_algorithms").is_some() {
            self.hash_algorithms.add(name);
        }
        let usual = match key.public.ed25519_bytes() {
            Some(bytes) => data_encoding::HEXLOWER.encode(&bytes),
            None => key.public.to_pem(),
        };
        let public = text(key.wire.member("keyval").and_then(|value| value.member("public")));
        if is_hex_point(key) {
            self.points.add(name);
        } else if public.is_some_and(|public| public != usual) {
            self.other.add(name);
        }
    }
}

fn strength(id: &str, key: &PublicKey, raised: &mut Raised<'_>) {
    match key.rsa_bits() {
        Some(bits) if bits < 2048 => raised.raise(&WEAK_RSA, id, format!("{bits} bits")),
        Some(bits) if bits < 3072 => raised.raise(&RSA_BELOW_3072, id, format!("{bits} bits")),
        Some(_) | None => {}
    }
    if key.is_roca() {
        raised.raise(&RSA_ROCA, id, "its modulus has the fingerprint");
    }
}

/// What stands where a private key could stand.
fn private(key: &ListedKey) -> Option<String> {
    let text_in =
        |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains("PRIVATE KEY-----"));
    if text_in(&key.certificate) {
        return Some("the text of a private key beside the certificate".to_owned());
    }
    match key.wire.member("keyval")?.member("private")? {
        Json::Null => None,
        Json::String(text) if text.is_empty() => None,
        other @ (Json::String(_)
        | Json::Bool(_)
        | Json::Integer(_)
        | Json::Array(_)
        | Json::Object(_)) => Some(format!("`private` is {}, expected null", other.kind())),
    }
}

fn scheme(id: &str, key: &ListedKey, raised: &mut Raised<'_>) {
    let algorithm = key.public.algorithm();
    match text(key.wire.member("scheme")) {
        Some(scheme) if !fits(algorithm, scheme) => {
            raised.raise(&SCHEME_DOES_NOT_FIT, id, format!("{scheme:?} for {algorithm}"));
        }
        Some(scheme @ "rsa-pkcs1v15-sha256") => raised.raise(&SCHEME_UNCOMMON, id, scheme),
        Some(_) => {}
        None => raised.raise(&SCHEME_DOES_NOT_FIT, id, "no scheme"),
    }
}

fn text(value: Option<&Json>) -> Option<&str> {
    match value {
        Some(Json::String(text)) => Some(text),
        Some(Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Array(_) | Json::Object(_))
        | None => None,
    }
}

/// Whether an ECDSA key is listed as a hex point.
pub(super) fn is_hex_point(key: &ListedKey) -> bool {
    let public = text(key.wire.member("keyval").and_then(|value| value.member("public")));
    matches!(key.public.algorithm(), Algorithm::P256 | Algorithm::P384)
        && public.is_some_and(|public| !public.starts_with("-----BEGIN"))
}

fn fits(algorithm: Algorithm, scheme: &str) -> bool {
    match algorithm {
        Algorithm::Ed25519 => scheme == "ed25519",
        Algorithm::P256 => scheme == "ecdsa-sha2-nistp256",
        Algorithm::P384 => scheme == "ecdsa-sha2-nistp384",
        Algorithm::Rsa => ["rsassa-pss-sha256", "rsa-pkcs1v15-sha256"].contains(&scheme),
    }
}
