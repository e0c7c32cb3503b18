//! A key of a PKCS#11 token, named by a URI (RFC 7512): `pkcs11:serial=A1;id=%0a?module-path=/usr/lib/p11.so`.

use data_encoding::HEXLOWER;

/// What is taken from a URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKey {
    /// The path of the module.
    pub module: String,
    /// The token's serial number.
    pub serial: String,
    /// The key's `CKA_ID` in hex.
    pub id: String,
}

/// Why a URI names no key here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUri {
    /// It is of another scheme, or not written as RFC 7512 wants it.
    #[error(
        "expected a PKCS#11 URI as pkcs11:serial=A1;id=%0a?module-path=/usr/lib/p11.so, found {0}"
    )]
    Form(String),
    /// An attribute says something by which nothing is recognised here, or a secret.
    #[error("the attribute {0} is not taken: a key is recognised by serial, id and module-path")]
    Attribute(String),
    /// An attribute is there twice.
    #[error("the attribute {0} is there twice")]
    Twice(String),
    /// An attribute is missing.
    #[error("the attribute {0} is missing")]
    Missing(&'static str),
}

impl TokenKey {
    /// Reads a URI. Attributes that only describe the token (`token`, `manufacturer`, `model`, `object`) are refused, since
    /// nobody compares them; so is a PIN.
    pub fn of_uri(text: &str) -> Result<Self, BadUri> {
        let form = || BadUri::Form(format!("{text:?}"));
        let rest = text.strip_prefix("pkcs11:").ok_or_else(form)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let attributes = |part: &str, between: char| {
            let each = part.split(between).filter(|attribute| !attribute.is_empty());
            each.map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        let (mut module, mut serial, mut id) = (None, None, None);
        let path = attributes(path, ';').into_iter().map(|attribute| (true, attribute));
        let query = attributes(query, '&').into_iter().map(|attribute| (false, attribute));
        for (in_path, attribute) in path.chain(query) {
            let (name, value) = attribute.split_once('=').ok_or_else(form)?;
            let value = decoded(value).ok_or_else(form)?;
            let taken = match (in_path, name) {
                (true, "serial") => serial.replace(value),
                (true, "id") => id.replace(value),
                (false, "module-path") => module.replace(value),
                (true, "type") if value == b"private" => continue,
                _ => return Err(BadUri::Attribute(name.to_owned())),
            };
            if taken.is_some() {
                return Err(BadUri::Twice(name.to_owned()));
            }
        }
        let text = |value: Option<Vec<u8>>, name| {
            let value = value.ok_or(BadUri::Missing(name))?;
            String::from_utf8(value).map_err(|_| form())
        };
        Ok(Self {
            module: text(module, "module-path")?,
            serial: text(serial, "serial")?,
            id: HEXLOWER.encode(&id.ok_or(BadUri::Missing("id"))?),
        })
    }
}

/// The URI of a token, without a key: `;id=%0a` before the question mark makes it one of a key.
pub fn uri_of_token(module: &str, serial: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let encoded = |text: &str| -> String {
        let each = text.bytes().map(|byte| {
            if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
        });
        each.collect()
    };
    format!("pkcs11:serial={}?module-path={}", encoded(serial), encoded(module))
}

/// Text with `%` and two hex digits for bytes. Nothing where a `%` stands alone.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut parts = text.split('%');
    bytes.extend(parts.next()?.bytes());
    for part in parts {
        let (hex, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(hex, 16).ok().filter(|_| !hex.starts_with('+'))?);
        bytes.extend(rest.bytes());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_module_token_and_key() {
        let expected = TokenKey {
            module: "/usr/lib/p11 kit.so".to_owned(),
            serial: "A1".to_owned(),
            id: "0a41ff".to_owned(),
        };
        for uri in [
            "pkcs11:serial=A1;id=%0aA%FF?module-path=/usr/lib/p11%20kit.so",
            "pkcs11:id=%0A%41%ff;type=private;serial=%411?module-path=%2Fusr/lib/p11%20kit.so",
        ] {
            assert_eq!(TokenKey::of_uri(uri).as_ref(), Ok(&expected), "{uri}");
        }
        let token = uri_of_token("/usr/lib/p11 kit.so", "A 1");
        assert_eq!(token, "pkcs11:serial=A%201?module-path=/usr/lib/p11%20kit.so");
    }

    #[test]
    fn what_is_not_compared_and_what_is_secret_is_refused() {
        let whole = "pkcs11:serial=A1;id=%0a?module-path=/p11.so";
        for (uri, says) in [
            ("https://example.com", "expected a PKCS#11 URI"),
            ("pkcs11:serial=A1;id=%0?module-path=/p11.so", "expected a PKCS#11 URI"),
            ("pkcs11:serial=A1;id=%+1?module-path=/p11.so", "expected a PKCS#11 URI"),
            ("pkcs11:serial=A1;id=%0a", "module-path is missing"),
            ("pkcs11:id=%0a?module-path=/p11.so", "serial is missing"),
            ("pkcs11:serial=A1?module-path=/p11.so", "id is missing"),
            ("pkcs11:serial=A1;serial=A2;id=%0a?module-path=/p11.so", "serial is there twice"),
            (&format!("{whole}&pin-value=1234"), "pin-value is not taken"),
            (&whole.replace("serial", "token"), "token is not taken"),
            (&whole.replace("serial=A1", "serial=A1;type=cert"), "type is not taken"),
        ] {
            let why =
                TokenKey::of_uri(uri).map_err(|why| why.to_string()).err().unwrap_or_default();
            assert!(why.contains(says), "{uri}: {why}");
        }
    }
}
