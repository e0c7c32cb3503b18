//! Who signed a document, by the word of everything that is known of its repository.

use std::collections::BTreeSet;

use crate::tuf::any::AnyDocument;
use crate::tuf::bins::Bins;
use crate::tuf::key::Fingerprint;
use crate::tuf::lint::Subject;
use crate::tuf::name::RoleName;
use crate::tuf::root::Root;
use crate::tuf::signed::Signed;
use crate::tuf::targets::Delegations;
use crate::tuf::verify::{Authority, NoAuthority};

/// Who signed a document, by the word of one other.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SignedBy {
    /// Whose word: `root 1`, `itself`, `targets 3`.
    pub by: String,
    /// The distinct keys whose signatures are good.
    pub good: Vec<Fingerprint>,
    /// How many must be.
    pub needed: usize,
}

impl SignedBy {
    /// Whether enough keys signed.
    pub fn reached(&self) -> bool {
        self.good.len() >= self.needed
    }
}

/// The documents that say who may sign others, newest first.
pub(super) struct Voices<'a> {
    roots: Vec<&'a Signed<Root>>,
    delegating: Vec<(String, &'a Delegations)>,
}

impl<'a> Voices<'a> {
    pub(super) fn of(subjects: impl IntoIterator<Item = &'a Subject<'a>>) -> Self {
        let (mut roots, mut delegating) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for subject in subjects {
            match subject.document {
                AnyDocument::Root(root) => {
                    if seen.insert(root.digest()) {
                        roots.push(root);
                    }
                }
                AnyDocument::Targets(targets) => {
                    if let Some(delegations) = &targets.peek().delegations {
                        delegating.push((subject.role, targets.peek().version, delegations));
                    }
                }
                AnyDocument::Snapshot(_) | AnyDocument::Timestamp(_) => {}
            }
        }
        roots.sort_by_key(|root| std::cmp::Reverse(root.peek().version));
        delegating.sort_by_key(|(_, version, _)| std::cmp::Reverse(*version));
        let named = delegating
            .into_iter()
            .map(|(role, version, delegations)| (format!("{role} {version}"), delegations));
        Self { roots, delegating: named.collect() }
    }

    /// The newest root.
    pub(super) fn newest(&self) -> Option<&'a Signed<Root>> {
        self.roots.first().copied()
    }

    /// Who signed it: a root by the word of the roots of the version before and by its own, any other document by the word
    /// of each that names its role.
    pub(super) fn signers(&self, subject: &Subject<'_>) -> Vec<SignedBy> {
        let stated = self.authorities(subject).into_iter().filter_map(|(by, stated)| {
            let tally = subject.document.tally(&stated.ok()?);
            let good = tally.good.iter().map(|counted| counted.fingerprint).collect();
            Some(SignedBy { by, good, needed: tally.threshold.count() })
        });
        stated.collect()
    }

    /// Whether enough keys signed it by anybody's word.
    pub(super) fn vouch(&self, subject: &Subject<'_>) -> bool {
        self.signers(subject).iter().any(SignedBy::reached)
    }

    /// Whether enough keys signed it by the word of the newest document that names its role: today's keys.
    pub(super) fn vouch_today(&self, subject: &Subject<'_>) -> bool {
        self.signers(subject).first().is_some_and(SignedBy::reached)
    }

    fn authorities(&self, subject: &Subject<'_>) -> Vec<(String, Result<Authority, NoAuthority>)> {
        let role = subject.role;
        if let AnyDocument::Root(own) = subject.document {
            let version = own.peek().version;
            let before = self
                .roots
                .iter()
                .filter(|root| root.peek().version.checked_add(1) == Some(version));
            let before =
                before.map(|root| (of_root(root), Authority::stated_by(root.peek(), role)));
            let itself = ("itself".to_owned(), Authority::stated_by(own.peek(), role));
            return before.chain([itself]).collect();
        }
        if [RoleName::targets(), RoleName::snapshot(), RoleName::timestamp()].contains(role) {
            let roots = self.roots.iter();
            return roots
                .map(|root| (of_root(root), Authority::stated_by(root.peek(), role)))
                .collect();
        }
        let named = self.delegating.iter().filter_map(|(by, delegations)| {
            let named = delegations.roles.iter().find(|delegated| delegated.name == *role).cloned();
            let delegated = named.or_else(|| Bins::of(delegations)?.role(role))?;
            Some((by.clone(), Authority::delegated(delegations, &delegated)))
        });
        named.collect()
    }
}

fn of_root(root: &Signed<Root>) -> String {
    format!("root {}", root.peek().version)
}
