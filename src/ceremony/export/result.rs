//! The result file of the online side, as it comes back: what the scripts saw, line by line, and whether it is about what
//! this ceremony signed.

use std::collections::{BTreeMap, BTreeSet};

use crate::ceremony::fleet::ASSEMBLED;
use crate::ceremony::scene::Verdict;
use crate::tuf::digest::Digest;
use crate::tuf::time::Timestamp;

/// A result file: at least one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultFile {
    lines: Vec<Line>,
    digest: Digest,
}

/// What one step of a script said of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, by the clock of the machine online.
    pub at: Timestamp,
    /// The repository.
    pub repository: String,
    /// The step: `fetch`, `precheck`, `publish`, `accept with notary`, `accept with docker`.
    pub step: String,
    /// `PASS`, `WARN` or `FAIL`.
    pub outcome: Verdict,
    /// Why. After `publish` with the digests of what is live: ` root=HEX targets=HEX`.
    pub detail: String,
}

impl ResultFile {
    /// Reads lines of time, repository, step, outcome and detail with tabs between them, each with a line feed at its end.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadResult> {
        let text = std::str::from_utf8(bytes).map_err(|_| BadResult::NotText)?;
        let text = text.strip_suffix('\n').ok_or(BadResult::Unfinished)?;
        let lines = text
            .split('\n')
            .zip(1..)
            .map(|(line, number)| read(line).ok_or(BadResult::Line { number }))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { lines, digest: Digest::of(bytes) })
    }

    /// The lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The path in an evidence folder under which it is kept; the name holds the beginning of its SHA-256.
    pub fn path(&self) -> String {
        let digest = self.digest.to_string();
        format!("{PATH}{}.tsv", digest.get(..32).unwrap_or_default())
    }

    /// What is said to be live, and is no document of this ceremony: repository, role, SHA-256. `documents` are the files that
    /// were signed.
    pub fn strangers(&self, signed: impl Iterator<Item = Digest>) -> Vec<(&str, &str, &str)> {
        let signed: BTreeSet<String> = signed.map(|digest| digest.to_string()).collect();
        let live = self
            .lines
            .iter()
            .filter(|line| line.step == "publish" && line.outcome == Verdict::Pass)
            .flat_map(|line| {
                line.digests().map(|(role, digest)| (line.repository.as_str(), role, digest))
            });
        live.filter(|(_, _, digest)| !signed.contains(*digest)).collect()
    }

    /// How it ended, in words: the last outcome of every step, by how many repositories; what failed last is named.
    pub fn told(&self) -> String {
        let mut last: BTreeMap<(&str, &str), &Line> = BTreeMap::new();
        for line in &self.lines {
            last.insert((&line.step, &line.repository), line);
        }
        let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
        for ((step, _), line) in &last {
            *counts.entry((step, line.outcome.to_string())).or_default() += 1;
        }
        let counts: Vec<String> = counts
            .into_iter()
            .map(|((step, outcome), count)| format!("{step}: {count} {outcome}"))
            .collect();
        let ends = self.lines.first().zip(self.lines.last());
        let (from, to) =
            ends.map(|(from, to)| (from.at.to_minute(), to.at.to_minute())).unwrap_or_default();
        let mut text = format!("{} lines, {from} to {to}; {}", self.lines.len(), counts.join(", "));
        let failed: Vec<&&Line> =
            last.values().filter(|line| line.outcome == Verdict::Fail).collect();
        if let Some(line) = failed.first() {
            text += &format!(
                "; failed last ({}): {} {}: {}",
                failed.len(),
                line.repository,
                line.step,
                line.detail
            );
        }
        text
    }
}

impl Line {
    /// The words `ROLE=SHA256` at the end of the detail.
    fn digests(&self) -> impl Iterator<Item = (&str, &str)> {
        self.detail.rsplit(' ').map_while(|word| {
            word.split_once('=').filter(|(_, digest)| digest.parse::<Digest>().is_ok())
        })
    }
}

/// Where result files are kept in an evidence folder.
const PATH: &str = "addenda/result-";

/// What an audit says of a file that was added later. `files` is the whole evidence folder.
pub fn judged(path: &str, bytes: &[u8], files: &BTreeMap<String, Vec<u8>>) -> (Verdict, String) {
    if !path.starts_with(PATH) {
        let digest = Digest::of(bytes);
        return (
            Verdict::Warn,
            format!("{path:?} was added later and is not sealed; sha256 {digest}."),
        );
    }
    let file = match ResultFile::parse(bytes) {
        Ok(file) => file,
        Err(why) => return (Verdict::Fail, format!("{path:?} is no result file: {why}.")),
    };
    if file.path() != path {
        return (Verdict::Fail, format!("{path:?} was changed since it was added."));
    }
    match file.strangers(signed_in(files)).as_slice() {
        [] => (
            Verdict::Warn,
            format!("{path:?} was added later and is not sealed. It says: {}.", file.told()),
        ),
        [(repository, role, digest), ..] => (
            Verdict::Fail,
            format!(
                "{path:?} says that {repository} has a {role} with sha256 {digest} live, which was not signed in this \
                 ceremony."
            ),
        ),
    }
}

/// The digests of the documents that a ceremony signed: they lie in its evidence, or, of a fleet, stand in its lists of results.
fn signed_in(files: &BTreeMap<String, Vec<u8>>) -> impl Iterator<Item = Digest> {
    let documents = files.iter().filter(|(path, _)| path.starts_with("documents/"));
    let documents = documents.map(|(_, bytes)| Digest::of(bytes));
    let lists = files.iter().filter(|(path, _)| path.starts_with(ASSEMBLED));
    let rows = lists.flat_map(|(_, bytes)| bytes.split(|byte| *byte == b'\n'));
    let listed = rows.filter_map(|row| std::str::from_utf8(row.get(..64)?).ok()?.parse().ok());
    documents.chain(listed)
}

fn read(line: &str) -> Option<Line> {
    let mut fields = line.split('\t');
    let mut next = || fields.next().filter(|field| !field.is_empty());
    let line = Line {
        at: next()?.parse().ok()?,
        repository: next()?.to_owned(),
        step: next()?.to_owned(),
        outcome: match next()? {
            "PASS" => Verdict::Pass,
            "WARN" => Verdict::Warn,
            "FAIL" => Verdict::Fail,
            _ => return None,
        },
        detail: next()?.to_owned(),
    };
    fields.next().is_none().then_some(line)
}

/// Why a file is no result file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadResult {
    /// It is not UTF-8.
    #[error("it is not UTF-8 text")]
    NotText,
    /// Its last line has no line feed.
    #[error("its last line is not whole")]
    Unfinished,
    /// A line has another form.
    #[error(
        "line {number} is not time, repository, step, PASS or WARN or FAIL, and detail, with tabs between them"
    )]
    Line {
        /// The line, from 1.
        number: usize,
    },
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn line(step: &str, outcome: &str, detail: &str) -> String {
        format!("2026-12-02T10:00:00Z\texample.com/app\t{step}\t{outcome}\t{detail}\n")
    }

    fn published(root: &[u8]) -> String {
        line(
            "publish",
            "PASS",
            &format!("read back: root={} targets={}", Digest::of(root), Digest::of(b"targets")),
        )
    }

    fn evidence() -> BTreeMap<String, Vec<u8>> {
        let files = [
            ("documents/root.json", "root"),
            ("documents/targets.json", "targets"),
            ("plan.toml", "other"),
        ];
        files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).into()
    }

    #[test]
    fn the_last_outcome_of_a_step_counts_and_what_failed_is_named() {
        let text =
            published(b"root") + &line("accept with notary", "FAIL", "the client refuses it");
        let told = ResultFile::parse(text.as_bytes()).unwrap().told();
        assert!(told.contains("accept with notary: 1 FAIL, publish: 1 PASS"), "{told}");
        assert!(
            told.contains("example.com/app accept with notary: the client refuses it"),
            "{told}"
        );
        let again = text + &line("accept with notary", "PASS", "1 tags");
        let told = ResultFile::parse(again.as_bytes()).unwrap().told();
        assert!(told.contains("accept with notary: 1 PASS") && !told.contains("FAIL"), "{told}");
    }

    #[test]
    fn a_result_about_other_bytes_than_were_signed_fails() {
        let verdict = |text: &str| {
            let path = ResultFile::parse(text.as_bytes()).unwrap().path();
            judged(&path, text.as_bytes(), &evidence())
        };
        assert_eq!(verdict(&published(b"root")).0, Verdict::Warn);
        let (bad, why) = verdict(&published(b"another"));
        assert_eq!(bad, Verdict::Fail);
        assert!(why.contains("has a root with sha256"), "{why}");
        // Bytes that are in the evidence, but are no document.
        assert_eq!(verdict(&published(b"other")).0, Verdict::Fail);
    }

    #[test]
    fn a_result_that_was_changed_since_it_was_added_fails() {
        let text = published(b"root");
        let path = ResultFile::parse(text.as_bytes()).unwrap().path();
        let touched = text.replace("10:00", "11:00");
        assert_eq!(judged(&path, touched.as_bytes(), &evidence()).0, Verdict::Fail);
        assert_eq!(judged(&path, b"not lines\n", &evidence()).0, Verdict::Fail);
        assert_eq!(judged("addenda/photo.jpg", b"not lines\n", &evidence()).0, Verdict::Warn);
    }

    #[test]
    fn other_forms_are_refused_with_their_line() {
        let good = published(b"root");
        let refused = |text: String| ResultFile::parse(text.as_bytes()).unwrap_err();
        assert_eq!(refused(String::new()), BadResult::Unfinished);
        assert_eq!(refused(good.trim_end().to_owned()), BadResult::Unfinished);
        for bad in [
            "\n",
            "x\n",
            &good.replace("PASS", "FINE"),
            &good.replace('\n', "\tmore\n"),
            &good.replace("2026-", ""),
        ] {
            assert_eq!(refused(format!("{good}{bad}")), BadResult::Line { number: 2 }, "{bad:?}");
        }
    }
}
