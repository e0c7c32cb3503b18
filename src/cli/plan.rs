//! `plan new`, `plan check` and `plan print`.

mod new;

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::ceremony::check::CheckReport;
use crate::ceremony::event::Mode;
use crate::ceremony::export::online;
use crate::ceremony::plan::{Kind, print};
use crate::ceremony::scene::Verdict;
use crate::driver::bench::system_time;
use crate::driver::media::{Media, beside};
use crate::front::words::{counted, escape, wrap};
use crate::tuf::name::KeyName;
use crate::tuf::time::Timestamp;

use super::{Exit, Failure, pour, say};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a plan to begin with.
    New {
        /// The dialect.
        #[arg(long)]
        dialect: Dialect,
        /// The kind of ceremony.
        #[arg(long, default_value = "first-root", value_parser = kind)]
        kind: Kind,
        /// The new file.
        file: PathBuf,
    },
    /// Check a plan: parse it, lint it, and play it to its end with throw-away keys.
    Check {
        /// The plan.
        plan: PathBuf,
        /// Where media are mounted, to check the inputs too.
        #[arg(long, value_name = "NAME=DIR", value_parser = mount)]
        medium: Vec<(KeyName, PathBuf)>,
        /// Check for this time instead of now.
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the paper script of a plan.
    Print {
        /// The plan.
        plan: PathBuf,
    },
    /// Print a shell script that takes from a Notary server what a ceremony begins from: for a machine that reaches it.
    Fetch,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Dialect {
    Notary1,
    Tuf1,
}

fn mount(text: &str) -> Result<(KeyName, PathBuf), String> {
    let (name, folder) = text.split_once('=').ok_or("expected NAME=DIR")?;
    let name: KeyName = name.parse().map_err(|bad| format!("{bad}"))?;
    Ok((name, PathBuf::from(folder)))
}

impl Command {
    pub(super) fn run(self, _workspace: Option<&std::path::Path>) -> Result<(), Failure> {
        match self {
            Self::New { dialect, kind, file } => new::write(kind, dialect, &file),
            Self::Check { plan, medium, at, json } => check(&plan, medium, at, json),
            Self::Print { plan } => {
                let (_, plan) = super::read_plan(&plan)?;
                pour(print::script(&plan, &print::KnownDigests::default()).as_bytes());
                Ok(())
            }
            Self::Fetch => {
                pour(online::fetch_alone().as_bytes());
                Ok(())
            }
        }
    }
}

/// The kind that a name stands for.
fn kind(text: &str) -> Result<Kind, String> {
    let known = || Kind::ALL.map(Kind::as_str).join(", ");
    let found = Kind::ALL.into_iter().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| format!("expected one of {}", known()))
}

fn check(
    path: &std::path::Path,
    mounts: Vec<(KeyName, PathBuf)>,
    at: Option<Timestamp>,
    json: bool,
) -> Result<(), Failure> {
    let (_, plan) = super::read_plan(path)?;
    let media = Media::new(mounts.into_iter().collect(), false);
    let mut at_hand = beside(path, &plan);
    at_hand.extend(media.at_hand(&plan));
    let at = at.unwrap_or_else(system_time);
    let walked = super::walked(&plan, path, &media, at);
    let report = CheckReport::with_fleet(&plan, at, &at_hand, walked.as_ref());
    if json {
        pour(&report.to_json());
    } else {
        say(format!("{}: {}", plan.codename, escape(plan.title.as_str())));
        say(format!("plan     {}", plan.digest));
        say("");
        tell_findings(&report);
        say("");
        for (key, count) in &report.signatures {
            say(format!("{key} will sign {}.", counted(*count, "time")));
        }
        for (mode, what) in [(Mode::Rehearsal, "A rehearsal"), (Mode::Real, "A real ceremony")] {
            let verdict = report.verdict(mode);
            let may = match (mode, verdict) {
                (_, Verdict::Fail) | (Mode::Real, Verdict::Unknown) => "is refused",
                (_, Verdict::Pass | Verdict::Warn | Verdict::Unknown) => "may be held",
            };
            say(format!("{what} {may} ({verdict})."));
        }
    }
    match report.verdict(Mode::Real) {
        Verdict::Pass | Verdict::Warn => Ok(()),
        Verdict::Unknown => Err(Failure::new(Exit::CannotTell, "")),
        Verdict::Fail => Err(Failure::new(Exit::Wrong, "")),
    }
}

/// Lists the findings of a check, worst first.
pub(super) fn tell_findings(report: &CheckReport) {
    for finding in &report.findings {
        let waived =
            finding.waived_by.as_ref().map(|by| format!(" Waived by {by}.")).unwrap_or_default();
        let real = if finding.only_real { " (stops a real ceremony only)" } else { "" };
        let text = format!(
            "{}: {}: {}{waived}{real}",
            finding.name,
            escape(&finding.about),
            escape(&finding.text)
        );
        for (nth, line) in wrap(&text, 70).into_iter().enumerate() {
            let mark = if nth == 0 { finding.verdict.to_string() } else { String::new() };
            say(format!("{mark:<8} {line}"));
        }
    }
}
