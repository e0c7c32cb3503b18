//! `rehearse`, `run` and `resume`: a ceremony is set up, held, and told how it ended.

mod record;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::ceremony::check::CheckReport;
use crate::ceremony::event::{Mode, Outcome, SessionId};
use crate::ceremony::mounted::MediumId;
use crate::ceremony::plan::{Plan, Store, print};
use crate::ceremony::scene::Verdict;
use crate::ceremony::twin::{Purpose, Twin};
use crate::driver::bench::{Bench, Clock, RealStores, Setting, VirtualStores, system_time};
use crate::driver::file::{self, Readers};
use crate::driver::hold::HoldError;
use crate::driver::known;
use crate::driver::media::{self, Media};
use crate::driver::ports::World;
use crate::driver::session::{Begin, Ended, Resumed, Session, read_before, read_plan};
use crate::driver::workspace::{Workspace, level};
use crate::front::words::escape;
use crate::keystore::memory;
use crate::tuf::digest::Digest;
use crate::tuf::key::Fingerprint;
use crate::tuf::name::KeyName;

pub(super) use self::record::{barred, earlier, register};
use super::people::Faces;
use super::plan::tell_findings;
use super::{Exit, Failure, say};

/// Hold a rehearsal.
#[derive(Debug, Args)]
pub(super) struct Rehearse {
    /// The plan.
    plan: PathBuf,
    /// Where the rehearsal's folder is made; the current folder by default.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The clock begins at this time, such as 2026-12-01T08:00:00Z, and goes on by a second each time it is read.
    #[arg(long, value_name = "TIME")]
    clock: Option<crate::tuf::time::Timestamp>,
    /// The session's 32 hex digits instead of random ones, so that a rehearsal can be repeated.
    #[arg(long, value_name = "HEX")]
    session: Option<String>,
    #[command(flatten)]
    faces: Faces,
}

/// Hold a real ceremony.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The plan.
    plan: PathBuf,
    /// Where each medium is mounted.
    #[arg(long, value_name = "NAME=DIR", value_parser = mount)]
    medium: Vec<(KeyName, PathBuf)>,
    #[command(flatten)]
    faces: Faces,
}

/// Go on with a ceremony.
#[derive(Debug, Args)]
pub(super) struct Resume {
    /// The evidence folder; the workspace's latest unfinished one by default.
    dir: Option<PathBuf>,
    /// Where each medium is mounted.
    #[arg(long, value_name = "NAME=DIR", value_parser = mount)]
    medium: Vec<(KeyName, PathBuf)>,
    #[command(flatten)]
    faces: Faces,
}

/// Reads `NAME=DIR`.
pub(super) fn mount(text: &str) -> Result<(KeyName, PathBuf), String> {
    let (name, folder) = text.split_once('=').ok_or("expected NAME=DIR")?;
    let name: KeyName = name.parse().map_err(|bad| format!("{bad}"))?;
    Ok((name, PathBuf::from(folder)))
}

impl Rehearse {
    pub(super) fn run(self) -> Result<(), Failure> {
        memory::harden();
        let (plan_bytes, plan) = super::read_plan(&self.plan)?;
        let mut clock = match self.clock {
            Some(next) => Clock::Steps { next, step: 1 },
            None => Clock::System,
        };
        let at = clock.now();
        let at_hand = media::beside(&self.plan, &plan);
        let nothing = Media::new(std::collections::BTreeMap::new(), false);
        let walked = super::walked(&plan, &self.plan, &nothing, at);
        let report = CheckReport::with_fleet(&plan, at, &at_hand, walked.as_ref());
        let Some(checked) = report.clear(&plan, Mode::Rehearsal) else {
            tell_findings(&report);
            return Err(Failure::new(Exit::Wrong, "the check refuses this plan"));
        };
        let before = super::before(&plan, &at_hand)?;
        let twin = Twin::new(&plan, &before, Purpose::Rehearse);
        let out = self.out.unwrap_or_else(|| PathBuf::from("."));
        let name = format!("REHEARSAL-{}-{}", at.to_compact(), plan.codename);
        let scratch = Scratch::make(&out.join(name), &twin)?;
        scratch.lay_out(&plan, super::fleet_folder(&plan, &self.plan, &nothing))?;
        let paper = print::script(&plan, &print::KnownDigests::default());
        file::write_new(&scratch.folder, "PAPER.txt", paper.as_bytes(), Readers::All)
            .map_err(|error| Failure::file(&scratch.folder, &error))?;
        let folder = scratch
            .book
            .new_evidence(at, plan.codename.as_str())
            .map_err(|error| Failure::file(scratch.book.folder(), &error))?;
        let session = Session::begin(Begin {
            plan_bytes: &plan_bytes,
            plan: &plan,
            twin: Some(&twin),
            before: &before,
            report: &report,
            checked,
            mode: Mode::Rehearsal,
            session: session_id(self.session.as_deref())?,
            at,
            unattended: self.faces.unattended(),
            folder: &folder,
            answering: None,
            earlier: Vec::new(),
        })?;
        let mut bench = scratch.bench(&twin, &folder, clock).with_fleet(&plan);
        let ended = self.faces.with_front(&[], |front| {
            session.hold(front, &mut bench).map_err(|why| rests(&why, &folder, &[]))
        })?;
        tell_end(&ended)
    }
}

/// A rehearsal's own folder: a scratch workspace, scratch media, virtual tokens.
struct Scratch {
    folder: PathBuf,
    book: Workspace,
}

impl Scratch {
    fn make(folder: &Path, twin: &Twin) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::file(folder, &error);
        if folder.exists() {
            return Err(Failure::file(folder, &std::io::ErrorKind::AlreadyExists.into()));
        }
        let book = Workspace::create(&folder.join("BOOK"))?;
        for medium in twin.plan().mounted() {
            let at = folder.join(medium.name.as_str());
            file::make_folder(&at).map_err(failed)?;
            media::enrol(&at, &medium.name, medium.role, scratch_id(twin, &medium.name), true)
                .map_err(failed)?;
        }
        for (at, bytes) in twin.inputs() {
            if let crate::ceremony::event::Place::Medium(name) = &at.place {
                let medium = folder.join(name.as_str());
                file::write_new(&medium, &at.path, bytes, Readers::All).map_err(failed)?;
            }
        }
        Ok(Self { folder: folder.to_owned(), book })
    }

    /// Puts the fleet of the plan on its scratch medium.
    fn lay_out(&self, plan: &Plan, from: Option<PathBuf>) -> Result<(), Failure> {
        let (Some(fleet), Some(from)) = (&plan.fleet, from) else { return Ok(()) };
        let to = self.folder.join(fleet.medium.as_str());
        crate::driver::fleet::lay_out(plan, &from, &to)
            .map_err(|trouble| Failure::new(Exit::Machine, escape(&trouble.found)))
    }

    /// A rehearsal that is there already, for its resume: the folder above the scratch workspace.
    fn open(book: Workspace) -> Self {
        let folder = book.folder().parent().unwrap_or(book.folder()).to_owned();
        Self { folder, book }
    }

    fn bench(&self, twin: &Twin, evidence: &Path, clock: Clock) -> Bench<VirtualStores> {
        let plan = twin.plan();
        let mounts = plan
            .mounted()
            .map(|medium| (medium.name.clone(), self.folder.join(medium.name.as_str())))
            .collect();
        Bench::new(Setting {
            plan: plan.clone(),
            stores: VirtualStores::new(
                self.folder.join("tokens"),
                twin.seed(),
                plan.repository.dialect,
            ),
            media: Media::new(mounts, true),
            clock,
            room: PathBuf::from("/"),
            rehearsal: true,
            evidence: evidence.to_owned(),
            book: self.book.folder().to_owned(),
        })
    }
}

/// The id of a scratch medium: the same in every rehearsal of a plan, so that a rehearsal can be repeated.
fn scratch_id(twin: &Twin, name: &KeyName) -> MediumId {
    let mut named = twin.seed().as_bytes().to_vec();
    named.extend_from_slice(name.as_str().as_bytes());
    let digest = Digest::of(&named);
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(digest.as_bytes()) {
        *to = *from;
    }
    MediumId::new(&id)
}

impl Run {
    pub(super) fn run(self, workspace: Option<&Path>) -> Result<(), Failure> {
        memory::harden();
        let (plan_bytes, plan) = super::read_plan(&self.plan)?;
        if plan.by_request {
            let what =
                "this plan is signed on several machines, by keys that do not come to a room";
            return Err(Failure::new(Exit::Wrong, what).hint(
                "Ask for the signatures: anchorite request make PLAN -o FILE. For a room, leave by_request out.",
            ));
        }
        let media = media_of(&plan, &self.medium)?;
        let at = system_time();
        let at_hand = media.at_hand(&plan);
        let walked = super::walked(&plan, &self.plan, &media, at);
        let report = CheckReport::with_fleet(&plan, at, &at_hand, walked.as_ref());
        let verdict = report.verdict(Mode::Real);
        // A medium that is missing is told as that, not as files that could not be read.
        if verdict != Verdict::Fail {
            media_are_there(&plan, &media)?;
        }
        let Some(checked) = report.clear(&plan, Mode::Real) else {
            tell_findings(&report);
            let exit = match verdict {
                Verdict::Unknown => Exit::CannotTell,
                Verdict::Pass | Verdict::Warn | Verdict::Fail => Exit::Wrong,
            };
            return Err(Failure::new(exit, "the check refuses a real ceremony with this plan")
                .hint("Mend the plan, or waive by name what may be waived; then check it again."));
        };
        self.unattended_is_waived(&plan)?;
        let before = super::before(&plan, &at_hand)?;
        let here =
            std::env::current_dir().map_err(|error| Failure::file(Path::new("."), &error))?;
        let book = Workspace::find(workspace, &here)?;
        if let Some(anchor) = before.anchor() {
            known::current(&book.trust(), anchor)?;
        }
        let barred = barred(&book, &plan, before.anchor(), &at_hand)?;
        let earlier = earlier(&book, &plan.repository.name)?;
        let folder = book
            .new_evidence(at, plan.codename.as_str())
            .map_err(|error| Failure::file(book.folder(), &error))?;
        let session = Session::begin(Begin {
            plan_bytes: &plan_bytes,
            plan: &plan,
            twin: None,
            before: &before,
            report: &report,
            checked,
            mode: Mode::Real,
            session: session_id(None)?,
            at,
            unattended: self.faces.unattended(),
            folder: &folder,
            answering: None,
            earlier,
        })?;
        let mut bench = real_bench(&plan, &book, barred, media.clone(), &folder);
        let ended = self.faces.with_front(&[], |front| {
            session.hold(front, &mut bench).map_err(|why| rests(&why, &folder, &self.medium))
        })?;
        // Whatever the register says to it, people see how it ended.
        let registered = register(&book, &ended);
        level_copies(&plan, &book, &media);
        let told = tell_end(&ended);
        registered.and(told)
    }

    /// A real ceremony is answered by a script only where the plan says so.
    fn unattended_is_waived(&self, plan: &Plan) -> Result<(), Failure> {
        let token = plan
            .keys
            .iter()
            .find(|key| matches!(key.store, Some(Store::Yubikey { .. } | Store::Pkcs11 { .. })));
        if let (true, Some(key)) = (self.faces.unattended(), token) {
            return Err(Failure::new(
                Exit::Wrong,
                format!("{} lives in a token; a script never unlocks one", key.name),
            )
            .hint("Hold the ceremony with people, or rehearse it: anchorite rehearse PLAN"));
        }
        if self.faces.unattended() && plan.waiver("unattended").is_none() {
            return Err(Failure::new(
                Exit::Wrong,
                "a script cannot answer in a real ceremony, unless the plan waives \"unattended\"",
            ));
        }
        Ok(())
    }
}

impl Resume {
    pub(super) fn run(self, workspace: Option<&Path>) -> Result<(), Failure> {
        memory::harden();
        let here =
            std::env::current_dir().map_err(|error| Failure::file(Path::new("."), &error))?;
        let (book, folder) = if let Some(folder) = &self.dir {
            let folder = folder.canonicalize().map_err(|error| Failure::file(folder, &error))?;
            (Workspace::find(workspace, &folder)?, folder)
        } else {
            let book = Workspace::find(workspace, &here)?;
            let folder = unfinished(&book)?;
            (book, folder)
        };
        let sealed = folder.join("MANIFEST").exists();
        let (session, said) = match Session::resume(&folder, system_time())? {
            Resumed::Ended(ended) => {
                // Power went after the last line: what the workspace keeps of a ceremony was not written yet.
                if !sealed && ended.engine.opening().mode == Mode::Real {
                    register(&book, &ended)?;
                    super::request::answered(&ended);
                }
                return tell_end(&ended);
            }
            Resumed::Open { session, said } => (session, said),
        };
        let plan = read_plan(&folder)?;
        let ended = match session.engine().opening().mode {
            Mode::Real => {
                let media = media_of(&plan, &self.medium)?;
                let played = session.engine().plan().clone();
                let anchor = session.engine().record().before.anchor();
                let barred = barred(&book, &played, anchor, &media.at_hand(&played))?;
                let mut bench = real_bench(&played, &book, barred, media.clone(), &folder);
                let ended = self.faces.with_front(&said, |front| {
                    let held = session.hold(front, &mut bench);
                    held.map_err(|why| rests(&why, &folder, &self.medium))
                })?;
                let registered = register(&book, &ended);
                super::request::answered(&ended);
                if ended.engine.record().asked.is_none() {
                    level_copies(&plan, &book, &media);
                }
                let told = tell_end(&ended);
                return registered.and(told);
            }
            Mode::Rehearsal | Mode::Check => {
                let before = read_before(&folder, &plan)?;
                let twin = Twin::new(&plan, &before, Purpose::Rehearse);
                let scratch = Scratch::open(book);
                let mut bench = scratch.bench(&twin, &folder, Clock::System).with_fleet(&plan);
                self.faces.with_front(&said, |front| {
                    session.hold(front, &mut bench).map_err(|why| rests(&why, &folder, &[]))
                })?
            }
        };
        tell_end(&ended)
    }
}

/// The latest evidence folder of a workspace without a manifest.
fn unfinished(book: &Workspace) -> Result<PathBuf, Failure> {
    let folder = book.folder().join("evidence");
    let failed = |error: std::io::Error| Failure::file(&folder, &error);
    let mut found: Vec<PathBuf> = std::fs::read_dir(&folder)
        .map_err(failed)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.join("transcript.jsonl").is_file() && !path.join("MANIFEST").exists())
        .collect();
    found.sort();
    found.pop().ok_or_else(|| Failure::input("no ceremony of this workspace is unfinished"))
}

/// Whether every medium but the BOOK, which is the workspace, is mounted and the right one.
fn media_are_there(plan: &Plan, media: &Media) -> Result<(), Failure> {
    for medium in plan.mounted() {
        media.folder(plan, &medium.name).map_err(|trouble| {
            Failure::new(Exit::Machine, escape(&trouble.found))
                .hint("Nothing was begun. Mount the medium, or name the right folder.")
        })?;
    }
    Ok(())
}

fn media_of(plan: &Plan, mounts: &[(KeyName, PathBuf)]) -> Result<Media, Failure> {
    for (name, _) in mounts {
        if !plan.media.iter().any(|medium| medium.name == *name) {
            let known: Vec<_> = plan.media.iter().map(|medium| medium.name.to_string()).collect();
            return Err(Failure::input(format!("{name} is not a medium of the plan"))
                .hint(format!("Its media are: {}.", known.join(", "))));
        }
    }
    Ok(Media::new(mounts.iter().cloned().collect(), false))
}

/// At the very end, after the record is closed, the second copies of the book are brought level once more.
fn level_copies(plan: &Plan, book: &Workspace, media: &Media) {
    for copy in plan.copies() {
        let levelled = media
            .folder(plan, &copy.name)
            .map_err(|trouble| trouble.found)
            .and_then(|second| level(book.folder(), &second).map_err(|error| error.to_string()));
        match levelled {
            Ok(_) => say(format!("{} is level with the book.", copy.name)),
            Err(why) => say(format!(
                "[!!] {} is behind the book: {}. Copy the book by hand, without writing over files.",
                copy.name,
                escape(&why)
            )),
        }
    }
}

pub(super) fn real_bench(
    plan: &Plan,
    book: &Workspace,
    barred: BTreeMap<Fingerprint, String>,
    media: Media,
    evidence: &Path,
) -> impl World + use<> {
    Bench::new(Setting {
        plan: plan.clone(),
        stores: RealStores::new(
            // The child that drives a token is this very program.
            std::env::current_exe().unwrap_or_else(|_| PathBuf::from("anchorite")),
            book.keys(),
            plan,
            barred,
        ),
        media,
        clock: Clock::System,
        room: PathBuf::from("/"),
        rehearsal: false,
        evidence: evidence.to_owned(),
        book: book.folder().to_owned(),
    })
}

/// 16 random bytes, or the ones that were asked for.
pub(super) fn session_id(stated: Option<&str>) -> Result<SessionId, Failure> {
    if let Some(text) = stated {
        return SessionId::try_from(text.to_owned())
            .map_err(|_| Failure::input("--session takes 32 hex digits"));
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Exit::Machine, format!("no random bytes: {error}")))?;
    Ok(SessionId::new(bytes))
}

/// Says how it ended, where everything is, and the exact command that verifies it.
pub(super) fn tell_end(ended: &Ended) -> Result<(), Failure> {
    let head = ended.engine.head();
    let folder = ended.folder.canonicalize().unwrap_or_else(|_| ended.folder.clone());
    let rehearsal = match ended.engine.opening().mode {
        Mode::Real => "",
        Mode::Check | Mode::Rehearsal => " --rehearsal",
    };
    say("");
    say(format!("Evidence:  {}", folder.display()));
    if let (Mode::Rehearsal, Some(top)) = (ended.engine.opening().mode, folder.ancestors().nth(3)) {
        say(format!("Media:     {}/OUT and its neighbours", top.display()));
    }
    say(format!("Head:      {head}"));
    say(format!("           {}", head.words().join(" ")));
    say("Verify:");
    say(format!(
        "  {} evidence verify {}{rehearsal} --head {head}",
        program(),
        quoted(&folder.display().to_string())
    ));
    match ended.outcome {
        Outcome::Done => Ok(()),
        Outcome::Aborted => Err(Failure::new(Exit::Stopped, "the ceremony was stopped")),
    }
}

/// A ceremony that rests, and the very command that goes on with it.
pub(super) fn rests(why: &HoldError, folder: &Path, mounts: &[(KeyName, PathBuf)]) -> Failure {
    let whole = |path: &Path| {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        quoted(&path.display().to_string())
    };
    let media: String = mounts
        .iter()
        .map(|(name, mounted)| format!(" --medium {name}={}", whole(mounted)))
        .collect();
    Failure::held(why, &format!("{} resume {}{media}", program(), whole(folder)))
}

/// The very program that is running, as a shell takes it: it need not be on the path.
fn program() -> String {
    let path = std::env::current_exe();
    quoted(&path.map_or_else(|_| "anchorite".to_owned(), |path| path.display().to_string()))
}

/// A path as a shell takes it.
pub(super) fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=@".contains(c);
    if path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}
