//! The evidence folder: sealed at the end, finished with reports and a manifest, and read again by whoever audits it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::ceremony::audit;
use crate::ceremony::engine::Engine;
use crate::ceremony::event::EvidenceFile;
use crate::ceremony::report;
use crate::tuf::digest::Digest;

use super::file::{self, Readers};
use super::fleet::spool;
use super::journal;

/// The most bytes of one evidence file: 256 MiB.
const MAX_FILE: u64 = 256 << 20;

/// Puts the engine's files into the folder and hashes all that is sealed. A file that is there already with the same bytes is
/// left alone, so that an interrupted seal can be made again.
pub fn seal(folder: &Path, files: &[EvidenceFile]) -> io::Result<Digest> {
    spool::drop_spool(folder)?;
    for made in files {
        place(folder, &made.path, &made.bytes)?;
    }
    Ok(audit::tree_of(digests(folder)?.iter().map(|(path, digest)| (path, *digest))))
}

/// Writes what comes after the seal: `report.json`, `report.txt`, `MANIFEST`.
pub fn finish(folder: &Path, engine: &Engine) -> io::Result<()> {
    journal::drop_ballast(folder)?;
    spool::drop_spool(folder)?;
    place(folder, "report.json", &report::json(engine))?;
    place(folder, "report.txt", report::text(engine).as_bytes())?;
    let found = digests(folder)?;
    let manifest = audit::manifest_of(found.iter().map(|(path, digest)| (path, *digest)));
    place(folder, "MANIFEST", manifest.as_bytes())
}

/// Adds a file to what was added later; one that is there with the same bytes is left alone.
pub fn add(folder: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    place(folder, path, bytes)
}

/// The digests of all files of an evidence folder; none of them is in memory as a whole.
fn digests(folder: &Path) -> io::Result<BTreeMap<String, Digest>> {
    let digest_of = |path: String| {
        let digest = file::digest_back(folder, &path)?;
        Ok((path, digest))
    };
    file::list(folder)?.into_iter().map(digest_of).collect()
}

/// All files of an evidence folder by their relative path.
pub fn read(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    file::list(folder)?
        .into_iter()
        .map(|path| {
            let bytes = file::read_back(folder, &path, MAX_FILE)?;
            Ok((path, bytes))
        })
        .collect()
}

fn place(folder: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    match file::write_new(folder, path, bytes, Readers::Owner) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if file::read_back(folder, path, MAX_FILE)? == bytes { Ok(()) } else { Err(error) }
        }
        written => written,
    }
}
