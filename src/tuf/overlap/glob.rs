//! Path patterns compared with one another; `tuf/client/pattern.rs` has what they mean for a path.

use crate::tuf::client::{Letters, letters_of_set};

/// A path pattern, part by part between slashes.
pub(super) struct Glob(Vec<Vec<Piece>>);

/// What stands at one place of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Any number of characters.
    Star,
    /// One character of these ranges, sorted and apart from one another.
    One(Vec<(u32, u32)>),
}

/// Every character but the slash, which nothing but itself covers.
const ANY: [(u32, u32); 2] = [(0, 0x2e), (0x30, 0x10_FFFF)];

/// The part of a pattern before its first wildcard: every path that it covers begins so.
pub(super) fn head(pattern: &str) -> &str {
    let end = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    pattern.get(..end).unwrap_or(pattern)
}

impl Glob {
    pub(super) fn of(pattern: &str) -> Self {
        Self(pattern.split('/').map(pieces).collect())
    }

    /// Whether it covers more than one path.
    pub(super) fn is_wild(&self) -> bool {
        let single = |piece: &Piece| match piece {
            Piece::Star => false,
            Piece::One(ranges) => matches!(ranges.as_slice(), [(from, to)] if from == to),
        };
        !self.0.iter().flatten().all(single)
    }

    /// Whether there is a path that both cover.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.each(other, |one, two| {
            table(one, two, |one, two, rest| match (one, two) {
                (Some(Piece::Star), Some(Piece::Star)) => rest.first || rest.second,
                (None, Some(Piece::Star)) => rest.second,
                (Some(Piece::Star), Some(Piece::One(letters))) => {
                    rest.first || rest.second && !letters.is_empty()
                }
                (Some(Piece::One(letters)), Some(Piece::Star)) => {
                    rest.second || rest.first && !letters.is_empty()
                }
                (Some(Piece::Star), None) => rest.first,
                (Some(Piece::One(one)), Some(Piece::One(two))) => {
                    rest.both && !common(one, two).is_empty()
                }
                (Some(Piece::One(_)), None) | (None, Some(Piece::One(_))) => false,
                (None, None) => true,
            })
        })
    }

    /// Whether it covers every path that the other covers: sure where it says yes.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.each(other, |one, two| {
            table(one, two, |one, two, rest| match (one, two) {
                (Some(Piece::Star), Some(_)) => rest.first || rest.second,
                (Some(Piece::Star), None) => rest.first,
                (Some(Piece::One(one)), Some(Piece::One(two))) => {
                    rest.both && common(one, two) == *two
                }
                (Some(Piece::One(_)), Some(Piece::Star) | None) | (None, Some(_)) => false,
                (None, None) => true,
            })
        })
    }

    fn each(&self, other: &Self, holds: impl Fn(&[Piece], &[Piece]) -> bool) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| holds(a, b))
    }
}

/// What is known already of what follows: without the first pattern's piece, without the second's, without both.
struct Rest {
    first: bool,
    second: bool,
    both: bool,
}

/// Fills the table of all ends of both, from the last on, and tells what holds of the whole.
fn table(
    one: &[Piece],
    two: &[Piece],
    holds: impl Fn(Option<&Piece>, Option<&Piece>, Rest) -> bool,
) -> bool {
    let mut below = vec![false; two.len() + 1];
    for nth in (0..=one.len()).rev() {
        let mut row = vec![false; two.len() + 1];
        let (mut second, mut both) = (false, false);
        for place in (0..=two.len()).rev() {
            let first = below.get(place).copied().unwrap_or_default();
            let answer = holds(one.get(nth), two.get(place), Rest { first, second, both });
            if let Some(cell) = row.get_mut(place) {
                *cell = answer;
            }
            (second, both) = (answer, first);
        }
        below = row;
    }
    below.first().copied().unwrap_or_default()
}

fn pieces(part: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = part.chars();
    while let Some(letter) = rest.next() {
        let (piece, after) = match letter {
            '*' => (Piece::Star, rest.as_str()),
            '?' => (Piece::One(ANY.to_vec()), rest.as_str()),
            '[' => match letters_of_set(rest.as_str()) {
                Some(Letters { negated, ranges, after }) => {
                    (Piece::One(set(negated, &ranges)), after)
                }
                None => (plain('['), rest.as_str()),
            },
            letter => (plain(letter), rest.as_str()),
        };
        pieces.push(piece);
        rest = after.chars();
    }
    pieces
}

fn plain(letter: char) -> Piece {
    Piece::One(vec![(u32::from(letter), u32::from(letter))])
}

/// The ranges of a set, without the slash.
fn set(negated: bool, letters: &[(char, char)]) -> Vec<(u32, u32)> {
    let mut ranges: Vec<(u32, u32)> =
        letters.iter().map(|(from, to)| (u32::from(*from), u32::from(*to))).collect();
    ranges.retain(|(from, to)| from <= to);
    ranges.sort_unstable();
    let mut joined: Vec<(u32, u32)> = Vec::new();
    for (from, to) in ranges {
        match joined.last_mut() {
            Some((_, end)) if from <= end.saturating_add(1) => *end = to.max(*end),
            Some(_) | None => joined.push((from, to)),
        }
    }
    if !negated {
        return common(&joined, &ANY);
    }
    let mut others = Vec::new();
    let mut next = 0;
    for (from, to) in joined {
        if let Some(before) = from.checked_sub(1).filter(|before| next <= *before) {
            others.push((next, before));
        }
        next = to.saturating_add(1);
    }
    if next <= 0x10_FFFF {
        others.push((next, 0x10_FFFF));
    }
    common(&others, &ANY)
}

/// What two lists of ranges have in common.
fn common(one: &[(u32, u32)], two: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut found = Vec::new();
    for (from, to) in one {
        for (begin, end) in two {
            let (from, to) = (from.max(begin), to.min(end));
            if from <= to {
                found.push((*from, *to));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tuf::client::pattern_covers;

    fn meets(one: &str, two: &str) -> bool {
        Glob::of(one).meets(&Glob::of(two))
    }

    fn covers(one: &str, two: &str) -> bool {
        Glob::of(one).covers(&Glob::of(two))
    }

    #[test]
    fn patterns_meet_where_a_path_fits_both() {
        for (one, two) in [
            ("*", "x"),
            ("*.txt", "a*"),
            ("a*b", "*ba*b"),
            ("v[0-9]", "v[5-z]"),
            ("[!a]", "?"),
            ("x/*", "*/y"),
            ("", "*"),
            ("*", "*"),
            ("[x", "[[]x"),
        ] {
            assert!(meets(one, two) && meets(two, one), "{one} {two}");
        }
        for (one, two) in [
            ("*", "x/y"),
            ("*.txt", "*.md"),
            ("v[0-4]", "v[5-z]"),
            ("a*", "b*"),
            ("?", "??"),
            ("[!a]", "a"),
            ("[b-a]", "*"),
            ("", "?"),
        ] {
            assert!(!meets(one, two) && !meets(two, one), "{one} {two}");
        }
    }

    #[test]
    fn a_pattern_covers_another_only_wholly() {
        for (one, two) in
            [("*", "a?c*"), ("a*", "ab*"), ("v?", "v[0-9]"), ("[a-z]x", "[c-d]x"), ("*/y", "x/y")]
        {
            assert!(covers(one, two) && !covers(two, one), "{one} {two}");
        }
        assert!(covers("[!a]", "[!a]") && !covers("?", "*") && !covers("*", "a/b"));
    }

    proptest! {
        #[test]
        fn what_patterns_say_of_one_another_is_true_of_paths(
            one in "[ab/*?]{0,5}|[ab]?\\[!?[ab](-c)?\\][*]?",
            two in "[ab/*?]{0,5}|[ab]?\\[!?[ab](-c)?\\][*]?",
            path in "[abc/]{0,5}",
        ) {
            let (first, second) = (pattern_covers(&one, &path), pattern_covers(&two, &path));
            prop_assert!(!(first && second) || meets(&one, &two));
            prop_assert!(!covers(&one, &two) || !second || first);
            prop_assert_eq!(meets(&one, &two), meets(&two, &one));
            prop_assert!(covers(&one, &one));
        }
    }
}
