//! What is odd about a repository that is taken over: told, and left as it is, since a byte that changes is a signature lost.

use std::collections::BTreeSet;

use crate::tuf::any::AnyDocument;
use crate::tuf::document::Dialect;
use crate::tuf::lint::{Asked, Severity, Subject, lint};
use crate::tuf::name::RoleName;
use crate::tuf::time::Timestamp;

use super::super::super::before::Anchor;
use super::super::super::plan::Plan;
use super::super::super::scene::Verdict;
use super::super::Finding;
use super::super::rules::finding;

/// One finding for each thing that the lint objects to in the documents as they were found.
pub(super) fn findings(plan: &Plan, anchor: &Anchor, at: Timestamp, raised: &mut Vec<Finding>) {
    let found: Vec<_> = received(anchor)
        .into_iter()
        .filter_map(|(name, role, bytes)| Some((name, role, AnyDocument::read(bytes).ok()?)))
        .collect();
    let subjects: Vec<Subject<'_>> = found
        .iter()
        .map(|(name, role, document)| Subject { name, repository: "", role, document })
        .collect();
    let gun = match plan.repository.dialect {
        Dialect::Notary1 => Some(plan.repository.name.to_string()),
        Dialect::Tuf1 => None,
    };
    let asked = Asked { at, clients: BTreeSet::new(), ours: None, gun };
    for odd in lint(&subjects, &asked) {
        let verdict = match odd.severity {
            Severity::Note => Verdict::Pass,
            Severity::Warn | Severity::Fail => Verdict::Warn,
        };
        let text = format!("{}: {}: {}", odd.rule.name, odd.about, odd.found);
        raised.push(finding(verdict, "as-found", &odd.document, text));
    }
}

fn received(anchor: &Anchor) -> Vec<(String, RoleName, &[u8])> {
    let mut all: Vec<(String, RoleName, &[u8])> = anchor
        .roots()
        .iter()
        .map(|(version, root)| (format!("{version}.root.json"), RoleName::root(), root.received()))
        .collect();
    let targets = anchor.targets().map(|held| (RoleName::targets(), held));
    let below = anchor.all_delegated().iter().map(|(name, held)| (name.clone(), held));
    for (role, held) in targets.into_iter().chain(below) {
        all.push((held.name().to_owned(), role, held.signed().received()));
    }
    if let Some(held) = anchor.snapshot() {
        all.push((held.name().to_owned(), RoleName::snapshot(), held.signed().received()));
    }
    if let Some(held) = anchor.timestamp() {
        all.push((held.name().to_owned(), RoleName::timestamp(), held.signed().received()));
    }
    all
}
