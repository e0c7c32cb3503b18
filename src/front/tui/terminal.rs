//! The terminal itself: the only place that reads keys and writes to the screen.
//!
//! Two threads belong to it. One waits for keys and signals; the other owns the screen, takes inputs in their order and draws
//! when something came. The ceremony's thread sends what is to be shown and waits for what people say.

use std::io::{self, IsTerminal as _, Stdout, Write as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossterm::event::{
    self, DisableBracketedPaste, EnableBracketedPaste, Event, KeyCode, KeyEvent, KeyEventKind,
    KeyModifiers,
};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use crossterm::{cursor, execute};
use ratatui::backend::CrosstermBackend;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::ceremony::ask::{Ask, AskId, AskKind, Form, People, Wish};
use crate::ceremony::event::Refusal;
use crate::ceremony::scene::Scene;
use crate::driver::ports::{Company, Front, FrontFailed, Progress};
use crate::front::Clock;
use crate::front::signals::Signals;
use crate::keystore::{Label, Rules, Secret, Unlock};

use super::hidden::{Did, Hidden};
use super::keymap::Key;
use super::model::{Effect, Input, Looks, Model, Round, Turn};
use super::{update, view};

/// How often the thread that waits for keys looks whether it should end.
const LOOK_UP: Duration = Duration::from_millis(100);
/// A key that comes sooner than this after a question cannot have been meant for it.
const TOO_EARLY: Duration = Duration::from_millis(150);

/// Whether the terminal is in our hands, and must be given back.
static HELD: AtomicBool = AtomicBool::new(false);

/// The front on a terminal's screen.
pub struct Terminal {
    screen: Sender<Heard>,
    people: Receiver<Effect>,
    round: Round,
    wished: Option<Wish>,
    over: Arc<AtomicBool>,
    signals: Signals,
    keys: Option<JoinHandle<()>>,
    drawing: Option<JoinHandle<io::Result<()>>>,
}

/// What the screen's thread hears.
enum Heard {
    Input(Input),
    Event(Event),
    /// While a secret is typed.
    Hidden(Did),
    Failed(io::Error),
    Over,
}

impl Terminal {
    /// Takes the terminal over, until this is dropped. An error where standard output is no terminal.
    pub fn start(looks: Looks, clock: Clock, signals: Signals) -> io::Result<Self> {
        if !io::stdout().is_terminal() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "standard output is no terminal",
            ));
        }
        hold()?;
        let (screen, inbox) = channel();
        let (outbox, people) = channel();
        let over = Arc::new(AtomicBool::new(false));
        let (to_screen, stop, heard) = (screen.clone(), Arc::clone(&over), signals.clone());
        let hiding = Arc::new(AtomicBool::new(false));
        let hides = Arc::clone(&hiding);
        let keys = thread::Builder::new().name("keys".to_owned());
        let keys = keys.spawn(move || listen(&to_screen, &stop, &hides, &heard))?;
        let drawing = thread::Builder::new().name("screen".to_owned());
        let drawing =
            drawing.spawn(move || Screen::open(looks, clock, outbox, hiding)?.run(&inbox))?;
        Ok(Self {
            screen,
            people,
            round: Round::default(),
            wished: None,
            over,
            signals,
            keys: Some(keys),
            drawing: Some(drawing),
        })
    }

    /// Keeps the last scene on the screen until people leave it, then gives the terminal back.
    pub fn leave(mut self) -> Result<(), FrontFailed> {
        let id = AskId { kind: AskKind::Note, about: "the end".to_owned(), nth: 1 };
        let form = Form::Press { key: 'e', label: "everybody has read this: end".to_owned() };
        // Nothing is recorded any more, so a wish ends it as well.
        self.ask(&Ask { id, form }).map(drop)
    }

    fn send(&self, input: Input) {
        // A screen that is gone is found when its answer is waited for.
        let _ = self.screen.send(Heard::Input(input));
    }

    fn next_round(&mut self) -> Round {
        self.round = Round(self.round.0 + 1);
        self.round
    }

    /// Waits for the screen; why it ended, if it did.
    fn wait(&mut self) -> Result<Effect, FrontFailed> {
        self.people.recv().map_err(|_| {
            if let Some(signal) = self.signals.end() {
                return FrontFailed::Ended { signal };
            }
            let ended = self.drawing.take().map(JoinHandle::join);
            match ended {
                Some(Ok(Err(error))) => FrontFailed::Terminal(error),
                Some(Ok(Ok(())) | Err(_)) | None => {
                    FrontFailed::Terminal(io::ErrorKind::BrokenPipe.into())
                }
            }
        })
    }

    /// Takes what people wanted meanwhile: whether a token that is silent is to be given up. The first wish is kept.
    fn wants_to_give_up(&mut self) -> bool {
        let mut given_up = false;
        for effect in self.people.try_iter() {
            match effect {
                Effect::Wish(wish) => {
                    self.wished.get_or_insert(wish);
                }
                Effect::GiveUp => given_up = true,
                Effect::Said(..) | Effect::Secret(..) | Effect::Bell | Effect::Redraw => {}
            }
        }
        given_up
    }

    /// Waits for the secret of this round. A wish comes back to [`Company::wish`] or the next question.
    fn await_secret(&mut self, round: Round) -> Option<Secret> {
        loop {
            match self.wait().ok()? {
                Effect::Secret(of, secret) if of == round => return Some(secret),
                Effect::Wish(wish) => {
                    self.wished = Some(wish);
                    return None;
                }
                Effect::Secret(..)
                | Effect::Said(..)
                | Effect::GiveUp
                | Effect::Bell
                | Effect::Redraw => {}
            }
        }
    }
}

impl Front for Terminal {
    fn show(&mut self, scene: Scene) {
        self.send(Input::Scene(Box::new(scene)));
    }

    fn ask(&mut self, ask: &Ask) -> Result<People, FrontFailed> {
        if let Some(wish) = self.wish() {
            return Ok(People::Wish(wish));
        }
        let round = self.next_round();
        self.send(Input::Ask(round, Box::new(ask.clone())));
        loop {
            match self.wait()? {
                Effect::Said(of, people) if of == round => return Ok(people),
                Effect::Wish(wish) => return Ok(People::Wish(wish)),
                Effect::Said(..)
                | Effect::Secret(..)
                | Effect::GiveUp
                | Effect::Bell
                | Effect::Redraw => {}
            }
        }
    }

    fn refused(&mut self, refusal: &Refusal) {
        self.send(Input::Refused(format!("Not taken: {refusal}")));
    }
}

impl Company for Terminal {
    fn progress(&mut self, progress: &Progress) {
        self.send(Input::Progress(progress.clone()));
    }

    fn wish(&mut self) -> Option<Wish> {
        self.wants_to_give_up();
        self.wished.take()
    }
}

impl Unlock for Terminal {
    fn secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret> {
        let round = self.next_round();
        self.send(Input::Secret(round, label.clone(), tries_left));
        self.await_secret(round)
    }

    fn new_secret(&mut self, label: &Label, rules: &Rules) -> Option<Secret> {
        let round = self.next_round();
        self.send(Input::NewSecret(round, label.clone(), rules.clone()));
        self.await_secret(round)
    }

    fn touch(&mut self, label: &Label) {
        self.send(Input::Touch(label.clone()));
    }

    fn given_up(&mut self) -> bool {
        self.wants_to_give_up()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.screen.send(Heard::Over);
        if let Some(drawing) = self.drawing.take() {
            let _ = drawing.join();
        }
        // Where the terminal is gone, the library's reader never comes back from it; then it ends with the program.
        let mut patience = 3;
        while patience > 0 && self.keys.as_ref().is_some_and(|keys| !keys.is_finished()) {
            thread::sleep(LOOK_UP);
            patience -= 1;
        }
        give_back();
    }
}

/// The screen's thread: the model, and the terminal that it is drawn on.
struct Screen {
    model: Model,
    clock: Clock,
    people: Sender<Effect>,
    terminal: ratatui::Terminal<CrosstermBackend<Stdout>>,
    asked: Instant,
    hiding: Arc<AtomicBool>,
}

impl Screen {
    fn open(
        looks: Looks,
        clock: Clock,
        people: Sender<Effect>,
        hiding: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let terminal = ratatui::Terminal::new(CrosstermBackend::new(io::stdout()))?;
        let model = Model::new(looks, size()?);
        Ok(Self { model, clock, people, terminal, asked: Instant::now(), hiding })
    }

    /// Takes what is heard until it is over.
    fn run(mut self, inbox: &Receiver<Heard>) -> io::Result<()> {
        loop {
            let now = (self.clock)();
            self.take(Input::Clock(now))?;
            self.draw()?;
            let second = now.unix_seconds().rem_euclid(60);
            let minute_ends = Duration::from_secs(u64::try_from(60 - second).unwrap_or(60));
            match inbox.recv_timeout(minute_ends) {
                Ok(heard) => {
                    // What came meanwhile is drawn at once.
                    for heard in std::iter::once(heard).chain(inbox.try_iter()) {
                        if !self.hear(heard)? {
                            return Ok(());
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    /// Takes one thing; false when it is over.
    fn hear(&mut self, heard: Heard) -> io::Result<bool> {
        let input = match heard {
            Heard::Over => return Ok(false),
            Heard::Failed(error) => return Err(error),
            Heard::Input(input) => {
                if matches!(input, Input::Ask(..)) {
                    self.asked = Instant::now();
                }
                Some(input)
            }
            Heard::Event(Event::Resize(columns, rows)) => Some(Input::Resize(columns, rows)),
            Heard::Event(Event::Paste(text)) => Some(Input::Paste(text)),
            Heard::Event(Event::Key(event)) => key(event).map(|key| self.in_time(key)),
            Heard::Hidden(Did::Pressed(key)) => Some(self.in_time(key)),
            Heard::Hidden(Did::Pasted) => Some(Input::Paste(String::new())),
            Heard::Event(Event::FocusGained | Event::FocusLost | Event::Mouse(_)) => None,
        };
        match input {
            Some(input) => self.take(input).map(|()| true),
            None => Ok(true),
        }
    }

    /// The key, or that it came too early where one key is enough to answer.
    fn in_time(&self, key: Key) -> Input {
        let one_key_answers = matches!(&self.model.turn, Turn::People(sheet) if !sheet.is_text());
        let is_letter = matches!(key, Key::Char(_));
        if one_key_answers && is_letter && self.asked.elapsed() < TOO_EARLY {
            return Input::Early;
        }
        Input::Key(key)
    }

    fn take(&mut self, input: Input) -> io::Result<()> {
        let effect = update(&mut self.model, input);
        let secret = matches!(self.model.turn, Turn::Secret(_)) && self.model.view.is_none();
        self.hiding.store(secret, Ordering::SeqCst);
        match effect {
            None => Ok(()),
            Some(Effect::Redraw) => self.terminal.clear(),
            Some(Effect::Bell) if !self.model.looks.bell => Ok(()),
            Some(Effect::Bell) => {
                let mut out = io::stdout();
                out.write_all(b"\x07")?;
                out.flush()
            }
            Some(
                effect @ (Effect::Said(..) | Effect::Secret(..) | Effect::Wish(_) | Effect::GiveUp),
            ) => self.people.send(effect).map_err(|_| io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        if !HELD.load(Ordering::SeqCst) {
            return Ok(());
        }
        let model = &self.model;
        self.terminal.draw(|frame| {
            let area = frame.area();
            view::view(model, area, frame.buffer_mut());
            if let Some(place) = view::cursor(model, area) {
                frame.set_cursor_position(place);
            }
        })?;
        Ok(())
    }
}

/// Waits for keys until it is over, or until a signal says so.
fn listen(screen: &Sender<Heard>, over: &AtomicBool, hides: &AtomicBool, signals: &Signals) {
    let mut hidden = Hidden::new();
    let mut known = size().unwrap_or_default();
    while !over.load(Ordering::Relaxed) {
        if signals.end().is_some() {
            let _ = screen.send(Heard::Over);
            return;
        }
        if signals.pause() && screen.send(Heard::Input(Input::Key(Key::Ctrl('c')))).is_err() {
            return;
        }
        if hides.load(Ordering::SeqCst) {
            match listen_unseen(&mut hidden, &mut known, screen) {
                Ok(()) => continue,
                Err(error) => {
                    let _ = screen.send(Heard::Failed(error));
                    return;
                }
            }
        }
        let ready = match wait_for_keys() {
            // The library's own waiting would never come back from a terminal that is gone.
            Ok(()) => event::poll(Duration::ZERO),
            Err(error) => Err(error),
        };
        let heard = match ready {
            Ok(false) => continue,
            Ok(true) => event::read().map_or_else(Heard::Failed, Heard::Event),
            Err(error) => Heard::Failed(error),
        };
        if let Heard::Event(Event::Resize(columns, rows)) = &heard {
            known = (*columns, *rows);
        }
        let failed = matches!(heard, Heard::Failed(_));
        if screen.send(heard).is_err() || failed {
            return;
        }
    }
}

/// Waits until there may be a key, or for [`LOOK_UP`]; an error where the terminal is gone.
fn wait_for_keys() -> io::Result<()> {
    let input = io::stdin();
    let mut ready = [PollFd::new(&input, PollFlags::IN)];
    let patience = Timespec::try_from(LOOK_UP).map_err(io::Error::other)?;
    match poll(&mut ready, Some(&patience)) {
        // A new size of the terminal comes as a signal.
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let [input] = ready;
    if input.revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
        return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the terminal is gone"));
    }
    Ok(())
}

/// Waits for keys of a secret, and reads them past the library of events: it would keep the last 128.
fn listen_unseen(
    hidden: &mut Hidden,
    known: &mut (u16, u16),
    screen: &Sender<Heard>,
) -> io::Result<()> {
    let input = io::stdin();
    let input = input.as_fd();
    let soon = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK_UP.subsec_nanos()) };
    let mut ready = [PollFd::new(&input, PollFlags::IN)];
    match rustix::event::poll(&mut ready, Some(&soon)) {
        Err(rustix::io::Errno::INTR) | Ok(0) => {
            // The library hears of a new size later only.
            let now = size()?;
            if now != *known {
                *known = now;
                let _ = screen.send(Heard::Event(Event::Resize(now.0, now.1)));
            }
            return Ok(());
        }
        other => other?,
    };
    let gone = io::ErrorKind::UnexpectedEof;
    match hidden.take(
        |room| rustix::io::read(input, room),
        |did| {
            let _ = screen.send(Heard::Hidden(did));
        },
    ) {
        Ok(0) => Err(gone.into()),
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A key as the model knows it; nothing for keys that mean nothing here.
fn key(event: KeyEvent) -> Option<Key> {
    let held = event.modifiers;
    if event.kind == KeyEventKind::Release || held.contains(KeyModifiers::ALT) {
        return None;
    }
    match event.code {
        KeyCode::Char('h') if held.contains(KeyModifiers::CONTROL) => Some(Key::Backspace),
        KeyCode::Char(c) if held.contains(KeyModifiers::CONTROL) => {
            Some(Key::Ctrl(c.to_ascii_lowercase()))
        }
        KeyCode::Char(c) => Some(Key::Char(c)),
        KeyCode::F(n) => Some(Key::F(n)),
        KeyCode::Enter => Some(Key::Enter),
        KeyCode::Esc => Some(Key::Esc),
        KeyCode::Tab => Some(Key::Tab),
        KeyCode::BackTab => Some(Key::BackTab),
        KeyCode::Up => Some(Key::Up),
        KeyCode::Down => Some(Key::Down),
        KeyCode::Left => Some(Key::Left),
        KeyCode::Right => Some(Key::Right),
        KeyCode::Home => Some(Key::Home),
        KeyCode::End => Some(Key::End),
        KeyCode::PageUp => Some(Key::PageUp),
        KeyCode::PageDown => Some(Key::PageDown),
        KeyCode::Backspace => Some(Key::Backspace),
        KeyCode::Delete => Some(Key::Delete),
        KeyCode::Insert
        | KeyCode::Null
        | KeyCode::CapsLock
        | KeyCode::ScrollLock
        | KeyCode::NumLock
        | KeyCode::PrintScreen
        | KeyCode::Pause
        | KeyCode::Menu
        | KeyCode::KeypadBegin
        | KeyCode::Media(_)
        | KeyCode::Modifier(_) => None,
    }
}

/// Takes the terminal, and sees to it that a panic gives it back.
fn hold() -> io::Result<()> {
    enable_raw_mode()?;
    HELD.store(true, Ordering::SeqCst);
    if let Err(error) = execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste) {
        give_back();
        return Err(error);
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        before(panic);
    }));
    Ok(())
}

/// Gives the terminal back as it was; a second time does nothing.
fn give_back() {
    if HELD.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
    }
}
