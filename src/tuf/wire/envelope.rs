//! Envelopes: `signed` together with its signatures, as a file.

use data_encoding::{BASE64, HEXLOWER};

use crate::tuf::document::Dialect;
use crate::tuf::key::KeyId;

use super::json::Json;

/// Writes a document with raw signatures.
///
/// Notary: `{"signed":…,"signatures":[{"keyid":…,"method":…,"sig":…}]}` with exactly these orders, no white space and no
/// final line feed, `signed` as Go's encoder writes it. TUF: the same members in sorted order.
pub(in crate::tuf) fn write(
    dialect: Dialect,
    signed: &Json,
    signatures: &[(KeyId, Option<String>, Vec<u8>)],
) -> Vec<u8> {
    match dialect {
        Dialect::Notary1 => around(&signed.go_compact(), signatures),
        Dialect::Tuf1 => {
            let entries = signatures.iter().map(|(id, _, raw)| {
                Json::object([
                    ("keyid", Json::text(id.as_str())),
                    ("sig", Json::String(HEXLOWER.encode(raw))),
                ])
            });
            Json::object([
                ("signatures", Json::Array(entries.collect())),
                ("signed", signed.clone()),
            ])
            .compact()
        }
    }
}

fn around(signed: &[u8], signatures: &[(KeyId, Option<String>, Vec<u8>)]) -> Vec<u8> {
    let mut out = b"{\"signed\":".to_vec();
    out.extend_from_slice(signed);
    out.extend_from_slice(b",\"signatures\":[");
    for (nth, (id, method, raw)) in signatures.iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"keyid\":");
        out.extend(Json::text(id.as_str()).go_compact());
        out.extend_from_slice(b",\"method\":");
        out.extend(Json::text(method.as_deref().unwrap_or_default()).go_compact());
        out.extend_from_slice(b",\"sig\":");
        out.extend(Json::String(BASE64.encode(raw)).go_compact());
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    out
}
