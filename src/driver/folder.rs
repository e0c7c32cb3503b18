//! Documents in a folder, by the names under which clients ask for them.

use std::io;
use std::path::{Path, PathBuf};

use crate::tuf::client::{FetchFailed, Fetcher};

use super::file;

/// A folder with documents, for a client's walk. Links are not followed and nothing outside is read.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// Takes a folder.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The versions of the numbered roots in it, `N.root.json`, from the lowest on.
    pub fn root_versions(&self) -> io::Result<Vec<u64>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.0)? {
            let name = entry?.file_name();
            let version = name.to_str().and_then(|name| name.strip_suffix(".root.json"));
            // 01.root.json is not a name that a client asks for.
            found.extend(version.and_then(|v| v.parse().ok().filter(|n: &u64| n.to_string() == v)));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The folders that hold a root: this one, or those below it, at most `most`. Links are not followed.
    pub fn repositories(&self, most: usize) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        let mut waiting = vec![self.0.clone()];
        while let Some(folder) = waiting.pop() {
            let mut below = Vec::new();
            let mut holds_root = false;
            for entry in std::fs::read_dir(&folder)? {
                let entry = entry?;
                let name = entry.file_name();
                holds_root |= name
                    .to_str()
                    .is_some_and(|name| name == "root.json" || name.ends_with(".root.json"));
                if entry.file_type()?.is_dir() {
                    below.push(entry.path());
                }
            }
            if holds_root {
                found.push(folder);
            }
            if found.len() >= most {
                break;
            }
            waiting.extend(below);
        }
        found.sort();
        Ok(found)
    }
}

impl Fetcher for Folder {
    fn fetch(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, FetchFailed> {
        match file::read_back(&self.0, name, limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FetchFailed { name: name.to_owned(), why: why(&error) }),
        }
    }
}

fn why(error: &io::Error) -> String {
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return "it is a link, which is not followed".to_owned();
    }
    error.to_string()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn roots_are_found_by_their_numbers_and_repositories_by_their_roots() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["10.root.json", "2.root.json", "02.root.json", "x.root.json", "root.json"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::write(folder.path().join("a/b/root.json"), b"").unwrap();
        let folder = Folder::new(folder.path());
        assert_eq!(folder.root_versions().unwrap(), [2, 10]);
        assert_eq!(folder.repositories(9).unwrap().len(), 2);
        assert_eq!(folder.repositories(1).unwrap().len(), 1);
    }

    #[test]
    fn a_link_is_told_as_one() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("root.json")).unwrap();
        let error = Folder::new(folder.path()).fetch("root.json", 99).unwrap_err();
        assert!(error.to_string().contains("is a link"), "{error}");
    }
}
