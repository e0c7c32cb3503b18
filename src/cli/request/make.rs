//! `request make`: a plan, what it starts from, and the keys, in one file for those who sign elsewhere.

use std::path::PathBuf;

use clap::Args;

use crate::ceremony::check::CheckReport;
use crate::ceremony::event::{Mode, SessionId};
use crate::ceremony::request::make;
use crate::ceremony::roster::RosterFile;
use crate::driver::bench::system_time;
use crate::driver::media::{Media, inputs_beside};
use crate::front::words::escape;
use crate::tuf::name::KeyName;
use crate::tuf::time::Timestamp;

use super::super::plan::tell_findings;
use super::super::{Exit, Failure, say};
use super::{export, refused, words, write_new};

/// For how long a request is good where nobody says otherwise: 14 days.
const GOOD_FOR: i64 = 14 * 86_400;

/// Make a request.
#[derive(Debug, Args)]
pub(in super::super) struct Make {
    /// The plan.
    plan: PathBuf,
    /// roster.json as a ceremony of this plan wrote it, where keys are made or shown in one.
    #[arg(long, value_name = "FILE")]
    roster: Option<PathBuf>,
    /// Where a medium is mounted, for the plan's inputs; a folder of its name beside the plan by default.
    #[arg(long, value_name = "NAME=DIR", value_parser = super::super::ceremony::mount)]
    medium: Vec<(KeyName, PathBuf)>,
    /// Nobody signs it after this, such as 2026-12-15T00:00:00Z; 14 days from now by default.
    #[arg(long, value_name = "TIME")]
    use_by: Option<Timestamp>,
    /// Where the request goes.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Write the exact bytes to sign into this folder too, for openssl or pkcs11-tool.
    #[arg(long, value_name = "DIR")]
    payloads: Option<PathBuf>,
    /// The digests as QR codes too.
    #[arg(long)]
    qr: bool,
}

impl Make {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (bytes, plan) = super::super::read_plan(&self.plan)?;
        let at = system_time();
        let mut at_hand = inputs_beside(&self.plan, &plan);
        let mounts = self.medium.into_iter().collect();
        at_hand.extend(Media::new(mounts, false).at_hand(&plan));
        let report = CheckReport::of(&plan, at, &at_hand);
        if report.clear(&plan, Mode::Rehearsal).is_none() {
            tell_findings(&report);
            return Err(Failure::new(Exit::Wrong, "the check refuses this plan"));
        }
        let roster = self
            .roster
            .map(|path| {
                let bytes = super::super::read(&path, 1 << 20)?;
                RosterFile::parse(&bytes)
                    .map_err(|why| Failure::input(format!("the roster: {}", escape(&why))))
            })
            .transpose()?;
        let use_by = self.use_by.or_else(|| at.plus_seconds(GOOD_FOR)).unwrap_or(at);
        let text = String::from_utf8(bytes).map_err(|_| Failure::input("the plan is not UTF-8"))?;
        let session = session()?;
        let (request, bytes) = make(&text, &at_hand, roster.as_ref(), session, at, use_by)
            .map_err(|why| refused(&why))?;
        write_new(&self.out, &bytes)?;
        words::tell(&request, self.qr)?;
        if let Some(folder) = &self.payloads {
            export::all(&request, folder)?;
        }
        say("");
        say("Carry the file to each signer, who runs:");
        say("  anchorite request sign FILE --key NAME -o NAME.answer.json");
        Ok(())
    }
}

fn session() -> Result<SessionId, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Exit::Machine, format!("no random bytes: {error}")))?;
    Ok(SessionId::new(bytes))
}
