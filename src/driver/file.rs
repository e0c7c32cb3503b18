//! Files: new ones only, synced, and read back past the cache; paths that never leave their folder.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, Mode, OFlags, ResolveFlags};
use sha2::{Digest as _, Sha256};

use crate::ceremony::event::{Trouble, TroubleKind};
use crate::keystore::Secret;
use crate::tuf::digest::Digest;

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Only its owner: 0600.
    Owner,
    /// Everybody: 0644, for what is public.
    All,
}

/// Makes a folder and its parents, readable by their owner only (0700).
pub fn make_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes one folder that its owner alone may enter. A folder that is there is an error.
pub fn make_new_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

/// Writes a new file below `folder` and syncs it and its folder. An existing file is an error; a file that could not be
/// written whole is removed.
pub fn write_new(folder: &Path, path: &str, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let whole = below(folder, path)?;
    no_links(folder, &whole)?;
    if let Some(parent) = whole.parent() {
        make_folder(parent)?;
    }
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::All => 0o644,
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&whole)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Nothing half-written is left behind.
        let _ = std::fs::remove_file(&whole);
        return Err(error);
    }
    sync_folder(whole.parent().unwrap_or(folder))
}

/// Adds bytes to the end of a file below `folder` and syncs it. No link is followed.
pub fn append(folder: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    let whole = below(folder, path)?;
    no_links(folder, &whole)?;
    let nofollow = OFlags::NOFOLLOW.bits().cast_signed();
    let mut file = OpenOptions::new().append(true).custom_flags(nofollow).open(&whole)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Reads a file below `folder`, past the cache: its pages are dropped first, so that the medium itself answers. At most
/// `limit` bytes; no link is followed, and only a plain file is read.
pub fn read_back(folder: &Path, path: &str, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_below(folder, path)?;
    let found = file.metadata()?.len();
    if found > limit {
        let why = format!("it has {found} bytes, more than {limit}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    // A file system that cannot drop its pages still reads right.
    let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a file of secrets below `folder` straight into a locked page. What is not UTF-8 comes back empty.
pub fn read_secret(folder: &Path, path: &str) -> io::Result<Secret> {
    let mut file = open_below(folder, path)?;
    let found = file.metadata()?.len();
    if usize::try_from(found).map_or(true, |found| found >= Secret::MOST) {
        let why =
            format!("it has {found} bytes, and a file of secrets has less than {}", Secret::MOST);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Secret::read(|page| {
        let mut filled = 0;
        while let Some(rest) = page.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read(rest)? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    })
}

/// SHA-256 of a file below `folder`, read past the cache as [`read_back`] does, however long it is.
pub fn digest_back(folder: &Path, path: &str) -> io::Result<Digest> {
    let mut file = open_below(folder, path)?;
    let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
    digest_of(&mut file)
}

/// SHA-256 of a file; it is read from its beginning, and stands there again.
pub fn digest_of(file: &mut File) -> io::Result<Digest> {
    file.seek(SeekFrom::Start(0))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hash.update(buffer.get(..count).unwrap_or_default());
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(Digest::from_bytes(hash.finalize().into()))
}

/// Opens a plain file below `folder` for reading; no link is followed, and nothing else is opened.
pub fn open_below(folder: &Path, path: &str) -> io::Result<File> {
    below(folder, path)?;
    let dir = File::open(folder)?;
    let opened: OwnedFd = rustix::fs::openat2(
        &dir,
        path,
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK,
        Mode::empty(),
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS,
    )?;
    let file = File::from(opened);
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file"));
    }
    Ok(file)
}

/// Joins a relative path, and refuses one that would leave the folder.
pub fn below(folder: &Path, path: &str) -> io::Result<PathBuf> {
    let safe = !path.is_empty()
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && !path.contains(['\\', '\0']);
    if safe {
        Ok(folder.join(path))
    } else {
        let why = format!("{path:?} is not a path below its folder");
        Err(io::Error::new(io::ErrorKind::InvalidInput, why))
    }
}

/// No folder on the way may be a link: it could lead elsewhere.
fn no_links(folder: &Path, whole: &Path) -> io::Result<()> {
    let way = whole.ancestors().skip(1).take_while(|part| *part != folder);
    for part in way {
        match part.symlink_metadata() {
            Ok(found) if found.file_type().is_symlink() => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "a folder on the way is a link",
                ));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Syncs a folder, so that a new name in it cannot be lost.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Every plain file below a folder, as relative paths with `/`, sorted. Links and devices are errors.
pub fn list(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut waiting = vec![String::new()];
    while let Some(at) = waiting.pop() {
        for entry in std::fs::read_dir(folder.join(&at))? {
            let entry = entry?;
            let name = entry.file_name().into_string().map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidData, "a file name is not UTF-8")
            })?;
            let path = if at.is_empty() { name } else { format!("{at}/{name}") };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                waiting.push(path);
            } else if kind.is_file() {
                found.push(path);
            } else {
                let why = format!("{path} is neither a file nor a folder");
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether others than its owner may read a file.
pub fn others_may_read(path: &Path) -> io::Result<bool> {
    Ok(path.symlink_metadata()?.mode() & 0o077 != 0)
}

/// What an error of the file system means for the ceremony.
pub fn trouble(file: &str, error: &io::Error) -> Trouble {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list is the library's and grows")]
    let (kind, found) = match error.kind() {
        io::ErrorKind::NotFound => (TroubleKind::Absent, "is not there".to_owned()),
        io::ErrorKind::AlreadyExists => (TroubleKind::Occupied, "is there already".to_owned()),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (TroubleKind::Full, "does not fit: the medium is full".to_owned())
        }
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            (TroubleKind::Mismatch, error.to_string())
        }
        _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            (TroubleKind::Mismatch, "is a link, which is not followed".to_owned())
        }
        _ => (TroubleKind::Device, error.to_string()),
    };
    Trouble { kind, found: format!("{file}: {found}") }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_never_written_over_another() {
        let folder = tempfile::tempdir().unwrap();
        write_new(folder.path(), "a/b.json", b"one", Readers::All).unwrap();
        let error = write_new(folder.path(), "a/b.json", b"two", Readers::All).unwrap_err();
        assert_eq!(trouble("a/b.json", &error).kind, TroubleKind::Occupied);
        assert_eq!(read_back(folder.path(), "a/b.json", 10).unwrap(), b"one");
    }

    #[test]
    fn a_file_of_secrets_fits_into_its_page_or_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let read = |text: &[u8]| {
            std::fs::write(folder.path().join("identity"), text).unwrap();
            read_secret(folder.path(), "identity")
        };
        assert_eq!(read(b"# one\nAGE-1\n").unwrap().expose(), "# one\nAGE-1\n");
        assert!(read(b"\xff").unwrap().is_empty());
        let longest = vec![b'x'; Secret::MOST - 1];
        assert_eq!(read(&longest).unwrap().expose().len(), longest.len());
        let error = read(&vec![b'x'; Secret::MOST]).unwrap_err();
        assert!(error.to_string().contains("and a file of secrets has less than"), "{error}");
    }

    #[test]
    fn a_path_never_leaves_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["", "../x", "/etc/passwd", "a/../../x", "a//b", "."] {
            assert!(read_back(folder.path(), path, 10).is_err(), "{path:?}");
            assert!(write_new(folder.path(), path, b"", Readers::All).is_err(), "{path:?}");
        }
        for path in ["x", "a/x"] {
            write_new(folder.path(), path, b"fine", Readers::All).unwrap();
            assert_eq!(read_back(folder.path(), path, 10).unwrap(), b"fine");
        }
    }

    #[test]
    fn links_and_devices_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("folder")).unwrap();
        for path in ["link", "folder/hostname"] {
            let error = read_back(folder.path(), path, 1000).unwrap_err();
            assert_eq!(trouble(path, &error).kind, TroubleKind::Mismatch, "{error}");
        }
        let error = write_new(folder.path(), "folder/x", b"", Readers::All).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        rustix::fs::mknodat(
            File::open(folder.path()).unwrap(),
            "fifo",
            rustix::fs::FileType::Fifo,
            Mode::RUSR,
            0,
        )
        .unwrap();
        assert!(read_back(folder.path(), "fifo", 1000).is_err());
        for path in ["link", "fifo"] {
            std::fs::remove_file(folder.path().join(path)).unwrap();
            std::fs::write(folder.path().join(path), b"plain").unwrap();
            assert_eq!(read_back(folder.path(), path, 1000).unwrap(), b"plain");
        }
    }

    #[test]
    fn a_file_that_is_too_long_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        write_new(folder.path(), "long", &[0; 11], Readers::Owner).unwrap();
        assert!(read_back(folder.path(), "long", 10).is_err());
        assert!(!others_may_read(&folder.path().join("long")).unwrap());
    }
}
