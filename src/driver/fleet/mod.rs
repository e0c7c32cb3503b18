//! A fleet on disk: walked, signed and put together, one repository in memory at a time.

mod assemble;
mod audit;
mod competing;
pub(crate) mod cursor;
mod keeping;
pub(crate) mod sign;
pub(crate) mod spool;
mod walk;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ceremony::check::{listed_again, named};
use crate::ceremony::event::{MAX_INPUT, Trouble, TroubleKind};
use crate::ceremony::fleet::{Line, Member};
use crate::ceremony::plan::Plan;
use crate::ceremony::twin::{Purpose, REHEARSAL_PREFIX};
use crate::tuf::digest::Digest;
use crate::tuf::key::Fingerprint;

use super::{file, known};

pub use assemble::Results;
pub use audit::claims;
pub use competing::competing;
pub use cursor::Cursor;
pub use sign::{Batch, Turns};
pub use walk::{Tables, walk, walk_for_check};

/// Where a fleet lies, and as what it is taken.
#[derive(Debug, Clone)]
pub struct Yard {
    /// The plan as people wrote it; a rehearsal's stand-ins are put in for each repository.
    pub plan: Plan,
    /// The twin's purpose; nothing in a real ceremony.
    pub purpose: Option<Purpose>,
    /// The medium on which list and documents are.
    pub from: PathBuf,
    /// The documents that the workspace trusts: a repository that starts from anything older is refused. Nothing where there
    /// is no workspace.
    pub trust: Option<PathBuf>,
    /// Keys that are given no role any more, each with the reason.
    pub barred: Barred,
}

/// Why keys are given no role, by fingerprint.
pub type Barred = Arc<BTreeMap<Fingerprint, String>>;

impl Yard {
    /// The documents of a repository, by their names below its folder.
    pub(crate) fn documents(&self, line: &Line) -> io::Result<BTreeMap<String, Vec<u8>>> {
        let inside = |name: String| {
            let path = format!("{}/{name}", line.folder);
            let bytes = file::read_back(&self.from, &path, MAX_INPUT)?;
            Ok((name, bytes))
        };
        file::list(&file::below(&self.from, &line.folder)?)?.into_iter().map(inside).collect()
    }

    /// Takes a repository whose documents the workspace does not know to be outdated, and whose new ones would list no key
    /// that is barred. The error says why it is refused.
    pub(crate) fn current(&self, member: Member) -> Result<Member, String> {
        let Some(anchor) = member.anchor() else { return Ok(member) };
        if let Some(trust) = &self.trust {
            known::current(trust, anchor).map_err(|why| why.to_string())?;
        }
        let again = listed_again(member.plan(), anchor).into_iter().chain(named(member.plan()));
        for (role, key) in again {
            if let Some(why) = self.barred.get(&key) {
                return Err(format!("its new documents would list a key for {role}, but {why}"));
            }
        }
        Ok(member)
    }

    /// The name that a repository has in what is drafted.
    pub(crate) fn drafted_name(&self, line: &Line) -> String {
        match self.purpose {
            Some(Purpose::Rehearse) => format!("{REHEARSAL_PREFIX}{}", line.name),
            Some(Purpose::Check) | None => line.name.to_string(),
        }
    }

    /// Opens the list, which must be the one that the plan pins.
    pub(crate) fn list(&self) -> Result<std::fs::File, Trouble> {
        let Some(fleet) = &self.plan.fleet else {
            return Err(mismatch("the plan is of no fleet"));
        };
        opened(&self.from, &fleet.list, self.plan.fleet_list().map(|list| list.sha256.value))
    }
}

/// Lays the fleet of a plan out on a scratch medium: the list, and the documents that it names.
pub fn lay_out(plan: &Plan, from: &Path, to: &Path) -> Result<(), Trouble> {
    let Some(stated) = &plan.fleet else { return Ok(()) };
    let (plan, from) = (plan.clone(), from.to_owned());
    let barred = Barred::default();
    let yard = Yard { plan, purpose: None, from, trust: None, barred };
    let mut list = cursor::List::open(&yard)?;
    let mut text = String::new();
    while let Some(line) = list.next()? {
        text.push_str(&line.to_text());
        // Documents that cannot be read are missed later, where people are told.
        for (name, bytes) in yard.documents(&line).unwrap_or_default() {
            let path = format!("{}/{name}", line.folder);
            file::write_new(to, &path, &bytes, file::Readers::All)
                .map_err(|error| file::trouble(&path, &error))?;
        }
    }
    file::write_new(to, &stated.list, text.as_bytes(), file::Readers::All)
        .map_err(|error| file::trouble(&stated.list, &error))
}

/// Opens a file from its beginning whose digest is known.
pub(crate) fn opened(
    folder: &Path,
    path: &str,
    expected: Option<Digest>,
) -> Result<std::fs::File, Trouble> {
    let failed = |error: io::Error| file::trouble(path, &error);
    let mut opened = file::open_below(folder, path).map_err(failed)?;
    let found = file::digest_of(&mut opened).map_err(failed)?;
    if expected == Some(found) {
        return Ok(opened);
    }
    let expected = expected.map(|digest| digest.to_string()).unwrap_or_default();
    Err(mismatch(&format!("{path}: expected sha256 {expected}, found {found}")))
}

pub(crate) fn mismatch(found: &str) -> Trouble {
    Trouble { kind: TroubleKind::Mismatch, found: found.to_owned() }
}
