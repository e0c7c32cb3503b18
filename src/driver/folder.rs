//! Documents in a folder, by the names under which clients ask for them.

use std::path::{Path, PathBuf};

use crate::tuf::client::{FetchFailed, Fetcher};

use super::file;

/// A folder with documents, for a client's walk. Links are not followed and nothing outside is read.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Takes a folder.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Fetcher for Folder {
    fn fetch(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, FetchFailed> {
        match file::read_back(&self.0, name, limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FetchFailed { name: name.to_owned(), why: error.to_string() }),
        }
    }
}
