//! Envelopes: `signed` together with its signatures, as a file.

use data_encoding::{BASE64, HEXLOWER};

use crate::tuf::document::Dialect;
use crate::tuf::key::KeyId;

use super::canonical::{Out, Style};

/// Writes a document with raw signatures around `signed`, which is in the style of its dialect already.
///
/// Notary: `{"signed":…,"signatures":[{"keyid":…,"method":…,"sig":…}]}` with exactly these orders, no white space and no
/// final line feed. TUF: the same members in sorted order.
pub(in crate::tuf) fn write(
    dialect: Dialect,
    signed: &[u8],
    signatures: &[(KeyId, Option<String>, Vec<u8>)],
) -> Vec<u8> {
    let mut listed = Vec::new();
    for (nth, (id, method, raw)) in signatures.iter().enumerate() {
        let style = dialect.style();
        let mut member = |name: &str, value: &str| {
            listed.put(name.as_bytes());
            style.string(value, &mut listed);
        };
        member(if nth > 0 { ",{\"keyid\":" } else { "{\"keyid\":" }, id.as_str());
        match dialect {
            Dialect::Notary1 => {
                member(",\"method\":", method.as_deref().unwrap_or_default());
                member(",\"sig\":", &BASE64.encode(raw));
            }
            Dialect::Tuf1 => member(",\"sig\":", &HEXLOWER.encode(raw)),
        }
        listed.put(b"}");
    }
    match dialect {
        Dialect::Notary1 => {
            [b"{\"signed\":", signed, b",\"signatures\":[", &listed, b"]}"].concat()
        }
        Dialect::Tuf1 => [b"{\"signatures\":[", &*listed, b"],\"signed\":", signed, b"}"].concat(),
    }
}

impl Dialect {
    /// How documents of this dialect are written.
    pub(in crate::tuf) const fn style(self) -> Style {
        match self {
            Self::Notary1 => Style::Go,
            Self::Tuf1 => Style::Compact,
        }
    }
}
