//! `doctor`: what this machine can tell of itself and its room.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::ceremony::event::RoomFact;
use crate::ceremony::scene::Verdict;
use crate::driver::bench::system_time;
use crate::driver::room;
use crate::front::words::escape;
use crate::keystore::memory;

use super::{Exit, Failure, json, say};

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// Below which /proc and /sys are read.
    #[arg(long, hide = true, default_value = "/")]
    root: PathBuf,
}

/// Everything that is known of the room.
#[derive(Serialize)]
struct Room {
    /// What a ceremony looks at.
    required: Vec<RoomFact>,
    /// What else the machine tells of itself.
    machine: Vec<RoomFact>,
}

impl Doctor {
    pub(super) fn run(self) -> Result<(), Failure> {
        // As in a ceremony, so that what is told of this process is what a ceremony's would tell.
        memory::harden();
        let room = Room {
            required: room::required(&self.root, system_time()),
            machine: room::machine(&self.root),
        };
        if self.json {
            json::print("doctor", &room)?;
        } else {
            say("What every ceremony looks at; a FAIL stops a real one:");
            room.required.iter().for_each(tell);
            say("What else the machine tells of itself; none of it stops a ceremony:");
            room.machine.iter().for_each(tell);
        }
        let worst = room.required.iter().map(|fact| fact.verdict).max().unwrap_or(Verdict::Pass);
        match worst {
            Verdict::Pass | Verdict::Warn => Ok(()),
            Verdict::Unknown => Err(Failure::new(
                Exit::CannotTell,
                "what is UNKNOWN people must see for themselves; it stops no ceremony",
            )),
            Verdict::Fail => Err(Failure::new(
                Exit::Wrong,
                "a real ceremony would refuse this room, unless its plan waives room-NAME",
            )),
        }
    }
}

fn tell(fact: &RoomFact) {
    say(format!("  {:<8} {:<18} {}", fact.verdict, fact.name, escape(&fact.text)));
}
