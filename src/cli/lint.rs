//! `lint`: what a wise reviewer would object to in documents.

mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::driver::bench::system_time;
use crate::front::words::{counted, escape, pad, wrap};
use crate::tuf::key::Fingerprint;
use crate::tuf::lint::{Asked, Client, Finding, Rule, Severity, Subject, lint, unreadable};
use crate::tuf::time::Timestamp;

use super::gather::{Gathered, gather};
use super::{Exit, Failure, json, say};

/// Judge documents.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Lint {
    /// Documents, and folders with documents. What lies in one folder is one repository.
    #[arg(required_unless_present = "rules", value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// A client that must accept them: notary, docker, python-tuf, go-tuf, tuf-js, tough, rust-tuf or cosign. May be repeated.
    #[arg(long, value_name = "NAME")]
    profile: Vec<Client>,
    /// The keys that we hold: a file with one fingerprint a line. The newest root's keys by default.
    #[arg(long, value_name = "FILE")]
    ours: Option<PathBuf>,
    /// The name that clients use for a Notary repository (GUN): its certificates must be for it.
    #[arg(long, value_name = "GUN")]
    gun: Option<String>,
    /// Judge for this time instead of now.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Warnings count as failures.
    #[arg(long)]
    strict: bool,
    /// Show every place where a rule was broken, not only the first five.
    #[arg(long)]
    all: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// Print every rule, in Markdown, and judge nothing.
    #[arg(long, conflicts_with = "paths")]
    rules: bool,
}

impl Lint {
    pub(super) fn run(self) -> Result<(), Failure> {
        if self.rules {
            super::pour(page::page().as_bytes());
            return Ok(());
        }
        let gathered = gather(&self.paths)?;
        if gathered.documents.is_empty() && gathered.unread.is_empty() {
            return Err(Failure::input("there is no document of TUF 1.0 or Notary v1"));
        }
        let asked = Asked {
            at: self.at.unwrap_or_else(system_time),
            clients: self.profile.iter().copied().collect(),
            ours: self.ours.as_deref().map(fingerprints).transpose()?,
            gun: self.gun.clone(),
        };
        let subjects: Vec<Subject<'_>> = gathered
            .documents
            .iter()
            .map(|found| Subject {
                name: &found.name,
                repository: &found.repository,
                role: &found.role,
                document: &found.document,
            })
            .collect();
        let mut findings: Vec<_> =
            gathered.unread.iter().map(|file| unreadable(&file.name, &file.why)).collect();
        findings.extend(lint(&subjects, &asked));
        if self.json {
            json::print("lint", &Judged::of(&gathered, &findings, asked.at))?;
        } else {
            tell(&gathered, &findings, self.all);
        }
        let stops = |finding: &&Finding| match finding.severity {
            Severity::Fail => true,
            Severity::Warn => self.strict,
            Severity::Note => false,
        };
        match findings.iter().filter(stops).count() {
            0 => Ok(()),
            n => {
                Err(Failure::new(Exit::Wrong, format!("{} must be mended", counted(n, "finding"))))
            }
        }
    }
}

/// One fingerprint a line; what follows it, and lines that begin with `#`, are for people.
fn fingerprints(path: &Path) -> Result<BTreeSet<Fingerprint>, Failure> {
    let bytes = super::read(path, 16 << 20)?;
    let shown = escape(&path.display().to_string());
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().enumerate().map(|(nth, line)| (nth + 1, line.trim()));
    let stated = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    stated
        .map(|(nth, line)| {
            let first = line.split_whitespace().next().unwrap_or_default();
            first.parse().map_err(|why| {
                Failure::input(format!("{shown}, line {nth}: {why}"))
                    .hint("Expected one fingerprint a line; a remark may follow it.")
            })
        })
        .collect()
}

/// Tells the findings by rule, worst first.
fn tell(gathered: &Gathered, findings: &[Finding], all: bool) {
    let mut rules: BTreeMap<(std::cmp::Reverse<Severity>, usize), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let place = crate::tuf::lint::RULES.iter().position(|rule| **rule == *finding.rule);
        let place = (std::cmp::Reverse(finding.severity), place.unwrap_or_default());
        rules.entry(place).or_default().push(finding);
    }
    for ((severity, _), findings) in &rules {
        if let Some(first) = findings.first() {
            one_rule(severity.0, first.rule, findings, all);
        }
    }
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    say(format!(
        "RESULT  {} fail, {} warn, {} in {}",
        of(Severity::Fail),
        of(Severity::Warn),
        counted(of(Severity::Note), "note"),
        counted(gathered.documents.len(), "document"),
    ));
    if gathered.others > 0 {
        say(format!("        {} beside are no documents", counted(gathered.others, "JSON file")));
    }
}

fn one_rule(severity: Severity, rule: &Rule, findings: &[&Finding], all: bool) {
    const SHOWN: usize = 5;
    let mark = match severity {
        Severity::Fail => "[NO] FAIL",
        Severity::Warn => "[!!] WARN",
        Severity::Note => "[  ] note",
    };
    say(format!("{mark}  {}", rule.name));
    for line in wrap(rule.reason, 84) {
        say(format!("     {line}"));
    }
    let shown = if all { findings.len() } else { findings.len().min(SHOWN) };
    if shown < findings.len() {
        say(format!("       {}, showing {shown} (--all for the rest):", findings.len()));
    }
    for finding in findings.iter().take(shown) {
        let about = escape(&finding.about);
        let clients: Vec<_> = finding.clients.iter().map(ToString::to_string).collect();
        let clients =
            if clients.is_empty() { String::new() } else { format!(" ({})", clients.join(", ")) };
        say(format!("       {}  {about}{clients}", pad(&escape(&finding.document), 16)));
        for line in wrap(&escape(&finding.found), 80) {
            say(format!("         {line}"));
        }
    }
    for (nth, line) in wrap(rule.fix, 78).iter().enumerate() {
        say(format!("     {}{line}", if nth == 0 { "Fix: " } else { "     " }));
    }
}

/// The answer as JSON.
#[derive(Serialize)]
struct Judged<'a> {
    at: Timestamp,
    documents: Vec<Seen<'a>>,
    other_files: usize,
    findings: Vec<Raised<'a>>,
    counts: BTreeMap<&'static str, usize>,
}

#[derive(Serialize)]
struct Seen<'a> {
    name: &'a str,
    repository: &'a str,
    role: &'a str,
    kind: &'static str,
    dialect: crate::tuf::document::Dialect,
    version: u64,
}

#[derive(Serialize)]
struct Raised<'a> {
    rule: &'static str,
    severity: Severity,
    document: &'a str,
    about: &'a str,
    found: &'a str,
    clients: &'a [Client],
    reason: &'static str,
    fix: &'static str,
}

impl<'a> Judged<'a> {
    fn of(gathered: &'a Gathered, findings: &'a [Finding], at: Timestamp) -> Self {
        let documents = gathered.documents.iter().map(|found| Seen {
            name: &found.name,
            repository: &found.repository,
            role: found.role.as_str(),
            kind: found.document.kind(),
            dialect: found.document.dialect(),
            version: found.document.version(),
        });
        let raised = findings.iter().map(|finding| Raised {
            rule: finding.rule.name,
            severity: finding.severity,
            document: &finding.document,
            about: &finding.about,
            found: &finding.found,
            clients: &finding.clients,
            reason: finding.rule.reason,
            fix: finding.rule.fix,
        });
        let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self {
            at,
            documents: documents.collect(),
            other_files: gathered.others,
            findings: raised.collect(),
            counts: BTreeMap::from([
                ("fail", of(Severity::Fail)),
                ("warn", of(Severity::Warn)),
                ("note", of(Severity::Note)),
            ]),
        }
    }
}
