//! Whether these very documents would be valid for other repositories that are known here.

use std::path::Path;

use crate::driver::folder::Folder;
use crate::front::words::escape;
use crate::tuf::client::{Fetcher as _, MAX_DOCUMENT, MAX_ROOT};
use crate::tuf::document::Dialect;
use crate::tuf::replay::{Known, Replay, TakenBy, gun, root_elsewhere, targets_elsewhere};
use crate::tuf::root::Root;
use crate::tuf::signed::{Signed, sniff};
use crate::tuf::targets::Targets;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::Candidate;

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
    let mut known = Vec::new();
    for folder in folders {
        let failed = |error| Failure::file(&folder, &error);
        for path in Folder::new(&folder).repositories(MOST).map_err(failed)? {
            match repository(&path) {
                Some(other) if is_same(verify, &path, &other, clients) => {}
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

/// The same repository is no other one: the same folder, or, where roots are the same, also the same name.
fn is_same(verify: &Verify, path: &Path, other: &Known, clients: &[Client]) -> bool {
    let same_folder = path.canonicalize().ok() == verify.dir.canonicalize().ok();
    let in_chain = clients.iter().any(|client| client.digest == other.root.digest());
    let same_name = match (&verify.gun, gun(other)) {
        (Some(one), Some(another)) => *one == another,
        (Some(_) | None, _) => true,
    };
    same_folder || (in_chain && same_name)
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
