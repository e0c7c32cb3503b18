//! Documents of one repository, and of several, side by side.

use std::collections::{BTreeMap, BTreeSet};

use crate::tuf::any::AnyDocument;
use crate::tuf::bins::Bins;
use crate::tuf::document::Dialect;
use crate::tuf::history::{jumps, returned};
use crate::tuf::key::{Fingerprint, KeyId};
use crate::tuf::name::RoleName;
use crate::tuf::root::{ListedKey, Root};
use crate::tuf::signed::Signed;
use crate::tuf::targets::{DelegatedRole, Delegations};
use crate::tuf::verify::{Authority, NoAuthority};

use super::table::{
    HISTORICAL_ROOT_OUTSIDE_CONTROL, KEY_IN_SEVERAL_REPOSITORIES, KEY_RETURNED, NO_AUTHORITY,
    ROOT_NOT_FOLLOWED, ROOT_VERSION_GAP, VALID_ELSEWHERE, VERSION_JUMP,
};
use super::{Asked, Counted, Finding, Raised, Subject};

/// What lies side by side, found by its place.
pub(super) struct Beside<'a> {
    all: &'a [Subject<'a>],
    newest: BTreeMap<(&'a str, &'a RoleName), u64>,
    roots: BTreeMap<&'a str, Vec<(Subject<'a>, &'a Signed<Root>)>>,
    delegated: BTreeMap<(&'a str, &'a RoleName), (&'a Delegations, &'a DelegatedRole)>,
    bins: Vec<(&'a str, &'a Delegations)>,
}

impl<'a> Beside<'a> {
    pub(super) fn new(all: &'a [Subject<'a>]) -> Self {
        let mut beside = Self {
            all,
            newest: BTreeMap::new(),
            roots: BTreeMap::new(),
            delegated: BTreeMap::new(),
            bins: Vec::new(),
        };
        for subject in all {
            let newest = beside.newest.entry((subject.repository, subject.role)).or_default();
            *newest = subject.document.version().max(*newest);
            if let AnyDocument::Root(root) = subject.document {
                beside.roots.entry(subject.repository).or_default().push((*subject, root));
            }
        }
        for roots in beside.roots.values_mut() {
            roots.sort_by_key(|(_, root)| root.peek().version);
            roots.dedup_by(|a, b| a.1.signing_bytes() == b.1.signing_bytes());
        }
        for subject in all {
            if !beside.is_newest(subject) {
                continue;
            }
            let AnyDocument::Targets(targets) = subject.document else { continue };
            let Some(delegations) = &targets.peek().delegations else { continue };
            for role in &delegations.roles {
                let place = (subject.repository, &role.name);
                beside.delegated.entry(place).or_insert((delegations, role));
            }
            if Bins::of(delegations).is_some() {
                beside.bins.push((subject.repository, delegations));
            }
        }
        beside
    }

    /// Whether no later version of the same role is there.
    pub(super) fn is_newest(&self, subject: &Subject<'_>) -> bool {
        let newest = self.newest.get(&(subject.repository, subject.role));
        newest.is_none_or(|newest| subject.document.version() >= *newest)
    }

    fn newest_root(&self, repository: &str) -> Option<&'a Signed<Root>> {
        self.roots.get(repository)?.last().map(|(_, root)| *root)
    }

    /// Who may sign a document, by the word of what is beside it; nothing where nobody there has a say.
    fn authority(&self, subject: &Subject<'_>) -> Option<Result<Authority, NoAuthority>> {
        if let AnyDocument::Root(root) = subject.document {
            return Some(Authority::stated_by(root.peek(), subject.role));
        }
        let top = [RoleName::targets(), RoleName::snapshot(), RoleName::timestamp()];
        if top.contains(subject.role) {
            let root = self.newest_root(subject.repository)?;
            return Some(Authority::stated_by(root.peek(), subject.role));
        }
        if let Some((delegations, role)) = self.delegated.get(&(subject.repository, subject.role)) {
            return Some(Authority::delegated(delegations, role));
        }
        let mut bins = self.bins.iter().filter(|(repository, _)| *repository == subject.repository);
        bins.find_map(|(_, delegations)| {
            let role = Bins::of(delegations)?.role(subject.role)?;
            Some(Authority::delegated(delegations, &role))
        })
    }
}

/// Counts the signatures on a document by the word of what is beside it.
pub(super) fn signed_by(
    subject: &Subject<'_>,
    newest: bool,
    beside: &Beside<'_>,
    raised: &mut Raised<'_>,
) {
    let is_root = matches!(subject.document, AnyDocument::Root(_));
    // What an older root said of older documents is not at hand.
    if !is_root && !newest {
        return;
    }
    match beside.authority(subject) {
        // A threshold that makes no sense is another finding.
        Some(Err(_)) => {}
        Some(Ok(authority)) => super::signatures::tallied(subject.document, &authority, raised),
        // Alone, it is no fault that nothing is beside it.
        None if beside.all.len() == 1 => {}
        None => raised.raise(&NO_AUTHORITY, subject.role.as_str(), "nothing here names it"),
    }
}

/// What shows only when documents lie side by side.
pub(super) fn all(beside: &Beside<'_>, asked: &Asked) -> Vec<Finding> {
    let mut findings = Vec::new();
    for roots in beside.roots.values() {
        chain(roots, asked, &mut findings);
        outside_control(roots, asked, &mut findings);
        back_again(roots, asked, &mut findings);
    }
    far_apart(beside, asked, &mut findings);
    between(beside, asked, &mut findings);
    findings
}

fn raise_on(
    subject: &Subject<'_>,
    asked: &Asked,
    findings: &mut Vec<Finding>,
    raise: impl FnOnce(&mut Raised<'_>),
) {
    let mut raised = Raised::new(subject, asked);
    raise(&mut raised);
    findings.extend(raised.findings);
}

/// Whether each root is signed by the keys of the one before.
fn chain(roots: &[(Subject<'_>, &Signed<Root>)], asked: &Asked, findings: &mut Vec<Finding>) {
    for ((_, before), (subject, next)) in roots.iter().zip(roots.iter().skip(1)) {
        let (old, new) = (before.peek().version, next.peek().version);
        if new > old + 1 {
            raise_on(subject, asked, findings, |raised| {
                raised.raise(&ROOT_VERSION_GAP, "version", format!("{new} follows {old}"));
            });
            continue;
        }
        let Ok(authority) = Authority::stated_by(before.peek(), &RoleName::root()) else {
            continue;
        };
        let tally = authority.tally(next);
        if !tally.reached() || new == old {
            raise_on(subject, asked, findings, |raised| {
                let (good, needed) = (tally.good.len(), tally.threshold.count());
                let found = if new == old {
                    format!("another root of version {new}")
                } else {
                    format!("{good} of {needed} needed signatures of root {old}")
                };
                raised.raise(&ROOT_NOT_FOLLOWED, "root", found);
            });
        }
    }
}

/// Keys that a root took out and a later one let in again.
fn back_again(roots: &[(Subject<'_>, &Signed<Root>)], asked: &Asked, findings: &mut Vec<Finding>) {
    for key in returned(roots.iter().map(|(_, root)| root.peek())) {
        let Some((subject, _)) = roots.iter().find(|(_, root)| root.peek().version == key.back)
        else {
            continue;
        };
        raise_on(subject, asked, findings, |raised| {
            let (last, left) = (key.last, key.left);
            let found = format!("{}, in root {last} last, left with root {left}", key.key);
            raised.raise(&KEY_RETURNED, key.role.as_str(), found);
        });
    }
}

/// Versions that jump from one document of a role to the next that is here.
fn far_apart(beside: &Beside<'_>, asked: &Asked, findings: &mut Vec<Finding>) {
    let mut versions: BTreeMap<(&str, &RoleName), BTreeMap<u64, &Subject<'_>>> = BTreeMap::new();
    for subject in beside.all {
        let of_role = versions.entry((subject.repository, subject.role)).or_default();
        of_role.insert(subject.document.version(), subject);
    }
    for of_role in versions.values() {
        for ((from, _), (to, subject)) in of_role.iter().zip(of_role.iter().skip(1)) {
            if jumps(*from, *to) {
                raise_on(subject, asked, findings, |raised| {
                    raised.raise(&VERSION_JUMP, "version", format!("{to} follows {from}"));
                });
            }
        }
    }
}

/// For each earlier root, how many of its keys are not ours.
fn outside_control(
    roots: &[(Subject<'_>, &Signed<Root>)],
    asked: &Asked,
    findings: &mut Vec<Finding>,
) {
    let Some((_, newest)) = roots.last() else { return };
    let ours = asked.ours.clone().unwrap_or_else(|| {
        newest.peek().keys.values().map(|key| key.public.fingerprint()).collect()
    });
    // Without a list of ours there is nothing to say of the newest itself.
    let spared = usize::from(asked.ours.is_none());
    for (subject, root) in roots.iter().take(roots.len() - spared) {
        let Ok(authority) = Authority::stated_by(root.peek(), &RoleName::root()) else { continue };
        let keys = fingerprints(root.peek(), &RoleName::root());
        let outside = keys.difference(&ours).count();
        let needed = authority.threshold().count();
        if outside >= needed {
            raise_on(subject, asked, findings, |raised| {
                let found = format!(
                    "{outside} of {} root keys are not ours, {needed} are enough",
                    keys.len()
                );
                raised.raise(&HISTORICAL_ROOT_OUTSIDE_CONTROL, "root", found);
            });
        }
    }
}

fn fingerprints(root: &Root, role: &RoleName) -> BTreeSet<Fingerprint> {
    let ids = root.roles.get(role).into_iter().flat_map(|role| &role.keyids);
    ids.filter_map(|id| Some(root.keys.get(id)?.public.fingerprint())).collect()
}

/// Keys that several repositories share, and what is valid in another than its own.
fn between(beside: &Beside<'_>, asked: &Asked, findings: &mut Vec<Finding>) {
    let current: Vec<_> = beside.all.iter().filter(|subject| beside.is_newest(subject)).collect();
    let mut owners: BTreeMap<Fingerprint, BTreeSet<&str>> = BTreeMap::new();
    for subject in &current {
        for key in listed(subject.document).into_iter().flat_map(BTreeMap::values) {
            owners.entry(key.public.fingerprint()).or_default().insert(subject.repository);
        }
    }
    owners.retain(|_, repositories| repositories.len() > 1);
    if owners.is_empty() {
        return;
    }
    for subject in &current {
        let mut shared = Counted::default();
        let mut others: BTreeSet<&str> = BTreeSet::new();
        for key in listed(subject.document).into_iter().flat_map(BTreeMap::values) {
            let fingerprint = key.public.fingerprint();
            let Some(repositories) = owners.get(&fingerprint) else { continue };
            shared.add(|| fingerprint.to_string());
            others.extend(repositories.iter().filter(|other| **other != subject.repository));
        }
        if others.is_empty() {
            continue;
        }
        raise_on(subject, asked, findings, |raised| {
            let others = others.iter().copied().collect::<Vec<_>>().join(", ");
            let found = format!("{shared}; also in {others}");
            raised.raise(&KEY_IN_SEVERAL_REPOSITORIES, "keys", found);
        });
    }
    let sharing: BTreeSet<&str> = owners.values().flatten().copied().collect();
    for subject in current.iter().filter(|subject| sharing.contains(subject.repository)) {
        for other in sharing.iter().filter(|other| **other != subject.repository) {
            elsewhere(subject, other, beside, asked, findings);
        }
    }
}

fn elsewhere(
    subject: &Subject<'_>,
    other: &str,
    beside: &Beside<'_>,
    asked: &Asked,
    findings: &mut Vec<Finding>,
) {
    let Some(root) = beside.newest_root(other) else { return };
    let dialect = subject.document.dialect();
    // In Notary the certificate of a root names its repository.
    let named = dialect == Dialect::Notary1 && matches!(subject.document, AnyDocument::Root(_));
    if named || root.dialect() != dialect {
        return;
    }
    let Ok(authority) = Authority::stated_by(root.peek(), subject.role) else { return };
    if subject.document.tally(&authority).reached() {
        raise_on(subject, asked, findings, |raised| {
            let found = format!("it would be accepted in {other}");
            raised.raise(&VALID_ELSEWHERE, subject.role.as_str(), found);
        });
    }
}

/// The keys that a document lists.
fn listed(document: &AnyDocument) -> Option<&BTreeMap<KeyId, ListedKey>> {
    match document {
        AnyDocument::Root(root) => Some(&root.peek().keys),
        AnyDocument::Targets(targets) => targets.peek().delegations.as_ref().map(|d| &d.keys),
        AnyDocument::Snapshot(_) | AnyDocument::Timestamp(_) => None,
    }
}
