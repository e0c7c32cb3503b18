//! The journal on disk: `transcript.jsonl`, appended and synced line by line.
//!
//! Space is reserved ahead by a ballast file: when the disk is full, the ballast goes, so that the record of what
//! happened still fits.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::ceremony::event::Entry;
use crate::ceremony::transcript;
use crate::tuf::digest::Digest;

use super::file;
use super::ports::Journal;

/// The transcript's file name.
pub const TRANSCRIPT: &str = "transcript.jsonl";
/// The ballast's file name; it is gone when the evidence is sealed.
pub const BALLAST: &str = ".ballast";
/// How much space is kept back, in bytes.
const BALLAST_SIZE: u64 = 256 * 1024;

/// A transcript that is being written.
#[derive(Debug)]
pub struct FileJournal {
    folder: PathBuf,
    file: File,
    head: Digest,
    entries: u64,
    length: u64,
}

impl FileJournal {
    /// Begins a transcript in an evidence folder.
    pub fn create(folder: &Path, plan: Digest) -> io::Result<Self> {
        let path = folder.join(TRANSCRIPT);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        reserve(folder)?;
        file::sync_folder(folder)?;
        Ok(Self { folder: folder.to_owned(), file, head: plan, entries: 0, length: 0 })
    }

    /// Goes on with a transcript: a torn last line is set aside as `torn-N`, and the bytes of the whole lines are given back.
    pub fn resume(folder: &Path, plan: Digest) -> io::Result<(Self, Vec<u8>)> {
        let path = folder.join(TRANSCRIPT);
        let mut bytes = std::fs::read(&path)?;
        let whole = transcript::whole_length(&bytes);
        if let Some(torn) = bytes.get(whole..).filter(|torn| !torn.is_empty()) {
            let name = (1..=u32::MAX)
                .map(|n| format!("torn-{n}"))
                .find(|name| !folder.join(name).exists())
                .unwrap_or_default();
            file::write_new(folder, &name, torn, file::Readers::Owner)?;
            bytes.truncate(whole);
        }
        let mut file = OpenOptions::new().write(true).open(&path)?;
        let length = u64::try_from(whole).unwrap_or(u64::MAX);
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        file.sync_all()?;
        if !folder.join(BALLAST).exists() {
            // Without room for ballast the ceremony can still go on.
            let _ = reserve(folder);
        }
        let entries = bytes.split(|byte| *byte == b'\n').count() - 1;
        let head = if entries == 0 { plan } else { transcript::head(&bytes) };
        let journal = Self {
            folder: folder.to_owned(),
            file,
            head,
            entries: u64::try_from(entries).unwrap_or(u64::MAX),
            length,
        };
        Ok((journal, bytes))
    }

    /// The head so far.
    pub const fn head(&self) -> Digest {
        self.head
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(line).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Back to the last whole line, so that what follows is not glued to a torn one.
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::Start(self.length))?;
            return Err(error);
        }
        Ok(())
    }
}

impl Journal for FileJournal {
    fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let line = transcript::line(self.head, self.entries == 0, entry);
        if let Err(error) = self.write(&line) {
            let full =
                matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            // Without ballast the disk's own word is what people need to read.
            if !full || std::fs::remove_file(self.folder.join(BALLAST)).is_err() {
                return Err(error);
            }
            self.write(&line)?;
        }
        self.head = transcript::head_of(&line);
        self.entries += 1;
        self.length += u64::try_from(line.len()).unwrap_or_default();
        Ok(())
    }
}

/// Writes real bytes: a file with a hole in it reserves nothing.
fn reserve(folder: &Path) -> io::Result<()> {
    let path = folder.join(BALLAST);
    let mut ballast =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    let written = (0..BALLAST_SIZE / 4096)
        .try_for_each(|_| ballast.write_all(&[0xa5; 4096]))
        .and_then(|()| ballast.sync_all());
    if written.is_err() {
        std::fs::remove_file(&path)?;
    }
    written
}

/// Removes the ballast when the evidence is sealed.
pub fn drop_ballast(folder: &Path) -> io::Result<()> {
    match std::fs::remove_file(folder.join(BALLAST)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
