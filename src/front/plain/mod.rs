//! The ceremony as lines of text, one after the other: for people who listen, for serial lines, for small consoles.
//!
//! Nothing is ever redrawn. Every prompt takes `x`, `p` and `q` for the wishes exception, pause and stop, and `?`,
//! `l` and `d` for help, log and details; with a `!` in front they are never anything else. Ctrl-C is a pause.

mod prompt;
pub mod teller;
pub mod typist;

use std::io::{self, Write};

use crate::ceremony::ask::{Ask, People, Wish};
use crate::ceremony::event::Refusal;
use crate::ceremony::scene::{Block, Scene};
use crate::driver::ports::{Company, Front, FrontFailed, Progress};
use crate::keystore::{Label, Rules, Secret, Unlock};

use super::secrets::{Heard, NewSecret, Secrets, asked, mode_caution};
use super::words::{touch_now, wish_noted};

use prompt::{Reply, wish_of};
use teller::Teller;
use typist::{Typed, Typist};

/// The plain front.
pub struct Plain<T, W> {
    typist: T,
    teller: Teller<W>,
    secrets: Secrets,
    scene: Option<Scene>,
    pending: Option<Wish>,
}

impl<T: Typist, W: Write> Plain<T, W> {
    /// Asks `typist` and tells through `teller`; secrets that are at hand already are not asked for.
    pub const fn new(typist: T, teller: Teller<W>, secrets: Secrets) -> Self {
        Self { typist, teller, secrets, scene: None, pending: None }
    }

    /// Reads a line, or a wish that came instead; the end of input is an error, since nobody is there any more.
    fn line(&mut self) -> Result<Result<String, Wish>, FrontFailed> {
        self.teller.flush()?;
        match self.typist.line()? {
            Typed::Line(line) => Ok(Ok(line)),
            Typed::Nothing => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Typed::Pause => {
                self.teller.line("");
                Ok(Err(Wish::Pause))
            }
            Typed::End(signal) => Err(FrontFailed::Ended { signal }),
        }
    }

    /// Help, log or details, if that is what the line wants.
    fn view(&mut self, name: char) {
        let Some(scene) = &self.scene else { return };
        match name {
            'l' => self.teller.log(scene),
            'd' => self.teller.details(scene),
            _ => self.teller.help(scene),
        }
    }

    /// Reads a hidden line; an empty one leads to the wishes, and nothing comes back once one was made.
    fn hidden_line(&mut self, prompt: &str) -> Option<Secret> {
        loop {
            self.teller.prompt(prompt);
            self.teller.flush().ok()?;
            let line = match self.typist.hidden() {
                Ok(Typed::Line(line)) => line,
                Ok(Typed::Pause) => {
                    self.teller.line("");
                    self.pending = Some(Wish::Pause);
                    return None;
                }
                // The next question ends it.
                Ok(Typed::End(_)) => return None,
                Ok(Typed::Nothing) | Err(_) => {
                    self.teller.line("");
                    self.teller
                        .line("There is no keyboard here on which a secret could be typed unseen.");
                    return None;
                }
            };
            // A control character in it was a key of the terminal, such as Ctrl-C.
            if !line.is_empty() && !line.expose().contains(char::is_control) {
                return Some(line);
            }
            self.teller.line("Nothing was typed. Enter asks again; x exception, p pause, q stop.");
            self.teller.prompt("");
            self.pending = self.line().ok()?.map_or_else(Some, |line| wish_of(&line));
            if self.pending.is_some() {
                return None;
            }
        }
    }

    /// Hears a wish that came while a machine works, and says so; whether it is the second one.
    fn hear_wish(&mut self) -> bool {
        let wish = match self.typist.waiting() {
            Typed::Line(line) => wish_of(&line),
            Typed::Pause => Some(Wish::Pause),
            // The next question ends it.
            Typed::Nothing | Typed::End(_) => None,
        };
        let Some(wish) = wish else { return false };
        if self.pending.is_some() {
            return true;
        }
        self.pending = Some(wish);
        self.teller.line(&wish_noted(wish));
        self.teller.bring_out();
        false
    }

    fn caution(&mut self) {
        if let Some(text) = self.scene.as_ref().and_then(|scene| mode_caution(scene.mode)) {
            self.teller.line(text);
        }
    }
}

impl<T: Typist, W: Write> Front for Plain<T, W> {
    fn show(&mut self, scene: Scene) {
        self.teller.scene(&scene);
        self.scene = Some(scene);
    }

    fn ask(&mut self, ask: &Ask) -> Result<People, FrontFailed> {
        if let Some(wish) = self.pending.take() {
            return Ok(People::Wish(wish));
        }
        let mut sheet = prompt::Sheet::new(&ask.form, self.teller.charset());
        loop {
            for line in sheet.says() {
                self.teller.line(&line);
            }
            self.teller.prompt(&sheet.prompt());
            let line = match self.line()? {
                Ok(line) => line,
                Err(wish) => return Ok(People::Wish(wish)),
            };
            match sheet.hear(&line) {
                Reply::More(None) => {}
                Reply::More(Some(why)) => self.teller.line(&why),
                Reply::View(name) => self.view(name),
                Reply::Wish(wish) => return Ok(People::Wish(wish)),
                Reply::Said(say) => return Ok(People::Answer { ask: ask.id.clone(), say }),
            }
        }
    }

    fn refused(&mut self, refusal: &Refusal) {
        self.teller.sentence(&format!("Not taken: {refusal}"));
    }
}

impl<T: Typist, W: Write> Company for Plain<T, W> {
    fn progress(&mut self, progress: &Progress) {
        self.teller.progress(progress);
        self.teller.bring_out();
    }

    fn wish(&mut self) -> Option<Wish> {
        if self.pending.is_none() {
            self.hear_wish();
        }
        self.pending.take()
    }
}

impl<T: Typist, W: Write> Unlock for Plain<T, W> {
    fn secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret> {
        if let Some(secret) = self.secrets.of(&label.key) {
            return Some(secret);
        }
        self.teller.line("");
        self.teller
            .line(&format!("The {} is needed. It is not shown while it is typed.", label.kind));
        self.teller.blocks(&[Block::Rows(asked(label, tries_left))]);
        self.hidden_line(&format!("{} of {}", label.kind, label.key))
    }

    fn new_secret(&mut self, label: &Label, rules: &Rules) -> Option<Secret> {
        if let Some(secret) = self.secrets.new_of(&label.key, rules) {
            return secret
                .inspect_err(|why| {
                    self.teller.sentence(&format!("The secret given for {}: {why}", label.key));
                })
                .ok();
        }
        self.teller.line("");
        self.teller.line(&format!("A new {} is chosen.", label.kind));
        self.teller.blocks(&[Block::Rows(asked(label, None))]);
        self.caution();
        let mut dialog = NewSecret::new(label, rules);
        loop {
            for line in dialog.says() {
                self.teller.sentence(&line);
            }
            let typed = if dialog.is_shown() {
                self.teller.prompt(&dialog.prompt());
                let line = self.line().ok()?;
                self.pending = line.as_ref().map_or_else(|wish| Some(*wish), |line| wish_of(line));
                Secret::of(&line.ok().filter(|_| self.pending.is_none())?)
            } else {
                self.hidden_line(&dialog.prompt())?
            };
            match dialog.hear(typed) {
                Heard::More(None) => {}
                Heard::More(Some(why)) => self.teller.sentence(&why),
                Heard::Done(secret) => return Some(secret),
            }
        }
    }

    fn touch(&mut self, label: &Label) {
        self.teller.blocks(&[Block::Banner(touch_now(label))]);
        self.teller.bring_out();
    }

    fn given_up(&mut self) -> bool {
        self.hear_wish()
    }
}
