//! The program on a real pseudo-terminal, with somebody at its keyboard.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs::File;
use std::io::{Read as _, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};

/// How long the program may take, after a key was pressed, before a test gives up.
const PATIENCE: Duration = Duration::from_mins(1);

/// The program and the terminal that it runs on.
pub(crate) struct Pty {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keyboard: Option<Box<dyn Write + Send>>,
    seen: Arc<Mutex<Seen>>,
    drawing: Option<JoinHandle<()>>,
    read_to: usize,
    pressed: Instant,
}

struct Seen {
    screen: vt100::Parser,
    text: String,
}

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: u32,
    /// Everything that was ever written.
    pub(crate) text: String,
    /// What stands on the screen at the end.
    pub(crate) screen: String,
    /// Whether the screen is still the one of the ceremony.
    pub(crate) held: bool,
}

const fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

impl Pty {
    /// Starts the program in `folder` on a terminal of this size, in columns and rows.
    pub(crate) fn start(arguments: &[&str], folder: &Path, size: (u16, u16)) -> Self {
        let program = [env!("CARGO_BIN_EXE_anchorite")];
        Self::start_by(&[&program, arguments].concat(), folder, size)
    }

    /// Starts another command that becomes the program: a shell that opens a descriptor for it.
    pub(crate) fn start_by(all: &[&str], folder: &Path, (columns, rows): (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let mut command = CommandBuilder::new(all[0]);
        command.args(&all[1..]);
        command.cwd(folder);
        command.env("TERM", "linux");
        command.env("LANG", "C.UTF-8");
        command.env_remove("ANCHORITE_WORKSPACE");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let screen =
            vt100::Parser::new(NonZero::new(rows).unwrap(), NonZero::new(columns).unwrap(), 0);
        let seen = Arc::new(Mutex::new(Seen { screen, text: String::new() }));
        let drawn = Arc::clone(&seen);
        let drawing = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count) = reader.read(&mut bytes) {
                let Some(new) = bytes.get(..count).filter(|new| !new.is_empty()) else { break };
                let mut seen = drawn.lock().unwrap();
                seen.screen.process(new);
                seen.text.push_str(&String::from_utf8_lossy(new));
            }
        });
        Self {
            child,
            keyboard: Some(pair.master.take_writer().unwrap()),
            master: Some(pair.master),
            seen,
            drawing: Some(drawing),
            read_to: 0,
            pressed: Instant::now(),
        }
    }

    /// What stands on the screen.
    pub(crate) fn screen(&self) -> String {
        self.seen.lock().unwrap().screen.screen().contents()
    }

    /// Everything that was written.
    pub(crate) fn text(&self) -> String {
        self.seen.lock().unwrap().text.clone()
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        assert!(self.pressed.elapsed() < PATIENCE, "it goes on and on:\n{}", self.screen());
        self.child.try_wait().unwrap().is_none()
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
        self.pressed = Instant::now();
    }

    /// Waits until these words are written, from where the last wait ended.
    #[track_caller]
    pub(crate) fn hear(&mut self, words: &str) -> String {
        loop {
            let runs = self.runs();
            if let Some(drawing) = self.drawing.take_if(|_| !runs) {
                // What it wrote last is seen as well.
                drawing.join().unwrap();
            }
            let text = self.text();
            let new = text.get(self.read_to..).unwrap();
            if let Some(found) = new.find(words) {
                let end = found + words.len();
                self.read_to += end;
                return new.get(..end).unwrap().to_owned();
            }
            assert!(runs, "it ended before {words:?}:\n{text}");
            assert!(self.pressed.elapsed() < PATIENCE, "no {words:?}:\n{text}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for words, then types a line.
    #[track_caller]
    pub(crate) fn answer(&mut self, words: &str, line: &str) {
        self.hear(words);
        self.press(&format!("{line}\r"));
    }

    /// Answers plain text's prompts as a good room would, until these words stand above an open prompt: the text of that
    /// prompt. `words` are those of the plan's digest.
    #[track_caller]
    pub(crate) fn go_on(&mut self, words: &[&str], secret: &str, until: &str) -> String {
        for _ in 0..1000 {
            let block = self.prompt();
            if block.contains(until) {
                return block;
            }
            let answer = plain_answer(&block, words, secret);
            self.read_to = self.text().len();
            self.press(&format!("{answer}\r"));
        }
        panic!("no {until:?} after a thousand answers:\n{}", self.screen());
    }

    /// Waits for an open prompt: everything that was written since the last answer.
    #[track_caller]
    pub(crate) fn prompt(&mut self) -> String {
        self.next_prompt().unwrap_or_else(|| panic!("it ended:\n{}", self.text()))
    }

    /// The same, or nothing where the program ended.
    #[track_caller]
    pub(crate) fn next_prompt(&mut self) -> Option<String> {
        loop {
            let text = self.text();
            let new = text.get(self.read_to..).unwrap();
            if new.contains('\n') && new.ends_with("> ") {
                return Some(new.replace('\r', ""));
            }
            if !self.runs() {
                return None;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types a secret at the open prompt, once nobody sees what is typed: what came before that is thrown away.
    #[track_caller]
    pub(crate) fn say_unseen(&mut self, secret: &str) {
        while self.echoes() {
            assert!(self.runs(), "it ended:\n{}", self.text());
            thread::sleep(Duration::from_millis(5));
        }
        self.say(secret);
    }

    /// Types a line at the open prompt.
    pub(crate) fn say(&mut self, line: &str) {
        self.read_to = self.text().len();
        self.press(&format!("{line}\r"));
    }

    /// Waits until these words stand on the screen, and long enough for people to have read them.
    #[track_caller]
    pub(crate) fn see(&mut self, words: &str) {
        while !self.screen().contains(words) {
            assert!(self.runs(), "it ended before {words:?}:\n{}", self.screen());
            assert!(self.pressed.elapsed() < PATIENCE, "no {words:?}:\n{}", self.screen());
            thread::sleep(Duration::from_millis(20));
        }
        // A question may come a moment after its scene, and keys that come at once after it are dropped. A clock or a mark
        // that turns never rests, so this ends.
        for _ in 0..8 {
            let before = self.text().len();
            thread::sleep(Duration::from_millis(250));
            if self.text().len() == before {
                break;
            }
        }
    }

    /// Makes the terminal larger or smaller.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.master.as_ref().unwrap().resize(size(columns, rows)).unwrap();
        let mut seen = self.seen.lock().unwrap();
        seen.screen
            .screen_mut()
            .set_size(NonZero::new(rows).unwrap(), NonZero::new(columns).unwrap());
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.process_id().and_then(|id| i32::try_from(id).ok());
        kill_process(Pid::from_raw(id.unwrap()).unwrap(), signal).unwrap();
    }

    /// Whether the terminal shows what is typed.
    pub(crate) fn echoes(&self) -> bool {
        let name = self.master.as_ref().unwrap().tty_name().unwrap();
        let modes = tcgetattr(File::open(name).unwrap()).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }

    /// Takes the terminal away, as a closed window or a broken line does.
    pub(crate) fn hang_up(&mut self) {
        self.keyboard = None;
        self.master = None;
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        while self.runs() {
            thread::sleep(Duration::from_millis(20));
        }
        let code = self.child.wait().unwrap().exit_code();
        self.hang_up();
        if let Some(drawing) = self.drawing.take() {
            drawing.join().unwrap();
        }
        let seen = self.seen.lock().unwrap();
        let screen = seen.screen.screen();
        Ended {
            code,
            text: seen.text.clone(),
            screen: screen.contents(),
            held: screen.alternate_screen(),
        }
    }
}

/// What somebody at the keyboard does with this screen; nothing while the machine works.
pub(crate) fn reaction(screen: &str, words: &[&str], passphrase: &str) -> Option<String> {
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
            return enter(passphrase);
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

/// What a good room types at a prompt of plain text.
pub(crate) fn plain_answer(block: &str, words: &[&str], secret: &str) -> String {
    let prompt = block.rsplit('\n').next().unwrap().trim_end_matches("> ");
    if let Some(place) = prompt.strip_prefix("word ") {
        return words[place.parse::<usize>().unwrap() - 1].to_owned();
    }
    match prompt {
        "keyboard line" => return "zy-_@#".to_owned(),
        "c/w" => return "w".to_owned(),
        // Trouble is tried again, and the last try is used.
        "r/s" => return "r".to_owned(),
        "c/s" => return "c".to_owned(),
        "a/n" => return "a".to_owned(),
        "letters, or g" => {
            let items = block.lines().filter_map(|line| {
                let mut chars = line.strip_prefix("  ")?.chars();
                let key = chars.next()?;
                chars.as_str().starts_with("  ").then_some(key)
            });
            let letters: Vec<String> = items.filter(|key| *key != 'g').map(String::from).collect();
            return if letters.is_empty() { "g".to_owned() } else { letters.join(" ") };
        }
        _ => {}
    }
    if prompt.contains("passphrase") || prompt.contains("PIN") {
        return secret.to_owned();
    }
    assert_eq!(prompt.len(), 1, "what to say here?\n{block}");
    prompt.to_owned()
}

impl Drop for Pty {
    fn drop(&mut self) {
        // A test that failed leaves nobody behind.
        let _ = self.child.kill();
    }
}
