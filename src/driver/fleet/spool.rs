//! The bytes to sign, kept between the walk and the last signature, so that a turn need not derive them again.
//!
//! It is nobody's word: what is taken from it must have the digest of its row. Where it is missing or cut short, payloads
//! are derived from the documents again.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use crate::tuf::digest::Digest;

/// Its name in the evidence folder. It is gone when the evidence is sealed.
pub(crate) const SPOOL: &str = ".fleet-payloads";

/// The most bytes of one payload: as many as of an input.
const MOST: u64 = crate::ceremony::event::MAX_INPUT;

/// Writes payloads in the order of the table of drafts.
pub(super) struct Filling(BufWriter<File>);

impl Filling {
    pub(super) fn new(evidence: &Path) -> io::Result<Self> {
        drop_spool(evidence)?;
        let file =
            std::fs::OpenOptions::new().write(true).create_new(true).open(evidence.join(SPOOL))?;
        Ok(Self(BufWriter::new(file)))
    }

    pub(super) fn add(&mut self, payload: &[u8]) -> io::Result<()> {
        let length = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        self.0.write_all(&length.to_be_bytes())?;
        self.0.write_all(payload)
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Reads payloads in the order of the table of drafts.
pub(super) struct Spool(Option<BufReader<File>>);

impl Spool {
    pub(super) fn open(evidence: &Path) -> Self {
        Self(crate::driver::file::open_below(evidence, SPOOL).ok().map(BufReader::new))
    }

    /// The next payload, if it is the one with this digest; after one that is not, there are no more.
    pub(super) fn next(&mut self, digest: Digest) -> Option<Vec<u8>> {
        let found = self.0.as_mut().and_then(|file| read(file).ok());
        let found = found.filter(|bytes| Digest::of(bytes) == digest);
        if found.is_none() {
            self.0 = None;
        }
        found
    }
}

fn read(file: &mut BufReader<File>) -> io::Result<Vec<u8>> {
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let length = u64::from_be_bytes(length);
    if length > MOST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Takes the spool away, if there is one.
pub(crate) fn drop_spool(evidence: &Path) -> io::Result<()> {
    match std::fs::remove_file(evidence.join(SPOOL)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
