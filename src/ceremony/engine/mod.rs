//! The engine: facts in, stamped with a time; requests out.
//!
//! A pure machine. Its state is a function of the ground and the entries so far, and what it wants next is a function
//! of its state; so the transcript replays to the same state, which is how a ceremony resumes and how an auditor
//! checks it.

mod answers;
mod care;
mod comparison;
mod fleet;
mod gathered;
mod help;
mod inputs;
mod outcome;
mod program;
mod results;
mod scenes;
mod state;
mod turns;
mod want;

use crate::tuf::digest::Digest;
use crate::tuf::time::Timestamp;

use super::ask::People;
use super::change::ChangeSet;
use super::check::Ground;
use super::event::{
    ActId, Entry, Event, Happened, Next, Opening, Outcome, Refusal, Request, ToolId, Wanted,
};
use super::plan::Plan;
use super::roster::Roster;
use super::scene::Scene;
use super::transcript;

pub use care::{Care, HeldPin, Recovered};
pub use fleet::FleetState;
pub use gathered::Complete;
pub use inputs::incoming;
pub use outcome::file_name;
pub use state::{Compared, Comparison, Exception, State, Statement};

/// A ceremony in progress.
#[derive(Debug, Clone)]
pub struct Engine {
    ground: Ground,
    state: State,
    head: Digest,
    entries: u64,
    wanted: Wanted,
}

impl Engine {
    /// Opens a ceremony and says what is wanted first.
    pub fn open(ground: Ground, opening: Opening) -> (Self, Next) {
        let at = opening.at;
        let head = opening.plan;
        let mut state = State::new(&ground, opening.clone());
        if ground.for_another().is_some() {
            state.derive(ground.plan());
        }
        let wanted = Wanted::Close(Outcome::Aborted);
        let mut engine = Self { ground, state, head, entries: 0, wanted };
        let next = engine.advance(at, Event::Opened(opening));
        (engine, next)
    }

    /// Takes what people said. It is checked first; a refusal changes nothing.
    pub fn people(&mut self, at: Timestamp, said: People) -> Result<Next, Refusal> {
        self.state.hear(&self.ground, at, &said, &self.wanted)?;
        Ok(self.advance(at, Event::People(said)))
    }

    /// Takes what came of an act, and how many touches were asked for meanwhile. Everything is recorded, useful or not.
    pub fn happened(&mut self, at: Timestamp, act: ActId, what: Happened, touches: u32) -> Next {
        self.state.count_touches(self.ground.plan(), &act, touches);
        self.state.learn(&self.ground, at, &act, &what);
        self.advance(at, Event::Happened { act, what, touches })
    }

    /// Goes on after an interruption: an act whose result is not on record is looked into first.
    pub fn resume(&mut self, at: Timestamp, tool: ToolId) -> Next {
        let interrupted = match &self.wanted {
            Wanted::Act(id, act) => Some((id.clone(), act.clone())),
            Wanted::Ask(_) | Wanted::Close(_) => None,
        };
        self.state.interrupt(interrupted.clone());
        self.advance(at, Event::Resumed { tool, interrupted: interrupted.map(|(id, _)| id) })
    }

    /// Plays a transcript again. Each `then` must be what the engine wants now; nothing is linted again.
    pub fn replay(ground: Ground, entries: &[Entry]) -> Result<Self, ReplayError> {
        let mut rest = entries.iter();
        let first = rest.next().ok_or(ReplayError::Empty)?;
        let Event::Opened(opening) = &first.event else {
            return Err(ReplayError::NotOpened);
        };
        let (mut engine, next) = Self::open(ground, opening.clone());
        differs(1, first, &next.entry)?;
        for (line, entry) in (2_u64..).zip(rest) {
            let next = match &entry.event {
                Event::Opened(_) => return Err(ReplayError::OpenedTwice { line }),
                Event::People(said) => engine
                    .people(entry.at, said.clone())
                    .map_err(|refusal| ReplayError::Refused { line, refusal })?,
                Event::Happened { act, what, touches } => {
                    engine.expects(line, act)?;
                    engine.happened(entry.at, act.clone(), what.clone(), *touches)
                }
                Event::Resumed { tool, .. } => engine.resume(entry.at, tool.clone()),
            };
            differs(line, entry, &next.entry)?;
        }
        Ok(engine)
    }

    fn expects(&self, line: u64, act: &ActId) -> Result<(), ReplayError> {
        match &self.wanted {
            Wanted::Act(id, _) if id == act => Ok(()),
            Wanted::Act(..) | Wanted::Ask(_) | Wanted::Close(_) => {
                Err(ReplayError::OtherAct { line, act: act.to_string() })
            }
        }
    }

    /// What is outstanding.
    pub const fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// All that people may see now.
    pub fn scene(&self) -> Scene {
        scenes::scene(&self.ground, &self.state, &self.wanted, self.head)
    }

    /// SHA-256 of the last line of the transcript.
    pub const fn head(&self) -> Digest {
        self.head
    }

    /// The plan that is played: in a rehearsal, the twin's.
    pub const fn plan(&self) -> &Plan {
        self.ground.plan()
    }

    /// How the ceremony was opened.
    pub const fn opening(&self) -> &Opening {
        &self.state.opening
    }

    /// The keys known so far.
    pub const fn roster(&self) -> &Roster {
        &self.state.roster
    }

    /// The documents, once every key is known and proven.
    pub const fn change(&self) -> Option<&ChangeSet> {
        self.state.change.as_ref()
    }

    /// The digest of all that is signed: of one repository's change, or of the table of a fleet.
    pub fn change_digest(&self) -> Option<Digest> {
        self.state.change_digest()
    }

    /// What was done, for the report and for those who check it.
    pub const fn record(&self) -> &State {
        &self.state
    }

    /// The files that the sealed evidence must hold beside plan and transcript, derived again; none before the seal.
    pub fn sealed_files(&self) -> Vec<(String, Vec<u8>)> {
        if self.state.sealed.is_none() {
            return Vec::new();
        }
        outcome::evidence_files(&self.ground, &self.state)
            .into_iter()
            .map(|file| (file.path, file.bytes))
            .collect()
    }

    /// The keys that were given up in this ceremony.
    pub fn retired(&self) -> impl Iterator<Item = &super::plan::Retired> {
        care::retired(self.ground.plan(), &self.state)
    }

    /// Where a key and what opens it are kept from now on, once both bags are sealed.
    pub fn bagged(&self, key: &crate::tuf::name::KeyName) -> Option<&super::plan::Bags> {
        care::bagged(self.ground.plan(), &self.state).find(|bags| bags.key == *key)
    }

    /// The signed documents under the names that clients ask for.
    pub const fn served(&self) -> &std::collections::BTreeMap<String, Vec<u8>> {
        &self.state.served
    }

    /// What the workspace trusts from now on: documents by their path under `trust/`.
    pub fn trusted(&self) -> std::collections::BTreeMap<String, Vec<u8>> {
        outcome::trusted(self.plan(), &self.state)
    }

    /// What went wrong and waits for a decision, in words.
    pub fn trouble(&self) -> Option<String> {
        let open = self.state.trouble.as_ref()?;
        Some(format!("{}: {}", open.about, open.trouble.found))
    }

    /// Notes what is wanted next and makes the entry that must be on disk first.
    fn advance(&mut self, at: Timestamp, event: Event) -> Next {
        let want = program::want(&self.ground, &self.state);
        let (request, wanted) = self.state.number(want);
        let entry = Entry { at, event, then: request };
        self.state.note(&entry);
        let line = transcript::line(self.head, self.entries == 0, &entry);
        self.head = transcript::head_of(&line);
        self.state.head = self.head;
        self.entries += 1;
        self.wanted = wanted.clone();
        Next { entry, wanted }
    }
}

fn differs(line: u64, recorded: &Entry, derived: &Entry) -> Result<(), ReplayError> {
    if recorded == derived {
        return Ok(());
    }
    Err(ReplayError::Differs {
        line,
        recorded: Box::new(recorded.then.clone()),
        derived: Box::new(derived.then.clone()),
    })
}

/// A transcript that does not replay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// There is nothing in it.
    #[error("the transcript is empty")]
    Empty,
    /// It does not begin with an opening.
    #[error("line 1 of the transcript does not open a ceremony")]
    NotOpened,
    /// It opens twice.
    #[error("line {line} of the transcript opens the ceremony a second time")]
    OpenedTwice {
        /// The line, from 1.
        line: u64,
    },
    /// People said something that would have been refused.
    #[error(
        "line {line} of the transcript holds an answer that would have been refused: {refusal}"
    )]
    Refused {
        /// The line, from 1.
        line: u64,
        /// Why.
        refusal: Refusal,
    },
    /// An act is reported that was not outstanding.
    #[error("line {line} of the transcript reports {act}, which was not wanted then")]
    OtherAct {
        /// The line, from 1.
        line: u64,
        /// The act.
        act: String,
    },
    /// What was wanted next is not what the same facts lead to now.
    #[error("line {line} of the transcript goes on with something else than these facts lead to")]
    Differs {
        /// The line, from 1.
        line: u64,
        /// What the line says.
        recorded: Box<Request>,
        /// What the facts lead to.
        derived: Box<Request>,
    },
}
