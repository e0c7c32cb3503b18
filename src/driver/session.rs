//! A session: one ceremony with its evidence folder, from opening or resuming to its finished evidence.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::ceremony::ask::People;
use crate::ceremony::audit;
use crate::ceremony::before::{Before, NoBefore};
use crate::ceremony::check::{CheckReport, Checked, Ground, base};
use crate::ceremony::engine::{Engine, ReplayError};
use crate::ceremony::event::{
    AskedFor, Earlier, Entry, Event, FileAt, Mode, Next, Opening, Outcome, Place, SessionId,
    ToolId, Wanted,
};
use crate::ceremony::plan::Plan;
use crate::ceremony::request::{Asked, MAX_REQUEST, Request};
use crate::ceremony::transcript::{self, TranscriptError};
use crate::ceremony::twin::Twin;
use crate::tuf::digest::Digest;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::RootDigest;

use super::evidence;
use super::file::{self, Readers};
use super::hold::{HoldError, hold};
use super::journal::FileJournal;
use super::ports::{Front, World};

/// A ceremony that is open on this machine.
#[derive(Debug)]
pub struct Session {
    engine: Engine,
    next: Next,
    journal: FileJournal,
    folder: PathBuf,
}

/// How a ceremony is opened.
#[derive(Debug)]
pub struct Begin<'a> {
    /// The plan file's bytes.
    pub plan_bytes: &'a [u8],
    /// The plan.
    pub plan: &'a Plan,
    /// The twin, in a rehearsal.
    pub twin: Option<&'a Twin>,
    /// What it starts from, as it really is.
    pub before: &'a Before,
    /// What the check said.
    pub report: &'a CheckReport,
    /// The plan as the check cleared it.
    pub checked: Checked,
    /// Real or rehearsal.
    pub mode: Mode,
    /// Which session it is: random.
    pub session: SessionId,
    /// When.
    pub at: Timestamp,
    /// Whether a script answers.
    pub unattended: bool,
    /// The evidence folder: it exists and is empty.
    pub folder: &'a Path,
    /// The request that is answered; nothing in a ceremony of its own.
    pub answering: Option<Answering<'a>>,
    /// What was signed before, as the workspace knows.
    pub earlier: Vec<Earlier>,
}

/// A request, and what one key signs of it.
#[derive(Debug)]
pub struct Answering<'a> {
    /// The request file's bytes.
    pub bytes: &'a [u8],
    /// The request.
    pub request: &'a Request,
    /// What one key signs of it.
    pub asked: Asked,
    /// The root that the signer trusts, and from which it follows.
    pub pinned: RootDigest,
}

/// Why a session cannot be opened or resumed.
#[derive(Debug, thiserror::Error)]
pub enum NoSession {
    /// The evidence folder cannot be written or read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The transcript cannot be believed.
    #[error(transparent)]
    Transcript(#[from] TranscriptError),
    /// The transcript does not replay.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The plan in the evidence cannot be read.
    #[error("plan.toml in the evidence folder cannot be read: {0}")]
    Plan(String),
    /// The request in the evidence cannot be believed, or is another one.
    #[error("the request in the evidence folder: {0}")]
    Request(String),
    /// The state before in the evidence cannot be believed.
    #[error("the state before, in the evidence folder: {0}")]
    Before(#[from] NoBefore),
}

/// Which program this is.
pub fn tool() -> ToolId {
    ToolId { name: "anchorite".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

impl Session {
    /// Opens a ceremony: the plan and the check's report go into the evidence, then the transcript begins.
    pub fn begin(begin: Begin<'_>) -> Result<Self, NoSession> {
        let report = begin.report.to_json();
        file::write_new(begin.folder, "plan.toml", begin.plan_bytes, Readers::Owner)?;
        file::write_new(begin.folder, "check.json", &report, Readers::Owner)?;
        if let Some(answering) = &begin.answering {
            file::write_new(begin.folder, audit::REQUEST, answering.bytes, Readers::Owner)?;
        }
        for input in begin.plan.before_inputs() {
            let place = Place::Medium(input.medium.clone());
            let file = FileAt { place, path: input.path.clone() };
            if let Some(bytes) = begin.before.raw().get(&file) {
                file::write_new(begin.folder, &audit::before_path(input), bytes, Readers::Owner)?;
            }
        }
        let journal = FileJournal::create(begin.folder, begin.plan.digest)?;
        let opening = Opening {
            mode: begin.mode,
            session: begin.session,
            tool: tool(),
            plan: begin.plan.digest,
            base: base(begin.plan, begin.at),
            at: begin.at,
            check: Some(Digest::of(&report)),
            unattended: begin.unattended,
            asked: begin.answering.as_ref().map(|answering| AskedFor {
                request: answering.request.digest(),
                key: answering.asked.key.clone(),
                pinned: answering.pinned.digest(),
            }),
            earlier: begin.earlier,
        };
        let base_of_request = begin.answering.as_ref().map(|answering| answering.asked.facts.base);
        let opening = Opening { base: base_of_request.unwrap_or(opening.base), ..opening };
        let checked = match begin.twin {
            Some(twin) => begin.checked.twinned(twin),
            None => begin.checked,
        };
        let before = begin.twin.map_or(begin.before, Twin::before);
        let ground = match begin.answering {
            Some(answering) => Ground::asked(&checked, answering.request, answering.asked),
            None => Ground::new(checked, before.clone()),
        };
        let (engine, next) = Engine::open(ground, opening);
        Ok(Self { engine, next, journal, folder: begin.folder.to_owned() })
    }

    /// Goes on with a ceremony that was interrupted. A ceremony that had ended is only finished.
    pub fn resume(folder: &Path, at: Timestamp) -> Result<Resumed, NoSession> {
        let plan = read_plan(folder)?;
        let before = read_before(folder, &plan)?;
        let (journal, bytes) = FileJournal::resume(folder, plan.digest)?;
        if bytes.is_empty() {
            return Err(NoSession::Transcript(TranscriptError::Torn));
        }
        let entries = transcript::read(&bytes, plan.digest)?;
        let Some(Entry { event: Event::Opened(opening), .. }) = entries.first() else {
            return Err(NoSession::Replay(ReplayError::NotOpened));
        };
        let request = read_request(folder)?;
        let ground = audit::ground(&plan, &before, request.as_ref(), opening);
        let ground = ground.map_err(NoSession::Request)?;
        let mut engine = Engine::replay(ground, &entries)?;
        let said = entries
            .into_iter()
            .filter_map(|entry| match entry.event {
                Event::People(said) => Some(said),
                Event::Opened(_) | Event::Happened { .. } | Event::Resumed { .. } => None,
            })
            .collect();
        if let Wanted::Close(outcome) = engine.wanted() {
            let outcome = *outcome;
            evidence::finish(folder, &engine)?;
            return Ok(Resumed::Ended(Box::new(Ended {
                outcome,
                engine,
                folder: folder.to_owned(),
            })));
        }
        let next = engine.resume(at, tool());
        let session = Self { engine, next, journal, folder: folder.to_owned() };
        Ok(Resumed::Open { session: Box::new(session), said })
    }

    /// The engine.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Takes the session apart, for a caller that holds the ceremony over a journal of its own.
    pub fn into_parts(self) -> (Engine, Next) {
        (self.engine, self.next)
    }

    /// Holds the ceremony to its end and finishes its evidence.
    pub fn hold(
        mut self,
        front: &mut dyn Front,
        world: &mut dyn World,
    ) -> Result<Ended, HoldError> {
        let outcome = hold(&mut self.engine, self.next, front, world, &mut self.journal)?;
        evidence::finish(&self.folder, &self.engine)?;
        Ok(Ended { outcome, engine: self.engine, folder: self.folder })
    }
}

/// A session that was found on disk.
#[derive(Debug)]
pub enum Resumed {
    /// It goes on.
    Open {
        /// The session.
        session: Box<Session>,
        /// What people said before, for a script that counts its answers.
        said: Vec<People>,
    },
    /// It had ended; its evidence is finished now.
    Ended(Box<Ended>),
}

/// A ceremony that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// The engine at the end.
    pub engine: Engine,
    /// The evidence folder.
    pub folder: PathBuf,
}

/// Reads the plan of an evidence folder.
pub fn read_plan(folder: &Path) -> Result<Plan, NoSession> {
    let bytes = file::read_back(folder, "plan.toml", 1 << 20)?;
    Plan::parse(&bytes).map_err(|why| NoSession::Plan(why.to_string()))
}

/// Reads the request that a ceremony answered; nothing where it was a ceremony of its own.
pub fn read_request(folder: &Path) -> Result<Option<Request>, NoSession> {
    match file::read_back(folder, audit::REQUEST, MAX_REQUEST) {
        Ok(bytes) => {
            let opened = Request::open(&bytes);
            Ok(Some(opened.map_err(|why| NoSession::Request(why.to_string()))?))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Reads the state before of an evidence folder.
pub fn read_before(folder: &Path, plan: &Plan) -> Result<Before, NoSession> {
    let mut files = BTreeMap::new();
    for input in plan.before_inputs() {
        let path = audit::before_path(input);
        let bytes = file::read_back(folder, &path, MAX_BEFORE)?;
        files.insert(path, bytes);
    }
    Ok(Before::of(plan, &audit::before_files(plan, &files))?)
}

/// The largest document of a state before: 512 MiB.
const MAX_BEFORE: u64 = 512 << 20;
