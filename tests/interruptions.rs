//! A ceremony that is cut off anywhere goes on: before and after every line of the record, and between every act and
//! its result.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test may fail loudly, and looks for one case"
)]

#[path = "interruptions/care.rs"]
mod care;
mod stage;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::rc::Rc;

use anchorite::ceremony::ask::Wish;
use anchorite::ceremony::audit;
use anchorite::ceremony::check::CheckReport;
use anchorite::ceremony::engine::Engine;
use anchorite::ceremony::event::{
    Act, Entry, Event, Happened, Outcome, Remains, Request, TroubleKind, Wanted,
};
use anchorite::ceremony::plan::{Origin, Plan};
use anchorite::ceremony::scene::Verdict;
use anchorite::driver::evidence;
use anchorite::driver::file;
use anchorite::driver::hold::{HoldError, hold};
use anchorite::driver::journal::FileJournal;
use anchorite::driver::ports::{Company, Front, Journal, World};
use anchorite::driver::session::{Ended, Resumed, Session};
use anchorite::tuf::digest::Digest;
use anchorite::tuf::nonces::Nonces;
use anchorite::tuf::time::Timestamp;

use stage::{GoodPeople, Stage, noon, report};

/// Where the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Before this entry is written: what the one before it wants was carried out, and its result is lost.
    Before(u64),
    /// After this entry is written, before it is carried out.
    After(u64),
}

/// A journal and a world that share a power supply.
struct Power {
    cut: Cut,
    written: Rc<Cell<u64>>,
}

fn power_cut() -> io::Error {
    io::Error::other("the power is gone")
}

struct CutJournal(FileJournal, Power);

impl Journal for CutJournal {
    fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let number = self.1.written.get() + 1;
        if self.1.cut == Cut::Before(number) {
            return Err(power_cut());
        }
        self.0.append(entry)?;
        self.1.written.set(number);
        if self.1.cut == Cut::After(number) { Err(power_cut()) } else { Ok(()) }
    }
}

fn journal_of(session_folder: &Path, plan: &Plan) -> FileJournal {
    FileJournal::resume(session_folder, plan.digest).unwrap().0
}

/// Holds a ceremony up to the cut, then resumes it to its end with what the same people know of it, and checks what must
/// always hold. Nothing comes back where nothing was on record yet.
fn cut_off<F: Front>(
    stage: &Stage,
    report: &CheckReport,
    cut: Cut,
    people: &mut F,
    know: impl FnOnce(&mut F, &Session),
) -> Option<Ended> {
    let session = stage.begin(report);
    let (mut engine, next) = session.into_parts();
    let written = Rc::new(Cell::new(0));
    let journal = journal_of(&stage.evidence(), &stage.plan);
    let mut journal = CutJournal(journal, Power { cut, written });
    let held = hold(&mut engine, next, people, &mut stage.bench(), &mut journal);
    assert!(matches!(held, Err(HoldError::Journal(_))), "{cut:?}: {held:?}");
    drop((engine, journal));
    if fs::metadata(stage.evidence().join("transcript.jsonl")).unwrap().len() == 0 {
        // Nothing was on record yet: nothing was done, and the ceremony is begun anew.
        assert!(Session::resume(&stage.evidence(), noon()).is_err());
        return None;
    }
    let before = stage.entries();

    let ended = match Session::resume(&stage.evidence(), noon()).unwrap() {
        Resumed::Ended(ended) => *ended,
        Resumed::Open { session, .. } => {
            know(people, &session);
            session.hold(people, &mut stage.bench()).unwrap_or_else(|why| {
                panic!("{cut:?}: {why}");
            })
        }
    };
    assert_eq!(ended.outcome, Outcome::Done, "{cut:?}");
    let after = stage.entries();
    assert_eq!(after.get(..before.len()), Some(before.as_slice()), "{cut:?}");
    every_signature_was_intended(&after, cut);
    let files = evidence::read(&ended.folder).unwrap();
    let audit = audit::audit(&files, Some(ended.engine.head()));
    assert!(audit.verdict() < Verdict::Fail, "{cut:?}: {:#?}", audit.claims);
    Some(ended)
}

fn cut_and_resume(name: &str, report: &CheckReport, cut: Cut) {
    let stage = Stage::set(name);
    let mut people = GoodPeople { plan: stage.plan.digest, change: None, asked: 0 };
    let know = |people: &mut GoodPeople, session: &Session| {
        *people = GoodPeople::of(session.engine(), stage.plan.digest);
    };
    let Some(ended) = cut_off(&stage, report, cut, &mut people, know) else { return };
    let after = stage.entries();
    assert_eq!(made(&after), roster(&ended.engine), "{cut:?}");
    let drafts = drafts(&after);
    assert!(drafts.len() == 1, "{cut:?}: {drafts:?}");
}

/// The fingerprints of the keys that the record says were made, or found by an inspection and adopted.
fn made(entries: &[Entry]) -> BTreeSet<String> {
    entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Happened { what: Happened::Made { public }, .. }
            | Event::Happened { what: Happened::Inspected(Remains::Key(public)), .. } => {
                Some(public.fingerprint().to_string())
            }
            _ => None,
        })
        .collect()
}

fn roster(engine: &Engine) -> BTreeSet<String> {
    engine
        .roster()
        .keys
        .iter()
        .filter(|(name, _)| matches!(engine.plan().key(name).unwrap().origin, Origin::Make { .. }))
        .map(|(_, enrolled)| enrolled.key().fingerprint().to_string())
        .collect()
}

/// The digests of all drafts that were put on record.
fn drafts(entries: &[Entry]) -> BTreeSet<Digest> {
    entries
        .iter()
        .filter_map(|entry| match &entry.then {
            Request::Act(id) if id.subject == "evidence:change.tsv" => id.bytes,
            Request::Act(_) | Request::Ask(_) | Request::Close(_) => None,
        })
        .collect()
}

fn every_signature_was_intended(entries: &[Entry], cut: Cut) {
    let mut intended = BTreeSet::new();
    for entry in entries {
        if let Event::Happened { act, what: Happened::Signed(_), .. } = &entry.event {
            assert!(intended.contains(act), "{cut:?}: {act}");
        }
        if let Request::Act(id) = &entry.then {
            intended.insert(id.clone());
        }
    }
}

fn length(name: &str, report: &CheckReport) -> u64 {
    let stage = Stage::set(name);
    let session = stage.begin(report);
    let mut people = GoodPeople { plan: stage.plan.digest, change: None, asked: 0 };
    session.hold(&mut people, &mut stage.bench()).unwrap();
    u64::try_from(stage.entries().len()).unwrap()
}

/// Of a change every seventh line is enough: the machinery is the same, and what it starts from is read again each time.
#[test]
fn a_change_that_is_cut_off_goes_on_to_the_same_end() {
    let name = "rotate-root-notary1";
    let report = report(name);
    let entries = length(name, &report);
    assert!(entries > 80, "{entries}");
    std::thread::scope(|scope| {
        for first in 1..=2 {
            let report = &report;
            scope.spawn(move || {
                for number in (first * 7..entries).step_by(14) {
                    cut_and_resume(name, report, Cut::Before(number));
                    cut_and_resume(name, report, Cut::After(number));
                    cut_and_resume(name, report, Cut::Before(number + 1));
                }
            });
        }
    });
}

#[test]
fn a_ceremony_that_is_cut_off_anywhere_goes_on_to_the_same_end() {
    let name = "first-root-notary1";
    let report = report(name);
    let entries = length(name, &report);
    assert!(entries > 80, "{entries}");
    // Two cores share the work.
    std::thread::scope(|scope| {
        for first in 1..=2 {
            let report = &report;
            scope.spawn(move || {
                for number in (first..=entries).step_by(2) {
                    cut_and_resume(name, report, Cut::Before(number));
                    cut_and_resume(name, report, Cut::After(number));
                }
            });
        }
    });
}

#[test]
fn so_does_one_in_the_other_dialect() {
    let name = "first-root-tuf1";
    let report = report(name);
    let entries = length(name, &report);
    for number in (1..=entries).step_by(7) {
        cut_and_resume(name, &report, Cut::After(number));
        if number < entries {
            cut_and_resume(name, &report, Cut::Before(number + 1));
        }
    }
}

#[test]
fn a_torn_last_line_is_set_aside_and_kept() {
    let name = "first-root-tuf1";
    let report = report(name);
    for cut_off in [1, 20, 100] {
        let stage = Stage::set(name);
        let (mut engine, next) = stage.begin(&report).into_parts();
        let written = Rc::new(Cell::new(0));
        let journal = journal_of(&stage.evidence(), &stage.plan);
        let mut journal = CutJournal(journal, Power { cut: Cut::After(30), written });
        let mut people = GoodPeople { plan: stage.plan.digest, change: None, asked: 0 };
        let _ = hold(&mut engine, next, &mut people, &mut stage.bench(), &mut journal);
        let path = stage.evidence().join("transcript.jsonl");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - cut_off]).unwrap();
        let Resumed::Open { session, .. } = Session::resume(&stage.evidence(), noon()).unwrap()
        else {
            panic!("it had not ended");
        };
        let mut people = GoodPeople::of(session.engine(), stage.plan.digest);
        let ended = session.hold(&mut people, &mut stage.bench()).unwrap();
        let torn = fs::read(stage.evidence().join("torn-1")).unwrap();
        assert!(bytes.windows(torn.len()).any(|window| window == torn));
        let files = evidence::read(&ended.folder).unwrap();
        let audit = audit::audit(&files, Some(ended.engine.head()));
        assert!(audit.verdict() < Verdict::Fail, "{:#?}", audit.claims);
    }
}

/// A journal whose disk is full at one entry.
struct FullDisk(FileJournal, u64);

impl Journal for FullDisk {
    fn append(&mut self, entry: &Entry) -> io::Result<()> {
        self.1 -= 1;
        if self.1 == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.append(entry)
    }
}

/// A world that counts what it carries out, and whose medium is full once.
struct Counting<W> {
    world: W,
    acts: u32,
    full_at: Option<u32>,
}

impl<W: World> World for Counting<W> {
    fn now(&mut self) -> Timestamp {
        self.world.now()
    }
    fn recall(&mut self, nonces: &Nonces) {
        self.world.recall(nonces);
    }
    fn act(&mut self, act: &Act, company: &mut dyn Company) -> (Happened, Option<Wish>) {
        self.acts += 1;
        if matches!(act, Act::Write { .. }) && self.full_at.take_if(|_| true).is_some() {
            let full = io::Error::from(io::ErrorKind::StorageFull);
            return (Happened::Failed(file::trouble("OUT:roster.json", &full)), None);
        }
        self.world.act(act, company)
    }
}

#[test]
fn a_full_disk_at_an_intent_stops_before_the_act() {
    let name = "first-root-tuf1";
    let report = report(name);
    let stage = Stage::set(name);
    let (mut engine, next) = stage.begin(&report).into_parts();
    // The first act that wants a record is the room's: entry 2 holds its intent.
    let mut journal = FullDisk(journal_of(&stage.evidence(), &stage.plan), 2);
    let mut people = GoodPeople { plan: stage.plan.digest, change: None, asked: 0 };
    let mut world = Counting { world: stage.bench(), acts: 0, full_at: None };
    let held = hold(&mut engine, next, &mut people, &mut world, &mut journal);
    assert!(held.unwrap_err().to_string().starts_with("the record cannot be written"));
    assert_eq!(world.acts, 0);
    let Resumed::Open { session, .. } = Session::resume(&stage.evidence(), noon()).unwrap() else {
        panic!("it had not ended");
    };
    let mut people = GoodPeople::of(session.engine(), stage.plan.digest);
    let ended = session.hold(&mut people, &mut stage.bench()).unwrap();
    assert_eq!(ended.outcome, Outcome::Done);
}

#[test]
fn a_full_medium_is_recorded_and_can_be_tried_again() {
    let name = "first-root-tuf1";
    let report = report(name);
    let stage = Stage::set(name);
    let (mut engine, next) = stage.begin(&report).into_parts();
    let mut journal = journal_of(&stage.evidence(), &stage.plan);
    let mut people = GoodPeople { plan: stage.plan.digest, change: None, asked: 0 };
    let mut world = Counting { world: stage.bench(), acts: 0, full_at: Some(1) };
    let outcome = hold(&mut engine, next, &mut people, &mut world, &mut journal).unwrap();
    assert_eq!(outcome, Outcome::Done);
    let full = stage.entries().into_iter().find_map(|entry| match entry.event {
        Event::Happened { what: Happened::Failed(trouble), .. } => Some(trouble),
        _ => None,
    });
    assert_eq!(full.unwrap().kind, TroubleKind::Full);
    assert!(matches!(engine.wanted(), Wanted::Close(Outcome::Done)));
}
