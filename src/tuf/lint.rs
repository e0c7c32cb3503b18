//! What a wise reviewer would object to in documents: every oddity that is read is a finding with a stable name.
//!
//! The rules stand in one table, [`RULES`]; `docs/lints.md` is made from it. A finding says what was found where; reason
//! and fix are the rule's.

mod bytes;
mod certificates;
mod clients;
mod dates;
mod keys;
mod outer;
mod roles;
mod signatures;
mod table;
mod targets;
mod together;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::any::AnyDocument;
use super::document::Dialect;
use super::history;
use super::key::Fingerprint;
use super::name::RoleName;
use super::time::Timestamp;

pub use bytes::unknown_members;
pub use dates::policy_end;
pub use table::RULES;
pub(in crate::tuf) use targets::each as each_target;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Somebody should act, or say why not.
    Warn,
    /// Clients refuse it, or it hands trust to others.
    Fail,
}

/// A client program whose peculiarities are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Client {
    /// The `notary` command.
    Notary,
    /// `docker` with content trust.
    Docker,
    /// python-tuf.
    PythonTuf,
    /// go-tuf version 2.
    GoTuf,
    /// tuf-js.
    TufJs,
    /// The Rust crate `tough`.
    Tough,
    /// The Rust crate `tuf`.
    RustTuf,
    /// `cosign` with a TUF repository of one's own.
    Cosign,
}

/// One rule: its stable name, how bad what it finds is in each dialect, why, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The stable name.
    pub name: &'static str,
    /// How bad it is in TUF 1.0; nothing where the rule does not apply.
    pub tuf1: Option<Severity>,
    /// How bad it is in Notary v1; nothing where the rule does not apply.
    pub notary1: Option<Severity>,
    /// The clients that it is about; none where it is about all. Such a rule counts in full only for clients that were
    /// named, and is a note otherwise.
    pub clients: &'static [Client],
    /// Why it is objected to.
    pub reason: &'static str,
    /// What to do.
    pub fix: &'static str,
}

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// How bad it is here.
    pub severity: Severity,
    /// The document, by the name that the caller gave it.
    pub document: String,
    /// What in it: a role, a key id, a target. Foreign text.
    pub about: String,
    /// What was found. May quote foreign text.
    pub found: String,
    /// The clients that it is about; none where it is about all.
    pub clients: Vec<Client>,
}

/// What is asked of the documents.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The time for which to judge.
    pub at: Timestamp,
    /// The clients that must accept them; with none named, what concerns single clients is a note.
    pub clients: BTreeSet<Client>,
    /// The keys that we hold; nothing where the newest root's keys count as ours.
    pub ours: Option<BTreeSet<Fingerprint>>,
    /// The repository's name in Notary, where it is known.
    pub gun: Option<String>,
}

/// A document to judge, and where it came from.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// How findings call the document.
    pub name: &'a str,
    /// The repository: documents of one repository are judged together.
    pub repository: &'a str,
    /// The role whose document it is.
    pub role: &'a RoleName,
    /// The document.
    pub document: &'a AnyDocument,
}

/// Judges documents, each alone and all together; the findings come in the order of the documents.
pub fn lint(subjects: &[Subject<'_>], asked: &Asked) -> Vec<Finding> {
    let beside = together::Beside::new(subjects);
    let mut findings = Vec::new();
    for subject in subjects {
        let newest = beside.is_newest(subject);
        let mut raised = Raised::new(subject, asked);
        alone(subject, newest, &mut raised);
        together::signed_by(subject, newest, &beside, &mut raised);
        findings.extend(raised.findings);
    }
    findings.extend(together::all(&beside, asked));
    findings
}

/// The finding that a file which should be a document is none.
pub fn unreadable(document: &str, why: &str) -> Finding {
    Finding {
        rule: &table::NOT_A_DOCUMENT,
        severity: Severity::Fail,
        document: document.to_owned(),
        about: "file".to_owned(),
        found: why.to_owned(),
        clients: Vec::new(),
    }
}

/// Judges one document for itself. What an older version of a document had to keep is not asked of it.
fn alone(subject: &Subject<'_>, newest: bool, raised: &mut Raised<'_>) {
    let document = subject.document;
    version(document.version(), raised);
    bytes::findings(document, raised);
    dates::form(document, raised);
    signatures::entries(document, raised);
    keys::findings(document, raised);
    roles::findings(document, raised);
    targets::findings(document, raised);
    if newest {
        dates::expiry(subject.role, document, raised);
        certificates::findings(document, raised);
    }
    clients::findings(document, raised);
}

fn version(version: u64, raised: &mut Raised<'_>) {
    /// 2^31 - 1, and the room before it.
    const NEAR_32_BITS: u64 = (1 << 31) - 1 - history::ROOM;
    let rule = match version {
        0 => &table::VERSION_ZERO,
        _ if history::ends_soon(version) => &table::VERSION_NEAR_THE_END,
        _ if version > NEAR_32_BITS => &table::VERSION_BEYOND_32_BITS,
        _ => return,
    };
    raised.raise(rule, "version", version.to_string());
}

/// What is raised on one document.
struct Raised<'a> {
    document: &'a str,
    dialect: Dialect,
    asked: &'a Asked,
    findings: Vec<Finding>,
}

impl<'a> Raised<'a> {
    fn new(subject: &Subject<'a>, asked: &'a Asked) -> Self {
        let dialect = subject.document.dialect();
        Self { document: subject.name, dialect, asked, findings: Vec::new() }
    }

    /// Raises a finding, unless the rule does not apply to the dialect or to the clients that were named.
    fn raise(&mut self, rule: &'static Rule, about: &str, found: impl Into<String>) {
        let stated = match self.dialect {
            Dialect::Tuf1 => rule.tuf1,
            Dialect::Notary1 => rule.notary1,
        };
        let Some(stated) = stated else { return };
        let named = &self.asked.clients;
        let (severity, clients) = if rule.clients.is_empty() {
            (stated, Vec::new())
        } else if named.is_empty() {
            (Severity::Note, rule.clients.to_vec())
        } else {
            let concerned: Vec<_> =
                rule.clients.iter().copied().filter(|client| named.contains(client)).collect();
            if concerned.is_empty() {
                return;
            }
            (stated, concerned)
        };
        self.findings.push(Finding {
            rule,
            severity,
            document: self.document.to_owned(),
            about: about.to_owned(),
            found: found.into(),
            clients,
        });
    }

    /// Raises a rule about clients for one of them that was named.
    fn raise_for(&mut self, rule: &'static Rule, client: Client, about: &str, found: String) {
        let before = self.findings.len();
        self.raise(rule, about, found);
        for finding in self.findings.iter_mut().skip(before) {
            finding.clients = vec![client];
        }
    }

    /// Raises a finding about several things at once, when there are any.
    fn raise_counted(&mut self, rule: &'static Rule, about: &str, counted: &Counted) {
        if counted.count > 0 {
            self.raise(rule, about, counted.to_string());
        }
    }
}

/// Things that are counted, of which the first few are shown.
#[derive(Debug, Default)]
struct Counted {
    count: usize,
    first: Vec<String>,
}

impl Counted {
    const SHOWN: usize = 5;

    fn add(&mut self, name: impl FnOnce() -> String) {
        if self.count < Self::SHOWN {
            self.first.push(name());
        }
        self.count += 1;
    }
}

impl fmt::Display for Counted {
    /// `a, b`, and `31, showing 5: a, b, c, d, e` where not all are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count > self.first.len() {
            write!(f, "{}, showing {}: ", self.count, self.first.len())?;
        }
        f.write_str(&self.first.join(", "))
    }
}

impl Client {
    /// Every client, by name.
    pub const ALL: [(&'static str, Self); 8] = [
        ("notary", Self::Notary),
        ("docker", Self::Docker),
        ("python-tuf", Self::PythonTuf),
        ("go-tuf", Self::GoTuf),
        ("tuf-js", Self::TufJs),
        ("tough", Self::Tough),
        ("rust-tuf", Self::RustTuf),
        ("cosign", Self::Cosign),
    ];

    /// The dialect that it reads.
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Notary | Self::Docker => Dialect::Notary1,
            Self::PythonTuf
            | Self::GoTuf
            | Self::TufJs
            | Self::Tough
            | Self::RustTuf
            | Self::Cosign => Dialect::Tuf1,
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::ALL.iter().find(|(_, client)| client == self);
        f.write_str(known.map_or("", |(name, _)| name))
    }
}

impl FromStr for Client {
    type Err = NoSuchClient;
    fn from_str(text: &str) -> Result<Self, NoSuchClient> {
        let known = Self::ALL.iter().find(|(name, _)| *name == text);
        known.map(|(_, client)| *client).ok_or(NoSuchClient)
    }
}

/// No client of this name is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected notary, docker, python-tuf, go-tuf, tuf-js, tough, rust-tuf or cosign as a client"
)]
pub struct NoSuchClient;

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        })
    }
}

#[cfg(test)]
mod tests;
