//! The names of documents as files and in URLs: `3.targets.json`, `targets/releases.json`, `%2Fodd.json`.

use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;

/// A role's name as a client writes it in the name of a document, in a URL as in a folder: every byte but ASCII letters,
/// digits and `_.-~` as `%` and two capital hex digits (RFC 3986 section 2.1), so that it is always one segment.
pub fn percent_encoded(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// The name that was percent-encoded; nothing where a `%` is not followed by two hex digits, or what comes out is no
/// UTF-8.
pub fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = after.get(..2)?;
            bytes.extend(data_encoding::HEXLOWER_PERMISSIVE.decode(digits).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The role that a document is called after, with or without a version in front: `targets` of `3.targets.json`,
/// `targets/releases` of `targets/releases.json`. Nothing for other names.
pub fn role_of(dialect: Dialect, file: &str) -> Option<RoleName> {
    let stem = file.strip_suffix(".json")?;
    let bare = match stem.split_once('.') {
        Some((version, rest)) if version.parse::<u64>().is_ok() => rest,
        Some(_) | None => stem,
    };
    match dialect {
        Dialect::Notary1 => bare.parse().ok(),
        Dialect::Tuf1 => percent_decoded(bare)?.parse().ok(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn names_of_roles_are_decoded_and_bad_ones_are_none() {
        assert_eq!(percent_decoded("%2Fa%3f").as_deref(), Some("/a?"));
        assert_eq!(percent_decoded(&percent_encoded("../ä%")).as_deref(), Some("../ä%"));
        assert_eq!(percent_decoded("a%2"), None);
        assert_eq!(percent_decoded("%ff"), None);
    }

    #[test]
    fn a_document_is_called_after_its_role_in_every_version() {
        let role = |dialect, file| role_of(dialect, file).map(|role| role.to_string());
        assert_eq!(role(Dialect::Tuf1, "3.targets.json").unwrap(), "targets");
        assert_eq!(role(Dialect::Tuf1, "team.a.json").unwrap(), "team.a");
        assert_eq!(role(Dialect::Tuf1, "2.a%20b.json").unwrap(), "a b");
        assert_eq!(role(Dialect::Notary1, "targets/releases.json").unwrap(), "targets/releases");
        assert_eq!(role(Dialect::Notary1, "7.targets/releases.json").unwrap(), "targets/releases");
        assert_eq!(role(Dialect::Notary1, "root.pem"), None);
    }
}
