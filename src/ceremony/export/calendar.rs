//! The calendar of an export: when what was signed ends, and when to begin with what replaces it, for a calendar program
//! (RFC 5545) and as text.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::tuf::digest::Digest;
use crate::tuf::time::Timestamp;

/// Something that ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// The repository.
    pub repository: String,
    /// What ends.
    pub what: What,
    /// The first moment at which it is no longer good.
    pub at: Timestamp,
}

/// What ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// A document.
    Document {
        /// Its role.
        role: String,
        /// Its version.
        version: u64,
        /// Whether this ceremony signed it; otherwise it was left as it is.
        signed_here: bool,
    },
    /// The certificate of a Notary root key.
    Certificate {
        /// The key's name in the plan, or the beginning of its id.
        key: String,
        /// Its id in the root.
        id: String,
    },
}

/// Days before the end of a root at which to begin: notary itself warns then, and asks for the root key at every publishing.
const ROOT_DAYS: i64 = 183;
/// Days before the end of a certificate at which to begin.
const CERTIFICATE_DAYS: i64 = 365;
/// Days before the end of any other document at which to begin.
const OTHER_DAYS: i64 = 90;
const DAY: i64 = 86_400;

impl Ending {
    /// The day on which to begin with what replaces it: half a year before the end of a root, a year before that of a
    /// certificate, 90 days before any other, and never before half of the time from `base` is over.
    pub fn begin(&self, base: Timestamp) -> Timestamp {
        let days = match &self.what {
            What::Document { role, .. } if role == "root" => ROOT_DAYS,
            What::Document { .. } => OTHER_DAYS,
            What::Certificate { .. } => CERTIFICATE_DAYS,
        };
        let whole = self.at.unix_seconds() - base.unix_seconds();
        let lead = (days * DAY).min(whole.max(0) / 2);
        self.at.plus_seconds(-lead).unwrap_or(base)
    }

    fn title(&self) -> String {
        match &self.what {
            What::Document { role, version, .. } => {
                format!("{role} version {version} of {}", self.repository)
            }
            What::Certificate { key, .. } => {
                format!("the certificate of {key} of {}", self.repository)
            }
        }
    }

    fn meaning(&self) -> &'static str {
        match &self.what {
            What::Document { role, .. } if role == "root" => {
                "Clients refuse the repository after this day. A new root version, signed before or after it, \
                 brings back every client that is one version behind; one that is further behind may be lost. \
                 From half a year before it, notary asks for the root key whenever somebody publishes."
            }
            What::Document { role, .. } if role.starts_with("targets/") => {
                "After this day clients leave out everything that this delegation signs, with a warning only. \
                 A new version of it brings that back."
            }
            What::Document { .. } => {
                "Clients refuse the repository after this day, until a new version of this document is published."
            }
            What::Certificate { .. } => {
                "This end is terminal: after it the server takes no upload any more, and no client a root that \
                 only such keys sign. A certificate cannot be renewed in place; its renewal is a rotation of the \
                 root key, and must be published before this day."
            }
        }
    }

    /// The same in every calendar that tells of the same thing, so that a later version moves the entry.
    fn uid(&self, part: &str) -> String {
        let about = match &self.what {
            What::Document { role, .. } => format!("document\n{role}"),
            What::Certificate { id, .. } => format!("certificate\n{id}"),
        };
        let text = format!("anchorite-calendar-1\n{part}\n{}\n{about}\n", self.repository);
        let digest = Digest::of(text.as_bytes()).to_string();
        format!("{}@anchorite.invalid", digest.get(..32).unwrap_or_default())
    }

    const fn sequence(&self) -> u64 {
        match &self.what {
            What::Document { version, .. } => *version,
            What::Certificate { .. } => 0,
        }
    }
}

/// `calendar.ics`: two events of a whole day for each ending, the day to begin on and the end. `base` is the stamp of all
/// of them (DTSTAMP), so that the same ceremony makes the same bytes.
pub fn ics(endings: &[Ending], base: Timestamp) -> String {
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Anchorite//Expiry dates//EN".to_owned(),
        "CALSCALE:GREGORIAN".to_owned(),
    ];
    for ending in sorted(endings) {
        let title = ending.title();
        let end = day(ending.at);
        lines.extend(event(
            ending,
            "begin",
            ending.begin(base),
            base,
            &format!("Begin to replace {title}, which ends on {end}"),
        ));
        lines.extend(event(ending, "end", ending.at, base, &format!("END of {title}")));
    }
    lines.push("END:VCALENDAR".to_owned());
    lines.iter().map(|line| folded(line)).collect()
}

fn event(
    ending: &Ending,
    part: &str,
    on: Timestamp,
    base: Timestamp,
    summary: &str,
) -> [String; 13] {
    [
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{}", ending.uid(part)),
        format!("DTSTAMP:{}", base.to_compact()),
        format!("SEQUENCE:{}", ending.sequence()),
        format!("DTSTART;VALUE=DATE:{}", day(on).replace('-', "")),
        format!("SUMMARY:{}", escaped(summary)),
        format!("DESCRIPTION:{}", escaped(ending.meaning())),
        "TRANSP:TRANSPARENT".to_owned(),
        "BEGIN:VALARM".to_owned(),
        "ACTION:DISPLAY".to_owned(),
        format!("DESCRIPTION:{}\r\nTRIGGER:-P7D", escaped(summary)),
        "END:VALARM".to_owned(),
        "END:VEVENT".to_owned(),
    ]
}

/// `calendar.txt`: the same for people, the next day to begin on first.
pub fn text(endings: &[Ending], base: Timestamp) -> String {
    let mut out = String::from("begin on     ends on      what\n");
    let mut rows: Vec<_> =
        sorted(endings).into_iter().map(|ending| (ending.begin(base), ending)).collect();
    rows.sort_by_key(|(begin, _)| *begin);
    for (begin, ending) in &rows {
        let left = match &ending.what {
            What::Document { signed_here: false, .. } => " (not signed in this ceremony)",
            What::Document { .. } | What::Certificate { .. } => "",
        };
        let _ = writeln!(out, "{}   {}   {}{left}", day(*begin), day(ending.at), ending.title());
    }
    let mut told: Vec<&str> = Vec::new();
    for (_, ending) in &rows {
        if !told.contains(&ending.meaning()) {
            told.push(ending.meaning());
            let _ = write!(out, "\n{}:\n{}\n", ending.title(), wrapped(ending.meaning()));
        }
    }
    out.push_str(
        "\nWhat the online side signs ends sooner; its server signs it again by itself.\n",
    );
    out
}

fn sorted(endings: &[Ending]) -> Vec<&Ending> {
    let mut all: Vec<&Ending> = endings.iter().collect();
    all.sort_by(|a, b| (a.at, &a.repository, &a.what).cmp(&(b.at, &b.repository, &b.what)));
    all
}

/// `2036-12-01`, UTC.
fn day(at: Timestamp) -> String {
    at.to_string().get(..10).unwrap_or_default().to_owned()
}

/// TEXT (RFC 5545 3.3.11).
fn escaped(text: &str) -> String {
    text.chars()
        .filter(|char| !char.is_control())
        .flat_map(|char| matches!(char, '\\' | ';' | ',').then_some('\\').into_iter().chain([char]))
        .collect()
}

/// Content lines of at most 75 octets, the following ones with a space before them (RFC 5545 3.1), each with its CRLF.
fn folded(content: &str) -> String {
    let mut out = String::new();
    for line in content.split("\r\n") {
        let mut room = 75;
        for char in line.chars() {
            if char.len_utf8() > room {
                out.push_str("\r\n ");
                room = 74;
            }
            room -= char.len_utf8();
            out.push(char);
        }
        out.push_str("\r\n");
    }
    out
}

/// Lines of at most 100 columns, each behind four spaces.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::from("   ")];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < 100 => *line += &format!(" {word}"),
            Some(_) | None => lines.push(format!("    {word}")),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn document(role: &str, version: u64, ends: &str) -> Ending {
        let what = What::Document { role: role.to_owned(), version, signed_here: true };
        Ending { repository: "registry.example.com/team/app".to_owned(), what, at: at(ends) }
    }

    fn certificate(ends: &str) -> Ending {
        let what = What::Certificate { key: "root-a".to_owned(), id: "ab".repeat(32) };
        Ending {
            repository: "registry.example.com/team/äpp; one, two".to_owned(),
            what,
            at: at(ends),
        }
    }

    const BASE: &str = "2026-12-01T08:00:00Z";

    fn unfolded(ics: &str) -> String {
        ics.replace("\r\n ", "")
    }

    #[test]
    fn one_begins_half_a_year_before_a_root_ends_and_a_year_before_a_certificate_does() {
        let begin = |ending: Ending| day(ending.begin(at(BASE)));
        assert_eq!(begin(document("root", 1, "2036-12-01T08:00:00Z")), "2036-06-01");
        assert_eq!(begin(document("targets", 1, "2029-12-01T08:00:00Z")), "2029-09-02");
        assert_eq!(begin(certificate("2051-12-01T08:00:00Z")), "2050-12-01");
        // Half of a short life, and of one that is over nothing.
        assert_eq!(begin(document("root", 1, "2027-01-30T08:00:00Z")), "2026-12-31");
        assert_eq!(begin(document("root", 1, "2020-01-30T08:00:00Z")), "2020-01-30");
    }

    #[test]
    fn every_line_is_short_ends_in_crlf_and_reads_back_when_it_is_unfolded() {
        let ics = ics(
            &[certificate("2051-12-01T08:00:00Z"), document("root", 1, "2036-12-01T08:00:00Z")],
            at(BASE),
        );
        assert!(ics.ends_with("END:VCALENDAR\r\n"));
        assert!(!ics.replace("\r\n", "").contains(['\r', '\n']));
        for line in ics.split_terminator("\r\n") {
            assert!(line.len() <= 75 && !line.is_empty(), "{line}");
        }
        let whole = unfolded(&ics);
        assert!(whole.contains("SUMMARY:END of the certificate of root-a of registry.example.com/team/äpp\\; one\\, two\r\n"), "{whole}");
        assert!(whole.contains("DTSTART;VALUE=DATE:20511201\r\n"));
        assert!(whole.contains("DTSTAMP:20261201T080000Z\r\n"));
        assert!(whole.contains("This end is terminal"));
        assert_eq!(whole.matches("BEGIN:VEVENT").count(), 4);
        assert_eq!(whole.matches("TRIGGER:-P7D\r\n").count(), 4);
    }

    #[test]
    fn a_name_cannot_begin_a_line_of_its_own() {
        let mut ending = document("root", 1, "2036-12-01T08:00:00Z");
        ending.repository = "a\r\nEND:VCALENDAR".to_owned();
        assert_eq!(ics(&[ending], at(BASE)).matches("\r\nEND:VCALENDAR").count(), 1);
    }

    #[test]
    fn a_later_version_moves_the_same_entry_and_other_things_have_entries_of_their_own() {
        let uids = |ending: &Ending| {
            let text = unfolded(&ics(std::slice::from_ref(ending), at(BASE)));
            text.lines()
                .filter(|line| line.starts_with("UID:"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let first = document("root", 1, "2036-12-01T08:00:00Z");
        let second = document("root", 2, "2040-12-01T08:00:00Z");
        assert_eq!(uids(&first), uids(&second));
        assert!(ics(&[second], at(BASE)).contains("SEQUENCE:2\r\n"));
        let mut all = uids(&first);
        all.extend(uids(&document("targets", 1, "2036-12-01T08:00:00Z")));
        all.extend(uids(&certificate("2036-12-01T08:00:00Z")));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 6);
    }

    #[test]
    fn the_text_begins_with_what_is_next() {
        let text = text(
            &[certificate("2051-12-01T08:00:00Z"), document("targets", 3, "2029-12-01T08:00:00Z")],
            at(BASE),
        );
        let mut lines = text.lines().skip(1);
        assert_eq!(
            lines.next().unwrap(),
            "2029-09-02   2029-12-01   targets version 3 of registry.example.com/team/app"
        );
        assert!(
            lines
                .next()
                .unwrap()
                .starts_with("2050-12-01   2051-12-01   the certificate of root-a")
        );
        assert!(text.lines().all(|line| line.len() <= 101), "{text}");
    }
}
