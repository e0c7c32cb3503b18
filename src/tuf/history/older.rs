//! Documents older than those that were kept.

use std::collections::BTreeMap;

use crate::tuf::any::AnyDocument;
use crate::tuf::client::{Refused, newer_timestamp, no_rollback, online_key_left};
use crate::tuf::document::Dialect;
use crate::tuf::lint::Subject;
use crate::tuf::name::RoleName;

use super::forks::{Fork, fork, root_forks};
use super::jumps;
use super::voices::Voices;

/// What a comparison with kept documents found.
#[derive(Debug, Clone, Default)]
pub struct Compared {
    /// Different documents of one role and version.
    pub forks: Vec<Fork>,
    /// Documents that are older than kept ones, or too far ahead of them.
    pub older: Vec<Older>,
    /// Kept documents that no key known here vouches for: they were not compared.
    pub unknown: Vec<String>,
}

/// A document that must not follow a kept one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Older {
    /// The document.
    pub document: String,
    /// The kept one.
    pub kept: String,
    /// How it is older.
    pub why: Refused,
    /// Whether clients begin again at any version, because keys were replaced since: then it is no fault.
    pub excused: bool,
}

/// Compares the documents of a repository with kept ones of the same repository.
///
/// `served` has the version of each role that clients are led to; of other roles the newest document here counts. A kept
/// document counts when enough keys signed it by the word of any root or delegation known on either side. Different roots of
/// one version are always told; other documents of one version only where both are well signed.
///
/// Versions may begin again where TUF clients forget what they kept, because a key of timestamp or snapshot was replaced
/// (TUF 1.0 section 5.3.11), and in Notary where today's keys do not vouch for the kept document.
pub fn compare(
    here: &[Subject<'_>],
    served: &BTreeMap<RoleName, u64>,
    kept: &[Subject<'_>],
) -> Compared {
    let all: Vec<Subject<'_>> = here.iter().chain(kept).copied().collect();
    let mut compared = Compared { forks: root_forks(&all), ..Compared::default() };
    let side = Sides { voices: Voices::of(&all), here: Voices::of(here), kept: Voices::of(kept) };
    let mut versions: BTreeMap<(&RoleName, u64), &Subject<'_>> = BTreeMap::new();
    for subject in here {
        versions.entry((subject.role, subject.document.version())).or_insert(subject);
    }
    for (role, known) in newest(kept) {
        let latest = served.get(role).and_then(|version| versions.get(&(role, *version)));
        let latest =
            latest.or_else(|| versions.range((role, 0)..=(role, u64::MAX)).last().map(|(_, s)| s));
        let Some(new) = latest else { continue };
        let Some(why) = refused(known, new) else { continue };
        if !side.voices.vouch(known) {
            compared.unknown.push(known.name.to_owned());
            continue;
        }
        compared.older.push(Older {
            document: new.name.to_owned(),
            kept: known.name.to_owned(),
            excused: !matches!(why, Refused::Jump { .. }) && side.begins_again(known),
            why,
        });
    }
    for known in kept {
        let same = versions.get(&(known.role, known.document.version()));
        let Some(same) = same.filter(|same| same.document.digest() != known.document.digest())
        else {
            continue;
        };
        let counts = !matches!(known.document, AnyDocument::Root(_))
            && side.voices.vouch(known)
            && side.voices.vouch(same)
            && !side.begins_again(known);
        compared.forks.extend(fork(&[*same, known], &side.voices).filter(|_| counts));
    }
    compared
}

/// The newest kept document of each role.
fn newest<'a>(kept: &'a [Subject<'a>]) -> BTreeMap<&'a RoleName, &'a Subject<'a>> {
    let mut newest: BTreeMap<&RoleName, &Subject<'_>> = BTreeMap::new();
    for subject in kept {
        let known = newest.entry(subject.role).or_insert(subject);
        if subject.document.version() > known.document.version() {
            *known = subject;
        }
    }
    newest
}

/// Who is known on each side, and on both.
struct Sides<'a> {
    voices: Voices<'a>,
    here: Voices<'a>,
    kept: Voices<'a>,
}

impl Sides<'_> {
    /// Whether clients that kept a document begin again at any version.
    fn begins_again(&self, known: &Subject<'_>) -> bool {
        let (Some(before), Some(after)) = (self.kept.newest(), self.here.newest()) else {
            return false;
        };
        let newer = before.peek().version < after.peek().version;
        match known.document.dialect() {
            _ if matches!(known.document, AnyDocument::Root(_)) || !newer => false,
            Dialect::Tuf1 => online_key_left(before.peek(), after.peek()),
            Dialect::Notary1 => !self.here.vouch_today(known),
        }
    }
}

/// Why a document must not follow a kept one of its role.
fn refused(known: &Subject<'_>, new: &Subject<'_>) -> Option<Refused> {
    let (trusted, found) = (known.document.version(), new.document.version());
    let what = || new.role.to_string();
    if found < trusted {
        return Some(Refused::Rollback { what: what(), trusted, found });
    }
    if jumps(trusted, found) {
        return Some(Refused::Jump { what: what(), trusted, found });
    }
    let stated = match (known.document, new.document) {
        (AnyDocument::Timestamp(known), AnyDocument::Timestamp(new))
            if new.dialect() == Dialect::Tuf1 =>
        {
            newer_timestamp(known.peek(), new.peek()).map(|_| ())
        }
        (AnyDocument::Snapshot(known), AnyDocument::Snapshot(new))
            if new.dialect() == Dialect::Tuf1 =>
        {
            no_rollback(known.peek(), new.peek())
        }
        (
            AnyDocument::Root(_)
            | AnyDocument::Targets(_)
            | AnyDocument::Snapshot(_)
            | AnyDocument::Timestamp(_),
            _,
        ) => Ok(()),
    };
    stated.err()
}
