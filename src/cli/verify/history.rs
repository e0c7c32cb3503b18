//! What a repository's own past says, and what was kept of it elsewhere: forks, old documents, keys that came back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::gather::{Found, gather, roots};
use crate::front::words::{counted, escape};
use crate::tuf::any::AnyDocument;
use crate::tuf::client::Walk;
use crate::tuf::history::{
    Compared, Fork, Older, Returned, compare, ends_soon, returned, root_forks,
};
use crate::tuf::lint::Subject;
use crate::tuf::name::RoleName;

use super::clients::Client;
use super::{Exit, Failure, advice};

/// What was found.
#[derive(Default)]
pub(super) struct History {
    /// The folders with kept documents of this repository.
    copies: Vec<PathBuf>,
    /// Kept files that could not be read, or that no key known here vouches for.
    unknown: Vec<String>,
    forks: Vec<Fork>,
    older: Vec<Older>,
    returned: Vec<Returned>,
    /// Accepted documents whose versions leave no room, and the versions.
    ends: Vec<(String, u64)>,
}

impl History {
    /// Looks at the roots of a folder, at what clients accepted, and at what was kept of this repository in other folders.
    pub(super) fn of(
        dir: &Path,
        copies: Vec<PathBuf>,
        clients: &[Client],
    ) -> Result<Self, Failure> {
        let mut history = Self::default();
        let own = roots(dir);
        let bodies = own.iter().filter_map(|found| match &found.document {
            AnyDocument::Root(root) => Some(root.peek()),
            AnyDocument::Targets(_) | AnyDocument::Snapshot(_) | AnyDocument::Timestamp(_) => None,
        });
        history.returned = returned(bodies);
        let walks = clients.iter().map(|client| &client.walk);
        let versions: BTreeMap<&String, &u64> = walks.flat_map(|walk| &walk.versions).collect();
        let ends = versions.into_iter().filter(|(_, version)| ends_soon(**version));
        history.ends = ends.map(|(name, version)| (name.clone(), *version)).collect();
        history.forks = root_forks(&subjects(&own));
        if copies.is_empty() {
            return Ok(history);
        }
        let here = gather(&[dir.to_owned()])?.only(dir).documents;
        let served = clients.first().map(|client| served(&here, &client.walk)).unwrap_or_default();
        for copy in copies {
            let mut kept = gather(std::slice::from_ref(&copy))?.only(&copy);
            for found in &mut kept.documents {
                found.name = copy.join(&found.name).display().to_string();
            }
            let unread = kept.unread.iter().map(|file| copy.join(&file.name).display().to_string());
            history.unknown.extend(unread);
            let Compared { forks, older, unknown } =
                compare(&subjects(&here), &served, &subjects(&kept.documents));
            for fork in forks {
                // What forks already in the folder itself forks again with each copy.
                history.forks.retain(|known| !known.is_part_of(&fork));
                history.forks.push(fork);
            }
            history.older.extend(older);
            history.unknown.extend(unknown);
            history.copies.push(copy);
        }
        Ok(history)
    }

    /// Two documents where there can be one: the worst that can be found.
    pub(super) fn forked(&self) -> Option<Failure> {
        let fork = self.forks.first()?;
        let documents = fork
            .branches
            .iter()
            .map(|branch| format!("{} in {}", branch.digest, branch.documents.join(" and ")));
        let documents = documents.collect::<Vec<_>>().join(", ");
        let what =
            format!("different documents of {}, version {}: {documents}", fork.role, fork.version);
        let mut failure = Failure::new(Exit::Wrong, escape(&what))
            .hint("Stop: sign, upload and install none of them. Keep every copy as it is.")
            .hint("Compare the digests with paper and evidence: at most one of them was meant.")
            .hint("Ask the holders of the keys that signed the other. A key that nobody remembers using is stolen:")
            .hint("replace it, for root keys in a ceremony of the kind root-compromise.");
        if self.forks.len() > 1 {
            failure = failure.hint(format!("{} more are told above.", self.forks.len() - 1));
        }
        Some(failure)
    }

    /// A document that is older than a kept one, or whose version leaves no room.
    pub(super) fn refused(&self) -> Option<Failure> {
        if let Some(older) = self.older.iter().find(|older| !older.excused) {
            let what = format!("{} must not follow {}: {}", older.document, older.kept, older.why);
            let failure = Failure::new(Exit::Wrong, escape(&what));
            return Some(advice::on(&older.why).into_iter().fold(failure, Failure::hint));
        }
        let (document, version) = self.ends.first()?;
        let what = format!("{document}: version {version} leaves no room for newer ones");
        Some(
            Failure::new(Exit::Wrong, escape(&what))
                .hint("Clients take it, and then nothing newer: 2^53 - 1 is the last version that every reader takes.")
                .hint("Find out who signed it. Replace that role's keys, and those of snapshot and timestamp, in a new root:")
                .hint("TUF clients then begin again at any version; Notary clients must delete their cache."),
        )
    }

    /// What was found, in words.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for fork in &self.forks {
            lines.push(format!(
                "[NO] different documents of {}, version {}:",
                escape(fork.role.as_str()),
                fork.version
            ));
            for branch in &fork.branches {
                lines.push(format!("       {}", branch.digest));
                let names = branch.documents.iter().map(|name| escape(name));
                lines.push(format!("         in {}", names.collect::<Vec<_>>().join(", ")));
                for signed in &branch.signed {
                    let (by, good, needed) = (escape(&signed.by), signed.good.len(), signed.needed);
                    let mark = if signed.reached() { "ok" } else { "NO" };
                    lines.push(format!(
                        "         [{mark}] by {by}: {}, {needed} needed",
                        counted(good, "good signature")
                    ));
                    lines.extend(signed.good.iter().map(|key| format!("              {key}")));
                }
            }
        }
        for older in &self.older {
            let mark = if older.excused { "[!!]" } else { "[NO]" };
            let (document, kept) = (escape(&older.document), escape(&older.kept));
            lines.push(format!(
                "{mark} {document} after {kept}: {}",
                escape(&older.why.to_string())
            ));
            if older.excused {
                lines.push("       keys were replaced since, so clients begin again".to_owned());
            }
        }
        for (document, version) in &self.ends {
            let document = escape(document);
            lines.push(format!("[NO] {document}: version {version} leaves no room for newer ones"));
        }
        for key in &self.returned {
            let (role, last, left, back) =
                (escape(key.role.as_str()), key.last, key.left, key.back);
            lines.push(format!(
                "[!!] root {back} lets a key into {role} that root {left} had taken out:"
            ));
            lines.push(format!("       {}, named last by root {last}", key.key));
        }
        for name in &self.unknown {
            let name = escape(name);
            lines.push(format!("[??] {name} was not compared: it cannot be read, or no key known here vouches for it"));
        }
        for copy in &self.copies {
            lines.push(format!(
                "     compared with what was kept in {}",
                escape(&copy.display().to_string())
            ));
        }
        lines
    }

    /// The same for machines, by the names of the members.
    pub(super) fn json(&self) -> Value {
        let forks = self.forks.iter().map(|fork| {
            let branches = fork.branches.iter().map(|branch| {
                json!({ "documents": branch.documents, "digest": branch.digest, "signed": branch.signed })
            });
            let branches = branches.collect::<Vec<_>>();
            json!({ "role": fork.role, "version": fork.version, "branches": branches })
        });
        let older = self.older.iter().map(|older| {
            json!({
                "document": older.document,
                "kept": older.kept,
                "why": older.why.to_string(),
                "excused": older.excused,
            })
        });
        let ends =
            self.ends.iter().map(|(name, version)| json!({ "document": name, "version": version }));
        json!({
            "copies": self.copies,
            "not_compared": self.unknown,
            "forks": forks.collect::<Vec<_>>(),
            "older": older.collect::<Vec<_>>(),
            "no_room": ends.collect::<Vec<_>>(),
            "returned_keys": self.returned,
        })
    }
}

fn subjects(all: &[Found]) -> Vec<Subject<'_>> {
    let subjects = all.iter().map(|found| Subject {
        name: &found.name,
        repository: &found.repository,
        role: &found.role,
        document: &found.document,
    });
    subjects.collect()
}

/// The version of each role that a client was led to.
fn served(here: &[Found], walk: &Walk) -> BTreeMap<RoleName, u64> {
    let named = here.iter().filter_map(|found| {
        let version = walk.versions.get(&found.name)?;
        (found.document.version() == *version).then(|| (found.role.clone(), *version))
    });
    named.collect()
}
