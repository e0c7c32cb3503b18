//! Results: each repository's new documents are put together aside, synced, read back, and renamed into their place.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::ceremony::before::Anchor;
use crate::ceremony::event::{Fleet, Happened, MAX_INPUT, Trouble, TroubleKind};
use crate::ceremony::export;
use crate::ceremony::export::calendar::Ending;
use crate::ceremony::export::fleet::Told;
use crate::ceremony::fleet::{BATCH, SignedFile, assembled_file, folder_of, signatures_file};
use crate::ceremony::plan::Plan;
use crate::driver::file;
use crate::driver::media::public;
use crate::driver::ports::{Company, Progress};
use crate::tuf::digest::Digest;
use crate::tuf::document::{Dialect, DocId, DocRole};
use crate::tuf::name::KeyName;
use crate::tuf::signature::Signature;

use super::cursor::Lines;
use super::keeping::Growing;
use super::sign::{LONGEST_ROW, Turns, derived};
use super::{Yard, mismatch};

/// Where results are put together before they get their place.
const ASIDE: &str = ".aside";
/// Where the folders of results and the parts of tables get their place.
const PARENTS: [&str; 2] = ["fleet", "publish"];

/// One batch of results.
pub struct Results<'a> {
    /// The folder of the OUT medium.
    pub to: &'a Path,
    /// Which batch, from 0.
    pub nth: u64,
    /// How many repositories there are in all.
    pub of: u64,
    /// The folder of the documents that the workspace trusts.
    pub trust: &'a Path,
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
        let mut part = Part::begin(&aside, results.nth).map_err(failed)?;
        let mut trust = Trusted::begin(results.trust).map_err(failed)?;
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
            for SignedFile { id, name, bytes } in &files {
                trust.add(id, bytes)?;
                let path = format!("{folder}/{name}");
                public(&path, bytes)
                    .map_err(|why| mismatch(&format!("{path} may not go out: {why}")))?;
                put(&aside, &path, bytes, 0o644).map_err(failed)?;
                table.insert(path, Digest::of(bytes));
            }
            let before = member.anchor().map(Anchor::current_files).unwrap_or_default();
            let served = files.into_iter().map(|file| (file.name, file.bytes)).collect();
            let told = export::fleet::told(member.plan(), &served, before)
                .map_err(|why| mismatch(&format!("{name}: {why}")))?;
            part.add(told, line.dialect).map_err(failed)?;
            folders.push(folder);
        }
        let repositories = u64::try_from(folders.len()).unwrap_or(u64::MAX);
        let Part { endings, notary, .. } = part.finish(&mut table).map_err(failed)?;
        folders.push(export::fleet::part(results.nth));
        settle(results.to, &aside, &table, &folders)?;
        trust.settle()?;
        let mut growing = Growing::new(evidence, &assembled_file(results.nth)).map_err(failed)?;
        for (path, digest) in &table {
            growing.add(&format!("{digest}  {path}\n")).map_err(failed)?;
        }
        let file = growing.finish().map_err(failed)?;
        self.stand(results.nth + 1, cursor);
        Ok(Happened::Assembled { repositories, file, endings, notary })
    }
}

/// The tables of a batch, written aside while it is put together.
struct Part {
    files: Vec<(String, BufWriter<File>, Sha256)>,
    endings: Vec<Ending>,
    notary: u64,
}

impl Part {
    fn begin(aside: &Path, nth: u64) -> io::Result<Self> {
        let folder = export::fleet::part(nth);
        let begun = |name: &&str| {
            let path = format!("{folder}/{name}");
            Ok((path.clone(), BufWriter::new(created(aside, &path, 0o644)?), Sha256::new()))
        };
        let files = export::fleet::TABLES.iter().map(begun).collect::<io::Result<_>>()?;
        Ok(Self { files, endings: Vec::new(), notary: 0 })
    }

    fn add(&mut self, told: Told, dialect: Dialect) -> io::Result<()> {
        for ((_, file, hash), rows) in self.files.iter_mut().zip(told.rows) {
            hash.update(rows.as_bytes());
            file.write_all(rows.as_bytes())?;
        }
        for ending in told.endings {
            export::fleet::sooner(&mut self.endings, ending);
        }
        self.notary += u64::from(dialect == Dialect::Notary1);
        Ok(())
    }

    fn finish(mut self, table: &mut BTreeMap<String, Digest>) -> io::Result<Self> {
        for (path, mut file, hash) in self.files.drain(..) {
            file.flush()?;
            table.insert(path, Digest::from_bytes(hash.finalize().into()));
        }
        Ok(self)
    }
}

/// The documents that the workspace trusts from now on, each beside the one before it; written aside like the others.
struct Trusted<'a> {
    trust: &'a Path,
    files: Vec<String>,
}

impl<'a> Trusted<'a> {
    fn begin(trust: &'a Path) -> io::Result<Self> {
        clear(&trust.join(ASIDE))?;
        file::make_folder(&trust.join(ASIDE))?;
        Ok(Self { trust, files: Vec::new() })
    }

    fn add(&mut self, id: &DocId, bytes: &[u8]) -> Result<(), Trouble> {
        let path = format!("{}/{}.{}.json", id.repository, id.version, id.role);
        put(&self.trust.join(ASIDE), &path, bytes, 0o600)
            .map_err(|error| file::trouble(&path, &error))?;
        self.files.push(path);
        Ok(())
    }

    /// Gives each its place. One that is there, because the batch was cut off here, must be the very same.
    fn settle(self) -> Result<(), Trouble> {
        let failed = |error: io::Error| file::trouble("trust", &error);
        let synced = File::open(self.trust).map_err(failed)?;
        rustix::fs::syncfs(synced).map_err(|error| failed(error.into()))?;
        for path in &self.files {
            let (from, to) = (self.trust.join(ASIDE).join(path), self.trust.join(path));
            if to.symlink_metadata().is_ok() {
                let read = |folder: &Path| file::read_back(folder, path, MAX_INPUT);
                if read(&self.trust.join(ASIDE)).map_err(failed)?
                    != read(self.trust).map_err(failed)?
                {
                    let found = format!("trust/{path}: another document is there already");
                    return Err(Trouble { kind: TroubleKind::Occupied, found });
                }
                continue;
            }
            if let Some(parent) = to.parent() {
                file::make_folder(parent).map_err(failed)?;
            }
            std::fs::rename(from, &to).map_err(failed)?;
        }
        clear(&self.trust.join(ASIDE)).map_err(failed)
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
fn put(aside: &Path, path: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
    created(aside, path, mode)?.write_all(bytes)
}

fn created(aside: &Path, path: &str, mode: u32) -> io::Result<File> {
    let whole = file::below(aside, path)?;
    if let Some(parent) = whole.parent() {
        std::fs::create_dir_all(parent)?;
    }
    OpenOptions::new().write(true).create_new(true).mode(mode).open(&whole)
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
    for parent in PARENTS {
        std::fs::create_dir_all(to.join(parent)).map_err(failed)?;
    }
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
    for parent in PARENTS {
        file::sync_folder(&to.join(parent)).map_err(failed)?;
    }
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
