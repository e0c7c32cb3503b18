//! `evidence verify`, `evidence report` and `evidence addendum`.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _, stdin};
use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::ceremony::audit::{self, Audit, Claim};
use crate::ceremony::before::Before;
use crate::ceremony::event::Mode;
use crate::ceremony::export::result::{self, ResultFile};
use crate::ceremony::plan::Plan;
use crate::ceremony::scene::Verdict;
use crate::driver::{attestation, evidence};
use crate::front::words::{escape, wrap};
use crate::tuf::digest::Digest;
use crate::tuf::name::KeyName;

use super::{Exit, Failure, pour, say};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Derive everything again and say PASS, FAIL, WARN or UNKNOWN for each claim.
    Verify {
        /// The evidence folder.
        dir: PathBuf,
        /// The head from the signed paper, as 64 hex digits, 32 words, or a picture of its QR code; without a value it is asked for.
        #[arg(long, value_name = "HEX|WORDS|PICTURE", num_args = 0..)]
        head: Option<Vec<String>>,
        /// Where the documents of a fleet are, to derive all that was signed again.
        #[arg(long, value_name = "NAME=DIR", value_parser = super::ceremony::mount)]
        medium: Vec<(KeyName, PathBuf)>,
        /// Take the evidence of a rehearsal as that.
        #[arg(long)]
        rehearsal: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the report.
    Report {
        /// The evidence folder.
        dir: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take the result file of the online side into the evidence: added later, and not sealed.
    Addendum {
        /// The evidence folder.
        dir: PathBuf,
        /// The file RESULT that precheck, publish and accept wrote.
        file: PathBuf,
    },
}

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Verify { dir, head, medium, rehearsal, json } => {
                let files = evidence::read(&dir).map_err(|error| Failure::file(&dir, &error))?;
                let head = head.as_deref().map(paper_head).transpose()?;
                let mut audit = audit::audit(&files, head);
                audit.claims.extend(fleet(&dir, &files, &medium));
                if audit.mode == Some(Mode::Real) {
                    audit.claims.extend(attestation::claims(&files));
                }
                if json {
                    let text = serde_json::to_string_pretty(&audit)
                        .map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
                    say(text);
                } else {
                    tell(&audit);
                }
                verdict(&audit, rehearsal)
            }
            Self::Report { dir, json } => {
                let name = if json { "report.json" } else { "report.txt" };
                let path = dir.join(name);
                let bytes = super::read(&path, 64 << 20)?;
                pour(escape_lines(&String::from_utf8_lossy(&bytes)).as_bytes());
                Ok(())
            }
            Self::Addendum { dir, file } => addendum(&dir, &file),
        }
    }
}

fn addendum(dir: &Path, file: &Path) -> Result<(), Failure> {
    let files = evidence::read(dir).map_err(|error| Failure::file(dir, &error))?;
    match audit::integrity(&files) {
        Verdict::Fail => {
            return Err(Failure::new(
                Exit::Wrong,
                "nothing was added: this evidence is not as it was left",
            )
            .hint("To see why: anchorite evidence verify"));
        }
        Verdict::Pass | Verdict::Warn | Verdict::Unknown => {}
    }
    let bytes = super::read(file, 64 << 20)?;
    let shown = escape(&file.display().to_string());
    let result = ResultFile::parse(&bytes)
        .map_err(|why| Failure::input(format!("{shown} is no result file: {why}")))?;
    let path = result.path();
    let (verdict, text) = result::judged(&path, &bytes, &files);
    match verdict {
        Verdict::Fail => {
            return Err(Failure::new(Exit::Wrong, escape(&text))
                .hint("Nothing was added. Is it the RESULT of another ceremony's export?"));
        }
        Verdict::Pass | Verdict::Warn | Verdict::Unknown => {}
    }
    evidence::add(dir, &path, &bytes).map_err(|error| Failure::file(dir, &error))?;
    for line in wrap(&escape(&text), 79) {
        say(line);
    }
    Ok(())
}

/// What can be derived of a fleet.
fn fleet(
    dir: &Path,
    files: &BTreeMap<String, Vec<u8>>,
    mounts: &[(KeyName, PathBuf)],
) -> Vec<Claim> {
    let plan = files.get("plan.toml").and_then(|bytes| Plan::parse(bytes).ok());
    let (Some(plan), Some(record)) = (plan, files.get("transcript.jsonl")) else {
        return Vec::new();
    };
    let Some(fleet) = &plan.fleet else { return Vec::new() };
    let Ok((engine, _)) = audit::replay(&plan, &Before::none(), None, record) else {
        return Vec::new();
    };
    let from = mounts.iter().find(|(name, _)| *name == fleet.medium).map(|(_, at)| at.as_path());
    crate::driver::fleet::claims(&plan, &engine, dir, from)
}

/// The report may quote foreign text: nothing in it may move the cursor.
fn escape_lines(text: &str) -> String {
    text.lines().map(|line| escape(line) + "\n").collect()
}

/// The head as it stands on the paper: digits, words, or asked for.
fn paper_head(given: &[String]) -> Result<Digest, Failure> {
    let mut text = given.join(" ");
    if text.trim().is_empty() {
        if !stdin().is_terminal() {
            return Err(Failure::input("--head has no value, and there is nobody to ask")
                .hint("Give it as 64 hex digits or 32 words."));
        }
        let _ = write!(std::io::stdout(), "head on the signed paper > ");
        let _ = std::io::stdout().flush();
        stdin()
            .read_line(&mut text)
            .map_err(|error| Failure::new(Exit::Machine, error.to_string()))?;
    }
    let text = text.trim();
    if let Some(read) = super::picture::pictured(text) {
        return read;
    }
    text.parse::<Digest>().or_else(|not_hex| {
        Digest::from_words(text).map_err(|not_words| {
            Failure::input("the head is neither 64 hex digits nor 32 words")
                .hint(format!("As digits: {not_hex}."))
                .hint(format!("As words: {not_words}."))
        })
    })
}

fn tell(audit: &Audit) {
    let mode = audit.mode.map(|mode| mode.to_string()).unwrap_or_default();
    say(format!("{}  {mode}", escape(&audit.codename)));
    say("");
    for claim in &audit.claims {
        let text = format!("{} ({})", escape(&claim.text), claim.name);
        for (nth, line) in wrap(&text, 70).into_iter().enumerate() {
            let mark = if nth == 0 { claim.verdict.to_string() } else { String::new() };
            say(format!("{mark:<8} {line}"));
        }
    }
    if !audit.beyond.is_empty() {
        say("");
        say("WHAT NO FILE CAN SHOW");
        for line in &audit.beyond {
            say(format!("  {}", escape(line)));
        }
    }
    say("");
    if let Some(head) = audit.head {
        say(format!("head     {head}"));
    }
    let paper =
        audit.claims.iter().any(|claim| claim.name == "head" && claim.verdict == Verdict::Pass);
    say(format!("RESULT   {}", result(audit.verdict(), paper)));
}

const fn result(verdict: Verdict, paper: bool) -> &'static str {
    match (verdict, paper) {
        (Verdict::Pass, _) => "PASS",
        (Verdict::Warn, _) => "PASS, with warnings to read",
        (Verdict::Unknown, false) => "consistent, not authenticated",
        (Verdict::Unknown, true) => "authenticated; some claims cannot be told",
        (Verdict::Fail, _) => "FAIL",
    }
}

fn verdict(audit: &Audit, rehearsal: bool) -> Result<(), Failure> {
    match audit.verdict() {
        Verdict::Fail => return Err(Failure::new(Exit::Wrong, "")),
        Verdict::Pass | Verdict::Warn | Verdict::Unknown => {}
    }
    let played = match audit.mode {
        Some(Mode::Rehearsal | Mode::Check) => true,
        Some(Mode::Real) | None => false,
    };
    if played && !rehearsal {
        return Err(Failure::new(Exit::Wrong, "this is a REHEARSAL; it proves nothing")
            .hint("To take it as that: --rehearsal"));
    }
    match audit.verdict() {
        Verdict::Unknown => Err(Failure::new(Exit::CannotTell, "")),
        Verdict::Pass | Verdict::Warn | Verdict::Fail => Ok(()),
    }
}
