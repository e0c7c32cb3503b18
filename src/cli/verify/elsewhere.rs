//! Whether these very documents would be valid for other repositories that are known here.

use std::path::{Path, PathBuf};

use crate::cli::gather::roots;
use crate::driver::folder::Folder;
use crate::front::words::escape;
use crate::tuf::any::AnyDocument;
use crate::tuf::client::{Fetcher as _, MAX_DOCUMENT, MAX_ROOT};
use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::replay::{Known, Replay, TakenBy, gun, root_elsewhere, targets_elsewhere};
use crate::tuf::root::Root;
use crate::tuf::signed::{Signed, sniff};
use crate::tuf::targets::Targets;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{Authority, Candidate};

use super::clients::Client;
use super::{Failure, Verify};

/// The most known repositories that are read.
const MOST: usize = 10_000;

/// What was found: how many repositories were compared, and which would take what.
#[derive(Default)]
pub(super) struct Elsewhere {
    pub(super) compared: usize,
    /// Folders without a root that can be trusted.
    pub(super) skipped: usize,
    /// Folders with documents of this very repository.
    pub(super) copies: Vec<PathBuf>,
    pub(super) replays: Vec<(&'static str, Replay)>,
}

/// Compares with the folders that were named, or else with what the workspace trusts.
pub(super) fn look(
    verify: &Verify,
    workspace: Option<&Path>,
    clients: &[Client],
    at: Timestamp,
) -> Result<Elsewhere, Failure> {
    let mut found = Elsewhere::default();
    let folders = if verify.known.is_empty() {
        workspace
            .map(|book| book.join("trust"))
            .filter(|trust| trust.is_dir())
            .into_iter()
            .collect()
    } else {
        verify.known.clone()
    };
    let Some(dialect) = clients.first().map(|client| client.dialect) else { return Ok(found) };
    let own = Own::of(verify);
    let mut known = Vec::new();
    for folder in folders {
        let failed = |error| Failure::file(&folder, &error);
        let mut paths = Folder::new(&folder).repositories(MOST).map_err(failed)?;
        // Where python-tuf keeps the roots of its past.
        paths.retain(|path| path == &folder || !path.ends_with("root_history"));
        for path in paths {
            if path.canonicalize().ok() == verify.dir.canonicalize().ok() {
                continue;
            }
            match repository(&path) {
                Some(other) if own.has_copy(&path, &other, path == folder) => {
                    found.copies.push(path);
                }
                Some(other) => known.push(other),
                None => found.skipped += 1,
            }
        }
    }
    found.compared = known.len();
    let mut here = Folder::new(&verify.dir);
    let roots = ["root.json".to_owned(), newest_name(&verify.dir)];
    if let Some(root) = roots.iter().find_map(|name| read::<Root>(&mut here, dialect, name)) {
        let replays = root_elsewhere(&root, &known, at);
        found.replays.extend(replays.into_iter().map(|replay| ("root", replay)));
    }
    if let Some(targets) = read::<Targets>(&mut here, dialect, &targets_name(clients)) {
        let replays = targets_elsewhere(&targets, &known);
        found.replays.extend(replays.into_iter().map(|replay| ("targets", replay)));
    }
    Ok(found)
}

/// What tells this repository from others.
struct Own {
    gun: Option<String>,
    roots: Vec<Signed<Root>>,
}

impl Own {
    fn of(verify: &Verify) -> Self {
        let roots = all_roots(&verify.dir);
        let newest = roots.iter().max_by_key(|root| root.peek().version);
        let gun = verify.gun.clone().or_else(|| gun(newest?.peek()));
        Self { gun, roots }
    }

    /// Whether a folder holds documents of this repository. Notary repositories are told apart by the names that their
    /// certificates are for. TUF repositories have none: they are one where a root is, or where one follows another and
    /// their first roots do not differ.
    fn has_copy(&self, path: &Path, other: &Known, named: bool) -> bool {
        let theirs = all_roots(path);
        let shared = self
            .roots
            .iter()
            .any(|root| theirs.iter().any(|other| other.digest() == root.digest()));
        match (other.dialect, &self.gun, gun(other.root.root().body())) {
            (Dialect::Notary1, Some(own), Some(other)) => *own == other,
            // A wildcard in a certificate fits many: then the folder's name must tell, or the one who named it.
            (Dialect::Notary1, Some(own), None) => {
                shared
                    && (named || path.ends_with(own) || path.ends_with(format!("{own}/metadata")))
            }
            (Dialect::Notary1, None, _) => shared,
            (Dialect::Tuf1, ..) => shared || self.follows(&theirs),
        }
    }

    /// Whether a root of one side follows one of the other, though each side begins with another.
    fn follows(&self, theirs: &[Signed<Root>]) -> bool {
        let first = |roots: &[Signed<Root>]| roots.iter().any(|root| root.peek().version == 1);
        let follow = |before: &[Signed<Root>], after: &[Signed<Root>]| {
            before.iter().any(|before| {
                let Ok(old) = Authority::stated_by(before.peek(), &RoleName::root()) else {
                    return false;
                };
                let later = after.iter().filter(|root| root.peek().version > before.peek().version);
                later.into_iter().any(|root| old.tally(root).reached())
            })
        };
        let two_first = first(&self.roots) && first(theirs);
        !two_first && (follow(&self.roots, theirs) || follow(theirs, &self.roots))
    }
}

fn all_roots(folder: &Path) -> Vec<Signed<Root>> {
    let roots = roots(folder).into_iter().filter_map(|found| match found.document {
        AnyDocument::Root(root) => Some(root),
        AnyDocument::Targets(_) | AnyDocument::Snapshot(_) | AnyDocument::Timestamp(_) => None,
    });
    roots.collect()
}

fn newest_name(folder: &Path) -> String {
    let versions = Folder::new(folder).root_versions().unwrap_or_default();
    format!("{}.root.json", versions.last().unwrap_or(&1))
}

/// The name under which the first client read the targets.
fn targets_name(clients: &[Client]) -> String {
    let steps = clients.iter().flat_map(|client| &client.walk.steps);
    let mut names = steps.map(|step| step.document.clone());
    names.find(|name| name.ends_with("targets.json")).unwrap_or_else(|| "targets.json".to_owned())
}

fn read<T: crate::tuf::signed::Body>(
    folder: &mut Folder,
    dialect: Dialect,
    name: &str,
) -> Option<Signed<T>> {
    let bytes = folder.fetch(name, MAX_DOCUMENT).ok()??;
    Signed::read(dialect, &bytes).ok()
}

fn repository(path: &Path) -> Option<Known> {
    let mut folder = Folder::new(path);
    let names = ["root.json".to_owned(), newest_name(path)];
    let bytes = names.iter().find_map(|name| folder.fetch(name, MAX_ROOT).ok()?)?;
    let (dialect, _) = sniff(&bytes)?;
    let root = Candidate::read(dialect, &bytes).ok()?.trusted_on_first_use().ok()?;
    Some(Known { name: path.display().to_string(), dialect, root })
}

impl Elsewhere {
    /// What was found, in words.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .replays
            .iter()
            .map(|(document, replay)| {
                let place = escape(&replay.repository);
                format!("[!!] the {document} is also valid for {place}: {}", words(replay.by))
            })
            .collect();
        if self.skipped > 0 {
            lines.push(format!("[??] {} folders hold no root that can be read", self.skipped));
        }
        if self.compared > 0 {
            lines.push(format!("     compared with {} other repositories", self.compared));
        }
        lines
    }
}

pub(super) fn words(by: TakenBy) -> &'static str {
    match by {
        TakenBy::Followers => "its clients would follow this root, because its root keys signed it",
        TakenBy::Same => "it has this very root",
        TakenBy::FirstContact => "a client that sees it for the first time would take this root",
        TakenBy::Clients => "its root names the keys that signed these targets",
    }
}
