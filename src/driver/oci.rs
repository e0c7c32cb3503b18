//! OCI image layouts (OCI image specification 1.1, `image-layout.md`), as a folder or a tar archive of one. They are read
//! and never written; no link is followed; what is read is bounded.

pub mod survey;
pub mod tar;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256, Sha512};

use crate::tuf::image::{Content, ContentDigest, ContentHash, Descriptor, MAX_MANIFEST};
use crate::tuf::wire::WireError;

use super::file;
use tar::Entry;

pub use tar::BadTar;

/// The most bytes of one blob that is hashed: 64 GiB.
pub const MAX_BLOB: u64 = 64 << 30;

/// A layout that was opened.
#[derive(Debug)]
pub struct Layout {
    place: Place,
    index: Vec<Descriptor>,
    archive_of_docker: bool,
}

#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    Tar { file: File, table: BTreeMap<String, Entry> },
}

/// A blob that was hashed whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Its length in bytes.
    pub length: u64,
    /// Its digest; nothing where its length was wrong already, or beyond [`MAX_BLOB`].
    pub digest: Option<ContentDigest>,
}

impl Layout {
    /// Opens a layout and reads its index.
    pub fn open(path: &Path) -> Result<Self, NoLayout> {
        let found = path.metadata().map_err(|error| NoLayout::Io(String::new(), error))?;
        let place = if found.is_dir() {
            Place::Folder(path.to_owned())
        } else if found.is_file() {
            let mut file = File::open(path).map_err(|error| NoLayout::Io(String::new(), error))?;
            let table = tar::table(&mut file, found.len())?;
            Place::Tar { file, table }
        } else {
            return Err(NoLayout::Neither);
        };
        let mut layout = Self { place, index: Vec::new(), archive_of_docker: false };
        let docker = layout.open_blob("manifest.json")?.is_some();
        layout.archive_of_docker = docker;
        let Some(bytes) = layout.read("index.json", MAX_MANIFEST)? else {
            return Err(if layout.archive_of_docker {
                NoLayout::Docker
            } else {
                NoLayout::NoIndex
            });
        };
        layout.index = match Content::read(&bytes, "") {
            Ok(Content::Index(entries)) => entries,
            Ok(Content::Manifest(_)) => return Err(NoLayout::NoIndex),
            Err(why) => return Err(NoLayout::Malformed("index.json".to_owned(), why)),
        };
        layout.marked()?;
        Ok(layout)
    }

    /// What `index.json` names.
    pub fn index(&self) -> &[Descriptor] {
        &self.index
    }

    /// Whether it comes from `docker save`: it has a `manifest.json` beside the index.
    pub const fn is_archive_of_docker(&self) -> bool {
        self.archive_of_docker
    }

    /// Whether it is a tar archive.
    pub const fn is_tar(&self) -> bool {
        matches!(self.place, Place::Tar { .. })
    }

    /// Reads a file of at most `limit` bytes; nothing where there is none.
    pub fn read(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, NoLayout> {
        let Some((blob, length)) = self.open_blob(name)? else { return Ok(None) };
        if length > limit {
            return Err(NoLayout::TooLong { name: name.to_owned(), length, limit });
        }
        let mut bytes = Vec::new();
        let failed = |error| NoLayout::Io(name.to_owned(), error);
        // A file that grows while it is read must not fill the memory.
        blob.take(length).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Some(bytes))
    }

    /// Hashes a blob, if it is there and has the expected length.
    pub fn measure(
        &mut self,
        digest: &ContentDigest,
        expected: u64,
    ) -> Result<Option<Measured>, NoLayout> {
        let name = digest.path();
        let Some((blob, length)) = self.open_blob(&name)? else { return Ok(None) };
        if length != expected || length > MAX_BLOB {
            return Ok(Some(Measured { length, digest: None }));
        }
        let failed = |error| NoLayout::Io(name.clone(), error);
        let mut blob = blob.take(length);
        let found = match digest.hash() {
            ContentHash::Sha256 => {
                let mut hash = Sha256::new();
                io::copy(&mut blob, &mut Sink(&mut hash)).map_err(failed)?;
                ContentDigest::new(ContentHash::Sha256, &hash.finalize())
            }
            ContentHash::Sha512 => {
                let mut hash = Sha512::new();
                io::copy(&mut blob, &mut Sink(&mut hash)).map_err(failed)?;
                ContentDigest::new(ContentHash::Sha512, &hash.finalize())
            }
        };
        Ok(Some(Measured { length, digest: Some(found) }))
    }

    /// `oci-layout` must say which version of the layout it is.
    fn marked(&mut self) -> Result<(), NoLayout> {
        let mark = self.read("oci-layout", 4096)?.ok_or(NoLayout::NoMark)?;
        let limits = crate::tuf::wire::json::Limits::default();
        let value = crate::tuf::wire::json::parse(&mark, limits)
            .map_err(|why| NoLayout::Malformed("oci-layout".to_owned(), why.into()))?;
        match value.member("imageLayoutVersion") {
            Some(crate::tuf::wire::json::Json::String(version)) if version.starts_with("1.") => {
                Ok(())
            }
            Some(_) | None => Err(NoLayout::NoMark),
        }
    }

    /// A reader at the beginning of a file, and the file's length.
    fn open_blob(&mut self, name: &str) -> Result<Option<Opened<'_>>, NoLayout> {
        let failed = |error| NoLayout::Io(name.to_owned(), error);
        match &mut self.place {
            Place::Folder(folder) => match file::open_below(folder, name) {
                Ok(file) => {
                    let length = file.metadata().map_err(failed)?.len();
                    Ok(Some((Box::new(file), length)))
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    Err(NoLayout::NotAFile(name.to_owned()))
                }
                Err(error)
                    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) =>
                {
                    Err(NoLayout::NotAFile(name.to_owned()))
                }
                Err(error) => Err(failed(error)),
            },
            Place::Tar { file, table } => match table.get(name) {
                None => Ok(None),
                Some(Entry::Other) => Err(NoLayout::NotAFile(name.to_owned())),
                Some(Entry::File { offset, length }) => {
                    file.seek(SeekFrom::Start(*offset)).map_err(failed)?;
                    Ok(Some((Box::new((&*file).take(*length)), *length)))
                }
            },
        }
    }
}

/// A file from its beginning, and its length.
type Opened<'a> = (Box<dyn io::Read + 'a>, u64);

/// A hash as something to write to.
struct Sink<'a, H>(&'a mut H);

impl<H: sha2::Digest> io::Write for Sink<'_, H> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why something is not read as a layout.
#[derive(Debug, thiserror::Error)]
pub enum NoLayout {
    /// Reading a file in it failed; the name is empty for the layout itself.
    #[error("{0}: {1}")]
    Io(String, io::Error),
    /// Neither a folder nor a file.
    #[error("it is neither a folder nor a plain file")]
    Neither,
    /// A tar archive that is not read.
    #[error(transparent)]
    Tar(#[from] BadTar),
    /// It has no index.
    #[error("there is no index.json that lists manifests")]
    NoIndex,
    /// It does not say that it is a layout.
    #[error("there is no oci-layout file of version 1")]
    NoMark,
    /// An archive of `docker save` that has no index at all.
    #[error("it is an archive of an older `docker save`, without an index")]
    Docker,
    /// A link, a FIFO, a folder where a file should be.
    #[error("{0} is not a plain file: links are not followed")]
    NotAFile(String),
    /// A file that is too long.
    #[error("{name} has {length} bytes, more than the {limit} that are read")]
    TooLong {
        /// The file.
        name: String,
        /// Its length.
        length: u64,
        /// The most bytes.
        limit: u64,
    },
    /// An index or manifest that is not as the specification says.
    #[error("{0}: {1}")]
    Malformed(String, WireError),
}
