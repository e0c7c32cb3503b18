//! The same decisions leave the same record, byte for byte, whichever way people take part.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::rc::Rc;

use anchorite::ceremony::ask::{Answer, Ask, People, Wish};
use anchorite::ceremony::event::Refusal;
use anchorite::ceremony::scene::Scene;
use anchorite::driver::ports::{Company, Front, FrontFailed, Progress};
use anchorite::front::plain::Plain;
use anchorite::front::plain::teller::Teller;
use anchorite::front::plain::typist::{Typed, Typist};
use anchorite::front::script::Script;
use anchorite::front::secrets::{KEYBOARD_LINE, Secrets};
use anchorite::front::tui::keymap::Key;
use anchorite::front::tui::{Effect, Input, Model, Round, update};
use anchorite::front::words::Charset;
use anchorite::keystore::{Label, Rules, Secret, SecretKind, Unlock};

use crate::hands::{keys, lines};
use crate::screens::{LOOKS, SMALL};
use crate::stage::{GoodPeople, Stage, noon, report};

/// What somebody types for a secret of this kind.
fn secret_of(label: &Label) -> &'static str {
    match label.kind {
        SecretKind::Pin | SecretKind::Puk => "123456",
        SecretKind::Passphrase => "stale-Otter-77-lamp-crossing",
    }
}

/// What the people of the stage answer.
fn decision(people: &mut GoodPeople, ask: &Ask) -> Answer {
    match people.ask(ask).unwrap() {
        People::Answer { say, .. } => say,
        People::Wish(wish) => panic!("{wish:?}"),
    }
}

/// Lines that were typed, until the plain front reads them.
#[derive(Clone, Default)]
struct Lines(Rc<RefCell<VecDeque<String>>>);

impl Lines {
    fn type_in(&self, text: &str) {
        self.0.borrow_mut().extend(text.lines().map(str::to_owned));
    }
}

impl Typist for Lines {
    fn line(&mut self) -> io::Result<Typed<String>> {
        Ok(self.0.borrow_mut().pop_front().map_or(Typed::Nothing, Typed::Line))
    }
    fn hidden(&mut self) -> io::Result<Typed<Secret>> {
        let line = self.0.borrow_mut().pop_front();
        Ok(line.map_or(Typed::Nothing, |line| Typed::Line(Secret::of(&line))))
    }
    fn waiting(&mut self) -> Typed<String> {
        Typed::Nothing
    }
}

/// People at the plain front, who type their decisions.
struct AtPlain {
    people: GoodPeople,
    lines: Lines,
    plain: Plain<Lines, io::Sink>,
}

impl AtPlain {
    fn new(people: GoodPeople) -> Self {
        let lines = Lines::default();
        let teller = Teller::new(io::sink(), Box::new(noon), Charset::Ascii);
        let plain = Plain::new(lines.clone(), teller, Secrets::default());
        Self { people, lines, plain }
    }
}

impl Front for AtPlain {
    fn show(&mut self, scene: Scene) {
        self.people.show(scene.clone());
        self.plain.show(scene);
    }
    fn ask(&mut self, ask: &Ask) -> Result<People, FrontFailed> {
        let say = decision(&mut self.people, ask);
        self.lines.type_in(&lines(ask, &say));
        self.plain.ask(ask)
    }
    fn refused(&mut self, refusal: &Refusal) {
        self.people.refused(refusal);
    }
}

impl Company for AtPlain {
    fn progress(&mut self, progress: &Progress) {
        self.plain.progress(progress);
    }
    fn wish(&mut self) -> Option<Wish> {
        self.plain.wish()
    }
}

impl Unlock for AtPlain {
    fn secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret> {
        self.lines.type_in(secret_of(label));
        self.plain.secret(label, tries_left)
    }
    fn new_secret(&mut self, label: &Label, rules: &Rules) -> Option<Secret> {
        let secret = secret_of(label);
        self.lines.type_in(&format!("{KEYBOARD_LINE}\n{secret}\n{secret}"));
        self.plain.new_secret(label, rules)
    }
    fn touch(&mut self, label: &Label) {
        self.plain.touch(label);
    }
}

/// People at the screen, who press keys; the terminal around it is left out.
struct AtScreen {
    people: GoodPeople,
    model: Model,
    round: u64,
}

impl AtScreen {
    const fn new(people: GoodPeople) -> Self {
        Self { people, model: Model::new(LOOKS, SMALL), round: 0 }
    }

    fn take(&mut self, input: Input) -> Option<Effect> {
        update(&mut self.model, input)
    }

    const fn next_round(&mut self) -> Round {
        self.round += 1;
        Round(self.round)
    }

    /// Presses keys; the last thing that comes of them.
    fn press(&mut self, keys: impl IntoIterator<Item = Key>) -> Option<Effect> {
        keys.into_iter().filter_map(|key| self.take(Input::Key(key))).last()
    }

    fn type_in(&mut self, text: &str) -> Option<Effect> {
        self.press(text.chars().map(Key::Char).chain([Key::Enter]))
    }
}

impl Front for AtScreen {
    fn show(&mut self, scene: Scene) {
        self.people.show(scene.clone());
        self.take(Input::Scene(Box::new(scene)));
    }
    fn ask(&mut self, ask: &Ask) -> Result<People, FrontFailed> {
        let say = decision(&mut self.people, ask);
        let round = self.next_round();
        self.take(Input::Ask(round, Box::new(ask.clone())));
        match self.press(keys(ask, &say)) {
            Some(Effect::Said(of, said)) if of == round => Ok(said),
            other => panic!("{}: {other:?}", ask.id),
        }
    }
    fn refused(&mut self, refusal: &Refusal) {
        self.people.refused(refusal);
    }
}

impl Company for AtScreen {
    fn progress(&mut self, progress: &Progress) {
        self.take(Input::Progress(progress.clone()));
    }
    fn wish(&mut self) -> Option<Wish> {
        None
    }
}

impl Unlock for AtScreen {
    fn secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret> {
        let round = self.next_round();
        self.take(Input::Secret(round, label.clone(), tries_left));
        match self.type_in(secret_of(label)) {
            Some(Effect::Secret(of, secret)) if of == round => Some(secret),
            other => panic!("{other:?}"),
        }
    }
    fn new_secret(&mut self, label: &Label, rules: &Rules) -> Option<Secret> {
        let round = self.next_round();
        self.take(Input::NewSecret(round, label.clone(), rules.clone()));
        self.type_in(KEYBOARD_LINE);
        self.type_in(secret_of(label));
        match self.type_in(secret_of(label)) {
            Some(Effect::Secret(of, secret)) if of == round => Some(secret),
            other => panic!("{other:?}"),
        }
    }
    fn touch(&mut self, label: &Label) {
        self.take(Input::Touch(label.clone()));
    }
}

/// The transcript that this front leaves of a shipped ceremony, on a seeded bench with a fixed clock.
fn record(name: &str, front: &mut dyn Front) -> Vec<u8> {
    let stage = Stage::set(name);
    let session = stage.begin(&report(name));
    let ended = session.hold(front, &mut stage.bench()).unwrap();
    fs::read(ended.folder.join("transcript.jsonl")).unwrap()
}

#[test]
fn people_at_any_front_and_a_script_leave_the_same_record_byte_for_byte() {
    for name in ["first-root-notary1", "first-root-tuf1"] {
        let plan = Stage::set(name).plan.digest;
        let people = || GoodPeople { plan, change: None, asked: 0 };
        let expected = record(name, &mut people());
        assert!(record(name, &mut AtPlain::new(people())) == expected, "{name} in plain text");
        assert!(record(name, &mut AtScreen::new(people())) == expected, "{name} on the screen");
        let answers = fs::read_to_string(format!("ceremonies/{name}/answers.toml")).unwrap();
        let secrets = fs::File::open(format!("ceremonies/{name}/rehearsal-secrets")).unwrap();
        let mut script = Script::parse(&answers, Secrets::read(secrets).unwrap()).unwrap();
        assert!(record(name, &mut script) == expected, "{name} by a script");
        script.finish().unwrap();
    }
}
