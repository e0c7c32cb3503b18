//! What only the records of ceremonies know to be signed: of those that never ended, and of fleets, whose signatures stay in
//! their evidence.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::ceremony::audit;
use crate::ceremony::event::{Earlier, Event, Mode};
use crate::ceremony::fleet::{DRAFTS, SIGNATURES};
use crate::ceremony::plan::Plan;
use crate::ceremony::transcript;
use crate::driver::file;
use crate::driver::fleet::cursor::Lines;
use crate::driver::fleet::sign::LONGEST_ROW;
use crate::driver::journal::TRANSCRIPT;
use crate::driver::session::{NoSession, read_before, read_plan, read_request};
use crate::tuf::digest::Digest;
use crate::tuf::name::{KeyName, RepoName};
use crate::tuf::time::Timestamp;

use super::{Became, MAX, of_ended};

/// Tells what the records in a workspace's folder say to be signed of the repositories that are wanted: in ceremonies of one
/// repository that never ended, and in fleets, however they ended. One folder is left out. Records that cannot be read are
/// named with the reason.
pub fn on_records(
    book: &Path,
    except: Option<&Path>,
    wanted: &dyn Fn(&str) -> bool,
    tell: &mut dyn FnMut(RepoName, Earlier),
) -> io::Result<Vec<String>> {
    let all = match std::fs::read_dir(book.join("evidence")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        all => all?,
    };
    let mut folders: Vec<PathBuf> = all
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|folder| Some(folder.as_path()) != except && folder.join(TRANSCRIPT).is_file())
        .collect();
    folders.sort();
    let mut unread = Vec::new();
    for folder in folders {
        let fleet = folder.join(SIGNATURES).is_dir();
        // What other ceremonies signed is on register once they ended.
        if !fleet && folder.join("MANIFEST").exists() {
            continue;
        }
        let read = read_plan(&folder).and_then(|plan| match plan.fleet {
            Some(_) if fleet => of_fleet(&folder, &plan, wanted, tell),
            None if wanted(plan.repository.name.as_str()) => of_one(&folder, &plan, tell),
            Some(_) | None => Ok(()),
        });
        if let Err(why) = read {
            unread.push(format!("{}: {why}", folder.display()));
        }
    }
    Ok(unread)
}

/// What the record of a ceremony of one repository says.
fn of_one(
    folder: &Path,
    plan: &Plan,
    tell: &mut dyn FnMut(RepoName, Earlier),
) -> Result<(), NoSession> {
    let mut record = file::read_back(folder, TRANSCRIPT, MAX)?;
    record.truncate(transcript::whole_length(&record));
    if record.is_empty() {
        return Ok(());
    }
    let before = read_before(folder, plan)?;
    let request = read_request(folder)?;
    let (engine, entries) = audit::replay(plan, &before, request.as_ref(), &record)
        .map_err(|claim| NoSession::Io(io::Error::new(io::ErrorKind::InvalidData, claim.text)))?;
    let at = entries.last().map_or(engine.opening().at, |entry| entry.at);
    if engine.opening().mode != Mode::Real {
        return Ok(());
    }
    for line in of_ended(engine.record(), at) {
        if line.became != Became::Stopped {
            tell(line.repository.clone(), line.told());
        }
    }
    Ok(())
}

/// What a fleet signed: the rows of its batches, with the versions from its table of drafts.
fn of_fleet(
    folder: &Path,
    plan: &Plan,
    wanted: &dyn Fn(&str) -> bool,
    tell: &mut dyn FnMut(RepoName, Earlier),
) -> Result<(), NoSession> {
    let Some(at) = opened(folder, plan)? else { return Ok(()) };
    let mut versions: HashMap<Digest, u64> = HashMap::new();
    rows(folder, DRAFTS, &mut |columns| {
        let &[digest, repository, _, version] = columns else { return None };
        if wanted(repository) {
            versions.insert(digest.parse().ok()?, version.parse().ok()?);
        }
        Some(())
    })?;
    for file in file::list(&folder.join(SIGNATURES))? {
        // A batch that was set aside counts for nothing there, and was signed all the same.
        let name = file.split_once(".tsv").and_then(|(name, _)| name.rsplit_once('-'));
        let Some(Ok(key)) = name.map(|(key, _)| key.parse::<KeyName>()) else { continue };
        rows(folder, &format!("{SIGNATURES}/{file}"), &mut |columns| {
            let &[digest, repository, role, _] = columns else { return None };
            if !wanted(repository) {
                return Some(());
            }
            let payload: Digest = digest.parse().ok()?;
            let version = *versions.get(&payload)?;
            let earlier =
                Earlier { role: role.parse().ok()?, version, payload, at, keys: vec![key.clone()] };
            tell(repository.parse().ok()?, earlier);
            Some(())
        })?;
    }
    Ok(())
}

/// When a real ceremony was opened.
fn opened(folder: &Path, plan: &Plan) -> Result<Option<Timestamp>, NoSession> {
    let bad = |why: String| NoSession::Io(io::Error::new(io::ErrorKind::InvalidData, why));
    let record = file::read_back(folder, TRANSCRIPT, MAX)?;
    let Some(first) = record.split_inclusive(|byte| *byte == b'\n').next() else { return Ok(None) };
    let entries = transcript::read(first, plan.digest).map_err(|why| bad(why.to_string()))?;
    match entries.first().map(|entry| &entry.event) {
        Some(Event::Opened(opening)) if opening.mode == Mode::Real => Ok(Some(opening.at)),
        Some(
            Event::Opened(_) | Event::People(_) | Event::Happened { .. } | Event::Resumed { .. },
        )
        | None => Ok(None),
    }
}

/// Goes through the rows of a table in the evidence.
fn rows(
    folder: &Path,
    path: &str,
    each: &mut dyn FnMut(&[&str]) -> Option<()>,
) -> Result<(), NoSession> {
    let bad = |row: &str| {
        let why = format!("{path}: not a row of its kind: {row:?}");
        NoSession::Io(io::Error::new(io::ErrorKind::InvalidData, why))
    };
    let mut lines = Lines::new(file::open_below(folder, path)?, LONGEST_ROW);
    while let Some(row) = lines.next()? {
        let columns: Vec<&str> = row.split('\t').collect();
        each(&columns).ok_or_else(|| bad(&row))?;
    }
    Ok(())
}
