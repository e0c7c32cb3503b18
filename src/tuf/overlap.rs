//! Delegations of one document that cover the same paths, and those that no client ever asks.

mod glob;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::document::Dialect;
use super::name::RoleName;
use super::targets::DelegatedRole;
use glob::Glob;

/// What was found among the delegations of one document.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Overlaps {
    /// Each pair of roles that cover a path in common, in the order in which they are asked.
    pub pairs: Vec<Overlap>,
    /// Roles that no client asks for anything: terminating roles before them cover all their paths.
    pub never_asked: Vec<RoleName>,
    /// Whether everything was compared; false where there is too much of it.
    pub complete: bool,
}

/// Two roles that cover a path in common.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Overlap {
    /// The role that is asked first.
    pub first: RoleName,
    /// The role that is asked after it.
    pub second: RoleName,
    /// The path pattern or hash prefix of the first.
    pub first_path: String,
    /// That of the second.
    pub second_path: String,
    /// Whether the first ends the search, so that the second is never asked for what both cover.
    pub ends: bool,
}

/// The most steps of all comparisons together.
const STEPS: usize = 20_000_000;

/// The most pairs that are told.
const MOST: usize = 10_000;

/// Looks for overlaps among the delegations of a document, in the order in which they are asked (TUF 1.0 section 5.6.7).
/// Path patterns are compared as patterns, hash prefixes as prefixes, and a path without wildcards by its hash; a pattern
/// with wildcards is taken to reach every hash prefix. In Notary paths are prefixes and nothing ends a search.
pub fn overlaps(dialect: Dialect, roles: &[DelegatedRole]) -> Overlaps {
    let mut finder = Finder { roles, found: BTreeMap::new(), covered: BTreeSet::new(), steps: 0 };
    let mut prefixes = Vec::new();
    let mut globs = Vec::new();
    for (nth, role) in roles.iter().enumerate() {
        let hashes = role.path_hash_prefixes.iter().flatten();
        prefixes.extend(hashes.map(|text| Place { role: nth, text, of: Of::Hash }));
        for text in role.paths.iter().flatten() {
            match dialect {
                Dialect::Notary1 => prefixes.push(Place { role: nth, text, of: Of::Prefix }),
                Dialect::Tuf1 => {
                    globs.push(Place { role: nth, text, of: Of::Glob(Glob::of(text)) });
                }
            }
        }
    }
    finder.family(&mut prefixes, |place| place.text);
    finder.family(&mut globs, |place| glob::head(place.text));
    for glob in &globs {
        for prefix in &prefixes {
            if !finder.pair(glob, prefix) {
                break;
            }
        }
    }
    let complete = finder.goes_on();
    let pairs = finder.found.iter().map(|((first, second), (first_path, second_path))| Overlap {
        first: name(roles, *first),
        second: name(roles, *second),
        first_path: (*first_path).to_owned(),
        second_path: (*second_path).to_owned(),
        ends: ends(roles, *first),
    });
    let pairs = pairs.collect();
    let all = prefixes.iter().chain(&globs);
    let mut asked: BTreeMap<usize, bool> = BTreeMap::new();
    for place in all {
        *asked.entry(place.role).or_default() |=
            !finder.covered.contains(&(place.role, place.text));
    }
    let never_asked = asked.into_iter().filter(|(_, asked)| !asked);
    let never_asked = never_asked.map(|(role, _)| name(roles, role)).collect();
    Overlaps { pairs, never_asked, complete }
}

/// One path pattern or prefix of a role, by the place of the role.
struct Place<'a> {
    role: usize,
    text: &'a str,
    of: Of,
}

enum Of {
    /// A prefix of the hash of a path, in hex.
    Hash,
    /// A prefix of a path.
    Prefix,
    /// A path pattern.
    Glob(Glob),
}

struct Finder<'a> {
    roles: &'a [DelegatedRole],
    /// The first paths in common of each two roles.
    found: BTreeMap<(usize, usize), (&'a str, &'a str)>,
    /// Paths that a terminating role before covers wholly.
    covered: BTreeSet<(usize, &'a str)>,
    steps: usize,
}

impl<'a> Finder<'a> {
    /// Compares places of one kind: two have something in common only where the head of one begins with that of the other.
    fn family(&mut self, places: &mut [Place<'a>], head: impl Fn(&Place<'a>) -> &'a str) {
        places.sort_by(|a, b| head(a).cmp(head(b)));
        for (nth, one) in places.iter().enumerate() {
            let rest = places.iter().skip(nth + 1);
            for other in rest.take_while(|other| head(other).starts_with(head(one))) {
                if !self.pair(one, other) {
                    return;
                }
            }
        }
    }

    fn goes_on(&self) -> bool {
        self.steps <= STEPS && self.found.len() <= MOST
    }

    /// Compares two places; false where there was enough.
    fn pair(&mut self, one: &Place<'a>, other: &Place<'a>) -> bool {
        let (first, second) = if one.role < other.role { (one, other) } else { (other, one) };
        let cost = (first.text.len() + 1).saturating_mul(second.text.len() + 1);
        self.steps = self.steps.saturating_add(cost);
        if first.role != second.role && self.goes_on() && first.meets(second) {
            self.found.entry((first.role, second.role)).or_insert((first.text, second.text));
            if ends(self.roles, first.role) && first.covers(second) {
                self.covered.insert((second.role, second.text));
            }
        }
        self.goes_on()
    }
}

impl Place<'_> {
    /// Whether there is a path that both cover.
    fn meets(&self, other: &Self) -> bool {
        match (&self.of, &other.of) {
            (Of::Glob(one), Of::Glob(two)) => one.meets(two),
            (Of::Glob(glob), Of::Hash) => glob.is_wild() || hash(self.text).starts_with(other.text),
            (Of::Hash, Of::Glob(glob)) => glob.is_wild() || hash(other.text).starts_with(self.text),
            (Of::Hash | Of::Prefix, Of::Hash | Of::Prefix) => {
                self.text.starts_with(other.text) || other.text.starts_with(self.text)
            }
            (Of::Prefix, Of::Glob(_)) | (Of::Glob(_), Of::Prefix) => false,
        }
    }

    /// Whether it covers every path that the other covers. It may say no where that is hard to tell.
    fn covers(&self, other: &Self) -> bool {
        match (&self.of, &other.of) {
            (Of::Glob(one), Of::Glob(two)) => one.covers(two),
            (Of::Hash, Of::Glob(glob)) => {
                self.text.is_empty() || !glob.is_wild() && hash(other.text).starts_with(self.text)
            }
            (Of::Hash | Of::Prefix, Of::Hash | Of::Prefix) => other.text.starts_with(self.text),
            (Of::Glob(_), Of::Hash | Of::Prefix) | (Of::Prefix, Of::Glob(_)) => false,
        }
    }
}

fn hash(path: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(path.as_bytes()))
}

fn ends(roles: &[DelegatedRole], nth: usize) -> bool {
    roles.get(nth).is_some_and(|role| role.terminating == Some(true))
}

fn name(roles: &[DelegatedRole], nth: usize) -> RoleName {
    roles.get(nth).expect("a place has the number of its role").name.clone()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use crate::tuf::root::{RoleKeys, StatedThreshold};

    fn role(name: &str, paths: &[&str], prefixes: &[&str], terminating: bool) -> DelegatedRole {
        let owned = |texts: &[&str]| {
            (!texts.is_empty()).then(|| texts.iter().map(|text| (*text).to_owned()).collect())
        };
        let (threshold, unknown) = (StatedThreshold(1), BTreeMap::new());
        DelegatedRole {
            name: name.parse().unwrap(),
            keys: RoleKeys { keyids: vec![], threshold, unknown },
            paths: owned(paths),
            path_hash_prefixes: owned(prefixes),
            terminating: Some(terminating),
        }
    }

    fn of(dialect: Dialect, roles: &[DelegatedRole]) -> Overlaps {
        overlaps(dialect, roles)
    }

    fn pairs(found: &Overlaps) -> Vec<String> {
        let told = found.pairs.iter().map(|pair| {
            let mark = if pair.ends { "!" } else { "" };
            let Overlap { first, second, first_path, second_path, .. } = pair;
            format!("{first}{mark} {second}: {first_path} {second_path}")
        });
        told.collect()
    }

    #[test]
    fn hash_prefixes_overlap_where_one_begins_with_the_other() {
        let roles = [
            role("a", &[], &["00", "1"], false),
            role("b", &[], &["01", "1f"], true),
            role("c", &[], &["2"], false),
            role("d", &[], &["1f0", "01"], false),
        ];
        let found = of(Dialect::Tuf1, &roles);
        assert_eq!(pairs(&found), ["a b: 1 1f", "a d: 1 1f0", "b! d: 01 01"]);
        assert_eq!(found.never_asked, ["d".parse::<RoleName>().unwrap()]);
        assert!(found.complete);
        let apart = [role("a", &[], &["00", "1"], true), role("b", &[], &["01", "2"], true)];
        assert_eq!(of(Dialect::Tuf1, &apart), Overlaps { complete: true, ..Overlaps::default() });
    }

    #[test]
    fn a_role_is_never_asked_only_if_all_its_paths_end_before_it() {
        let shadowed = |second: &[&str], terminating| {
            let roles =
                [role("a", &["*", "x/*.txt"], &[], terminating), role("b", second, &[], true)];
            !of(Dialect::Tuf1, &roles).never_asked.is_empty()
        };
        assert!(shadowed(&["v?", "x/a*.txt"], true));
        assert!(!shadowed(&["v?", "x/a*.txt"], false));
        assert!(!shadowed(&["v?", "x/a*.tx"], true));
        assert!(!shadowed(&["v?", "y/a.txt"], true));
        // What comes later hides nothing.
        let later = [role("b", &["v1"], &[], false), role("a", &["*"], &[], true)];
        assert_eq!(of(Dialect::Tuf1, &later).never_asked, []);
        // Two roles together may leave nothing to a third.
        let both = [
            role("a", &["*.txt"], &[], true),
            role("b", &["*.md"], &[], true),
            role("c", &["x.txt", "y.md"], &[], false),
        ];
        assert_eq!(of(Dialect::Tuf1, &both).never_asked.len(), 1);
    }

    #[test]
    fn a_path_is_found_by_its_hash_too() {
        // SHA-256 of "file.txt" begins with aadf.
        let with = |path, prefix| {
            let roles = [role("a", &[], &[prefix], true), role("b", &[path], &[], false)];
            let found = of(Dialect::Tuf1, &roles);
            (found.pairs.len(), found.never_asked.len())
        };
        assert_eq!(with("file.txt", "aad"), (1, 1));
        assert_eq!(with("file.txt", "aae"), (0, 0));
        assert_eq!(with("file.*", "aae"), (1, 0));
    }

    #[test]
    fn in_notary_paths_are_prefixes_and_nothing_ends() {
        let roles = [
            role("targets/all", &[""], &[], false),
            role("targets/prod", &["prod-"], &[], false),
            role("targets/test", &["test-*"], &[], false),
        ];
        let found = of(Dialect::Notary1, &roles);
        assert_eq!(
            pairs(&found),
            ["targets/all targets/prod:  prod-", "targets/all targets/test:  test-*"]
        );
        assert_eq!(found.never_asked, []);
    }

    #[test]
    fn very_many_delegations_are_compared_soon_and_too_many_are_told() {
        let bins: Vec<_> = (0..16_384)
            .map(|nth| role(&format!("b{nth}"), &[], &[&format!("{nth:04x}")], true))
            .collect();
        assert_eq!(of(Dialect::Tuf1, &bins), Overlaps { complete: true, ..Overlaps::default() });
        let same: Vec<_> =
            (0..5000).map(|nth| role(&format!("b{nth}"), &["*x*"], &[], true)).collect();
        assert!(!of(Dialect::Tuf1, &same).complete);
    }
}
