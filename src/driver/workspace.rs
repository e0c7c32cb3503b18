//! The workspace: the BOOK in which keys, trusted documents, plans and evidence rest. It never goes online.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use crate::tuf::time::Timestamp;

use super::file::{self, Readers};

/// The file that marks a workspace.
pub const MARKER: &str = "anchorite-workspace.toml";

/// The folder of trusted documents.
pub const TRUST: &str = "trust";

/// The folder of key files.
pub const KEYS: &str = "keys";

/// An opened workspace. Nobody else opens it while this value lives.
#[derive(Debug)]
pub struct Workspace {
    folder: PathBuf,
    _lock: File,
}

/// Why there is no workspace.
#[derive(Debug, thiserror::Error)]
pub enum NoWorkspace {
    /// None was named, and no parent folder is one.
    #[error("no workspace was found")]
    NotFound,
    /// The folder is not a workspace.
    #[error("{0} is not a workspace")]
    NotOne(String),
    /// Somebody else has it open.
    #[error("the workspace {0} is in use by another process")]
    InUse(String),
    /// The file system failed.
    #[error("{path}: {error}")]
    File {
        /// The folder.
        path: String,
        /// What failed.
        error: io::Error,
    },
}

impl Workspace {
    /// Makes a workspace in a folder, which may exist and be empty.
    pub fn create(folder: &Path) -> Result<Self, NoWorkspace> {
        let failed = |error| NoWorkspace::File { path: folder.display().to_string(), error };
        file::make_folder(folder).map_err(failed)?;
        for part in [TRUST, KEYS, "plans", "evidence"] {
            file::make_folder(&folder.join(part)).map_err(failed)?;
        }
        file::write_new(folder, MARKER, b"anchorite = 1\n", Readers::Owner).map_err(failed)?;
        Self::open(folder)
    }

    /// Opens a workspace and locks it.
    pub fn open(folder: &Path) -> Result<Self, NoWorkspace> {
        let path = || folder.display().to_string();
        let lock = match File::open(folder.join(MARKER)) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(NoWorkspace::NotOne(path()));
            }
            Err(error) => return Err(NoWorkspace::File { path: path(), error }),
        };
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { folder: folder.to_owned(), _lock: lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(NoWorkspace::InUse(path())),
            Err(error) => Err(NoWorkspace::File { path: path(), error: error.into() }),
        }
    }

    /// Finds and opens a workspace: the one that was named, or else the nearest parent of `here` that is one. Never
    /// silently the current folder itself unless it is marked.
    pub fn find(named: Option<&Path>, here: &Path) -> Result<Self, NoWorkspace> {
        match named {
            Some(folder) => Self::open(folder),
            None => here
                .ancestors()
                .find(|folder| folder.join(MARKER).is_file())
                .map_or(Err(NoWorkspace::NotFound), Self::open),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where key files rest.
    pub fn keys(&self) -> PathBuf {
        self.folder.join(KEYS)
    }

    /// Where trusted documents rest.
    pub fn trust(&self) -> PathBuf {
        self.folder.join(TRUST)
    }

    /// Makes the folder of a new ceremony's evidence: `evidence/<utc>-<codename>`, with `-2`, `-3` … behind it where
    /// another ceremony of this name began within the same second.
    pub fn new_evidence(&self, at: Timestamp, codename: &str) -> io::Result<PathBuf> {
        let all = self.folder.join("evidence");
        file::make_folder(&all)?;
        let name = format!("{}-{codename}", at.to_compact());
        let mut folder = all.join(&name);
        for number in 2_u32.. {
            match file::make_new_folder(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    folder = all.join(format!("{name}-{number}"));
                }
                made => return made.map(|()| folder),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Adds lines to a file that only grows, synced.
    pub(super) fn append(&self, name: &str, lines: &[String]) -> io::Result<()> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut register = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(self.folder.join(name))?;
        for line in lines {
            register.write_all(format!("{line}\n").as_bytes())?;
        }
        register.sync_all()
    }
}

/// Brings a second copy of a BOOK level with it, and says how many files were copied or grew.
///
/// What the copy lacks is written, synced and read back. Records that only grow (the register, running transcripts) are
/// continued. A file that differs is an error: a copy is never written over. What an interrupted change of a passphrase
/// left aside is nobody's only copy and stays where it is.
pub fn level(book: &Path, second: &Path) -> io::Result<usize> {
    let mut touched = 0;
    for path in file::list(book)? {
        if path.ends_with(super::journal::BALLAST) || path.ends_with(".age.new") {
            continue;
        }
        let here = file::read_back(book, &path, u64::MAX - 1)?;
        let there = match file::read_back(second, &path, u64::MAX - 1) {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                file::write_new(second, &path, &here, Readers::Owner)?;
                touched += 1;
                file::read_back(second, &path, u64::MAX - 1)?
            }
            Err(error) => return Err(error),
        };
        if there == here {
            continue;
        }
        match here.strip_prefix(there.as_slice()) {
            Some(rest) if Path::new(&path).extension().is_some_and(|ending| ending == "jsonl") => {
                file::append(second, &path, rest)?;
                touched += 1;
            }
            Some(_) | None => {
                let why = format!("{path} on the copy is another than in the book");
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
        }
    }
    Ok(touched)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_found_from_inside_and_nowhere_else() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("book");
        drop(Workspace::create(&folder).unwrap());
        let inside = folder.join("evidence");
        assert_eq!(Workspace::find(None, &inside).unwrap().folder(), folder);
        assert!(matches!(Workspace::find(None, outer.path()), Err(NoWorkspace::NotFound)));
        let named = Workspace::find(Some(outer.path()), &inside);
        assert!(matches!(named, Err(NoWorkspace::NotOne(_))));
    }

    #[test]
    fn a_second_copy_is_brought_level_and_never_written_over() {
        let outer = tempfile::tempdir().unwrap();
        let book = Workspace::create(&outer.path().join("book")).unwrap();
        let second = outer.path().join("second");
        file::make_folder(&second).unwrap();
        let register = |bytes: &[u8]| file::append(book.folder(), "register.jsonl", bytes).unwrap();
        std::fs::write(book.folder().join("register.jsonl"), "one\n").unwrap();
        file::write_new(book.folder(), "keys/a.age", b"key", Readers::Owner).unwrap();
        file::write_new(book.folder(), "keys/a.age.new", b"cut off", Readers::Owner).unwrap();
        assert_eq!(level(book.folder(), &second).unwrap(), 3);
        assert_eq!(level(book.folder(), &second).unwrap(), 0);
        register(b"two\n");
        assert_eq!(level(book.folder(), &second).unwrap(), 1);
        let copied = std::fs::read(second.join("register.jsonl")).unwrap();
        assert_eq!(copied, b"one\ntwo\n");
        drop(book);
        assert!(Workspace::open(&second).is_ok());

        std::fs::write(second.join("keys/a.age"), b"kex").unwrap();
        let error = level(&outer.path().join("book"), &second).unwrap_err();
        assert!(error.to_string().contains("keys/a.age"), "{error}");
        assert_eq!(std::fs::read(second.join("keys/a.age")).unwrap(), b"kex");
    }

    #[test]
    fn only_one_opens_it_at_a_time() {
        let outer = tempfile::tempdir().unwrap();
        let first = Workspace::create(&outer.path().join("book")).unwrap();
        let second = Workspace::open(first.folder());
        assert!(matches!(second, Err(NoWorkspace::InUse(_))));
        drop(first);
        assert!(Workspace::open(&outer.path().join("book")).is_ok());
    }

    #[test]
    fn ceremonies_that_begin_within_one_second_have_folders_of_their_own() {
        let outer = tempfile::tempdir().unwrap();
        let book = Workspace::create(&outer.path().join("book")).unwrap();
        let at: Timestamp = "2027-03-01T09:00:00Z".parse().unwrap();
        let made: Vec<_> = (0..3)
            .map(|_| book.new_evidence(at, "calm-heron").unwrap())
            .map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        let name = format!("{}-calm-heron", at.to_compact());
        assert_eq!(made, [name.clone(), format!("{name}-2"), format!("{name}-3")]);
    }

    #[test]
    fn its_folders_are_its_owners_alone() {
        let outer = tempfile::tempdir().unwrap();
        let book = Workspace::create(&outer.path().join("book")).unwrap();
        for part in ["", "keys", "trust", "evidence"] {
            assert!(!file::others_may_read(&book.folder().join(part)).unwrap(), "{part}");
        }
    }
}
