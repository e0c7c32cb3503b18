//! The table of a tar archive (POSIX ustar and pax, and GNU's long names): where each plain file lies in it. Nothing is
//! unpacked, and what two programs would unpack differently is refused.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

/// The most entries of an archive.
const MAX_ENTRIES: usize = 1 << 20;
/// The most bytes of a long name, or of a set of pax records.
const MAX_EXTENSION: u64 = 1 << 20;
/// The most bytes of one name.
const MAX_NAME: usize = 4096;
const BLOCK: u64 = 512;

/// What lies under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A plain file.
    File {
        /// Where its bytes begin.
        offset: u64,
        /// How many there are.
        length: u64,
    },
    /// A link, a device, a FIFO: never read.
    Other,
}

/// Why an archive is not read.
#[derive(Debug, thiserror::Error)]
pub enum BadTar {
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no tar archive at all.
    #[error("it is no tar archive")]
    NotTar,
    /// It is compressed.
    #[error("it is compressed with {0}; a compressed archive is not read")]
    Compressed(&'static str),
    /// It ends before its end.
    #[error("the archive is cut off at byte {0}")]
    CutOff(u64),
    /// A header is not as the format says.
    #[error("the header at byte {at} is damaged: {what}")]
    Header {
        /// Where the header begins.
        at: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A name that leads out of the folder in which it would be unpacked.
    #[error("the entry {0:?} would be unpacked outside of its folder")]
    Escapes(String),
    /// Two entries under one name.
    #[error("the entry {0:?} is there twice")]
    Twice(String),
    /// More entries than are read.
    #[error("there are more than {MAX_ENTRIES} entries")]
    TooMany,
}

/// Reads the table of an archive of `length` bytes. Names are relative, without `.` and `..`.
pub fn table<R: Read + Seek>(
    archive: &mut R,
    length: u64,
) -> Result<BTreeMap<String, Entry>, BadTar> {
    let mut table = BTreeMap::new();
    let mut at = 0;
    let mut next = Extensions::default();
    let mut entries = 0;
    loop {
        archive.seek(SeekFrom::Start(at))?;
        let mut block = [0; 512];
        if length.saturating_sub(at) < BLOCK {
            return Err(if at == 0 { BadTar::NotTar } else { BadTar::CutOff(length) });
        }
        archive.read_exact(&mut block)?;
        if at == 0 {
            recognise(&block)?;
        }
        if block.iter().all(|byte| *byte == 0) {
            return if next.is_empty() { Ok(table) } else { Err(BadTar::CutOff(at)) };
        }
        entries += 1;
        if entries > MAX_ENTRIES {
            return Err(BadTar::TooMany);
        }
        let header = Header::read(&block, at)?;
        let size =
            if header.is_extension() { header.size } else { next.size.unwrap_or(header.size) };
        let offset = at + BLOCK;
        let padded = size.checked_next_multiple_of(BLOCK).and_then(|size| offset.checked_add(size));
        let end = padded.filter(|end| *end <= length).ok_or(BadTar::CutOff(length))?;
        match header.kind {
            b'x' | b'g' | b'L' | b'K' => {
                if size > MAX_EXTENSION {
                    return Err(header.bad("a name or record of more than 1 MiB"));
                }
                let mut bytes = Vec::new();
                archive.take(size).read_to_end(&mut bytes)?;
                next.take(&header, &bytes)?;
            }
            kind => {
                let name = next.name.take().map_or_else(|| header.name(), Ok)?;
                next = Extensions::default();
                let entry = match kind {
                    b'0' | 0 | b'7' => Some(Entry::File { offset, length: size }),
                    b'5' => None,
                    _ => Some(Entry::Other),
                };
                let name = plain(&name)?;
                if let Some(entry) = entry
                    && table.insert(name.clone(), entry).is_some()
                {
                    return Err(BadTar::Twice(name));
                }
            }
        }
        at = end;
    }
}

/// What extension headers say of the entry after them.
#[derive(Default)]
struct Extensions {
    name: Option<String>,
    size: Option<u64>,
}

impl Extensions {
    const fn is_empty(&self) -> bool {
        self.name.is_none() && self.size.is_none()
    }

    fn take(&mut self, header: &Header<'_>, bytes: &[u8]) -> Result<(), BadTar> {
        match header.kind {
            // The target of a link, which is never followed.
            b'K' => Ok(()),
            b'L' => {
                let text = bytes.strip_suffix(b"\0").unwrap_or(bytes);
                let name =
                    std::str::from_utf8(text).map_err(|_| header.bad("a name not in UTF-8"))?;
                self.set_name(header, name)
            }
            _ => self.records(header, bytes),
        }
    }

    fn set_name(&mut self, header: &Header<'_>, name: &str) -> Result<(), BadTar> {
        if self.name.replace(name.to_owned()).is_some() {
            return Err(header.bad("two long names for one entry"));
        }
        Ok(())
    }

    /// Pax records: `LENGTH KEY=VALUE` and a line feed each, the length being that of the whole record.
    fn records(&mut self, header: &Header<'_>, mut bytes: &[u8]) -> Result<(), BadTar> {
        let bad = || header.bad("a pax record that is not as POSIX says");
        while !bytes.is_empty() {
            let space = bytes.iter().position(|byte| *byte == b' ').ok_or_else(bad)?;
            let length = bytes.get(..space).and_then(decimal).ok_or_else(bad)?;
            let length = usize::try_from(length).map_err(|_| bad())?;
            let record = bytes.get(space + 1..length).ok_or_else(bad)?;
            bytes = bytes.get(length..).ok_or_else(bad)?;
            let record = record.strip_suffix(b"\n").ok_or_else(bad)?;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(bad)?;
            let (key, value) = (record.get(..equals).unwrap_or_default(), record.get(equals + 1..));
            let value = value.unwrap_or_default();
            match key {
                b"path" | b"size" if header.kind == b'g' => {
                    return Err(header.bad("a name or size for every entry"));
                }
                b"path" => {
                    let name = std::str::from_utf8(value).map_err(|_| bad())?;
                    self.set_name(header, name)?;
                }
                b"size" => {
                    let size = decimal(value).ok_or_else(bad)?;
                    if self.size.replace(size).is_some() {
                        return Err(header.bad("two sizes for one entry"));
                    }
                }
                key if key.starts_with(b"GNU.sparse") => {
                    return Err(header.bad("a sparse file, which is not read"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

struct Header<'a> {
    at: u64,
    block: &'a [u8; 512],
    kind: u8,
    size: u64,
}

impl<'a> Header<'a> {
    fn read(block: &'a [u8; 512], at: u64) -> Result<Self, BadTar> {
        let mut header =
            Self { at, block, kind: field(block, 156, 1).first().copied().unwrap_or(0), size: 0 };
        let stated = octal(field(block, 148, 8)).ok_or_else(|| header.bad("no check sum"))?;
        if stated != check_sum(block) {
            return Err(header.bad("its check sum is wrong"));
        }
        header.size =
            size(field(block, 124, 12)).ok_or_else(|| header.bad("its size is no number"))?;
        Ok(header)
    }

    const fn bad(&self, what: &'static str) -> BadTar {
        BadTar::Header { at: self.at, what }
    }

    const fn is_extension(&self) -> bool {
        matches!(self.kind, b'x' | b'g' | b'L' | b'K')
    }

    /// The name, with its prefix where the header is ustar's and not GNU's.
    fn name(&self) -> Result<String, BadTar> {
        let name = until_nul(field(self.block, 0, 100));
        let prefix = match field(self.block, 257, 8) {
            b"ustar\x0000" => until_nul(field(self.block, 345, 155)),
            _ => &[],
        };
        let bytes = if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() };
        String::from_utf8(bytes).map_err(|_| self.bad("a name not in UTF-8"))
    }
}

fn recognise(block: &[u8; 512]) -> Result<(), BadTar> {
    let known: [(&[u8], &str); 4] = [
        (&[0x1f, 0x8b], "gzip"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
        (b"BZh", "bzip2"),
        (&[0xfd, b'7', b'z', b'X', b'Z'], "xz"),
    ];
    match known.iter().find(|(magic, _)| block.starts_with(magic)) {
        Some((_, name)) => Err(BadTar::Compressed(name)),
        None if octal(field(block, 148, 8)) != Some(check_sum(block)) => Err(BadTar::NotTar),
        None => Ok(()),
    }
}

/// The name without `./` before and `/` behind; nothing that leads elsewhere.
fn plain(name: &str) -> Result<String, BadTar> {
    let escapes = || BadTar::Escapes(name.chars().take(256).collect());
    if name.len() > MAX_NAME || name.starts_with('/') || name.contains(['\0', '\\']) {
        return Err(escapes());
    }
    let parts: Vec<&str> =
        name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(escapes());
    }
    Ok(parts.join("/"))
}

fn field(block: &[u8; 512], at: usize, length: usize) -> &[u8] {
    block.get(at..at + length).unwrap_or_default()
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The sum of all bytes, those of the sum itself taken as spaces.
fn check_sum(block: &[u8; 512]) -> u64 {
    let all: u64 = block.iter().copied().map(u64::from).sum();
    let own: u64 = field(block, 148, 8).iter().copied().map(u64::from).sum();
    all - own + 8 * u64::from(b' ')
}

/// A size: octal digits, or GNU's form for large ones, a set top bit and a big-endian number.
fn size(bytes: &[u8]) -> Option<u64> {
    match bytes.split_first()? {
        (0x80, rest) => rest
            .iter()
            .try_fold(0_u64, |sum, byte| sum.checked_mul(256)?.checked_add(u64::from(*byte))),
        _ => octal(bytes),
    }
}

fn octal(bytes: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(until_nul(bytes)).ok()?.trim_matches(' ');
    let digits = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    digits.then(|| u64::from_str_radix(text, 8).ok())?
}

fn decimal(bytes: &[u8]) -> Option<u64> {
    let digits = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(bytes).ok()?.parse().ok())?
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests;
