//! What the workspace trusts already of a repository: a change must not start from anything older.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::ceremony::before::Anchor;
use crate::tuf::any::AnyDocument;
use crate::tuf::client::file_name::role_of;
use crate::tuf::digest::Digest;
use crate::tuf::document::DocRole;
use crate::tuf::signed::Signed;

use super::file;

/// Why a state before is not the one to start from.
#[derive(Debug, thiserror::Error)]
pub enum NotCurrent {
    /// The workspace trusts a newer document.
    #[error(
        "{role}: the state before has version {found}, and this workspace trusts version {known} already"
    )]
    Older {
        /// The document.
        role: DocRole,
        /// The version that was brought.
        found: u64,
        /// The version that is trusted.
        known: u64,
    },
    /// The workspace trusts another document of the same version.
    #[error(
        "{role}: the state before has another version {version} than this workspace trusts: {found} \
         in the place of {known}"
    )]
    Other {
        /// The document.
        role: DocRole,
        /// Its version.
        version: u64,
        /// SHA-256 of the signing bytes that were brought.
        found: Digest,
        /// SHA-256 of the signing bytes that are trusted.
        known: Digest,
    },
    /// The workspace cannot be read.
    #[error("{path}: {error}")]
    Io {
        /// The file or folder.
        path: String,
        /// What failed.
        error: io::Error,
    },
}

/// Compares the state before with what the trust folder of a workspace holds of the same repository. A workspace that
/// knows nothing of it, or less, objects to nothing.
pub fn current(trust: &Path, anchor: &Anchor) -> Result<(), NotCurrent> {
    let folder = trust.join(anchor.repository().as_str());
    if !folder.is_dir() {
        return Ok(());
    }
    let mut known: BTreeMap<DocRole, (u64, Digest)> = BTreeMap::new();
    let mut files = Vec::new();
    list(&folder, "", &mut files)?;
    for name in files {
        let failed = |error| NotCurrent::Io { path: format!("{}/{name}", folder.display()), error };
        let bytes = file::read_back(&folder, &name, MAX_DOCUMENT).map_err(failed)?;
        let (Ok(document), Some(role)) = (AnyDocument::read(&bytes), document_of(anchor, &name))
        else {
            continue;
        };
        let found = (document.version(), document.digest());
        let entry = known.entry(role).or_insert(found);
        if entry.0 < found.0 {
            *entry = found;
        }
        compare_roots(anchor, &name, found)?;
    }
    for (role, (version, digest)) in known {
        let Some(found) = anchor.version(&role) else { continue };
        if found < version {
            return Err(NotCurrent::Older { role, found, known: version });
        }
        let brought = anchor.received(&role).and_then(|bytes| AnyDocument::read(bytes).ok());
        if let Some(brought) = brought.filter(|b| found == version && b.digest() != digest) {
            return Err(NotCurrent::Other {
                role,
                version,
                found: brought.digest(),
                known: digest,
            });
        }
    }
    Ok(())
}

const MAX_DOCUMENT: u64 = 512 << 20;

/// Two roots of one version are two histories, also where newer ones are there.
fn compare_roots(anchor: &Anchor, name: &str, known: (u64, Digest)) -> Result<(), NotCurrent> {
    let (version, known) = known;
    let is_root = document_of(anchor, name) == Some(DocRole::Root);
    let other = anchor.roots().get(&version).map(Signed::digest);
    match other.filter(|found| is_root && *found != known) {
        Some(found) => Err(NotCurrent::Other { role: DocRole::Root, version, found, known }),
        None => Ok(()),
    }
}

/// Every `.json` file below a folder. Links are not followed.
fn list(folder: &Path, below: &str, files: &mut Vec<String>) -> Result<(), NotCurrent> {
    let here = folder.join(below);
    let failed = |error| NotCurrent::Io { path: here.display().to_string(), error };
    for entry in std::fs::read_dir(&here).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            list(folder, &path, files)?;
        } else if kind.is_file() && path.strip_suffix(".json").is_some() {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

/// Whose document a file of the trust folder is.
fn document_of(anchor: &Anchor, name: &str) -> Option<DocRole> {
    role_of(anchor.dialect(), name)?.as_str().parse().ok()
}
