//! Plain text and script: what they print for the same scenes, and that all fronts say the same.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use anchorite::ceremony::ask::{Answer, People, Wish};
use anchorite::ceremony::event::Refusal;
use anchorite::ceremony::scene::Scene;
use anchorite::driver::ports::{Company as _, Front, FrontFailed, Progress};
use anchorite::front::Clock;
use anchorite::front::plain::Plain;
use anchorite::front::plain::teller::Teller;
use anchorite::front::plain::typist::{Lines, Typed, Typist};
use anchorite::front::script::Script;
use anchorite::front::secrets::{KEYBOARD_LINE, Secrets};
use anchorite::front::words::Charset;
use anchorite::keystore::{Label, Rules, Secret, SecretKind, Unlock as _};

use crate::scenes;

/// What was written, readable while somebody else holds the writer.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().replace('\u{7}', "<bell>")
    }
}

fn clock() -> Clock {
    Box::new(|| "2026-11-27T21:42:10Z".parse().unwrap())
}

/// Shows every scene and asks its question.
fn play(front: &mut dyn Front) -> Result<Vec<People>, FrontFailed> {
    let mut said = Vec::new();
    for (_, scene) in scenes::all() {
        let ask = scene.ask.clone();
        front.show(scene);
        if let Some(ask) = ask {
            said.push(front.ask(&ask)?);
        }
    }
    Ok(said)
}

const TYPED: &str = "\
c a w b\ng\na\nstagehand\nadroitness\nw\ns\n1\n?\n1\ng\nr\nagree\nall as planned\n\
the touch failed\n\nc\nb\n";

const SCRIPT: &str = r#"
[[answer]]
ask = "roll-call"
say = ["Witness 1", "Custodian A", "Custodian B", "Custodian C"]
[[answer]]
ask = "clock"
say = "agrees"
[[answer]]
ask = "compare-plan/Witness 1"
say = ["stagehand", "adroitness"]
[[answer]]
ask = "head"
say = true
[[answer]]
ask = "ready/root-b"
say = true
[[answer]]
ask = "review"
say = []
[[answer]]
ask = "trouble/root-b"
say = "again"
[[answer]]
ask = "statement/Witness 1"
say = ["agree", "all as planned"]
[[answer]]
ask = "exception"
say = ["the touch failed", ""]
[[answer]]
ask = "pause"
say = true
[[answer]]
ask = "abort"
say = "back"
"#;

#[test]
fn plain_text_and_a_script_say_the_same() {
    let typed = Paper::default();
    let teller = Teller::new(typed.clone(), clock(), Charset::Ascii);
    let mut plain = Plain::new(Lines(TYPED.as_bytes()), teller, Secrets::default());
    let by_people = play(&mut plain).unwrap();
    insta::assert_snapshot!("plain", typed.text());

    let told = Paper::default();
    let out: Box<dyn Write + Send> = Box::new(told.clone());
    let teller = Teller::new(out, clock(), Charset::Ascii);
    let mut script = Script::parse(SCRIPT, Secrets::default()).unwrap().told_by(teller);
    let by_script = play(&mut script).unwrap();
    script.finish().unwrap();
    insta::assert_snapshot!("script", told.text());

    assert_eq!(by_people, by_script);
}

#[test]
fn the_end_of_input_is_an_error_and_not_an_answer() {
    let teller = Teller::new(io::sink(), clock(), Charset::Unicode);
    let mut plain = Plain::new(Lines(&b"c a\n"[..]), teller, Secrets::default());
    assert!(matches!(play(&mut plain), Err(FrontFailed::Terminal(_))));
}

#[test]
fn what_is_not_new_is_not_said_again() {
    let paper = Paper::default();
    let teller = Teller::new(paper.clone(), clock(), Charset::Unicode);
    let mut plain = Plain::new(Lines(&b""[..]), teller, Secrets::default());
    let scene = scenes::sign();
    plain.show(scene.clone());
    let first = paper.text();
    plain.show(scene.clone());
    plain.progress(&Progress { doing: "signing".to_owned(), done: Some((1, 9)) });
    plain.progress(&Progress { doing: "signing".to_owned(), done: Some((2, 9)) });
    let mut done = scene;
    done.tallies[0].have = 2;
    plain.show(done);
    let more = paper.text().strip_prefix(&first).unwrap().to_owned();
    let expected =
        "... signing (9 in all)\nroot: 2 good, 2 needed  signed root-a  open root-b, root-c\n";
    assert_eq!(more, expected);
}

#[test]
fn a_refused_answer_is_told_and_asked_again() {
    let paper = Paper::default();
    let teller = Teller::new(paper.clone(), clock(), Charset::Unicode);
    let mut plain = Plain::new(Lines(&b"x y\n\nbetter\n\n"[..]), teller, Secrets::default());
    let scene: Scene = scenes::exception();
    let ask = scene.ask.clone().unwrap();
    plain.show(scene);
    plain.ask(&ask).unwrap();
    plain.refused(&Refusal::Form { expected: "say more".to_owned() });
    let People::Answer { say, .. } = plain.ask(&ask).unwrap() else { panic!("a wish") };
    assert_eq!(say, Answer::Typed(vec!["better".to_owned(), String::new()]));
    assert!(paper.text().contains("Not taken: say more\n"), "{}", paper.text());
}

/// Types lines; hidden ones too, as a keyboard would.
struct Hands(Vec<&'static str>);

impl Typist for Hands {
    fn line(&mut self) -> io::Result<Typed<String>> {
        if self.0.is_empty() {
            return Ok(Typed::Nothing);
        }
        Ok(match self.0.remove(0) {
            "^C" => Typed::Pause,
            "SIGTERM" => Typed::End("SIGTERM"),
            line => Typed::Line(line.to_owned()),
        })
    }
    fn hidden(&mut self) -> io::Result<Typed<Secret>> {
        Ok(match self.line()? {
            Typed::Line(line) => Typed::Line(Secret::of(&line)),
            Typed::Nothing => Typed::Nothing,
            Typed::Pause => Typed::Pause,
            Typed::End(signal) => Typed::End(signal),
        })
    }
    fn waiting(&mut self) -> Typed<String> {
        Typed::Nothing
    }
}

#[test]
fn ctrl_c_is_a_pause_at_every_prompt_and_a_signal_ends_at_the_next_question() {
    let teller = Teller::new(io::sink(), clock(), Charset::Unicode);
    let pause = People::Wish(Wish::Pause);
    let hands = Hands(vec!["^C", "^C", KEYBOARD_LINE, "^C", "^C", "SIGTERM", "SIGTERM"]);
    let mut plain = Plain::new(hands, teller, Secrets::default());
    let scene = scenes::exception();
    let ask = scene.ask.clone().unwrap();
    plain.show(scene);
    assert_eq!(plain.ask(&ask).unwrap(), pause);
    for _ in 0..2 {
        assert!(plain.new_secret(&label(), &rules()).is_none());
        assert_eq!(plain.ask(&ask).unwrap(), pause);
    }
    assert!(plain.secret(&label(), None).is_none());
    assert_eq!(plain.wish(), Some(Wish::Pause));
    assert!(plain.secret(&label(), None).is_none());
    assert!(matches!(plain.ask(&ask), Err(FrontFailed::Ended { signal: "SIGTERM" })));
}

fn label() -> Label {
    Label {
        key: "root-b".parse().unwrap(),
        holder: "Custodian B".to_owned(),
        place: "age file".to_owned(),
        kind: SecretKind::Passphrase,
    }
}

fn rules() -> Rules {
    Rules { min_chars: 12, max_chars: 64, min_bits: 50, digits_only: false }
}

#[test]
fn a_secret_leaves_no_trace_on_paper() {
    let paper = Paper::default();
    let teller = Teller::new(paper.clone(), clock(), Charset::Unicode);
    let secret = "lantern orbit quilt 92 fjord";
    let hands = Hands(vec!["yz", KEYBOARD_LINE, "weak", secret, secret, "", "", secret, "", "x"]);
    let mut plain = Plain::new(hands, teller, Secrets::default());
    plain.show(scenes::sign());
    assert_eq!(plain.new_secret(&label(), &rules()).unwrap().expose(), secret);
    assert_eq!(plain.secret(&label(), Some(1)).unwrap().expose(), secret);
    assert!(plain.secret(&label(), None).is_none());
    assert!(plain.wish().is_some());
    assert!(!paper.text().contains("fjord"));
    insta::assert_snapshot!("plain-secrets", paper.text());
}

#[test]
fn without_a_keyboard_no_secret_is_read() {
    let teller = Teller::new(io::sink(), clock(), Charset::Unicode);
    let mut plain = Plain::new(Lines(&b"hunter2\nhunter2\n"[..]), teller, Secrets::default());
    assert!(plain.secret(&label(), None).is_none());
    let handed = Secrets::read(&b"root-b\tlantern orbit quilt 92 fjord\n"[..]).unwrap();
    let teller = Teller::new(io::sink(), clock(), Charset::Unicode);
    let mut plain = Plain::new(Lines(&b""[..]), teller, handed);
    assert!(plain.secret(&label(), None).is_some());
    assert!(plain.new_secret(&label(), &rules()).is_some());
}
