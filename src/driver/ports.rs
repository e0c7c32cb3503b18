//! The three ports of a ceremony: people ([`Front`]), machines ([`World`]), paper ([`Journal`]).

use std::io;

use crate::ceremony::ask::{Ask, People, Wish};
use crate::ceremony::event::{Act, Entry, Happened, Refusal};
use crate::ceremony::scene::Scene;
use crate::keystore::Unlock;
use crate::tuf::nonces::Nonces;
use crate::tuf::time::Timestamp;

/// The people at hand while a machine works: they are told, they can unlock, and they can want something.
pub trait Company: Unlock {
    /// Says what the machine is doing.
    fn progress(&mut self, progress: &Progress);

    /// What people wanted since the last call; never waits.
    fn wish(&mut self) -> Option<Wish>;
}

/// A face of the ceremony: terminal, plain text, or a script.
pub trait Front: Company {
    /// Shows a scene.
    fn show(&mut self, scene: Scene);

    /// Waits for people's answer to the open question of the scene shown last, or a wish of theirs.
    fn ask(&mut self, ask: &Ask) -> Result<People, FrontFailed>;

    /// Says why an answer was not taken; the same question is asked again.
    fn refused(&mut self, refusal: &Refusal);
}

/// The machines: tokens, files, clock.
pub trait World {
    /// The time now, UTC.
    fn now(&mut self) -> Timestamp;

    /// Learns which nonces the signatures on record used, before the first act: a ceremony may have begun on another bench.
    fn recall(&mut self, nonces: &Nonces);

    /// Carries out one act. What happened is a value, whatever it was; a wish that came meanwhile goes to the engine
    /// after it.
    fn act(&mut self, act: &Act, company: &mut dyn Company) -> (Happened, Option<Wish>);
}

/// The paper: an append-only log.
pub trait Journal {
    /// Returns once the entry cannot be lost any more.
    fn append(&mut self, entry: &Entry) -> io::Result<()>;
}

/// What a machine is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// In words: `opening the key file of root-a`.
    pub doing: String,
    /// How far, where it can be counted.
    pub done: Option<(u64, u64)>,
}

/// The front cannot go on: the terminal went away, a signal came, or the script has no answer.
#[derive(Debug, thiserror::Error)]
pub enum FrontFailed {
    /// Reading or writing the terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] io::Error),
    /// A signal asked for the end of the program.
    #[error("the ceremony rests: {signal} came")]
    Ended {
        /// Its name.
        signal: &'static str,
    },
    /// The script has no answer to this question.
    #[error("the script has no answer to {ask}")]
    Unanswered {
        /// The question as the script would name it.
        ask: String,
    },
    /// The script says something that the question cannot take.
    #[error("the script's answer to {ask} was refused: {why}")]
    Refused {
        /// The question.
        ask: String,
        /// Why.
        why: String,
    },
}
