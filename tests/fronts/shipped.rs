//! The shipped ceremonies, played with keys on the screen and with lines of plain text.

use std::fs;
use std::io;
use std::path::Path;

use anchorite::ceremony::ask::{Answer, Ask, Form, People};
use anchorite::ceremony::before::Before;
use anchorite::ceremony::check::{CheckReport, Ground, base};
use anchorite::ceremony::engine::Engine;
use anchorite::ceremony::event::{Mode, Opening, Outcome, SessionId, ToolId, Wanted};
use anchorite::ceremony::model::Room;
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::scene::Scene;
use anchorite::ceremony::twin::{Purpose, Twin};
use anchorite::driver::media::beside;
use anchorite::driver::ports::Front as _;
use anchorite::front::plain::Plain;
use anchorite::front::plain::teller::Teller;
use anchorite::front::plain::typist::Lines;
use anchorite::front::script::Script;
use anchorite::front::secrets::Secrets;
use anchorite::front::tui::{Effect, Input, Model, Round, update};
use anchorite::front::words::Charset;

use crate::hands::{keys, lines};
use crate::screens::{LOOKS, SMALL, picture};

/// Those that play every question that people are asked.
const SHIPPED: [&str; 7] = [
    "first-root-notary1",
    "first-root-tuf1",
    "rotate-root-notary1",
    "provision-token",
    "change-pin",
    "back-up",
    "restore-drill",
];

/// Changes, whose scripts are played too.
const CHANGES: [&str; 11] = [
    "refresh",
    "rotate-root",
    "replace-custodian",
    "rotate-online",
    "root-compromise",
    "adopt",
    "rotate-tagging",
    "add-delegation",
    "rotate-delegation",
    "remove-delegation",
    "sign-targets",
];

/// Plays a shipped ceremony in a model of the room, and gives every scene with its question and the room's answer to
/// `see`.
fn play(name: &str, mut see: impl FnMut(&Scene, &Ask, &People)) {
    play_by(name, |engine, room, ask| {
        let said = room.answer(ask, engine);
        see(&engine.scene(), ask, &said);
        said
    });
}

/// Plays a shipped ceremony in a model of the room, with these answers.
fn play_by(name: &str, mut answer: impl FnMut(&Engine, &Room, &Ask) -> People) {
    let file = format!("ceremonies/{name}/plan.toml");
    let plan = Plan::parse(&fs::read(&file).unwrap()).unwrap();
    let at = "2026-12-01T12:00:00Z".parse().unwrap();
    let at_hand = beside(Path::new(&file), &plan);
    let before = Before::of(&plan, &at_hand).unwrap();
    let twin = Twin::new(&plan, &before, Purpose::Rehearse);
    let report = CheckReport::of(&plan, at, &at_hand);
    let ground =
        Ground::new(report.clear(twin.plan(), Mode::Rehearsal).unwrap(), twin.before().clone());
    let opening = Opening {
        mode: Mode::Rehearsal,
        session: SessionId::new([7; 16]),
        tool: ToolId { name: "anchorite".to_owned(), version: String::new() },
        plan: plan.digest,
        base: base(&plan, at),
        at,
        check: None,
        unattended: false,
        asked: None,
        earlier: Vec::new(),
    };
    let mut room = Room::new(twin);
    let (mut engine, mut next) = Engine::open(ground, opening);
    loop {
        next = match next.wanted {
            Wanted::Close(outcome) => {
                assert_eq!(outcome, Outcome::Done);
                return;
            }
            Wanted::Act(id, act) => {
                let what = room.act(&id, &act);
                engine.happened(at, id, what, 0)
            }
            Wanted::Ask(ask) => {
                let said = answer(&engine, &room, &ask);
                engine.people(at, said).unwrap()
            }
        };
    }
}

fn plays(see: impl FnMut(&Scene, &Ask, &People) + Copy) {
    for name in SHIPPED {
        play(name, see);
    }
}

fn say(said: &People) -> &Answer {
    match said {
        People::Answer { say, .. } => say,
        People::Wish(wish) => panic!("{wish:?}"),
    }
}

#[test]
fn every_question_of_a_ceremony_is_answered_with_keys() {
    plays(|scene, ask, said| {
        let mut model = Model::new(LOOKS, SMALL);
        let _ = update(&mut model, Input::Scene(Box::new(scene.clone())));
        let _ = update(&mut model, Input::Ask(Round(1), Box::new(ask.clone())));
        let before = picture(&model);
        let pressed = keys(ask, say(said)).into_iter();
        let effects: Vec<Effect> =
            pressed.filter_map(|key| update(&mut model, Input::Key(key))).collect();
        match effects.as_slice() {
            [Effect::Said(Round(1), heard)] => assert_eq!(heard, said),
            other => panic!("{other:?}\n{before}\n{}", picture(&model)),
        }
    });
}

#[test]
fn every_question_of_a_ceremony_is_answered_with_lines() {
    plays(|scene, ask, said| {
        let typed = lines(ask, say(said));
        let clock = Box::new(|| "2026-12-01T12:00:00Z".parse().unwrap());
        let teller = Teller::new(io::sink(), clock, Charset::Ascii);
        let mut plain = Plain::new(Lines(typed.as_bytes()), teller, Secrets::default());
        plain.show(scene.clone());
        assert_eq!(&plain.ask(ask).unwrap(), said, "{typed}");
    });
}

#[test]
fn the_shipped_script_answers_every_question_and_no_other() {
    let changes =
        CHANGES.iter().flat_map(|kind| ["notary1", "tuf1"].map(|d| format!("{kind}-{d}")));
    for name in SHIPPED.map(ToOwned::to_owned).into_iter().chain(changes) {
        let file = fs::read_to_string(format!("ceremonies/{name}/answers.toml")).unwrap();
        let mut script = Script::parse(&file, Secrets::default()).unwrap();
        play_by(&name, |engine, _, ask| {
            assert_eq!(engine.trouble(), None, "{name}, before {}", ask.id);
            script.ask(ask).unwrap()
        });
        script.finish().unwrap();
    }
}

#[test]
fn nothing_on_the_screen_tells_a_word_that_is_asked_for() {
    plays(|scene, ask, said| {
        let (Form::Words(_), Answer::Typed(words)) = (&ask.form, say(said)) else { return };
        // Help, log and details are part of the scene, and all of it can be brought to the screen.
        let shown = format!("{scene:?}").to_lowercase();
        let told = words.iter().find(|word| shown.contains(&word.to_lowercase()));
        assert_eq!(told, None, "{scene:#?}");
    });
}
