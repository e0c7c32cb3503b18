//! Going through a fleet in the order of its list, with the rows that were drafted.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use crate::ceremony::event::Fleet;
use crate::ceremony::event::Trouble;
use crate::ceremony::fleet::list::LONGEST_LINE;
use crate::ceremony::fleet::{DRAFTS, Line};
use crate::tuf::digest::Digest;
use crate::tuf::document::DocId;

use super::sign::derived;
use super::spool::Spool;
use super::{Yard, mismatch, opened};

/// Lines of a text file, none longer than may be.
pub(crate) struct Lines {
    file: BufReader<File>,
    number: u64,
    longest: usize,
}

impl Lines {
    pub(crate) fn new(file: File, longest: usize) -> Self {
        Self { file: BufReader::new(file), number: 0, longest }
    }

    /// The next line without its line feed.
    pub(crate) fn next(&mut self) -> io::Result<Option<String>> {
        let mut bytes = Vec::new();
        let most = u64::try_from(self.longest).unwrap_or(u64::MAX);
        let count = (&mut self.file).take(most).read_until(b'\n', &mut bytes)?;
        if count == 0 {
            return Ok(None);
        }
        self.number += 1;
        let bad = |why: &str| {
            let why = format!("line {}: {why}", self.number);
            io::Error::new(io::ErrorKind::InvalidData, why)
        };
        if bytes.pop() != Some(b'\n') {
            return Err(bad("it is too long, or has no end"));
        }
        String::from_utf8(bytes).map(Some).map_err(|_| bad("it is not UTF-8"))
    }
}

/// The lines of the list, sorted by name, each name once.
pub(super) struct List {
    lines: Lines,
    last: String,
}

impl List {
    pub(super) fn open(yard: &Yard) -> Result<Self, Trouble> {
        let file = yard.list()?;
        Ok(Self { lines: Lines::new(file, LONGEST_LINE), last: String::new() })
    }

    pub(super) fn next(&mut self) -> Result<Option<Line>, Trouble> {
        let bad = |number: u64, why: &str| mismatch(&format!("the list, line {number}: {why}"));
        let text = self.lines.next().map_err(|error| mismatch(&format!("the list, {error}")))?;
        let Some(text) = text else { return Ok(None) };
        let line = Line::parse(&text).map_err(|why| bad(self.lines.number, &why))?;
        if line.name.as_str() <= self.last.as_str() {
            return Err(bad(
                self.lines.number,
                "expected names in the order of their bytes, each once",
            ));
        }
        line.name.as_str().clone_into(&mut self.last);
        Ok(Some(line))
    }
}

/// Goes through the repositories that were drafted; the refused ones are passed over.
pub struct Cursor {
    list: List,
    drafts: Lines,
    peeked: Option<String>,
    prefix: Yard,
    spool: Spool,
    /// Digests of rows that were passed over, and not yet in the spool.
    passed: Vec<Digest>,
}

/// A repository and its rows in the table of drafts.
pub(super) type Drafted = (Line, String);

impl Cursor {
    /// Opens list and table; both must be those on record.
    pub fn open(yard: &Yard, evidence: &Path, drafts: Option<Digest>) -> Result<Self, Trouble> {
        let list = List::open(yard)?;
        let drafts = Lines::new(opened(evidence, DRAFTS, drafts)?, LONGEST_LINE);
        let spool = Spool::open(evidence);
        Ok(Self { list, drafts, peeked: None, prefix: yard.clone(), spool, passed: Vec::new() })
    }

    /// The next repository with its rows.
    pub(super) fn next(&mut self) -> Result<Option<Drafted>, Trouble> {
        while let Some(line) = self.list.next()? {
            let name = self.prefix.drafted_name(&line);
            let mut rows = String::new();
            while let Some(row) = self.row()? {
                if row.split('\t').nth(1) != Some(name.as_str()) {
                    self.peeked = Some(row);
                    break;
                }
                rows.push_str(&row);
                rows.push('\n');
            }
            if !rows.is_empty() {
                self.passed.extend(rows.lines().filter_map(digest_of));
                return Ok(Some((line, rows)));
            }
        }
        match self.row()? {
            None => Ok(None),
            Some(row) => Err(mismatch(&format!("{DRAFTS}: no repository of the list has {row:?}"))),
        }
    }

    /// The payloads of the repository that [`Cursor::next`] gave last: from the spool where it has them, or else derived again.
    /// Either way each has the digest of its row.
    pub(super) fn payloads(
        &mut self,
        yard: &Yard,
        line: &Line,
        drafted: &str,
        fleet: &Fleet,
    ) -> Result<Vec<(DocId, Vec<u8>)>, Trouble> {
        let count = drafted.lines().count();
        let passed = std::mem::take(&mut self.passed);
        let found: Option<Vec<_>> =
            passed.into_iter().map(|digest| self.spool.next(digest)).collect();
        let mut found = found.unwrap_or_default();
        let mine = found.split_off(found.len().saturating_sub(count));
        let ids = drafted.lines().map(id_of).collect::<Option<Vec<_>>>();
        if let (Some(ids), true) = (ids, mine.len() == count) {
            return Ok(ids.into_iter().zip(mine).collect());
        }
        let (_, change) = derived(yard, line, drafted, fleet)?;
        let each = change.payloads().iter();
        Ok(each.map(|payload| (payload.id().clone(), payload.to_sign().to_vec())).collect())
    }

    /// Forgets what was passed over, where nobody asks for payloads.
    pub(super) fn forget(&mut self) {
        self.passed.clear();
    }

    fn row(&mut self) -> Result<Option<String>, Trouble> {
        if let Some(row) = self.peeked.take() {
            return Ok(Some(row));
        }
        self.drafts.next().map_err(|error| mismatch(&format!("{DRAFTS}, {error}")))
    }
}

fn digest_of(row: &str) -> Option<Digest> {
    row.split('\t').next()?.parse().ok()
}

/// The document of a row.
pub(super) fn id_of(row: &str) -> Option<DocId> {
    let mut columns = row.split('\t').skip(1);
    Some(DocId {
        repository: columns.next()?.parse().ok()?,
        role: columns.next()?.parse().ok()?,
        version: columns.next()?.parse().ok()?,
    })
}
