//! Rehearsals on a real pseudo-terminal, as people would hold them: the screen, plain text, and what signals do.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod pty;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anchorite::tuf::digest::Digest;
use rustix::process::Signal;
use tempfile::TempDir;

use pty::{Pty, reaction};

const PLAN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ceremonies/first-root-notary1/plan.toml");
const PASSPHRASE: &str = "stale-Otter-77-lamp-crossing";

/// A folder in memory, where there is one.
fn folder() -> TempDir {
    let shm = Path::new("/dev/shm");
    if shm.is_dir() { TempDir::new_in(shm) } else { TempDir::new() }.unwrap()
}

#[test]
fn a_rehearsal_is_held_to_its_end_on_a_terminal() {
    let folder = folder();
    let mut room = Pty::start(&["rehearse", PLAN, "--no-bell"], folder.path(), (80, 24));
    let words = Digest::of(&fs::read(PLAN).unwrap()).words();
    let mut ended = false;
    let mut titles = Vec::new();
    while room.runs() {
        let screen = room.screen();
        titles.extend(screen.lines().next().map(str::to_owned));
        ended |= screen.contains("THE END");
        if let Some(keys) = reaction(&screen, &words, PASSPHRASE) {
            // Keys that come at once after a question are dropped: nobody has read it yet.
            thread::sleep(Duration::from_millis(220));
            room.press(&keys);
        }
        thread::sleep(Duration::from_millis(60));
    }
    let last = room.end();
    assert_eq!(last.code, 0, "{}", last.screen);
    assert!(ended, "{titles:#?}");
    assert!(!last.held);
    assert!(last.screen.contains("anchorite evidence verify"));
    assert!(titles.iter().any(|title| title.contains("SIGN - Custodian C")));
}

/// The evidence folder of the only rehearsal in a folder.
fn evidence(folder: &Path) -> PathBuf {
    let only = |at: &Path| fs::read_dir(at).unwrap().next().unwrap().unwrap().path();
    only(&only(folder).join("BOOK/evidence"))
}

/// The command that a program gave to go on with.
fn way_on(text: &str) -> Vec<String> {
    let (_, command) = text.split_once("anchorite resume ").expect(text);
    std::iter::once("resume")
        .chain(command.lines().next().unwrap().split_whitespace())
        .map(str::to_owned)
        .collect()
}

/// Goes on with the very command that the program gave, in lines of text, and gives back what is said first.
fn goes_on(text: &str, until: &str) -> Pty {
    let mut command = way_on(text);
    command.push("--plain".to_owned());
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let mut room = Pty::start(&command, Path::new("/"), (80, 24));
    room.hear(until);
    room
}

#[test]
fn a_terminal_that_is_too_small_takes_nothing_and_goes_on_when_it_is_larger() {
    let folder = folder();
    let mut room = Pty::start(&["rehearse", PLAN, "--no-bell"], folder.path(), (60, 20));
    room.see("and 80x24 is");
    assert!(room.screen().contains("it is 60x20"), "{}", room.screen());
    room.press("abcdefg");
    thread::sleep(Duration::from_millis(300));
    room.resize(80, 24);
    room.see("ROLL CALL");
    assert!(!room.screen().contains("[x]"), "{}", room.screen());
    room.press("a");
    room.see("[x]");
    room.resize(79, 24);
    room.see("too small");
    room.resize(100, 30);
    room.see("[x]");
}

#[test]
fn a_signal_on_the_screen_gives_the_terminal_back_and_says_how_to_go_on() {
    let folder = folder();
    let mut room = Pty::start(&["rehearse", PLAN, "--no-bell"], folder.path(), (80, 24));
    room.see("ROLL CALL");
    // From outside, Ctrl-C is the same as at the keyboard.
    room.signal(Signal::INT);
    room.see("PAUSE");
    room.press("r");
    room.see("ROLL CALL");
    room.signal(Signal::TERM);
    let last = room.end();
    assert_eq!(last.code, 1, "{}", last.screen);
    assert!(!last.held);
    assert!(last.text.contains("the ceremony rests: SIGTERM came"), "{}", last.text);
    let room = goes_on(&last.text, "ROLL CALL");
    room.signal(Signal::TERM);
    assert_eq!(room.end().code, 1);
}

#[test]
fn in_plain_text_ctrl_c_is_a_pause_and_a_signal_leaves_a_terminal_that_echoes() {
    let folder = folder();
    let arguments = ["rehearse", PLAN, "--plain", "--no-bell"];
    let mut room = Pty::start(&arguments, folder.path(), (80, 24));
    room.hear("letters, or g> ");
    room.press("a\u{3}");
    room.hear("PAUSE");
    room.answer("r> ", "r");
    room.answer("letters, or g> ", "a b c e f h i");
    room.answer("letters, or g> ", "g");
    room.answer("g> ", "g");
    room.answer("3 minutes", "g");
    let words = Digest::of(&fs::read(PLAN).unwrap()).words();
    for _ in 0..2 {
        room.hear("\nword ");
        let place: usize = room.hear("> ").trim_end_matches("> ").parse().unwrap();
        room.press(&format!("{}\r", words[place - 1]));
    }
    room.answer("s> ", "s");
    room.answer("it is in", "g");
    room.answer("r> ", "r");
    room.answer("keyboard line> ", "zy-_@#");
    room.hear("new PIN> ");
    assert!(!room.echoes());
    room.press("\u{3}");
    room.hear("PAUSE");
    assert!(room.echoes());
    room.answer("r> ", "r");
    room.hear("again");
    room.answer("r/s> ", "r");
    room.answer("keyboard line> ", "zy-_@#");
    room.hear("new PIN> ");
    room.signal(Signal::TERM);
    room.hear("SIGTERM came");
    let last = room.end();
    assert_eq!(last.code, 1, "{}", last.text);
    // Nothing is in doubt: that no secret was given is on record, and the way on is a question.
    let mut room = goes_on(&last.text, "no secret was given");
    room.hear("r/s> ");
    // The terminal goes away.
    room.hang_up();
    let last = room.end();
    assert!(last.code == 1 || last.code == 4, "{}", last.code);
    let again = evidence(folder.path());
    let said = format!("anchorite resume {}\n", again.display());
    let mut room = goes_on(&said, "r/s> ");
    room.press("r\r");
    room.hear("keyboard line> ");
}

#[test]
fn ctrl_c_at_a_passphrase_outside_a_ceremony_ends_the_command_and_the_terminal_echoes() {
    let folder = folder();
    let arguments = ["key", "make", "a", "--for", "registry.example.com/team/app"];
    let mut room = Pty::start(&arguments, folder.path(), (80, 24));
    room.answer("keyboard line> ", "zy-_@#");
    room.hear("new passphrase> ");
    while room.echoes() {
        thread::sleep(Duration::from_millis(20));
    }
    room.press("half of\u{3}");
    let last = room.end();
    assert_eq!(last.code, 4, "{}", last.text);
    assert!(last.text.contains("no secret was given"), "{}", last.text);
    assert!(!last.text.contains("half of"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
