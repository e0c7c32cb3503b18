//! Which paths delegations share, and which of them nobody is ever asked for.

use crate::tuf::document::Dialect;
use crate::tuf::targets::DelegatedRole;

use super::delegation::covers;
use super::pattern::pattern_covers;

/// Whether a delegation covers a path: by pattern or hash in TUF, by prefix in Notary.
pub fn delegation_covers(dialect: Dialect, role: &DelegatedRole, path: &str) -> bool {
    match dialect {
        Dialect::Tuf1 => covers(role, path),
        Dialect::Notary1 => role.paths.iter().flatten().any(|prefix| path.starts_with(prefix)),
    }
}

/// Whether there may be a path that both delegations cover. Patterns and hash prefixes are not compared with each other.
pub fn delegations_overlap(dialect: Dialect, one: &DelegatedRole, other: &DelegatedRole) -> bool {
    let pairs = |a: &Option<Vec<String>>, b: &Option<Vec<String>>, met: fn(&str, &str) -> bool| {
        a.iter().flatten().any(|a| b.iter().flatten().any(|b| met(a, b)))
    };
    let prefixes = |a: &str, b: &str| a.starts_with(b) || b.starts_with(a);
    let patterns = match dialect {
        Dialect::Notary1 => prefixes,
        Dialect::Tuf1 => patterns_meet,
    };
    pairs(&one.paths, &other.paths, patterns)
        || pairs(&one.path_hash_prefixes, &other.path_hash_prefixes, prefixes)
}

/// Whether `first`, asked before `second`, ends the search for every path that `second` covers, so that nobody ever asks
/// `second`. In doubt it does not.
pub fn delegation_hides(first: &DelegatedRole, second: &DelegatedRole) -> bool {
    let all = |inner: &Option<Vec<String>>,
               outer: &Option<Vec<String>>,
               within: fn(&str, &str) -> bool| {
        let mut inner = inner.iter().flatten().peekable();
        inner.peek().is_some()
            && inner.all(|inner| outer.iter().flatten().any(|outer| within(inner, outer)))
    };
    first.terminating == Some(true)
        && (all(&second.paths, &first.paths, pattern_within)
            || all(&second.path_hash_prefixes, &first.path_hash_prefixes, |inner, outer| {
                inner.starts_with(outer)
            }))
}

/// Whether every path of `inner` is one of `outer`; "no" also where it is hard to tell.
fn pattern_within(inner: &str, outer: &str) -> bool {
    // A star of `outer` takes every letter of a pattern, wildcards too; its other wildcards might take a wildcard for one letter.
    inner == outer || (!outer.contains(['?', '[']) && pattern_covers(outer, inner))
}

/// Whether some path fits both patterns. A set of letters is taken for any letter.
fn patterns_meet(one: &str, other: &str) -> bool {
    let (mut ones, mut others) = (one.split('/'), other.split('/'));
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if parts_meet(&letters(one), &letters(other)) => {}
            (Some(_), _) | (None, Some(_)) => return false,
        }
    }
}

/// A part of a pattern: sets become `?`.
fn letters(part: &str) -> Vec<char> {
    let mut all = Vec::new();
    let mut rest = part;
    while let Some(letter) = rest.chars().next() {
        rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        let end = (letter == '[').then(|| rest.get(1..)?.find(']')).flatten();
        match end {
            Some(end) => {
                all.push('?');
                rest = rest.get(end + 2..).unwrap_or_default();
            }
            None => all.push(letter),
        }
    }
    all
}

/// Row by row, which beginnings of `other` fit which beginnings of `one`: the work is the product of both lengths.
fn parts_meet(one: &[char], other: &[char]) -> bool {
    let stars = |upto: usize| other.iter().take(upto).all(|letter| *letter == '*');
    let mut fits: Vec<bool> = (0..=other.len()).map(stars).collect();
    for a in one {
        let mut row = vec![*a == '*' && fits.first() == Some(&true)];
        for ((b, diagonal), above) in other.iter().zip(&fits).zip(fits.iter().skip(1)) {
            let left = row.last() == Some(&true);
            let same = a == b || *a == '?' || *b == '?';
            let star = *a == '*' || *b == '*';
            row.push(if star { left || *above || *diagonal } else { same && *diagonal });
        }
        fits = row;
    }
    fits.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_share_a_path_meet() {
        for (one, other) in [
            ("*", "app"),
            ("app-*", "*-1.0"),
            ("a?c", "ab*"),
            ("app/*", "*/v1"),
            ("v[0-9]", "v1"),
            ("*", "*"),
            ("", ""),
            ("*", ""),
        ] {
            assert!(patterns_meet(one, other), "{one} {other}");
            assert!(patterns_meet(other, one), "{other} {one}");
        }
        for (one, other) in
            [("*", "a/b"), ("app-*", "web-*"), ("a?", "a"), ("app/*", "app"), ("x", "")]
        {
            assert!(!patterns_meet(one, other), "{one} {other}");
            assert!(!patterns_meet(other, one), "{other} {one}");
        }
    }

    #[test]
    fn a_pattern_lies_within_a_wider_one() {
        for (inner, outer) in [("app-1", "*"), ("app-*", "*"), ("a/b*", "a/*"), ("x?", "x?")] {
            assert!(pattern_within(inner, outer), "{inner} {outer}");
        }
        for (inner, outer) in [("*", "app-*"), ("a/*", "*"), ("*", "?"), ("a*", "a?")] {
            assert!(!pattern_within(inner, outer), "{inner} {outer}");
        }
    }
}
