//! `doctor`: what this machine can tell of itself and its room.

use std::path::PathBuf;

use clap::Args;

use crate::ceremony::scene::Verdict;
use crate::driver::bench::system_time;
use crate::driver::room;
use crate::front::words::escape;

use super::{Exit, Failure, say};

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// Below which /proc and /sys are read.
    #[arg(long, hide = true, default_value = "/")]
    root: PathBuf,
}

impl Doctor {
    pub(super) fn run(self) -> Result<(), Failure> {
        let facts = room::check(&self.root, system_time());
        if self.json {
            let text = serde_json::to_string_pretty(&facts)
                .map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
            say(text);
        } else {
            for fact in &facts {
                say(format!("{:<8} {:<18} {}", fact.verdict, fact.name, escape(&fact.text)));
            }
        }
        let worst = facts.iter().map(|fact| fact.verdict).max().unwrap_or(Verdict::Pass);
        match worst {
            Verdict::Pass | Verdict::Warn => Ok(()),
            Verdict::Unknown => Err(Failure::new(Exit::CannotTell, "")),
            Verdict::Fail => Err(Failure::new(
                Exit::Wrong,
                "a real ceremony would refuse this room, unless its plan waives room-NAME",
            )),
        }
    }
}
