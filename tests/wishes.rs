//! What people want while a machine works, and what a token does that it should not: both are on record where they
//! happened, and the ceremony goes on, rests or stops as it should.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test may fail loudly, and looks for one case"
)]

mod stage;

use anchorite::ceremony::ask::{Answer, Ask, AskKind, People, Wish};
use anchorite::ceremony::audit;
use anchorite::ceremony::event::{
    ActKind, Entry, Event, Happened, Outcome, Request, Trouble, TroubleKind,
};
use anchorite::ceremony::scene::Verdict;
use anchorite::driver::evidence;
use anchorite::driver::hold::HoldError;
use anchorite::driver::ports::FrontFailed;
use anchorite::driver::session::{Ended, Resumed, Session};
use anchorite::keystore::virtual_token::{Fault, Planned};

use stage::{Deciding, GoodPeople, Stage, gone, noon, report, said};

const NAME: &str = "first-root-tuf1";

fn good(stage: &Stage) -> GoodPeople {
    GoodPeople { plan: stage.plan.digest, change: None, asked: 0 }
}

/// Goes on with the ceremony on a bench that has seen nothing of it.
fn resume(stage: &Stage, decide: impl FnMut(&Ask) -> Option<Result<People, FrontFailed>>) -> Ended {
    let Resumed::Open { session, .. } = Session::resume(&stage.evidence(), noon()).unwrap() else {
        panic!("it had not ended");
    };
    let people = GoodPeople::of(session.engine(), stage.plan.digest);
    session.hold(&mut Deciding::new(people, decide), &mut stage.bench()).unwrap()
}

fn passes(ended: &Ended) {
    let files = evidence::read(&ended.folder).unwrap();
    let audit = audit::audit(&files, Some(ended.engine.head()));
    assert!(audit.verdict() < Verdict::Fail, "{:#?}", audit.claims);
}

/// The place of the last signature of root-b, on the root.
fn signature(entries: &[Entry]) -> usize {
    let found = entries.iter().rposition(|entry| {
        matches!(&entry.event, Event::Happened { act, what: Happened::Signed(_), .. }
            if act.kind == ActKind::Sign && act.subject == "root-b")
    });
    found.unwrap()
}

fn asked(entry: &Entry) -> Option<AskKind> {
    match &entry.then {
        Request::Ask(id) => Some(id.kind),
        Request::Act(_) | Request::Close(_) => None,
    }
}

fn stops(ask: &Ask) -> Option<Result<People, FrontFailed>> {
    match ask.id.kind {
        AskKind::Abort => {
            Some(Ok(said(ask, Answer::Typed(vec!["plover".into(), "a fire alarm".into()]))))
        }
        AskKind::Trouble => Some(Ok(said(ask, Answer::Chose("stop".into())))),
        _ => None,
    }
}

#[test]
fn a_wish_while_a_signature_waits_for_a_touch_comes_right_after_the_signature() {
    let report = report(NAME);
    for (wish, kind) in [
        (Wish::Exception, AskKind::Exception),
        (Wish::Pause, AskKind::Pause),
        (Wish::Abort, AskKind::Abort),
    ] {
        let stage = Stage::set(NAME);
        // The first touch proves the key, the second signs the root.
        let mut people = Deciding::new(good(&stage), stops);
        people.wish_at = Some(("root-b", 2, wish));
        let ended = stage.begin(&report).hold(&mut people, &mut stage.bench()).unwrap();
        let entries = stage.entries();
        let at = signature(&entries);
        assert_eq!(entries[at + 1].event, Event::People(People::Wish(wish)));
        assert_eq!(asked(&entries[at + 1]), Some(kind));
        let signed = ended.engine.record().signatures.values().flatten().count();
        if wish == Wish::Abort {
            assert_eq!(ended.outcome, Outcome::Aborted);
            assert_eq!(ended.engine.record().aborted.as_deref(), Some("a fire alarm"));
            assert!(evidence::read(&ended.folder).unwrap().contains_key("MANIFEST"));
            assert!(!stage.medium("OUT").join("anchors").exists());
            assert_eq!(signed, 2);
        } else {
            assert_eq!(ended.outcome, Outcome::Done);
            // Nothing was signed twice.
            assert_eq!(signed, 6);
        }
        assert_eq!(ended.engine.record().exceptions.len(), usize::from(wish == Wish::Exception));
        passes(&ended);
    }
}

#[test]
fn a_wish_that_was_not_answered_before_an_interruption_is_asked_again() {
    let report = report(NAME);
    for (wish, kind) in [
        (Wish::Exception, AskKind::Exception),
        (Wish::Pause, AskKind::Pause),
        (Wish::Abort, AskKind::Abort),
    ] {
        let stage = Stage::set(NAME);
        let leave = |ask: &Ask| if ask.id.kind == kind { Some(Err(gone())) } else { None };
        let mut people = Deciding::new(good(&stage), leave);
        people.wish_at = Some(("root-b", 2, wish));
        let held = stage.begin(&report).hold(&mut people, &mut stage.bench());
        assert!(matches!(held, Err(HoldError::Front(FrontFailed::Ended { .. }))));
        let rested = stage.entries().len();
        // Whoever is asked whether to stop may go on after all.
        let ended = resume(&stage, |ask| match ask.id.kind {
            AskKind::Abort => {
                Some(Ok(said(ask, Answer::Typed(vec![String::new(), String::new()]))))
            }
            _ => None,
        });
        let entries = stage.entries();
        assert!(matches!(entries[rested].event, Event::Resumed { interrupted: None, .. }));
        assert_eq!(asked(&entries[rested]), Some(kind));
        assert_eq!(ended.outcome, Outcome::Done);
        assert_eq!(ended.engine.record().signatures.values().flatten().count(), 6);
        passes(&ended);
    }
}

#[test]
fn a_touch_that_does_not_come_is_told_after_the_wish_that_came_meanwhile() {
    let stage = Stage::set(NAME);
    // Look, make, open, prove; look, open, and the signature on the root waits in vain.
    stage.plan_faults("root-b", &[Planned { at: 7, fault: Fault::NoTouch }]);
    let mut people = Deciding::new(good(&stage), |_: &Ask| None);
    people.wish_at = Some(("root-b", 2, Wish::Exception));
    let session = stage.begin(&report(NAME));
    let ended = session.hold(&mut people, &mut stage.bench()).unwrap();
    let entries = stage.entries();
    let failed = failures(&entries);
    let [(at, trouble)] = failed.as_slice() else { panic!("{failed:?}") };
    assert_eq!(trouble.kind, TroubleKind::NobodyAnswered);
    // A key proves itself and signs the root; the touch that did not come was asked for too. A PKCS#11 token asks for none.
    let touches = &ended.engine.record().touches;
    let of = |key: &str| touches.get(&key.parse().unwrap()).copied();
    assert_eq!((of("root-a"), of("root-b"), of("root-c")), (Some(2), Some(3), None));
    let event = &entries[*at].event;
    assert!(matches!(event, Event::Happened { touches: 1, .. }), "{event:?}");
    assert_eq!(entries[at + 1].event, Event::People(People::Wish(Wish::Exception)));
    assert_eq!(asked(&entries[at + 2]), Some(AskKind::Trouble));
    assert_eq!(ended.outcome, Outcome::Done);
    passes(&ended);
}

#[test]
fn a_stand_in_that_was_blocked_is_told_and_is_unblocked_when_people_try_again() {
    let stage = Stage::set(NAME);
    // Look, make, open, prove; each signature is a look, an opening and the signature, which asks for the PIN.
    let wrong = |at| Planned { at, fault: Fault::WrongSecret };
    stage.plan_faults("root-b", &[7, 10, 13].map(wrong));
    let consents = |ask: &Ask| {
        let last = ask.id.kind == AskKind::LastTry;
        last.then(|| Ok(said(ask, Answer::Chose("consent".into()))))
    };
    let session = stage.begin(&report(NAME));
    let mut people = Deciding::new(good(&stage), consents);
    let ended = session.hold(&mut people, &mut stage.bench()).unwrap();
    let failed = failures(&stage.entries());
    let kinds: Vec<_> = failed.iter().map(|(_, trouble)| trouble.kind).collect();
    assert_eq!(kinds, [TroubleKind::WrongSecret, TroubleKind::WrongSecret, TroubleKind::Blocked]);
    assert_eq!(ended.outcome, Outcome::Done);
    passes(&ended);
}

/// Everything that failed, and where it is on record.
fn failures(entries: &[Entry]) -> Vec<(usize, Trouble)> {
    entries
        .iter()
        .enumerate()
        .filter_map(|(at, entry)| match &entry.event {
            Event::Happened { what: Happened::Failed(trouble), .. } => Some((at, trouble.clone())),
            _ => None,
        })
        .collect()
}

#[test]
fn a_nonce_that_a_key_used_before_is_refused_whether_or_not_the_ceremony_rested_meanwhile() {
    for rests in [false, true] {
        let stage = Stage::set(NAME);
        let broken: Vec<_> = (1..=20).map(|at| Planned { at, fault: Fault::SameNonce }).collect();
        stage.plan_faults("root-a", &broken);
        let session = stage.begin(&report(NAME));
        let leave = |ask: &Ask| {
            if rests && ask.id.kind == AskKind::Review { Some(Err(gone())) } else { stops(ask) }
        };
        let held = session.hold(&mut Deciding::new(good(&stage), leave), &mut stage.bench());
        let ended = if rests {
            assert!(held.is_err());
            resume(&stage, stops)
        } else {
            held.unwrap()
        };
        assert_eq!(ended.outcome, Outcome::Aborted, "{rests}");
        let failed = failures(&stage.entries());
        let [(_, trouble)] = failed.as_slice() else { panic!("{rests}: {failed:?}") };
        assert_eq!(trouble.kind, TroubleKind::BadSignature);
        assert!(trouble.found.contains("a nonce was used twice"), "{}", trouble.found);
        // The second signature is nowhere: with it, everybody could compute the key.
        assert!(ended.engine.record().signatures.is_empty());
        passes(&ended);
    }
}
