//! Small texts: digests and their words, dates and lifetimes, names, and foreign text on its way to a screen.

use std::fmt::Display;
use std::str::FromStr;

use anchorite::front::words::{Charset, escape_for, foreign, width, wrap};
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::DocRole;
use anchorite::tuf::image::Named;
use anchorite::tuf::name::{KeyName, RepoName, RoleName};
use anchorite::tuf::time::{Lifetime, Timestamp};

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let digest = Digest::of(b"abc");
    [
        digest.words().join(" "),
        digest.groups().join(" "),
        "2036-11-20T03:36:18.348408414Z".to_owned(),
        "2028-02-29T23:59:60+14:00".to_owned(),
        "9999-12-31T23:59:59Z".to_owned(),
        "18 months".to_owned(),
        "registry.example.com:5000/team/app".to_owned(),
        "targets/releases".to_owned(),
        "certificate:root-a".to_owned(),
        "a\u{202e}b\\ \u{1b}[2J \u{301}e\u{fe0f}\u{200b}\u{4e2d}\u{6587} \"x\"".to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec()
}

pub(crate) fn text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    same::<RepoName>(&text);
    same::<RoleName>(&text);
    same::<KeyName>(&text);
    same::<DocRole>(&text);
    same::<Named>(&text);
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(Digest::from_words(&digest.words().join(" ")), Ok(digest));
        assert_eq!(digest.groups().join(" ").parse(), Ok(digest));
    }
    if let Ok(digest) = Digest::from_words(&text) {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let again: Vec<String> = digest.words().iter().map(|word| word.to_lowercase()).collect();
        assert_eq!(words, again);
    }
    let lifetime = text.parse::<Lifetime>();
    if let Ok(lifetime) = lifetime {
        assert_eq!(lifetime.to_string().parse(), Ok(lifetime));
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        assert_eq!(at.to_string().parse(), Ok(at));
        assert!(!at.to_minute().is_empty() && !at.to_compact().is_empty());
        assert!(at.start_of_day() <= at);
        for lifetime in ["1 day", "18 months", "9000 years"] {
            let lifetime: Lifetime = lifetime.parse().expect("a lifetime");
            assert!(at.plus(lifetime).is_none_or(|later| later > at));
        }
    }
    shown(&text);
}

/// What is written reads the same.
fn same<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        assert!(read.to_string() == text);
    }
}

/// Foreign text neither moves the cursor nor leaves its line.
fn shown(text: &str) {
    for charset in [Charset::Unicode, Charset::Ascii] {
        let safe = escape_for(text, charset);
        assert!(!safe.chars().any(char::is_control), "{safe:?}");
        let bidi =
            ['\u{202a}', '\u{202b}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}'];
        assert!(!safe.contains(bidi) && !safe.contains(['\u{200b}', '\u{feff}']));
        assert!(charset == Charset::Unicode || foreign(text, charset).is_ascii());
        for columns in [4, 20, 80] {
            let lines = wrap(&safe, columns);
            assert!(lines.iter().all(|line| width(line) <= columns), "{columns}: {lines:?}");
        }
    }
}
