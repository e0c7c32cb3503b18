//! The report of a verification: for people, and as JSON.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::cli::say;
use crate::front::words::escape;
use crate::tuf::client::notary1::Told;
use crate::tuf::client::{Refused, Walk, WalkStep, WalkVerdict};
use crate::tuf::time::Timestamp;

use super::clients::Client;
use super::elsewhere::{Elsewhere, words};
use super::history::History;
use super::{Found, Verdict, faults};

/// Everything that is told.
pub(super) struct Report<'a> {
    pub(super) at: Timestamp,
    pub(super) clients: &'a [Client],
    pub(super) target: Option<&'a Found>,
    pub(super) elsewhere: &'a Elsewhere,
    pub(super) history: &'a History,
    pub(super) compared: bool,
    pub(super) gun: Option<&'a str>,
    pub(super) verdict: &'a Verdict,
}

impl Report<'_> {
    /// For people: the documents as the first client came to them, then one line a client.
    pub(super) fn text(&self) {
        let Some(first) = self.clients.first() else { return };
        say(format!("{}, as {} sees it at {}", first.dialect, first.name, self.at.to_minute()));
        for step in &first.walk.steps {
            say(format!("{} {:<22} {}", mark(step), escape(&step.document), escape(&text(step))));
        }
        say(format!("\n     {:<36} documents  targets  delegations", "client"));
        for client in self.clients {
            say(row(client));
            // The first one's are told already.
            for (document, why) in faults(&client.walk).filter(|_| client.name != first.name) {
                say(format!("       {}: {}", escape(document), escape(&why.to_string())));
            }
            for (document, told) in told(&client.walk) {
                if !matches!(told, Told::WillLockOut { .. })
                    && !told_of(&first.walk, document, told)
                {
                    say(format!("  [!!] {}: {}", escape(document), escape(&told.to_string())));
                }
            }
        }
        say(String::new());
        if let Some(line) = self.lock_outs() {
            say(line);
        }
        let mut told = BTreeSet::new();
        for client in self.clients.iter().filter(|client| told.insert(client.digest)) {
            let note = if client.compared { "  compared" } else { "" };
            say(format!("root {:<3} {}{note}", client.version, client.digest));
        }
        if !self.compared {
            say("         compare it with what was published elsewhere: --root-digest HEX");
        }
        if first.dialect == crate::tuf::document::Dialect::Notary1 && self.gun.is_none() {
            say("         no certificate's name was compared: --gun GUN");
        }
        if let Some(target) = self.target {
            found(target);
        }
        for line in self.elsewhere.lines().into_iter().chain(self.history.lines()) {
            say(line);
        }
        match self.verdict {
            Verdict::Pass if self.clients.len() == 1 => {
                say("RESULT   PASS: a fresh client accepts this repository");
            }
            Verdict::Pass => say(format!(
                "RESULT   PASS: all {} clients accept this repository",
                self.clients.len()
            )),
            Verdict::SoFar(pending) => {
                say(format!("RESULT   PASS so far; pending: {}", escape(pending)));
            }
            Verdict::Stopped(failure) => say(format!(
                "RESULT   {}",
                if failure.exit == super::Exit::CannotTell { "UNKNOWN" } else { "FAIL" }
            )),
        }
    }

    /// One line for all roots whose clients are locked out once they expire.
    fn lock_outs(&self) -> Option<String> {
        let mut all: Vec<(u64, Timestamp)> = self
            .clients
            .iter()
            .flat_map(|client| told(&client.walk))
            .filter_map(|(_, told)| match told {
                Told::WillLockOut { from, expires } => Some((*from, *expires)),
                Told::CertificateEnds { .. }
                | Told::RootEnds(_)
                | Told::LeftOut(..)
                | Told::Ids { .. }
                | Told::Jumped { .. }
                | Told::OwnSnapshot { .. }
                | Told::PublishesNothing
                | Told::Hidden(_)
                | Told::NotAtHand => None,
            })
            .collect();
        let first = all.iter().map(|(_, expires)| *expires).min()?;
        all.dedup();
        let roots: Vec<String> = all.iter().map(|(from, _)| from.to_string()).collect();
        Some(format!(
            "[!!] root {} did not sign the newest root too: clients that still hold it when it expires, first on \
             {}, are locked out\n",
            roots.join(", "),
            first.to_minute()
        ))
    }

    /// For machines; `docs/verify.md` says what it holds.
    pub(super) fn json(&self) {
        let (result, exit, what, advice) = match self.verdict {
            Verdict::Pass => ("pass", 0, String::new(), Vec::new()),
            Verdict::SoFar(pending) => ("pending", 0, pending.clone(), Vec::new()),
            Verdict::Stopped(failure) => (
                if failure.exit == super::Exit::CannotTell { "unknown" } else { "fail" },
                failure.exit.code(),
                failure.what.clone(),
                failure.hints.clone(),
            ),
        };
        let target = self.target.map(|target| {
            let by = target.by.iter().map(|(role, length, sha256)| {
                json!({ "role": role, "length": length, "sha256": HEXLOWER.encode(sha256) })
            });
            json!({
                "name": target.name,
                "signed_by": by.collect::<Vec<_>>(),
                "differ": target.differ(),
            })
        });
        let elsewhere = self.elsewhere.replays.iter().map(|(document, replay)| {
            json!({ "document": document, "repository": replay.repository, "why": words(replay.by) })
        });
        let report = json!({
            "anchorite": 1,
            "kind": "verify",
            "dialect": self.clients.first().map(|client| client.dialect),
            "at": self.at,
            "result": result,
            "exit": exit,
            "what": what,
            "advice": advice,
            "clients": self.clients.iter().map(client).collect::<Vec<_>>(),
            "target": target,
            "also_valid_for": elsewhere.collect::<Vec<_>>(),
            "compared_with": self.elsewhere.compared,
            "history": self.history.json(),
        });
        say(report.to_string());
    }
}

fn client(client: &Client) -> Value {
    let steps = client.walk.steps.iter().map(|step| {
        let verdict = match &step.verdict {
            WalkVerdict::Accepted(_) => "accepted",
            WalkVerdict::Pending => "pending",
            WalkVerdict::Dropped(_) => "dropped",
            WalkVerdict::Told(_) => "told",
            WalkVerdict::Refused(_) => "refused",
        };
        json!({ "document": step.document, "verdict": verdict, "text": text(step) })
    });
    json!({
        "client": client.name,
        "root_version": client.version,
        "root_digest": client.digest.to_string(),
        "compared": client.compared,
        "accepts": client.walk.accepted(),
        "steps": steps.collect::<Vec<_>>(),
    })
}

fn mark(step: &WalkStep) -> &'static str {
    match &step.verdict {
        WalkVerdict::Accepted(_) => "[ok]",
        WalkVerdict::Pending => "[??]",
        WalkVerdict::Told(_) => "[!!]",
        WalkVerdict::Dropped(_) | WalkVerdict::Refused(_) => "[NO]",
    }
}

fn text(step: &WalkStep) -> String {
    match &step.verdict {
        WalkVerdict::Accepted(words) => words.clone(),
        WalkVerdict::Pending => "pending: it is not there; the online side signs it".to_owned(),
        WalkVerdict::Told(told) => told.to_string(),
        WalkVerdict::Dropped(why) => format!(
            "{why}; REFUSED by us: the real client leaves out this role and all below it, warns, and ends with 0"
        ),
        WalkVerdict::Refused(Refused::Notary(why)) if why.is_ours_alone() => {
            format!("{why}; REFUSED by us alone: the real client takes it")
        }
        WalkVerdict::Refused(why) => format!("{why}; clients stop here"),
    }
}

fn row(client: &Client) -> String {
    let walk = &client.walk;
    let mark = match (walk.accepted(), walk.pending().is_empty()) {
        (false, _) => "[NO]",
        (true, false) => "[??]",
        (true, true) => "[ok]",
    };
    let accepted =
        walk.steps.iter().filter(|step| matches!(step.verdict, WalkVerdict::Accepted(_)));
    let targets: usize = walk.targets.values().map(|signed| signed.body().targets.len()).sum();
    let delegations = walk.targets.len().saturating_sub(1);
    format!("{mark} {:<36} {:>9}  {targets:>7}  {delegations:>11}", client.name, accepted.count())
}

fn told(walk: &Walk) -> impl Iterator<Item = (&str, &Told)> {
    walk.steps.iter().filter_map(|step| match &step.verdict {
        WalkVerdict::Told(told) => Some((step.document.as_str(), told)),
        WalkVerdict::Accepted(_)
        | WalkVerdict::Pending
        | WalkVerdict::Dropped(_)
        | WalkVerdict::Refused(_) => None,
    })
}

fn told_of(walk: &Walk, document: &str, told_now: &Told) -> bool {
    told(walk).any(|(other, told)| other == document && told == told_now)
}

fn found(target: &Found) {
    for (role, length, sha256) in &target.by {
        let hash = HEXLOWER.encode(sha256);
        let (name, role) = (escape(&target.name), escape(role.as_str()));
        say(format!("target   {name} by {role}: {length} bytes, sha256 {hash}"));
    }
    if target.differ() {
        say(
            "[!!] these roles say different things of it: docker takes targets/releases, then targets;",
        );
        say("     `notary` takes targets first");
    }
}
