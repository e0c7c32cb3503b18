//! The report: what the record says, for machines and for people. Both are derived from the replayed engine, and both may name
//! the head, since they are written after the seal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::tuf::digest::Digest;
use crate::tuf::key::Fingerprint;
use crate::tuf::name::KeyName;
use crate::tuf::time::Timestamp;

use super::engine::{Compared, Engine, Exception, Statement};
use super::event::{Mode, Outcome, SessionId, ToolId, Wanted};
use super::plan::{Goodness, Kind, What};

/// The report in JSON; `format` is 1.
#[derive(Debug, Serialize)]
struct Report<'a> {
    format: u32,
    codename: &'a KeyName,
    kind: String,
    title: String,
    mode: Mode,
    unattended: bool,
    session: SessionId,
    tool: &'a ToolId,
    plan: Digest,
    opened: Timestamp,
    outcome: &'static str,
    repository: String,
    dialect: String,
    head: Digest,
    tree: Option<Digest>,
    change: Option<Digest>,
    compared: Option<&'static str>,
    keys: BTreeMap<String, Fingerprint>,
    signatures: BTreeMap<String, Vec<String>>,
    signatures_asked_for: u32,
    touches_asked_for: u32,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    waived: BTreeMap<&'a str, Waived<'a>>,
    exceptions: &'a [Exception],
    statements: &'a BTreeMap<String, Statement>,
    documents: BTreeMap<String, Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known_good: Option<KnownGood>,
}

/// Why a finding of the check was let pass, and who answers for it.
#[derive(Debug, Serialize)]
struct Waived<'a> {
    reason: &'a str,
    by: &'a str,
}

/// What a leaked tagging key may have signed, and what became of it.
#[derive(Debug, Serialize)]
struct KnownGood {
    /// From which state: `targets`, `builds`, or `none`, where people reviewed every target and every delegation.
    state: &'static str,
    undone: Vec<String>,
    kept: Vec<String>,
}

impl KnownGood {
    fn of(engine: &Engine) -> Option<Self> {
        let plan = engine.plan();
        if plan.kind != Kind::RotateTagging {
            return None;
        }
        let state = match plan.good_state().map(|good| good.form) {
            Some(Goodness::Targets) => "targets",
            Some(Goodness::Builds) => "builds",
            None => "none",
        };
        let found =
            engine.record().before.anchor().map(|anchor| super::change::dropped(plan, anchor));
        let (kept, undone): (Vec<_>, Vec<_>) =
            found.into_iter().flatten().partition(|found| found.kept);
        let words = |all: Vec<super::change::Dropped>| {
            let word = |found: super::change::Dropped| match found.what {
                What::Delegation(name) => format!("delegation {name}: {}", found.how),
                What::Target { name, .. } => format!("target {name}: {}", found.how),
            };
            all.into_iter().map(word).collect()
        };
        Some(Self { state, undone: words(undone), kept: words(kept) })
    }
}

fn report(engine: &Engine) -> Report<'_> {
    let (plan, record) = (engine.plan(), engine.record());
    Report {
        format: 1,
        codename: &plan.codename,
        kind: plan.kind.to_string(),
        title: plan.title.to_string(),
        mode: record.opening.mode,
        unattended: record.opening.unattended,
        session: record.opening.session,
        tool: &record.opening.tool,
        plan: record.opening.plan,
        opened: record.opening.at,
        outcome: outcome(engine),
        repository: plan.repository.name.to_string(),
        dialect: plan.repository.dialect.to_string(),
        head: engine.head(),
        tree: record.sealed,
        change: engine.change_digest(),
        compared: record.compared.map(|how| match how {
            Compared::SecondLaptop => "second-laptop",
            Compared::WrittenDown => "written-down",
            Compared::Request => "request",
        }),
        keys: record
            .roster
            .keys
            .iter()
            .map(|(name, enrolled)| (name.to_string(), enrolled.key().fingerprint()))
            .collect(),
        signatures: record
            .signatures
            .iter()
            .map(|(role, made)| {
                (role.to_string(), made.iter().map(|(name, _)| name.to_string()).collect())
            })
            .collect(),
        signatures_asked_for: record.attempts.values().sum(),
        touches_asked_for: record.touches.values().sum(),
        waived: plan
            .waivers
            .iter()
            .map(|waiver| {
                (waiver.finding.as_str(), Waived { reason: &waiver.reason, by: waiver.by.as_str() })
            })
            .collect(),
        exceptions: &record.exceptions,
        statements: &record.statements,
        documents: engine
            .served()
            .iter()
            .map(|(name, bytes)| (name.clone(), Digest::of(bytes)))
            .collect(),
        known_good: KnownGood::of(engine),
    }
}

fn outcome(engine: &Engine) -> &'static str {
    match engine.wanted() {
        Wanted::Close(Outcome::Done) => "done",
        Wanted::Close(Outcome::Aborted) => "stopped",
        Wanted::Act(..) | Wanted::Ask(_) => "unfinished",
    }
}

/// `report.json`.
pub fn json(engine: &Engine) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(&report(engine)).expect("a report is JSON");
    bytes.push(b'\n');
    bytes
}

/// `report.txt`: the same for people.
pub fn text(engine: &Engine) -> String {
    let report = report(engine);
    let mut out = String::new();
    let mut line = |label: &str, value: String| {
        let _ = writeln!(out, "{label:<14}{value}");
    };
    line(report.codename.as_str(), format!("{} {}", report.mode, report.outcome));
    line("title", report.title.clone());
    line("kind", format!("{}, {}", report.kind, report.dialect));
    line("repository", report.repository.clone());
    line("opened", report.opened.to_minute());
    line("session", report.session.to_string());
    line("tool", format!("{} {}", report.tool.name, report.tool.version));
    line("plan", report.plan.to_string());
    if report.unattended {
        line("UNATTENDED", "a script answered; no people compared anything".to_owned());
    }
    if let Some(change) = report.change {
        line("change", change.to_string());
    }
    if let Some(how) = report.compared {
        line("compared", how.to_owned());
    }
    for (name, fingerprint) in &report.keys {
        line("key", format!("{name}  {fingerprint}"));
    }
    for (role, signers) in &report.signatures {
        line("signed", format!("{role} by {}", signers.join(", ")));
    }
    for (name, digest) in &report.documents {
        line("document", format!("{name}  sha256 {digest}"));
    }
    if let Some(good) = &report.known_good {
        line(
            "known good",
            match good.state {
                "none" => "NO STATE WAS NAMED: people reviewed every target and every delegation"
                    .to_owned(),
                state => format!("by {state}"),
            },
        );
        for found in &good.undone {
            line("undone", format!("{found:?}"));
        }
        for found in &good.kept {
            line("KEPT", format!("{found:?}"));
        }
    }
    let asked = (report.signatures_asked_for, report.touches_asked_for);
    line("asked for", format!("{} signatures, {} touches", asked.0, asked.1));
    for (finding, waived) in &report.waived {
        line("WAIVED", format!("{finding} by {:?}: {:?}", waived.by, waived.reason));
    }
    for exception in report.exceptions {
        line("exception", format!("{}, {}", exception.number, exception.at.to_minute()));
        line("  expected", format!("{:?}", exception.expected));
        line("  happened", format!("{:?}", exception.happened));
        line("  decided", format!("{:?} by {:?}", exception.decided, exception.by));
    }
    for (person, said) in report.statements {
        let why = said.why.as_deref().map(|why| format!(": {why:?}")).unwrap_or_default();
        let agrees = if said.agrees { "agrees" } else { "DOES NOT AGREE" };
        line("statement", format!("{person:?} {agrees}{why}"));
    }
    if let Some(tree) = report.tree {
        line("tree", tree.to_string());
    }
    line("head", report.head.groups().join(" "));
    line("", report.head.words().join(" "));
    for entry in &engine.record().log {
        line("log", entry.clone());
    }
    out
}
