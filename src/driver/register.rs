//! The register: what became of every key that this workspace knows, in a file that only grows.
//!
//! `register.jsonl` has one JSON object a line. A line puts a key into a state of NIST SP 800-57 or notes something about
//! it; nothing is ever taken back. A key that was once compromised, destroyed, deactivated or not recovered is never
//! authorised again.

mod line;
mod state;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::tuf::key::Fingerprint;
use crate::tuf::name::KeyName;
use crate::tuf::time::Timestamp;

use super::file::{self, Readers};
use super::workspace::Workspace;

pub use line::{Line, Note, What};
pub use state::{KeyState, NoState};

/// The file in the workspace.
pub const FILE: &str = "register.jsonl";
/// The largest register: 64 MiB, some hundred thousand lines.
const MAX_FILE: u64 = 64 << 20;

/// Where each key stands.
#[derive(Debug, Default)]
pub struct Register {
    standing: BTreeMap<Fingerprint, Standing>,
    /// How many bytes stand after the last whole line: a power cut left them, and they never counted.
    torn: usize,
    length: usize,
}

/// Where one key stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What plans call it.
    pub key: KeyName,
    /// Its state.
    pub state: KeyState,
    /// Since when.
    pub since: Timestamp,
    /// Who put it into this state, where that was said.
    pub by: Option<String>,
    /// Why it is in this state.
    pub reason: String,
    /// Who holds it.
    pub holder: Option<String>,
    /// Its store, in words.
    pub store: Option<String>,
    /// The serial number of its token.
    pub serial: Option<String>,
    /// Where it is kept.
    pub location: Option<String>,
    /// The number of its bag or seal.
    pub seal: Option<String>,
}

/// Why a key may not be authorised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key {key} is {state} since {since} ({reason})")]
pub struct Why {
    /// Its name in the register.
    pub key: KeyName,
    /// The state that forbids it.
    pub state: KeyState,
    /// Since when.
    pub since: Timestamp,
    /// Why it is in this state.
    pub reason: String,
}

/// Why the register cannot be read, or takes a line not.
#[derive(Debug, thiserror::Error)]
pub enum BadRegister {
    /// The file system failed.
    #[error("{FILE}: {0}")]
    Io(#[from] io::Error),
    /// A line is not one of ours.
    #[error("{FILE}, line {line}: {what}")]
    Malformed {
        /// From 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A key cannot go from its state to another one.
    #[error("{key} is {from} and cannot become {to}")]
    Illegal {
        /// The key.
        key: KeyName,
        /// Its state.
        from: KeyState,
        /// The state it was to have.
        to: KeyState,
    },
}

impl Register {
    /// Reads the register of a workspace; one that is not there yet is empty.
    pub fn read(book: &Workspace) -> Result<Self, BadRegister> {
        match file::read_back(book.folder(), FILE, MAX_FILE) {
            Ok(bytes) => Self::parse(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the lines. Unknown members, states and ways between states are errors; what stands after the last line feed was
    /// never finished and does not count.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadRegister> {
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (lines, torn) = bytes.split_at(whole);
        let mut register = Self { torn: torn.len(), length: whole, standing: BTreeMap::default() };
        for (bytes, at) in lines.split_inclusive(|byte| *byte == b'\n').zip(1..) {
            let malformed = |what: String| BadRegister::Malformed { line: at, what };
            let line: Line =
                serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
            register.take(&line).map_err(|error| malformed(error.to_string()))?;
        }
        Ok(register)
    }

    /// Adds lines to the register of a workspace, all or none: each must follow from what stands there already.
    pub fn add(book: &Workspace, lines: &[Line]) -> Result<(), BadRegister> {
        let mut register = Self::read(book)?;
        let mut bytes = Vec::new();
        for line in lines {
            register.take(line)?;
            serde_json::to_writer(&mut bytes, line).map_err(io::Error::from)?;
            bytes.push(b'\n');
        }
        if bytes.is_empty() {
            return Ok(());
        }
        register.set_aside(book.folder())?;
        match file::append(book.folder(), FILE, &bytes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                file::write_new(book.folder(), FILE, &bytes, Readers::Owner)?;
            }
            other => other?,
        }
        Ok(())
    }

    /// Where a key stands now.
    pub fn of(&self, key: &Fingerprint) -> Option<&Standing> {
        self.standing.get(key)
    }

    /// Every key, with where it stands.
    pub fn keys(&self) -> impl Iterator<Item = (&Fingerprint, &Standing)> {
        self.standing.iter()
    }

    /// Whether a document may still name this key as one that signs. One that is not in the register may.
    pub fn may_be_authorised(&self, key: &Fingerprint) -> Result<(), Why> {
        let Some(standing) = self.of(key) else { return Ok(()) };
        match standing.state {
            KeyState::PreActivation | KeyState::Active => Ok(()),
            KeyState::Suspended
            | KeyState::Deactivated
            | KeyState::Compromised
            | KeyState::NotRecovered
            | KeyState::Destroyed => Err(Why {
                key: standing.key.clone(),
                state: standing.state,
                since: standing.since,
                reason: standing.reason.clone(),
            }),
        }
    }

    fn take(&mut self, line: &Line) -> Result<(), BadRegister> {
        let Some(standing) = self.standing.get_mut(&line.fingerprint) else {
            self.standing.insert(line.fingerprint, Standing::first(line));
            return Ok(());
        };
        if let What::State(to) = line.state
            && to != standing.state
        {
            let from = standing.state;
            if !from.may_become(to) {
                return Err(BadRegister::Illegal { key: standing.key.clone(), from, to });
            }
            standing.state = to;
            standing.since = line.at;
            standing.by.clone_from(&line.by);
            standing.reason.clone_from(&line.reason);
        }
        standing.key = line.key.clone();
        for (is, says) in [
            (&mut standing.holder, &line.holder),
            (&mut standing.store, &line.store),
            (&mut standing.serial, &line.serial),
            (&mut standing.location, &line.location),
            (&mut standing.seal, &line.seal),
        ] {
            if says.is_some() {
                is.clone_from(says);
            }
        }
        Ok(())
    }

    /// Moves what a power cut left of a line into a file of its own, so that the next line begins where it should.
    fn set_aside(&self, folder: &Path) -> io::Result<()> {
        if self.torn == 0 {
            return Ok(());
        }
        let bytes = file::read_back(folder, FILE, MAX_FILE)?;
        let torn = bytes.get(self.length..).unwrap_or_default();
        let name = format!("register-torn-{}", self.length);
        match file::write_new(folder, &name, torn, Readers::Owner) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other?,
        }
        let register = std::fs::OpenOptions::new().write(true).open(folder.join(FILE))?;
        register.set_len(u64::try_from(self.length).map_err(io::Error::other)?)?;
        register.sync_all()
    }
}

impl Standing {
    fn first(line: &Line) -> Self {
        Self {
            key: line.key.clone(),
            state: match line.state {
                What::State(state) => state,
                What::Note(_) => KeyState::PreActivation,
            },
            since: line.at,
            by: line.by.clone(),
            reason: line.reason.clone(),
            holder: line.holder.clone(),
            store: line.store.clone(),
            serial: line.serial.clone(),
            location: line.location.clone(),
            seal: line.seal.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
