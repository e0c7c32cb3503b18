//! Path patterns of delegations.

/// Whether a path pattern covers a path (TUF 1.0 section 4.5, PATHPATTERN): `*` is any number of characters, `?` is one,
/// `[a-z]` and `[!a-z]` are one of a set; none of them crosses `/`, and case matters.
pub fn pattern_covers(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut paths) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), paths.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if part_covers(pattern, part) => {}
            (Some(_), _) | (None, Some(_)) => return false,
        }
    }
}

/// One part between slashes. A star that turns out too short is made one character longer, from the last star only, so
/// the work is at most the product of both lengths.
fn part_covers(pattern: &str, part: &str) -> bool {
    let (mut pattern, mut rest) = (pattern, part);
    let mut star: Option<(&str, &str)> = None;
    loop {
        if let Some(after) = pattern.strip_prefix('*') {
            star = Some((after, rest));
            pattern = after;
            continue;
        }
        let mut letters = rest.chars();
        let step = letters.next().and_then(|letter| one(pattern, letter));
        if let Some(after) = step {
            (pattern, rest) = (after, letters.as_str());
        } else if pattern.is_empty() && rest.is_empty() {
            return true;
        } else {
            let Some((after, from)) = star else { return false };
            let mut longer = from.chars();
            if longer.next().is_none() {
                return false;
            }
            star = Some((after, longer.as_str()));
            (pattern, rest) = (after, longer.as_str());
        }
    }
}

/// The pattern after one letter; nothing where the letter is not covered.
fn one(pattern: &str, letter: char) -> Option<&str> {
    let mut letters = pattern.chars();
    match letters.next()? {
        '?' => Some(letters.as_str()),
        '[' => match set(letters.as_str()) {
            Some((covers, after)) => covers(letter).then_some(after),
            None => (letter == '[').then_some(letters.as_str()),
        },
        plain => (plain == letter).then_some(letters.as_str()),
    }
}

/// The set after `[`, and the pattern after its `]`; nothing where no `]` follows: then `[` is a letter like others.
fn set(text: &str) -> Option<(impl Fn(char) -> bool, &str)> {
    let Letters { negated, ranges, after } = letters_of_set(text)?;
    let covers = move |letter: char| {
        ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter)) != negated
    };
    Some((covers, after))
}

/// What stands between `[` and `]`.
pub(in crate::tuf) struct Letters<'a> {
    /// Whether it is the other letters that are meant.
    pub(in crate::tuf) negated: bool,
    /// The first and the last letter of each range.
    pub(in crate::tuf) ranges: Vec<(char, char)>,
    /// The pattern after the `]`.
    pub(in crate::tuf) after: &'a str,
}

/// The letters of the set after `[`. A `]` that stands first is one of them.
pub(in crate::tuf) fn letters_of_set(text: &str) -> Option<Letters<'_>> {
    let inside = text.strip_prefix('!');
    let negated = inside.is_some();
    let inside = inside.unwrap_or(text);
    let from = usize::from(inside.starts_with(']'));
    let end = from + inside.get(from..)?.find(']')?;
    let letters: Vec<char> = inside.get(..end)?.chars().collect();
    let mut left = letters.as_slice();
    let mut ranges = Vec::new();
    while let [first, others @ ..] = left {
        if let ['-', last, after @ ..] = others {
            ranges.push((*first, *last));
            left = after;
        } else {
            ranges.push((*first, *first));
            left = others;
        }
    }
    Some(Letters { negated, ranges, after: inside.get(end + 1..)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_never_cross_a_slash() {
        for (pattern, path) in [
            ("*", "file"),
            ("*.md", "README.md"),
            ("releases/*/*", "releases/x/x_v1"),
            ("a/?/c", "a/b/c"),
            ("a*b*c", "a-b-b-c"),
            ("*", ""),
            ("exact", "exact"),
            ("*ü?", "xüy"),
        ] {
            assert!(pattern_covers(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("*", "dir/file"),
            ("*.md", "docs/README.md"),
            ("releases/*", "releases/x/x_v1"),
            ("releases/*/*", "releases/x"),
            ("a?c", "a/c"),
            ("a?c", "ac"),
            ("readme", "README"),
            ("a*b", "ab-"),
            ("", "x"),
        ] {
            assert!(!pattern_covers(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn sets_are_those_of_the_shell() {
        for (pattern, path, covered) in [
            ("v[0-9].tgz", "v7.tgz", true),
            ("v[0-9].tgz", "vx.tgz", false),
            ("v[!0-9].tgz", "vx.tgz", true),
            ("[]x]", "]", true),
            ("[x", "[x", true),
            ("[x", "x", false),
            ("[a-]", "-", true),
            ("[a/b]", "a", false),
        ] {
            assert_eq!(pattern_covers(pattern, path), covered, "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_ends_soon() {
        assert!(!pattern_covers(&"*a".repeat(200), &"a".repeat(199)));
        assert!(pattern_covers(&"*a".repeat(200), &"a".repeat(200)));
    }
}
