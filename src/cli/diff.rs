//! `diff`: what changed between two documents or two repositories, by role and public key.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::driver::bench::system_time;
use crate::front::words::{counted, escape, wrap};
use crate::tuf::diff::{Change, diff, words};
use crate::tuf::digest::Digest;
use crate::tuf::name::RoleName;
use crate::tuf::time::Timestamp;

use super::gather::{Found, gather, one};
use super::{Exit, Failure, json, say};

/// Compare documents.
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The document, or the folder of the repository, as it was.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The same as it is to be.
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Judge lifetimes from this time instead of now.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// End with exit code 3 where a change is dangerous.
    #[arg(long)]
    strict: bool,
    /// Show every change of a kind, not only the first ones.
    #[arg(long)]
    all: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// The answer.
#[derive(Serialize)]
struct Compared {
    at: Timestamp,
    documents: Vec<Pair>,
    dangers: usize,
}

/// A document before and now.
#[derive(Serialize)]
struct Pair {
    role: RoleName,
    old: Option<Side>,
    new: Option<Side>,
    /// Whether what is signed is the same; signatures may differ.
    same: bool,
    changes: Vec<Marked>,
}

#[derive(Serialize)]
struct Side {
    file: String,
    version: u64,
    digest: Digest,
    signatures: usize,
}

#[derive(Serialize)]
struct Marked {
    danger: bool,
    #[serde(flatten)]
    change: Change,
}

impl Diff {
    pub(super) fn run(self) -> Result<(), Failure> {
        let at = self.at.unwrap_or_else(system_time);
        let documents = match (self.old.is_dir(), self.new.is_dir()) {
            (true, true) => folders(&self.old, &self.new, at)?,
            (false, false) => vec![pair(&one(&self.old)?, &one(&self.new)?, at)?],
            (true, false) | (false, true) => {
                return Err(Failure::input("expected two documents or two folders"));
            }
        };
        let changes = documents.iter().flat_map(|pair| &pair.changes);
        let dangers = changes.filter(|marked| marked.danger).count();
        let compared = Compared { at, documents, dangers };
        if self.json {
            json::print("diff", &compared)?;
        } else {
            tell(&compared, self.all);
        }
        if self.strict && dangers > 0 {
            let what = counted(dangers, "dangerous change");
            return Err(Failure::new(Exit::Wrong, format!("there are {what}")));
        }
        Ok(())
    }
}

fn side(found: &Found) -> Side {
    Side {
        file: found.name.clone(),
        version: found.document.version(),
        digest: found.document.digest(),
        signatures: found.document.signatures().len(),
    }
}

fn pair(old: &Found, new: &Found, at: Timestamp) -> Result<Pair, Failure> {
    let changes = diff(&old.document, &new.document, at)
        .map_err(|why| Failure::input(escape(&why.to_string())))?;
    Ok(Pair {
        role: new.role.clone(),
        old: Some(side(old)),
        new: Some(side(new)),
        same: old.document.signing_bytes() == new.document.signing_bytes(),
        changes: changes
            .into_iter()
            .map(|change| Marked { danger: change.is_danger(), change })
            .collect(),
    })
}

/// The newest document of each role, before and now.
fn folders(old: &Path, new: &Path, at: Timestamp) -> Result<Vec<Pair>, Failure> {
    let (old, new) = (newest(old)?, newest(new)?);
    let roles: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    roles
        .into_iter()
        .map(|role| match (old.get(role), new.get(role)) {
            (Some(before), Some(now)) => pair(before, now, at),
            (before, now) => Ok(Pair {
                role: role.1.clone(),
                old: before.map(side),
                new: now.map(side),
                same: false,
                changes: Vec::new(),
            }),
        })
        .collect()
}

/// The newest documents by the folder below `folder` and the role.
fn newest(folder: &Path) -> Result<BTreeMap<(String, RoleName), Found>, Failure> {
    let gathered = gather(&[folder.to_owned()])?;
    let shown = escape(&folder.display().to_string());
    if let Some(bad) = gathered.unread.first() {
        let (name, why) = (escape(&bad.name), escape(&bad.why));
        return Err(Failure::input(format!("{name} in {shown} is no document: {why}")));
    }
    if gathered.documents.is_empty() {
        return Err(Failure::input(format!(
            "there is no document of TUF 1.0 or Notary v1 in {shown}"
        )));
    }
    let mut newest: BTreeMap<(String, RoleName), Found> = BTreeMap::new();
    for found in gathered.documents {
        let below = Path::new(&found.repository).strip_prefix(folder);
        let below = below.map(|path| path.display().to_string()).unwrap_or_default();
        let place = (below, found.role.clone());
        let known = newest.get(&place).map(|known| known.document.version());
        if known.is_none_or(|version| version <= found.document.version()) {
            newest.insert(place, found);
        }
    }
    Ok(newest)
}

fn tell(compared: &Compared, all: bool) {
    for pair in &compared.documents {
        let role = escape(pair.role.as_str());
        match (&pair.old, &pair.new) {
            (Some(old), Some(new)) => {
                say(format!("{role}: {} -> {}", escape(&old.file), escape(&new.file)));
                if pair.same {
                    let signatures = if old.signatures == new.signatures {
                        String::new()
                    } else {
                        format!("; {} signatures, {} before", new.signatures, old.signatures)
                    };
                    say(format!("  what is signed is the same{signatures}"));
                }
            }
            (None, Some(new)) => say(format!("{role}: new, {}", escape(&new.file))),
            (Some(old), None) => say(format!("{role}: gone, was {}", escape(&old.file))),
            (None, None) => {}
        }
        let mut told: BTreeMap<&str, usize> = BTreeMap::new();
        for marked in &pair.changes {
            let count = told.entry(marked.change.name()).or_default();
            *count += 1;
            if *count <= SHOWN || all {
                one_change(marked);
            }
        }
        for (name, count) in told.into_iter().filter(|(_, count)| *count > SHOWN && !all) {
            say(format!("  {name}: {count}, showing {SHOWN} (--all for the rest)"));
        }
    }
    let changes: usize = compared.documents.iter().map(|pair| pair.changes.len()).sum();
    say(format!(
        "RESULT  {} in {}, {} of them to be looked at one by one",
        counted(changes, "change"),
        counted(compared.documents.len(), "document"),
        compared.dangers
    ));
}

/// How many changes of one kind are shown.
const SHOWN: usize = 20;

fn one_change(marked: &Marked) {
    let mark = if marked.danger { "[!!]" } else { "    " };
    for (nth, text) in words::lines(&marked.change).iter().enumerate() {
        for (part, line) in wrap(&escape(text), 84).iter().enumerate() {
            let mark = if nth == 0 && part == 0 { mark } else { "    " };
            let indent = if nth == 0 { "" } else { "  " };
            say(format!("  {mark} {indent}{line}"));
        }
    }
}
