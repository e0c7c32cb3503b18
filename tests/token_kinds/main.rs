//! Ceremonies about keys alone: tokens provisioned, secrets changed, back-ups made and tried, keys given up.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::string_slice,
    clippy::tests_outside_test_module,
    reason = "a test may fail loudly, and looks for one case"
)]

mod care;
mod files;
mod holding;
#[path = "../stage/mod.rs"]
mod stage;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use anchorite::ceremony::ask::{Answer, Ask, AskKind, People, Wish};
use anchorite::ceremony::audit;
use anchorite::ceremony::check::CheckReport;
use anchorite::ceremony::event::{Event, Happened, Mode, Outcome, Refusal, TroubleKind};
use anchorite::ceremony::plan::{Plan, print};
use anchorite::ceremony::scene::{Scene, Verdict};
use anchorite::driver::media;
use anchorite::driver::ports::{Company, Front, FrontFailed, Progress};
use anchorite::driver::session::{Ended, Resumed, Session};
use anchorite::front::script::Script;
use anchorite::front::secrets::Secrets;
use anchorite::keystore::virtual_token::{Fault, Planned};
use anchorite::keystore::{Label, Rules, Secret, SecretKind, Unlock};

use stage::{GoodPeople, Stage, gone, noon, said};

const KINDS: [&str; 5] =
    ["provision-token", "change-pin", "back-up", "restore-drill", "retire-token"];

/// What the check says of a shipped plan, with the repository beside it.
fn report(name: &str) -> CheckReport {
    let file = format!("ceremonies/{name}/plan.toml");
    let plan = Plan::parse(&fs::read(&file).unwrap()).unwrap();
    CheckReport::of(&plan, noon(), &media::beside(Path::new(&file), &plan))
}

/// Holders who have written their secrets down: the old one, the new one, and a PUK.
struct Holders<F> {
    good: GoodPeople,
    decide: F,
    /// The secrets that they type before the right one.
    slips: Vec<&'static str>,
    /// What opens the key now, as they believe.
    opens: String,
    typed: Rc<Cell<u32>>,
    /// Counts what is typed for this key alone.
    only: Option<&'static str>,
}

impl<F> Holders<F> {
    fn new(session: &Session, stage: &Stage, decide: F) -> Self {
        Self {
            good: GoodPeople::of(session.engine(), stage.plan.digest),
            decide,
            slips: Vec::new(),
            opens: "731946".to_owned(),
            typed: Rc::default(),
            only: None,
        }
    }
}

impl<F> Unlock for Holders<F> {
    fn secret(&mut self, label: &Label, _: Option<u8>) -> Option<Secret> {
        if self.only.is_some_and(|key| key != label.key.as_str()) {
            return Some(Secret::of(&self.opens));
        }
        self.typed.set(self.typed.get() + 1);
        match self.slips.pop() {
            Some(slip) => Some(Secret::of(slip)),
            None => Some(Secret::of(&self.opens)),
        }
    }
    fn new_secret(&mut self, label: &Label, _: &Rules) -> Option<Secret> {
        match label.kind {
            SecretKind::Puk => Some(Secret::of("58204713")),
            SecretKind::Pin | SecretKind::Passphrase => {
                "852047".clone_into(&mut self.opens);
                Some(Secret::of(&self.opens))
            }
        }
    }
    fn touch(&mut self, _: &Label) {}
}

impl<F> Company for Holders<F> {
    fn progress(&mut self, _: &Progress) {}
    fn wish(&mut self) -> Option<Wish> {
        None
    }
}

impl<F: FnMut(&Ask) -> Option<Result<People, FrontFailed>>> Front for Holders<F> {
    fn show(&mut self, scene: Scene) {
        self.good.show(scene);
    }
    fn ask(&mut self, ask: &Ask) -> Result<People, FrontFailed> {
        (self.decide)(ask).unwrap_or_else(|| self.good.ask(ask))
    }
    fn refused(&mut self, refusal: &Refusal) {
        self.good.refused(refusal);
    }
}

const fn nothing(_: &Ask) -> Option<Result<People, FrontFailed>> {
    None
}

/// Rehearses a shipped plan.
fn rehearse(name: &str) -> (Stage, Ended) {
    rehearse_with(name, &[], |_| {})
}

fn rehearse_with(
    name: &str,
    faults: &[(&str, Planned)],
    prepare: impl FnOnce(&mut Holders<fn(&Ask) -> Option<Result<People, FrontFailed>>>),
) -> (Stage, Ended) {
    let stage = Stage::set(name);
    for (key, fault) in faults {
        stage.plan_faults(key, &[*fault]);
    }
    let session = stage.begin(&report(name));
    let decide: fn(&Ask) -> Option<Result<People, FrontFailed>> = nothing;
    let mut people = Holders::new(&session, &stage, decide);
    prepare(&mut people);
    let ended = session.hold(&mut people, &mut stage.bench()).unwrap();
    assert_eq!(ended.outcome, Outcome::Done);
    (stage, ended)
}

/// What the machines reported, in order, without looks.
fn story(stage: &Stage) -> Vec<String> {
    let entries = stage.entries();
    let acts = entries.iter().filter_map(|entry| match &entry.event {
        Event::Happened { act, what, .. } => Some((act, what)),
        Event::Opened(_) | Event::People(_) | Event::Resumed { .. } => None,
    });
    acts.map(|(act, what)| match what {
        Happened::Failed(trouble) => format!("{}: {:?}", act.kind.as_str(), trouble.kind),
        _ => act.kind.as_str().to_owned(),
    })
    .filter(|line| !["room", "look", "mount", "seal"].contains(&line.as_str()))
    .collect()
}

/// The certificate in the evidence.
fn certificate(ended: &Ended) -> serde_json::Value {
    serde_json::from_slice(&fs::read(ended.folder.join("care.json")).unwrap()).unwrap()
}

#[test]
fn every_shipped_plan_passes_its_check_and_is_rehearsed_with_good_evidence() {
    for name in KINDS {
        assert_eq!(report(name).verdict(Mode::Rehearsal), Verdict::Warn, "{name}");
        let (_stage, ended) = rehearse(name);
        let mut files = BTreeMap::new();
        for path in anchorite::driver::file::list(&ended.folder).unwrap() {
            files.insert(path.clone(), fs::read(ended.folder.join(&path)).unwrap());
        }
        let audit = audit::audit(&files, Some(ended.engine.head()));
        assert!(audit.verdict() < Verdict::Unknown, "{name}: {audit:#?}");
        assert!(ended.engine.served().is_empty() && ended.engine.change().is_none(), "{name}");
    }
}

#[test]
fn the_paper_of_each_fits_its_pages_and_lists_what_is_cared_for() {
    for (name, heading) in
        KINDS.into_iter().zip(["BAGS", "BAGS", "BACK-UPS", "DRILLS", "KEYS THAT"])
    {
        let plan = Plan::parse(&fs::read(format!("ceremonies/{name}/plan.toml")).unwrap()).unwrap();
        let paper = print::script(&plan, &print::KnownDigests::default());
        assert!(paper.contains(heading) && paper.contains("BOX H1"), "{paper}");
        assert!(!paper.contains("BOX D") && !paper.contains("ROLES OF"), "{paper}");
        for page in paper.split('\u{c}') {
            assert_eq!(page.lines().count(), 60, "{page}");
            let wide = page.lines().find(|line| line.chars().count() > 80);
            assert_eq!(wide, None);
        }
    }
}

#[test]
fn the_shipped_answers_and_secrets_hold_each_of_them() {
    for name in KINDS {
        let stage = Stage::set(name);
        let session = stage.begin(&report(name));
        let secrets = fs::File::open(format!("ceremonies/{name}/rehearsal-secrets"));
        let secrets = secrets.map_or_else(|_| Secrets::default(), |f| Secrets::read(f).unwrap());
        let answers = fs::read_to_string(format!("ceremonies/{name}/answers.toml")).unwrap();
        let mut script = Script::parse(&answers, secrets).unwrap();
        let ended = session.hold(&mut script, &mut stage.bench()).unwrap();
        assert_eq!(ended.outcome, Outcome::Done, "{name}");
        script.finish().unwrap();
    }
}

#[test]
fn a_token_gets_its_holders_secrets_before_it_makes_its_key() {
    let (stage, ended) = rehearse("provision-token");
    assert_eq!(story(&stage), ["provision", "make", "prove"]);
    let said = certificate(&ended);
    assert_eq!(said["provisioned"][0], "root-d");
    assert_eq!(
        (&said["bags"][0]["bag"], &said["bags"][0]["secrets_bag"]),
        (&"A-1041".into(), &"B-2041".into())
    );
    let record = fs::read_to_string(ended.folder.join("transcript.jsonl")).unwrap();
    assert!(!record.contains("852047") && !record.contains("58204713"));
}

#[test]
fn a_wrong_pin_first_uses_one_try_and_is_on_record() {
    let (stage, ended) =
        rehearse_with("provision-token", &[], |people| people.slips = vec!["111111"]);
    assert_eq!(story(&stage), ["provision", "make: WrongSecret", "make", "prove"]);
    // Nobody has to file it.
    let [filed] = &ended.engine.record().exceptions[..] else { panic!("one exception") };
    assert_eq!(filed.expected, "make root-d: the key is made");
    assert_eq!(filed.happened, "root-d: wrong PIN; 2 tries are left");
    assert_eq!((filed.decided.as_str(), filed.by.as_str()), ("try again", "Administrator"));
}

#[test]
fn a_token_that_is_pulled_while_it_is_provisioned_is_provisioned_again() {
    // The first operation is the look.
    let fault = Planned { at: 2, fault: Fault::Gone };
    let (stage, _) = rehearse_with("provision-token", &[("root-d", fault)], |_| {});
    assert_eq!(story(&stage), ["provision: Gone", "provision", "make", "prove"]);
}

#[test]
fn the_last_try_is_used_with_consent_only() {
    let stage = Stage::set("provision-token");
    let session = stage.begin(&report("provision-token"));
    let consents = Cell::new(0);
    let mut people = Holders::new(&session, &stage, |ask: &Ask| {
        (ask.id.kind == AskKind::LastTry).then(|| {
            consents.set(consents.get() + 1);
            Ok(said(ask, Answer::Chose("consent".to_owned())))
        })
    });
    people.slips = vec!["222222", "111111"];
    let ended = session.hold(&mut people, &mut stage.bench()).unwrap();
    assert_eq!((ended.outcome, consents.get()), (Outcome::Done, 1));
    let wrong = ["make: WrongSecret", "make: WrongSecret"];
    assert_eq!(story(&stage), ["provision", wrong[0], wrong[1], "make", "prove"]);
}

#[test]
fn a_new_pin_is_proven_by_a_signature_before_the_old_paper_is_destroyed() {
    let (stage, ended) = rehearse("change-pin");
    assert_eq!(story(&stage), ["change-secret", "prove", "change-secret", "prove"]);
    let asked: Vec<String> = stage
        .entries()
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::People(People::Answer { ask, .. }) if ask.kind == AskKind::Note => {
                Some(ask.about.clone())
            }
            Event::Happened { act, what, .. } if !matches!(what, Happened::Failed(_)) => {
                (["prove", "change-secret"].contains(&act.kind.as_str())).then(|| act.to_string())
            }
            _ => None,
        })
        .take(4)
        .collect();
    let expected = ["paper/root-a", "change-secret root-a #1", "prove root-a #1", "bags/root-a"];
    assert_eq!(asked, expected);
    assert_eq!(certificate(&ended)["secrets_changed"].as_array().unwrap().len(), 2);
}

/// The power goes after the PIN was changed on the token and before that is on record. `chose` is what people say then,
/// `opens` the secret that they type from then on.
fn cut_between(chose: &'static str, opens: &str) -> (Stage, Ended) {
    let (stage, _) = rehearse("change-pin");
    let entries = stage.entries();
    let at = entries.iter().position(|entry| {
        matches!(&entry.event, Event::Happened { act, .. } if act.kind.as_str() == "change-secret")
    });
    // The record ends with the intent; what the token does is done.
    let folder = stage.evidence();
    let record = fs::read(folder.join("transcript.jsonl")).unwrap();
    let kept: Vec<&[u8]> =
        record.split_inclusive(|byte| *byte == b'\n').take(at.unwrap()).collect();
    for path in anchorite::driver::file::list(&folder).unwrap() {
        if !["plan.toml", "check.json"].contains(&path.as_str()) {
            fs::remove_file(folder.join(path)).unwrap();
        }
    }
    fs::write(folder.join("transcript.jsonl"), kept.concat()).unwrap();
    let Resumed::Open { session, .. } = Session::resume(&folder, noon()).unwrap() else {
        panic!("it had ended");
    };
    let mut people = Holders::new(&session, &stage, |ask: &Ask| {
        (ask.id.kind == AskKind::Trouble).then(|| Ok(said(ask, Answer::Chose(chose.to_owned()))))
    });
    opens.clone_into(&mut people.opens);
    let ended = session.hold(&mut people, &mut stage.bench()).unwrap();
    assert_eq!(ended.outcome, Outcome::Done);
    (stage, ended)
}

#[test]
fn a_pin_that_was_changed_before_the_power_went_is_taken_as_set_and_proves_itself() {
    let (stage, ended) = cut_between("adopt", "852047");
    let story = story(&stage);
    assert_eq!(story, ["inspect", "prove", "change-secret", "prove"]);
    assert_eq!(certificate(&ended)["secrets_changed"].as_array().unwrap().len(), 2);
}

#[test]
fn a_pin_that_was_changed_before_the_power_went_may_be_changed_once_more() {
    let (stage, _) = cut_between("again", "852047");
    assert_eq!(story(&stage), ["inspect", "change-secret", "prove", "change-secret", "prove"]);
}

#[test]
fn back_ups_go_to_their_media_and_nobody_writes_over_one() {
    let (stage, ended) = rehearse("back-up");
    assert_eq!(story(&stage), ["back-up", "back-up"]);
    assert!(stage.medium("KEYS").join("release.recovery.age").is_file());
    assert!(stage.medium("PRINT").join("release.paper.txt").is_file());
    assert_eq!(certificate(&ended)["back_ups"][1]["place"], "Second office");

    let stage = Stage::set("back-up");
    fs::write(stage.medium("KEYS").join("release.recovery.age"), "somebody's").unwrap();
    let session = stage.begin(&report("back-up"));
    let mut people = Holders::new(&session, &stage, |ask: &Ask| {
        (ask.id.kind == AskKind::Trouble).then(|| Err(gone()))
    });
    session.hold(&mut people, &mut stage.bench()).unwrap_err();
    assert_eq!(story(&stage), ["back-up: Occupied"]);
    let there = fs::read_to_string(stage.medium("KEYS").join("release.recovery.age")).unwrap();
    assert_eq!(there, "somebody's");
}

#[test]
fn a_drill_brings_the_key_back_from_its_kit_and_never_looks_at_its_store() {
    let (stage, ended) = rehearse("restore-drill");
    let looked = stage.entries().iter().any(
        |entry| matches!(&entry.event, Event::Happened { act, .. } if act.kind.as_str() == "look"),
    );
    assert!(!looked);
    assert_eq!(story(&stage), ["drill"]);
    assert!(certificate(&ended)["drills"]["release"]["seconds"].is_number());
}

#[test]
fn a_drill_with_another_back_up_or_without_one_fails_and_says_so() {
    for (bytes, found) in
        [(None, TroubleKind::Absent), (Some("REHEARSAL: another key\n"), TroubleKind::Mismatch)]
    {
        let stage = Stage::set("restore-drill");
        let file = stage.medium("KEYS").join("release.recovery.age");
        match bytes {
            Some(bytes) => fs::write(file, bytes).unwrap(),
            None => fs::remove_file(file).unwrap(),
        }
        let session = stage.begin(&report("restore-drill"));
        let mut people = Holders::new(&session, &stage, |ask: &Ask| {
            (ask.id.kind == AskKind::Trouble).then(|| Err(gone()))
        });
        session.hold(&mut people, &mut stage.bench()).unwrap_err();
        assert_eq!(story(&stage), [format!("drill: {found:?}")]);
    }
}

#[test]
fn keys_are_given_up_with_what_became_of_each() {
    let (_stage, ended) = rehearse("retire-token");
    let said = certificate(&ended);
    let states: Vec<&str> = said["retired"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["destroyed", "not-recovered"]);
    assert_eq!(ended.engine.retired().count(), 2);
}
