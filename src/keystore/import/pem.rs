//! PEM with header lines (RFC 1421), which strict readers refuse and old key files have.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::BadImport;

/// One block.
pub(super) struct Block {
    /// What stands after `BEGIN`.
    pub(super) label: String,
    /// The header lines, names in lower case.
    headers: Vec<(String, String)>,
    /// The bytes.
    pub(super) der: Zeroizing<Vec<u8>>,
}

impl Block {
    /// The value of a header line.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// The one block of the file that is, or could be, a private key. Parameters, certificates and public keys beside it are
/// passed over.
pub(super) fn private_block(bytes: &[u8]) -> Result<Block, BadImport> {
    let text = std::str::from_utf8(bytes).map_err(|_| BadImport::NoKey)?;
    let (private, others): (Vec<Block>, Vec<Block>) =
        blocks(text)?.into_iter().partition(|block| block.label.ends_with("PRIVATE KEY"));
    let count = private.len();
    match (private.into_iter().next(), others.into_iter().next()) {
        (Some(block), _) if count == 1 => Ok(block),
        (Some(_), _) => Err(BadImport::Several(count)),
        (None, Some(other)) => Err(BadImport::Label(other.label)),
        (None, None) => Err(BadImport::NoKey),
    }
}

fn blocks(text: &str) -> Result<Vec<Block>, BadImport> {
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim_end);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|l| l.strip_suffix("-----"))
        else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut headers: Vec<(String, String)> = Vec::new();
        // Reserved ahead, so that no copy is left behind by growing.
        let mut base64 = Zeroizing::new(String::with_capacity(text.len()));
        loop {
            let line = lines.next().ok_or(BadImport::Damaged("a PEM block has no end"))?;
            if line == end {
                break;
            }
            match line.split_once(':') {
                Some((name, value)) if base64.is_empty() => {
                    headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
                }
                Some(_) => return Err(BadImport::Damaged("a header line amid the base64")),
                None => base64.push_str(line.trim()),
            }
        }
        let der = Zeroizing::new(
            BASE64
                .decode(base64.as_bytes())
                .map_err(|_| BadImport::Damaged("what should be base64 is not"))?,
        );
        found.push(Block { label: label.to_owned(), headers, der });
    }
    Ok(found)
}
