//! Fleets: one change of many repositories, each of which ends wholly old or wholly new.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::tests_outside_test_module,
    reason = "a test may fail loudly"
)]

mod sample;
#[path = "../stage/mod.rs"]
mod stage;
mod states;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anchorite::ceremony::audit::{self, Claim};
use anchorite::ceremony::before::Before;

use anchorite::ceremony::ask::{Ask, AskKind, Wish};
use anchorite::ceremony::check::CheckReport;
use anchorite::ceremony::event::{
    Entry, Event, Fleet, Happened, Mode, Outcome, Request, SessionId,
};
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::roster::{Enrolled, Facts, Proof, Roster};
use anchorite::ceremony::scene::Verdict;
use anchorite::ceremony::twin::{Purpose, Twin};
use anchorite::driver::bench::{Bench, VirtualStores};
use anchorite::driver::evidence;
use anchorite::driver::fleet::{Barred, Tables, Yard, claims, walk, walk_for_check};
use anchorite::driver::hold::{HoldError, hold};
use anchorite::driver::journal::FileJournal;
use anchorite::driver::ports::{FrontFailed, Journal};
use anchorite::driver::session::{Ended, Resumed, Session};
use anchorite::tuf::any::AnyDocument;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::Dialect;
use anchorite::tuf::signed::Signed;
use anchorite::tuf::verify::{Candidate, RootDigest};

use sample::*;
use stage::{Deciding, GoodPeople, Stage, gone};

/// A fleet of three on a medium, its plan's text and what the check says.
fn check(medium: &Path, list: &str, text: &str) -> (Plan, CheckReport) {
    fs::write(medium.join("fleet.tsv"), list).unwrap();
    let plan = Plan::parse(text.as_bytes()).unwrap_or_else(|why| panic!("{why}\n{text}"));
    let walked = walk_for_check(&plan, medium, noon()).map_err(|trouble| trouble.found);
    let report =
        CheckReport::with_fleet(&plan, noon(), &std::collections::BTreeMap::new(), Some(&walked));
    (plan, report)
}

#[test]
fn a_fleet_of_both_dialects_passes_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let list = lay(folder.path(), &three());
    let (_, report) = check(folder.path(), &list, &plan(&list));
    let bad: Vec<_> =
        report.findings.iter().filter(|f| f.verdict == Verdict::Fail && !f.only_real).collect();
    assert!(report.verdict(Mode::Rehearsal) < Verdict::Fail, "{bad:#?}");
    let named = |name: &str| report.findings.iter().filter(|f| f.name == name).collect::<Vec<_>>();
    assert_eq!(named("fleet-refused"), Vec::<&anchorite::ceremony::check::Finding>::new());
    assert_eq!(named("client-accepts").len(), 2, "{report:#?}");
    assert!(
        named("fleet-walked")[0].text.starts_with("3 repositories, 6 documents, 2 shapes"),
        "{report:#?}"
    );
    assert_eq!(report.signatures["n-root-a"], 2);
    assert_eq!(report.signatures["tagging-2"], 3);
}

/// A rehearsal of a fleet, and what the check said.
struct Rehearsal {
    stage: Stage,
    report: CheckReport,
}

impl Rehearsal {
    fn set(source: &Path, list: &str) -> Self {
        let (_, report) = check(source, list, &plan(list));
        Self::of(source, plan(list), report)
    }

    fn of(source: &Path, text: String, report: CheckReport) -> Self {
        let stage = Stage::of(text.into_bytes());
        anchorite::driver::fleet::lay_out(&stage.plan, source, &stage.medium("IN")).unwrap();
        Self { stage, report }
    }

    fn bench(&self) -> Bench<VirtualStores> {
        self.stage.bench().with_fleet(&self.stage.plan)
    }

    fn people(&self) -> GoodPeople {
        GoodPeople { plan: self.stage.plan.digest, change: None, asked: 0 }
    }

    fn hold(&self) -> Ended {
        self.stage.begin(&self.report).hold(&mut self.people(), &mut self.bench()).unwrap()
    }

    /// What a stranger says of the evidence, with the documents at hand.
    fn audited(&self, ended: &Ended) -> Vec<Claim> {
        let files = evidence::read(&ended.folder).unwrap();
        let mut audit = audit::audit(&files, Some(ended.engine.head()));
        let record = &files["transcript.jsonl"];
        let (engine, _) = audit::replay(&self.stage.plan, &Before::none(), None, record).unwrap();
        let from = self.stage.medium("IN");
        audit.claims.extend(claims(&self.stage.plan, &engine, &ended.folder, Some(&from)));
        audit.claims
    }

    /// The folders of results, and the files in each.
    fn results(&self) -> BTreeMap<String, Vec<String>> {
        let Ok(found) = fs::read_dir(self.stage.medium("OUT").join("fleet")) else {
            return BTreeMap::new();
        };
        found
            .map(|entry| {
                let entry = entry.unwrap();
                let mut files: Vec<_> = fs::read_dir(entry.path())
                    .unwrap()
                    .map(|file| file.unwrap().file_name().into_string().unwrap())
                    .collect();
                files.sort();
                (entry.file_name().into_string().unwrap(), files)
            })
            .collect()
    }

    /// Every repository that is there is whole.
    fn are_whole(&self) -> usize {
        let results = self.results();
        for (name, files) in &results {
            let expected = if name.contains("updates") {
                vec!["2.root.json", "2.targets.json"]
            } else {
                vec!["root.json", "targets.json"]
            };
            assert_eq!(*files, expected, "{name}");
        }
        results.len()
    }
}

fn worst(claims: &[Claim]) -> Verdict {
    claims.iter().map(|claim| claim.verdict).max().unwrap()
}

#[test]
fn a_fleet_is_rehearsed_and_its_evidence_derives_every_row_again() {
    let source = tempfile::tempdir().unwrap();
    let list = lay(source.path(), &three());
    let rehearsal = Rehearsal::set(source.path(), &list);
    let ended = rehearsal.hold();
    assert_eq!(ended.outcome, Outcome::Done);
    assert_eq!(rehearsal.are_whole(), 3);
    let claims = rehearsal.audited(&ended);
    assert!(worst(&claims) < Verdict::Fail, "{claims:#?}");
    let rows = claims.iter().find(|claim| claim.name == "fleet-rows").unwrap();
    assert_eq!(rows.verdict, Verdict::Pass, "{rows:?}");
    assert!(
        rows.text.contains("3 repositories") && rows.text.contains("12 signatures"),
        "{rows:?}"
    );
}

#[test]
fn what_is_written_follows_the_root_before() {
    let source = tempfile::tempdir().unwrap();
    let list = lay(source.path(), &three());
    let rehearsal = Rehearsal::set(source.path(), &list);
    rehearsal.hold();
    for (name, dialect) in three() {
        let folder = format!("rehearsal.invalid/{name}").replace('/', "%2F");
        let out = rehearsal.stage.medium("OUT").join("fleet").join(folder);
        let file = if dialect == Dialect::Notary1 { "root.json" } else { "2.root.json" };
        let new = fs::read(out.join(file)).unwrap();
        let new = Candidate::read(dialect, &new).unwrap();
        // A successor of the twin's root, which is signed by the same stand-ins.
        assert_eq!(new.peek().version, 2);
        let digest: RootDigest = new.digest();
        let trusted = new.compared(digest).unwrap();
        let targets = if dialect == Dialect::Notary1 { "targets.json" } else { "2.targets.json" };
        let targets = Signed::<anchorite::tuf::targets::Targets>::read(
            dialect,
            &fs::read(out.join(targets)).unwrap(),
        )
        .unwrap();
        let authority = trusted.authority(&"targets".parse().unwrap()).unwrap();
        assert!(authority.tally(&targets).reached(), "{name}");
    }
}

#[test]
fn the_tables_for_publishing_name_every_document_and_root_of_the_fleet() {
    let source = tempfile::tempdir().unwrap();
    let list = lay(source.path(), &three());
    let rehearsal = Rehearsal::set(source.path(), &list);
    rehearsal.hold();
    let out = rehearsal.stage.medium("OUT");
    let read = |path: &str| fs::read_to_string(out.join(path)).unwrap();
    let table = |name: &str| read(&format!("publish/part-00000/{name}"));
    let columns = |text: &str, nth: usize| {
        text.lines().map(|line| line.split('\t').nth(nth).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let notary = [
        "rehearsal.invalid/registry.example.com/team/a",
        "rehearsal.invalid/registry.example.com/team/b",
    ];
    assert_eq!(columns(&table("REPOSITORIES"), 0), notary);
    let uploads = table("UPLOADS");
    assert_eq!(columns(&uploads, 1), ["root", "targets", "root", "targets"]);
    for (file, digest) in columns(&uploads, 2).iter().zip(columns(&uploads, 3)) {
        assert_eq!(Digest::of(&fs::read(out.join(file)).unwrap()).to_string(), digest, "{file}");
    }
    let before = table("BEFORE");
    assert_eq!(before.lines().count(), 4, "{before}");
    let roots = table("ROOTS");
    assert_eq!(columns(&roots, 2), ["2", "2", "2"]);
    for (name, digest) in columns(&roots, 0).iter().zip(columns(&roots, 3)) {
        let folder = out.join("fleet").join(name.replace('/', "%2F"));
        let root = ["root.json", "2.root.json"].map(|file| folder.join(file));
        let root = fs::read(root.iter().find(|file| file.is_file()).unwrap()).unwrap();
        assert_eq!(AnyDocument::read(&root).unwrap().digest().to_string(), digest, "{name}");
    }
    assert!(read("publish/publish").contains("canary"));
    let told = read("FLEET.txt");
    assert!(told.contains("NOTARY: 2") && told.contains("TUF: 1"), "{told}");
    let calendar = read("calendar.txt");
    assert!(calendar.contains("root version 2") && calendar.contains("certificate"), "{calendar}");
    // And the workspace trusts the new documents, each under its version.
    let trust = rehearsal.stage.book().join("trust/rehearsal.invalid/updates.example.com");
    assert!(trust.join("2.root.json").is_file() && trust.join("2.targets.json").is_file());
}

/// The power goes at an entry: before it is written, after it, or between what it wants and the result.
#[derive(Debug, Clone, Copy)]
enum Cut {
    After(u64),
    Between(u64),
}

struct CutJournal {
    journal: FileJournal,
    cut: Cut,
    written: u64,
}

impl Journal for CutJournal {
    fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let gone = || Err(io::Error::other("the power is gone"));
        if matches!(self.cut, Cut::Between(at) if at == self.written) {
            return gone();
        }
        self.journal.append(entry)?;
        self.written += 1;
        if matches!(self.cut, Cut::After(at) if at == self.written) { gone() } else { Ok(()) }
    }
}

/// The numbers of the entries that want an act of a fleet.
fn acts_of_the_fleet(entries: &[Entry]) -> Vec<u64> {
    let of_fleet = |entry: &Entry| match &entry.then {
        Request::Act(id) => ["survey", "batch", "assemble"].contains(&id.kind.as_str()),
        Request::Ask(_) | Request::Close(_) => false,
    };
    (1..).zip(entries).filter(|(_, entry)| of_fleet(entry)).map(|(nth, _)| nth).collect()
}

#[test]
fn a_fleet_that_is_cut_off_anywhere_ends_wholly_new() {
    let source = tempfile::tempdir().unwrap();
    let list = lay(source.path(), &three());
    let whole = Rehearsal::set(source.path(), &list);
    whole.hold();
    let acts = acts_of_the_fleet(&whole.stage.entries());
    // Two keys in tokens sign for two repositories one by one, and so on: 1 + 2 + 2 + 1 + 1 + 1 + 1 + 1 + 1.
    assert_eq!(acts.len(), 11);
    for at in acts {
        for cut in [Cut::After(at), Cut::Between(at)] {
            let rehearsal = Rehearsal::of(source.path(), plan(&list), whole.report.clone());
            let (mut engine, next) = rehearsal.stage.begin(&rehearsal.report).into_parts();
            let plan = rehearsal.stage.plan.digest;
            let journal = FileJournal::resume(&rehearsal.stage.evidence(), plan).unwrap().0;
            let mut journal = CutJournal { journal, cut, written: 0 };
            let mut people = rehearsal.people();
            let held = hold(&mut engine, next, &mut people, &mut rehearsal.bench(), &mut journal);
            assert!(matches!(held, Err(HoldError::Journal(_))), "{cut:?}: {held:?}");
            drop((engine, journal));
            rehearsal.are_whole();
            let Resumed::Open { session, .. } =
                Session::resume(&rehearsal.stage.evidence(), noon()).unwrap()
            else {
                panic!("{cut:?}: it had not ended");
            };
            let ended = session.hold(&mut people, &mut rehearsal.bench()).unwrap();
            assert_eq!(ended.outcome, Outcome::Done, "{cut:?}");
            assert_eq!(rehearsal.are_whole(), 3, "{cut:?}");
            let claims = rehearsal.audited(&ended);
            assert!(worst(&claims) < Verdict::Fail, "{cut:?}: {claims:#?}");
        }
    }
}

#[test]
fn a_custodian_pauses_at_the_seventh_of_twelve_and_goes_on_with_the_eighth() {
    let source = tempfile::tempdir().unwrap();
    let names = |nth: u32| (format!("registry.example.com/team/app-{nth:02}"), Dialect::Notary1);
    let list = lay(source.path(), &(1..=12).map(names).collect::<Vec<_>>());
    let rehearsal = Rehearsal::set(source.path(), &list);
    let rests = |ask: &Ask| (ask.id.kind == AskKind::Pause).then(|| Err(gone()));
    let mut people = Deciding::new(rehearsal.people(), rests);
    people.wish_while = Some(("n-root-a signs", 7, Wish::Pause));
    let held = rehearsal.stage.begin(&rehearsal.report).hold(&mut people, &mut rehearsal.bench());
    assert!(matches!(held, Err(HoldError::Front(FrontFailed::Ended { .. }))), "{held:?}");
    let batches = || {
        let entries = rehearsal.stage.entries();
        let done = entries.iter().filter_map(|entry| match &entry.event {
            Event::Happened { act, what: Happened::Batched { .. }, .. } => {
                Some(act.subject.clone())
            }
            Event::Happened { .. }
            | Event::Opened(_)
            | Event::People(_)
            | Event::Resumed { .. } => None,
        });
        done.filter(|subject| subject.starts_with("n-root-a/")).collect::<Vec<_>>()
    };
    let numbered = |count: u32| (0..count).map(|nth| format!("n-root-a/{nth}")).collect::<Vec<_>>();
    assert_eq!(batches(), numbered(7));

    // The laptop was shut; what was signed is not signed again.
    let Resumed::Open { session, .. } =
        Session::resume(&rehearsal.stage.evidence(), noon()).unwrap()
    else {
        panic!("it had not ended");
    };
    let ended = session.hold(&mut rehearsal.people(), &mut rehearsal.bench()).unwrap();
    assert_eq!(ended.outcome, Outcome::Done);
    assert_eq!(batches(), numbered(12));
    assert_eq!(rehearsal.are_whole(), 12);
    let claims = rehearsal.audited(&ended);
    assert!(worst(&claims) < Verdict::Fail, "{claims:#?}");
}

/// Changes one column of the line of one repository.
fn changed(list: &str, repository: &str, column: usize, to: &str) -> String {
    let line = |line: &str| {
        let mut columns: Vec<&str> = line.split('\t').collect();
        if columns[0] == repository {
            columns[column] = to;
        }
        columns.join("\t") + "\n"
    };
    list.lines().map(line).collect()
}

#[test]
fn a_repository_that_is_not_what_the_list_says_is_refused_and_the_others_go_on() {
    let source = tempfile::tempdir().unwrap();
    let list = lay(source.path(), &three());
    let zero = "0".repeat(64);
    for (column, says) in
        [(2, "trusted root"), (3, "documents are not those"), (5, "no set of keys")]
    {
        let to = if column == 5 { "other" } else { &zero };
        let list = changed(&list, "registry.example.com/team/b", column, to);
        let rehearsal = Rehearsal::set(source.path(), &list);
        let found = rehearsal.report.findings.iter().find(|f| f.name == "fleet-refused").unwrap();
        assert!(found.text.contains(says), "{found:?}");
        assert!(found.text.starts_with("1 of 3"), "{found:?}");
        let ended = rehearsal.hold();
        assert_eq!(rehearsal.are_whole(), 2);
        let claims = rehearsal.audited(&ended);
        assert!(worst(&claims) < Verdict::Fail, "{claims:#?}");
    }
}

#[test]
fn a_repository_of_which_the_workspace_trusts_something_newer_is_refused() {
    let source = tempfile::tempdir().unwrap();
    let list = lay(source.path(), &three());
    let rehearsal = Rehearsal::set(source.path(), &list);
    rehearsal.hold();
    let newer = rehearsal.stage.book().join("trust/rehearsal.invalid/updates.example.com");
    let trust = tempfile::tempdir().unwrap();
    fs::create_dir(trust.path().join("updates.example.com")).unwrap();
    let known = trust.path().join("updates.example.com/2.root.json");
    fs::copy(newer.join("2.root.json"), known).unwrap();
    let plan = Plan::parse(plan(&list).as_bytes()).unwrap();
    let walked = |trust: Option<PathBuf>| {
        let purpose = Some(Purpose::Check);
        let (from, barred) = (source.path().to_owned(), Barred::default());
        let yard = Yard { plan: plan.clone(), purpose, from, trust, barred };
        walk(&yard, &throw_away(&plan), &Tables::Digests, |_, _, _| {}).unwrap()
    };
    assert_eq!(walked(None).first_refused, []);
    let survey = walked(Some(trust.path().to_owned()));
    assert_eq!((survey.repositories, survey.left_out), (2, 1));
    let why = &survey.first_refused[0];
    assert_eq!(why.repository, "updates.example.com");
    assert!(why.why.contains("this workspace trusts version 2 already"), "{why:?}");
}

#[test]
fn a_repository_that_would_list_a_barred_key_again_is_refused() {
    let source = tempfile::tempdir().unwrap();
    let one = [("updates.example.com".to_owned(), Dialect::Tuf1)];
    let list = lay(source.path(), &one);
    fs::write(source.path().join("fleet.tsv"), &list).unwrap();
    let plan = Plan::parse(plan(&list).as_bytes()).unwrap();
    let walked = |barred: Barred| {
        let from = source.path().to_owned();
        let yard = Yard { plan: plan.clone(), purpose: None, from, trust: None, barred };
        walk(&yard, &throw_away(&plan), &Tables::Digests, |_, _, _| {}).unwrap()
    };
    assert_eq!(walked(Barred::default()).first_refused, []);
    let root = fs::read(source.path().join("r/updates.example.com/1.root.json")).unwrap();
    let AnyDocument::Root(root) = AnyDocument::read(&root).unwrap() else { panic!("no root") };
    // One that the plan leaves where it is, and one that it names.
    for role in ["timestamp", "root"] {
        let id = &root.peek().roles[&role.parse().unwrap()].keyids[0];
        let key = root.peek().keys[id].public.fingerprint();
        let survey = walked(Barred::new([(key, "it is compromised".to_owned())].into()));
        let why = &survey.first_refused[0].why;
        assert_eq!((survey.repositories, survey.left_out), (0, 1));
        assert!(why.contains("would list a key for") && why.contains("compromised"), "{why}");
    }
}

/// What documents are derived from, with keys that nobody holds.
fn throw_away(plan: &Plan) -> Fleet {
    let twin = Twin::new(plan, &Before::none(), Purpose::Check);
    let facts = Facts {
        mode: Mode::Check,
        session: SessionId::new([0; 16]),
        plan: plan.digest,
        base: noon(),
    };
    let mut roster = Roster::default();
    for (name, forged) in plan.keys.iter().filter_map(|key| Some((&key.name, twin.key(&key.name)?)))
    {
        roster.proofs.insert(name.clone(), Proof::Challenge(forged.sign(b"a challenge")));
        roster.keys.insert(name.clone(), Enrolled::Made { key: forged.public_key().clone() });
    }
    Fleet { roster, facts, at: noon(), drafts: None }
}

#[test]
fn a_document_that_changed_after_the_review_stops_its_batch() {
    let source = tempfile::tempdir().unwrap();
    let list = lay(source.path(), &three());
    let rehearsal = Rehearsal::set(source.path(), &list);
    let (mut engine, next) = rehearsal.stage.begin(&rehearsal.report).into_parts();
    let plan = rehearsal.stage.plan.digest;
    let journal = FileJournal::resume(&rehearsal.stage.evidence(), plan).unwrap().0;
    // The survey is the first act of the fleet: what it wants next is on record, then the medium is changed.
    let whole = Rehearsal::set(source.path(), &list);
    whole.hold();
    let first = acts_of_the_fleet(&whole.stage.entries())[1];
    let mut journal = CutJournal { journal, cut: Cut::After(first), written: 0 };
    let mut people = rehearsal.people();
    let held = hold(&mut engine, next, &mut people, &mut rehearsal.bench(), &mut journal);
    assert!(held.is_err());
    let changed = rehearsal.stage.medium("IN").join("r/registry.example.com-team-a/targets.json");
    fs::write(&changed, "{}").unwrap();
    let Resumed::Open { session, .. } =
        Session::resume(&rehearsal.stage.evidence(), noon()).unwrap()
    else {
        panic!("it had not ended");
    };
    let (mut engine, next) = session.into_parts();
    let journal = FileJournal::resume(&rehearsal.stage.evidence(), plan).unwrap().0;
    let entries = u64::try_from(rehearsal.stage.entries().len()).unwrap();
    let mut journal = CutJournal { journal, cut: Cut::After(entries + 40), written: entries };
    let held = hold(&mut engine, next, &mut people, &mut rehearsal.bench(), &mut journal);
    assert!(held.is_err());
    let log = engine.record().log.join("\n");
    assert!(log.contains("its documents are not those of the list"), "{log}");
    assert!(rehearsal.results().is_empty());
}
