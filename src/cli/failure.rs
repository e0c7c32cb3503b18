//! Failures in words, with what to do, and their exit codes.

use std::fmt;
use std::io;

use crate::driver::hold::HoldError;
use crate::driver::known::NotCurrent;
use crate::driver::ports::FrontFailed;
use crate::driver::register::BadRegister;
use crate::driver::session::NoSession;
use crate::driver::workspace::NoWorkspace;
use crate::front::script::BadScript;
use crate::keystore::TokenError;
use crate::tuf::wire::WireError;

/// How a command ended when it did not end well.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What happened, as a sentence.
    pub what: String,
    /// What to do, one sentence each.
    pub hints: Vec<String>,
}

/// The exit codes; a later one is worse, except that [`Exit::Wrong`] beats [`Exit::CannotTell`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// People stopped it: 1.
    Stopped,
    /// Our input is unreadable or malformed: 2.
    Input,
    /// Checked and wrong: 3.
    Wrong,
    /// A token, secret, medium or disk failed: 4.
    Machine,
    /// Cannot tell: 5.
    CannotTell,
    /// A bug of ours: 70.
    Bug,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Stopped => 1,
            Self::Input => 2,
            Self::Wrong => 3,
            Self::Machine => 4,
            Self::CannotTell => 5,
            Self::Bug => 70,
        }
    }
}

impl Failure {
    /// A failure without advice.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), hints: Vec::new() }
    }

    /// Input that is not as it should be.
    pub fn input(what: impl Into<String>) -> Self {
        Self::new(Exit::Input, what)
    }

    /// Adds a sentence of advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// An error of the file system on a path that the caller named.
    pub fn file(path: &std::path::Path, error: &io::Error) -> Self {
        let shown = crate::front::words::escape(&path.display().to_string());
        #[expect(clippy::wildcard_enum_match_arm, reason = "the list is the library's and grows")]
        match error.kind() {
            io::ErrorKind::NotFound => Self::input(format!("{shown} is not there")),
            io::ErrorKind::AlreadyExists => {
                Self::new(Exit::Machine, format!("{shown} is there already"))
                    .hint("Nothing is written over: name another place, or move it away.")
            }
            _ => Self::new(Exit::Machine, format!("{shown}: {error}")),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "anchorite: {}", self.what)?;
        for hint in &self.hints {
            write!(f, "\n  {hint}")?;
        }
        Ok(())
    }
}

impl From<NoWorkspace> for Failure {
    fn from(error: NoWorkspace) -> Self {
        let what = error.to_string();
        match error {
            NoWorkspace::NotFound => Self::input(what).hint(
                "Name it with --workspace DIR or ANCHORITE_WORKSPACE, or go into it. To make one: \
                 anchorite media enrol DIR --role book",
            ),
            NoWorkspace::NotOne(_) => {
                Self::input(what).hint("To make one: anchorite media enrol DIR --role book")
            }
            NoWorkspace::InUse(_) => {
                Self::new(Exit::Machine, what).hint("End the other process first.")
            }
            NoWorkspace::File { .. } => Self::new(Exit::Machine, what),
        }
    }
}

impl From<NotCurrent> for Failure {
    fn from(error: NotCurrent) -> Self {
        let what = error.to_string();
        match error {
            NotCurrent::Older { .. } => Self::new(Exit::Wrong, what)
                .hint("Somebody may have kept back what is newer. Fetch the documents again."),
            NotCurrent::Other { .. } => Self::new(Exit::Wrong, what).hint(
                "Two documents of one version are two histories. Stop, and find out who signed each.",
            ),
            NotCurrent::Io { .. } => Self::new(Exit::Machine, what),
        }
    }
}

impl From<NoSession> for Failure {
    fn from(error: NoSession) -> Self {
        let what = error.to_string();
        match error {
            NoSession::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::input("this folder holds no ceremony")
                    .hint("Expected plan.toml and transcript.jsonl in it.")
            }
            NoSession::Io(_) => Self::new(Exit::Machine, what),
            NoSession::Transcript(_) | NoSession::Replay(_) => Self::new(Exit::Wrong, what)
                .hint("The record was changed or is damaged. Keep it; begin a new ceremony."),
            NoSession::Plan(_) => Self::input(what),
            NoSession::Before(_) | NoSession::Request(_) => Self::new(Exit::Wrong, what),
        }
    }
}

impl Failure {
    /// A ceremony that cannot go on now; `resume` is the command that goes on with it.
    pub fn held(error: &HoldError, resume: &str) -> Self {
        let what = error.to_string();
        match error {
            HoldError::Journal(_) => Self::new(Exit::Machine, what)
                .hint(format!("Nothing more was done. Make room or mend the disk, then: {resume}")),
            HoldError::Wish(_) => Self::new(Exit::Bug, what),
            HoldError::Front(FrontFailed::Ended { .. }) => Self::new(Exit::Stopped, what)
                .hint(format!("Everything so far is on record. To go on: {resume}")),
            HoldError::Front(FrontFailed::Terminal(_)) => Self::new(Exit::Machine, what)
                .hint(format!("Everything so far is on record. To go on: {resume}")),
            HoldError::Front(FrontFailed::Unanswered { .. } | FrontFailed::Refused { .. }) => {
                Self::input(what).hint(format!("Mend the script; to go on: {resume} --script FILE"))
            }
        }
    }
}

impl From<BadScript> for Failure {
    fn from(error: BadScript) -> Self {
        Self::input(format!("the script: {error}"))
    }
}

impl From<BadRegister> for Failure {
    fn from(error: BadRegister) -> Self {
        let what = crate::front::words::escape(&error.to_string());
        match error {
            BadRegister::Io(_) => Self::new(Exit::Machine, what),
            BadRegister::Malformed { .. } => Self::input(what).hint(
                "The register only grows: compare it with the second copy of the book before anything is mended.",
            ),
            BadRegister::Illegal { .. } => Self::new(Exit::Wrong, what)
                .hint("Nothing was recorded. Nothing leads back to a key that signs: make a new key instead."),
        }
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::input(error.to_string())
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let exit = match error {
            TokenError::Unsupported(_) => Exit::Input,
            TokenError::Absent
            | TokenError::Other { .. }
            | TokenError::NoSuchKey(_)
            | TokenError::Occupied(_)
            | TokenError::WrongSecret { .. }
            | TokenError::Blocked
            | TokenError::NoSecret
            | TokenError::NoTouch
            | TokenError::Gone
            | TokenError::Silent
            | TokenError::Crashed { .. }
            | TokenError::Device(_)
            | TokenError::BadSignature
            | TokenError::Unguarded(_)
            | TokenError::File { .. } => Exit::Machine,
        };
        Self::new(exit, error.to_string())
    }
}
