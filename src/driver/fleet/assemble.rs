//! Results: each repository's new documents are put together aside, synced, read back, and renamed into their place.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::ceremony::event::{Fleet, Happened, Trouble, TroubleKind};
use crate::ceremony::fleet::{BATCH, assembled_file, folder_of, signatures_file};
use crate::ceremony::plan::Plan;
use crate::driver::file;
use crate::driver::media::public;
use crate::driver::ports::{Company, Progress};
use crate::tuf::digest::Digest;
use crate::tuf::document::DocRole;
use crate::tuf::name::KeyName;
use crate::tuf::signature::Signature;

use super::cursor::Lines;
use super::keeping::Growing;
use super::sign::{LONGEST_ROW, Turns, derived};
use super::{Yard, mismatch};

/// Where results are put together before they get their place.
const ASIDE: &str = ".aside";

/// One batch of results.
pub struct Results<'a> {
    /// The folder of the OUT medium.
    pub to: &'a Path,
    /// Which batch, from 0.
    pub nth: u64,
    /// How many repositories there are in all.
    pub of: u64,
    /// What is derived from.
    pub fleet: &'a Fleet,
}

/// The signatures of one key, in the order of the list.
pub(super) struct Made {
    key: KeyName,
    evidence: PathBuf,
    nth: u64,
    lines: Option<Lines>,
    peeked: Option<Vec<String>>,
}

impl Made {
    /// Those of every key that signs here.
    pub(super) fn all(plan: &Plan, evidence: &Path) -> Vec<Self> {
        let here = plan.keys.iter().filter(|key| key.is_here());
        here.map(|key| Self {
            key: key.name.clone(),
            evidence: evidence.to_owned(),
            nth: 0,
            lines: None,
            peeked: None,
        })
        .collect()
    }

    fn row(&mut self) -> io::Result<Option<Vec<String>>> {
        if let Some(row) = self.peeked.take() {
            return Ok(Some(row));
        }
        loop {
            if self.lines.is_none() {
                let path = signatures_file(self.key.as_str(), self.nth);
                match file::open_below(&self.evidence, &path) {
                    Ok(file) => self.lines = Some(Lines::new(file, LONGEST_ROW)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(error),
                }
                self.nth += 1;
            }
            match self.lines.as_mut().map(Lines::next).transpose()?.flatten() {
                Some(row) => return Ok(Some(row.split('\t').map(ToOwned::to_owned).collect())),
                None => self.lines = None,
            }
        }
    }

    /// The signatures on one repository's documents. Those of repositories before it in the list are passed over.
    pub(super) fn of(
        &mut self,
        name: &str,
        found: &mut Vec<(KeyName, DocRole, Signature)>,
    ) -> io::Result<()> {
        while let Some(row) = self.row()? {
            let [_, repository, role, signature] = row.as_slice() else {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a row of other columns"));
            };
            match repository.as_str().cmp(name) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => {
                    let role = role.parse::<DocRole>().ok();
                    let signature = Signature::try_from(signature.clone()).ok();
                    if let (Some(role), Some(signature)) = (role, signature) {
                        found.push((self.key.clone(), role, signature));
                    }
                }
                std::cmp::Ordering::Greater => {
                    self.peeked = Some(row);
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Turns {
    /// Puts a batch of results together.
    pub fn assemble(
        &mut self,
        yard: &Yard,
        evidence: &Path,
        results: &Results<'_>,
        company: &mut dyn Company,
    ) -> Result<Happened, Trouble> {
        let failed = |error: io::Error| file::trouble("OUT", &error);
        let mut made = Made::all(&yard.plan, evidence);
        let aside = results.to.join(ASIDE);
        clear(&aside).map_err(failed)?;
        let mut cursor = self.results(yard, evidence, results.fleet, (results.nth, BATCH))?;
        let mut table: BTreeMap<String, Digest> = BTreeMap::new();
        let mut folders: Vec<String> = Vec::new();
        while folders.len() < usize::try_from(BATCH).unwrap_or(usize::MAX) {
            let Some((line, drafted)) = cursor.next()? else { break };
            cursor.forget();
            let name = yard.drafted_name(&line);
            company.progress(&Progress {
                doing: format!("putting {name} together"),
                done: Some((
                    results.nth * BATCH + u64::try_from(folders.len() + 1).unwrap_or(0),
                    results.of,
                )),
            });
            let (member, change) = derived(yard, &line, &drafted, results.fleet)?;
            let mut signatures = Vec::new();
            for key in &mut made {
                key.of(&name, &mut signatures)
                    .map_err(|error| file::trouble("signatures", &error))?;
            }
            let files = member
                .signed(&change, &results.fleet.roster, &signatures)
                .map_err(|why| mismatch(&format!("{name}: {why}")))?;
            let folder = folder_of(&name);
            for (path, bytes) in files {
                let path = format!("{folder}/{path}");
                public(&path, &bytes)
                    .map_err(|why| mismatch(&format!("{path} may not go out: {why}")))?;
                put(&aside, &path, &bytes).map_err(failed)?;
                table.insert(path, Digest::of(&bytes));
            }
            folders.push(folder);
        }
        settle(results.to, &aside, &table, &folders)?;
        let mut growing = Growing::new(evidence, &assembled_file(results.nth)).map_err(failed)?;
        for (path, digest) in &table {
            growing.add(&format!("{digest}  {path}\n")).map_err(failed)?;
        }
        let file = growing.finish().map_err(failed)?;
        self.stand(results.nth + 1, cursor);
        Ok(Happened::Assembled {
            repositories: u64::try_from(folders.len()).unwrap_or(u64::MAX),
            file,
        })
    }
}

/// Takes away what an interrupted batch left aside: nobody was told of it.
fn clear(aside: &Path) -> io::Result<()> {
    match aside.symlink_metadata() {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(aside),
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidData, ".aside is not a folder")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes a new file; the whole batch is synced at once.
fn put(aside: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    let whole = file::below(aside, path)?;
    if let Some(parent) = whole.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&whole)?;
    file.write_all(bytes)
}

/// Syncs what is aside, reads it back past the cache, and gives each folder its place by one rename.
fn settle(
    to: &Path,
    aside: &Path,
    table: &BTreeMap<String, Digest>,
    folders: &[String],
) -> Result<(), Trouble> {
    let failed = |error: io::Error| file::trouble("OUT", &error);
    rustix::fs::syncfs(File::open(to).map_err(failed)?).map_err(|error| failed(error.into()))?;
    same(aside, table)?;
    std::fs::create_dir_all(to.join("fleet")).map_err(failed)?;
    for folder in folders {
        let (from, place) = (aside.join(folder), to.join(folder));
        if place.symlink_metadata().is_ok() {
            // An interrupted batch may have come so far: what is there must be the very same.
            let mine = table.iter().filter(|(path, _)| path.starts_with(&format!("{folder}/")));
            let mine: BTreeMap<_, _> = mine.map(|(path, digest)| (path.clone(), *digest)).collect();
            same(to, &mine)?;
            let count = file::list(&place).map_err(failed)?.len();
            if count != mine.len() {
                let found = format!("OUT:{folder}: there is more than this ceremony wrote");
                return Err(Trouble { kind: TroubleKind::Occupied, found });
            }
            continue;
        }
        std::fs::rename(from, place).map_err(failed)?;
    }
    file::sync_folder(&to.join("fleet")).map_err(failed)?;
    clear(aside).map_err(failed)
}

fn same(folder: &Path, table: &BTreeMap<String, Digest>) -> Result<(), Trouble> {
    for (path, digest) in table {
        let bytes = file::read_back(folder, path, u64::MAX - 1)
            .map_err(|error| file::trouble(path, &error))?;
        if Digest::of(&bytes) != *digest {
            return Err(mismatch(&format!("{path}: what is there is not what was written")));
        }
    }
    Ok(())
}
