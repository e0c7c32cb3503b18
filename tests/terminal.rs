//! A whole rehearsal on a real pseudo-terminal, at 80 columns and 24 rows, as people would hold it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::fs;
use std::io::{Read as _, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anchorite::tuf::digest::Digest;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use tempfile::TempDir;

const PLAN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ceremonies/first-root-notary1/plan.toml");
const PASSPHRASE: &str = "stale-Otter-77-lamp-crossing";

/// What somebody at the keyboard does with this screen; nothing while the machine works.
fn reaction(screen: &str, words: &[&str]) -> Option<String> {
    let enter = |text: &str| Some(format!("{text}\r"));
    // The focused field has its mark at the end or before its text.
    for line in screen.lines().map(str::trim_end) {
        let line = line.trim_start();
        if line.starts_with("keyboard line >") {
            return enter("zy-_@#");
        }
        if line.contains("PIN") && line.ends_with('>') {
            return enter("123456");
        }
        if line.contains("passphrase") && line.ends_with('>') {
            return enter(PASSPHRASE);
        }
        if let Some(rest) = line.strip_prefix("word ")
            && let Some((place, typed)) = rest.split_once('>')
            && typed.trim_matches(['_', ' ']).is_empty()
        {
            let place: usize = place.trim().parse().unwrap();
            return enter(words[place - 1]);
        }
    }
    if screen.contains("Enter says this") {
        return enter("");
    }
    if screen.contains("more line") && screen.contains("below: PgDn") {
        // Everything is read before it is answered.
        return Some("\u{1b}[6~".to_owned());
    }
    let unticked = screen.lines().find_map(|line| line.trim_start().strip_prefix("[ ] "));
    if let Some(key) = unticked.and_then(|line| line.chars().next()) {
        return Some(key.to_string());
    }
    let named = screen.lines().filter_map(|line| {
        let line = line.trim();
        let mut chars = line.chars();
        let key = chars.next()?;
        (chars.as_str().starts_with("   ") && key.is_ascii_alphabetic()).then_some(key)
    });
    let keys: Vec<char> = named.collect();
    ['w', 'a', 's', 'r', 'g', 'e']
        .into_iter()
        .find(|key| keys.contains(key))
        .map(String::from)
        .or_else(|| {
            screen.contains(" g all ").then(|| "g".to_owned()).or_else(|| {
                (screen.contains("   g ") && !screen.contains("[ ] ")).then(|| "g".to_owned())
            })
        })
}

#[test]
fn a_rehearsal_is_held_to_its_end_on_a_terminal() {
    let shm = Path::new("/dev/shm");
    let folder = if shm.is_dir() { TempDir::new_in(shm) } else { TempDir::new() }.unwrap();
    let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_anchorite"));
    command.args(["rehearse", PLAN, "--no-bell"]);
    command.cwd(folder.path());
    command.env("TERM", "linux");
    command.env("LANG", "C.UTF-8");
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut keyboard = pair.master.take_writer().unwrap();
    let seen = Arc::new(Mutex::new(vt100::Parser::new(
        NonZero::new(24).unwrap(),
        NonZero::new(80).unwrap(),
        0,
    )));
    let drawn = Arc::clone(&seen);
    let drawing = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count) = reader.read(&mut bytes) {
            if count == 0 {
                break;
            }
            drawn.lock().unwrap().process(&bytes[..count]);
        }
    });
    let words = Digest::of(&fs::read(PLAN).unwrap()).words();
    let began = Instant::now();
    let mut ended = false;
    let mut titles = Vec::new();
    while child.try_wait().unwrap().is_none() {
        let screen = seen.lock().unwrap().screen().contents();
        assert!(began.elapsed() < Duration::from_secs(100), "it goes on and on:\n{screen}");
        titles.extend(screen.lines().next().map(str::to_owned));
        ended |= screen.contains("THE END");
        if let Some(keys) = reaction(&screen, &words) {
            // Keys that come at once after a question are dropped: nobody has read it yet.
            std::thread::sleep(Duration::from_millis(220));
            keyboard.write_all(keys.as_bytes()).unwrap();
        }
        std::thread::sleep(Duration::from_millis(60));
    }
    drop(keyboard);
    let status = child.wait().unwrap();
    drop(pair.master);
    drawing.join().unwrap();
    let last = seen.lock().unwrap();
    assert!(status.success(), "{}", last.screen().contents());
    assert!(ended, "{titles:#?}");
    assert!(!last.screen().alternate_screen());
    assert!(last.screen().contents().contains("anchorite evidence verify"));
    assert!(titles.iter().any(|title| title.contains("SIGN - Custodian C")));
}
