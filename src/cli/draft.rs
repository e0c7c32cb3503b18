//! `draft`: a second laptop drafts the same documents from the same plan, and shows what to compare.

use std::path::PathBuf;

use clap::Args;

use crate::ceremony::change::draft;
use crate::ceremony::check::{CheckReport, base};
use crate::ceremony::event::Mode;
use crate::ceremony::roster::RosterFile;
use crate::ceremony::twin::{Purpose, Twin};
use crate::driver::bench::system_time;
use crate::driver::media::{Media, beside};
use crate::front::words::escape;
use crate::tuf::name::KeyName;

use super::plan::tell_findings;
use super::{Exit, Failure, say};

/// Draft a plan's documents.
#[derive(Debug, Args)]
pub(super) struct Draft {
    /// The plan: from a source of your own, not from the first laptop.
    plan: PathBuf,
    /// roster.json as the first laptop wrote it.
    #[arg(long, value_name = "FILE")]
    roster: Option<PathBuf>,
    /// Where a medium is mounted, for the state before; a folder of its name beside the plan by default.
    #[arg(long, value_name = "NAME=DIR", value_parser = super::ceremony::mount)]
    medium: Vec<(KeyName, PathBuf)>,
}

impl Draft {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (_, plan) = super::read_plan(&self.plan)?;
        let at = system_time();
        let mut at_hand = beside(&self.plan, &plan);
        at_hand.extend(Media::new(self.medium.into_iter().collect(), false).at_hand(&plan));
        let report = CheckReport::of(&plan, at, &at_hand);
        if report.clear(&plan, Mode::Rehearsal).is_none() {
            tell_findings(&report);
            return Err(Failure::new(Exit::Wrong, "the check refuses this plan"));
        }
        say(format!("plan     {}", plan.digest));
        say(format!("         {}", plan.digest.words().join(" ")));
        let Some(path) = &self.roster else {
            say("");
            say("The digest of the change cannot be known yet: keys are made in the ceremony.");
            say("Bring roster.json from OUT, then: anchorite draft PLAN --roster FILE");
            return Ok(());
        };
        let bytes = super::read(path, 1 << 20)?;
        let file = RosterFile::parse(&bytes)
            .map_err(|why| Failure::input(format!("the roster: {}", escape(&why))))?;
        if file.facts.plan != plan.digest {
            return Err(Failure::new(
                Exit::Wrong,
                format!("the roster is of the plan {}, not of this one", file.facts.plan),
            ));
        }
        let before = super::before(&plan, &at_hand)?;
        let twin = |purpose| {
            let twin = Twin::new(&plan, &before, purpose);
            (twin.plan().clone(), twin.before().clone())
        };
        let (played, before) = match file.facts.mode {
            Mode::Real => (plan.clone(), before),
            Mode::Rehearsal => twin(Purpose::Rehearse),
            Mode::Check => twin(Purpose::Check),
        };
        if plan.window.is_some() && file.facts.base != base(&plan, at) {
            return Err(Failure::new(
                Exit::Wrong,
                format!("the roster counts from {}, the plan does not", file.facts.base),
            ));
        }
        file.verify(&played).map_err(|why| Failure::new(Exit::Wrong, escape(&why)))?;
        let change = draft(&played, &before, &file.roster, &file.facts)
            .map_err(|why| Failure::new(Exit::Wrong, escape(&why.to_string())))?;
        say(format!("session  {}", file.facts.session));
        say(format!("dates    count from {}", file.facts.base.to_minute()));
        for (name, enrolled) in &file.roster.keys {
            say(format!("key      {name}  {}", enrolled.key().fingerprint()));
        }
        for payload in change.payloads() {
            say(format!("signs    {}", escape(&payload.id().to_string())));
            say(format!("         sha256 {}", payload.digest()));
        }
        say("");
        say("digest of the change");
        for line in change.digest().groups().chunks(8) {
            say(format!("  {}", line.join(" ")));
        }
        for (row, words) in change.digest().words().chunks(4).enumerate() {
            let line: Vec<String> = words
                .iter()
                .zip(1_usize..)
                .map(|(word, place)| format!("{:>2} {word:<14}", row * 4 + place))
                .collect();
            say(format!("  {}", line.join(" ").trim_end()));
        }
        Ok(())
    }
}
