//! Files of a fleet in the evidence: written aside, synced and renamed, so that each is whole or not there.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::driver::file;
use crate::tuf::digest::Digest;

/// A file that is being written; it gets its name when it is whole.
pub(super) struct Growing {
    folder: PathBuf,
    part: PathBuf,
    path: String,
    file: BufWriter<File>,
    hash: Sha256,
}

impl Growing {
    /// Begins a file below an evidence folder. What an earlier attempt left half-written is written over.
    pub(super) fn new(folder: &Path, path: &str) -> io::Result<Self> {
        let part = folder.join(format!(".{}.part", path.replace('/', "-")));
        let mut how = OpenOptions::new();
        let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        how.write(true).create(true).truncate(true).mode(0o600).custom_flags(nofollow);
        let file = BufWriter::new(how.open(&part)?);
        Ok(Self {
            folder: folder.to_owned(),
            part,
            path: path.to_owned(),
            file,
            hash: Sha256::new(),
        })
    }

    pub(super) fn add(&mut self, text: &str) -> io::Result<()> {
        self.hash.update(text.as_bytes());
        self.file.write_all(text.as_bytes())
    }

    /// Takes away what was written: nobody needs it.
    pub(super) fn give_up(self) -> io::Result<()> {
        std::fs::remove_file(&self.part)
    }

    /// Syncs the file and gives it its name; a file of that name, which is not on record, is set aside.
    pub(super) fn finish(self) -> io::Result<Digest> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let whole = file::below(&self.folder, &self.path)?;
        let parent = whole.parent().unwrap_or(&self.folder).to_owned();
        file::make_folder(&parent)?;
        if whole.exists() {
            let aside = (1..=u32::MAX)
                .map(|n| PathBuf::from(format!("{}.aside-{n}", whole.display())))
                .find(|path| !path.exists())
                .ok_or(io::ErrorKind::AlreadyExists)?;
            std::fs::rename(&whole, aside)?;
        }
        std::fs::rename(&self.part, &whole)?;
        file::sync_folder(&parent)?;
        Ok(Digest::from_bytes(self.hash.finalize().into()))
    }
}
