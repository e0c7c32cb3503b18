//! Documents from files and folders, each with its repository and role as its path tells them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::driver::folder::Folder;
use crate::front::words::escape;
use crate::tuf::any::{AnyDocument, NotADocument};
use crate::tuf::client::file_name::percent_decoded;
use crate::tuf::client::{Fetcher as _, MAX_ROOT};
use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::wire::WireError;

use super::{Failure, MAX_DOCUMENT};

/// What was found at the places that were named.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// The documents, in the order of their paths.
    pub(super) documents: Vec<Found>,
    /// Files that are called like documents but are none.
    pub(super) unread: Vec<Unread>,
    /// How many other files with JSON there were.
    pub(super) others: usize,
}

/// A document and its place.
#[derive(Debug)]
pub(super) struct Found {
    /// The path as it was named, or below the folder that was named.
    pub(super) name: String,
    /// The folder that the repository lies in.
    pub(super) repository: String,
    /// The role, by the kind of the document and the name of the file.
    pub(super) role: RoleName,
    /// The document.
    pub(super) document: AnyDocument,
}

/// A file that should be a document.
#[derive(Debug)]
pub(super) struct Unread {
    /// The path.
    pub(super) name: String,
    /// What was expected and found, and where.
    pub(super) why: String,
}

/// Gathers files, each of which must be a document, and folders with what is in them.
pub(super) fn gather(paths: &[PathBuf]) -> Result<Gathered, Failure> {
    let mut gathered = Gathered::default();
    for path in paths {
        if path.is_dir() {
            let mut files = Vec::new();
            list(path, &mut files)?;
            files.sort();
            // Of one folder, names below it are enough.
            let above = if paths.len() == 1 { Some(path.as_path()) } else { None };
            for file in &files {
                gathered.take(file, above)?;
            }
        } else {
            gathered.documents.push(one(path)?);
        }
    }
    Ok(gathered)
}

/// Reads a file that must be a document.
pub(super) fn one(path: &Path) -> Result<Found, Failure> {
    let bytes = super::read(path, MAX_DOCUMENT)?;
    let shown = escape(&path.display().to_string());
    let document = AnyDocument::read(&bytes).map_err(|why| {
        let why = escape(&why.to_string());
        Failure::input(format!("{shown} is no root, targets, snapshot or timestamp: {why}"))
            .hint("Expected a document of TUF 1.0 or Notary v1.")
    })?;
    found(path, document).ok_or_else(|| {
        Failure::input(format!("{shown}: expected a file that is called like a role"))
    })
}

/// The roots that lie in the folder of a repository, old ones too. What cannot be read as one is left out.
pub(super) fn roots(folder: &Path) -> Vec<Found> {
    let past = folder.join("root_history");
    let mut found = Vec::new();
    for place in [folder, &past] {
        let mut documents = Folder::new(place);
        let numbered = documents.root_versions().unwrap_or_default();
        let numbered = numbered.into_iter().map(|version| format!("{version}.root.json"));
        for name in std::iter::once("root.json".to_owned()).chain(numbered) {
            let Ok(Some(bytes)) = documents.fetch(&name, MAX_ROOT) else { continue };
            let Ok(document @ AnyDocument::Root(_)) = AnyDocument::read(&bytes) else { continue };
            let path = place.join(&name);
            let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            let repository = folder.display().to_string();
            found.push(Found { name, repository, role: RoleName::root(), document });
        }
    }
    found
}

impl Gathered {
    /// What belongs to the repository in this folder, not to others below it.
    pub(super) fn only(mut self, folder: &Path) -> Self {
        let folder = folder.strip_prefix(".").unwrap_or(folder);
        self.documents.retain(|found| {
            let here = Path::new(&found.repository);
            here.strip_prefix(".").unwrap_or(here) == folder
        });
        self
    }

    fn take(&mut self, path: &Path, above: Option<&Path>) -> Result<(), Failure> {
        let below = above.and_then(|above| path.strip_prefix(above).ok()).unwrap_or(path);
        let name = below.display().to_string();
        let bytes = super::read(path, MAX_DOCUMENT)?;
        match AnyDocument::read(&bytes) {
            Ok(document) => match found(path, document) {
                Some(found) => self.documents.push(Found { name, ..found }),
                None => self.unread(name, "expected the name of a role".to_owned()),
            },
            // Artefacts may be JSON too.
            Err(NotADocument::Kind { .. } | NotADocument::Wire(WireError::Json(_)))
                if !called_like_a_document(path) =>
            {
                self.others += 1;
            }
            Err(why @ (NotADocument::Kind { .. } | NotADocument::Wire(_))) => {
                self.unread(name, why.to_string());
            }
        }
        Ok(())
    }

    fn unread(&mut self, name: String, why: String) {
        self.unread.push(Unread { name, why });
    }
}

/// Every `.json` file below a folder. Links are not followed: what they lead to is found where it lies.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::file(folder, &error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let path = entry.path();
        if kind.is_dir() {
            list(&path, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|ending| ending == "json") {
            files.push(path);
        }
    }
    Ok(())
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn called_like_a_document(path: &Path) -> bool {
    let stem = stem(path);
    let bare = stem.split_once('.').filter(|(n, _)| n.parse::<u64>().is_ok());
    let bare = bare.map_or(stem.as_str(), |(_, rest)| rest);
    ["root", "targets", "snapshot", "timestamp"].contains(&bare)
}

/// Tells repository and role by the path; nothing where the name of the file cannot be a role's.
fn found(path: &Path, document: AnyDocument) -> Option<Found> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let name = path.display().to_string();
    let (folder, role) = match (document.role(), document.dialect()) {
        (Some(role), _) => (folder, role),
        (None, Dialect::Tuf1) => {
            let stem = stem(path);
            let version = format!("{}.", document.version());
            let bare = stem.strip_prefix(&version).unwrap_or(&stem);
            (folder, percent_decoded(bare)?.parse().ok()?)
        }
        (None, Dialect::Notary1) => notary(path, folder)?,
    };
    // Where python-tuf keeps the roots of its past.
    let folder = match folder.file_name() {
        Some(last) if last == "root_history" => folder.parent().unwrap_or(&folder).to_owned(),
        Some(_) | None => folder,
    };
    let repository = match folder.display().to_string() {
        here if here.is_empty() => ".".to_owned(),
        named => named,
    };
    Some(Found { name, repository, role, document })
}

/// In Notary a delegation lies in folders that are called like it: `targets/releases.json`.
fn notary(path: &Path, folder: PathBuf) -> Option<(PathBuf, RoleName)> {
    let stem = stem(path);
    let above = folder.ancestors().find(|above| above.file_name().is_some_and(|n| n == "targets"));
    if let Some(top) = above {
        let base = top.parent().unwrap_or(Path::new(""));
        let below = folder.strip_prefix(base).ok()?;
        return Some((base.to_owned(), format!("{}/{stem}", below.display()).parse().ok()?));
    }
    // `2.targets.json` of a server's history.
    let bare = stem.split_once('.').filter(|(n, _)| n.parse::<u64>().is_ok());
    let role = bare.map_or(stem.as_str(), |(_, rest)| rest).parse().ok()?;
    Some((folder, role))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_notary_is_placed_by_its_folders() {
        let place = |path: &str| {
            let folder = Path::new(path).parent().unwrap().to_owned();
            let (folder, role) = notary(Path::new(path), folder).unwrap();
            (folder.display().to_string(), role.to_string())
        };
        let is = |folder: &str, role: &str| (folder.to_owned(), role.to_owned());
        assert_eq!(place("a/targets.json"), is("a", "targets"));
        assert_eq!(place("a/2.targets.json"), is("a", "targets"));
        assert_eq!(place("a/targets/releases.json"), is("a", "targets/releases"));
        assert_eq!(place("targets/team/bob.json"), is("", "targets/team/bob"));
    }

    #[test]
    fn artefacts_are_not_called_like_documents() {
        assert!(called_like_a_document(Path::new("x/12.root.json")));
        assert!(called_like_a_document(Path::new("targets.json")));
        assert!(!called_like_a_document(Path::new("x/trusted_root.json")));
        assert!(!called_like_a_document(Path::new("x/registry.root.json")));
    }
}
