//! Where plain text's answers come from: lines of a reader, a pipe, or the keyboard of the controlling terminal.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::front::signals::Signals;
use crate::keystore::Secret;

/// The longest line that is read: 4096 bytes, a terminal's own bound.
const LINE: usize = 4096;

/// What a terminal makes of Ctrl-C where it is no signal.
const CTRL_C: u8 = 3;

/// Somebody or something that types lines.
pub trait Typist {
    /// Waits for a line, without its line feed.
    fn line(&mut self) -> io::Result<Typed<String>>;

    /// Waits for a line that nobody sees; nothing where secrets cannot be typed.
    fn hidden(&mut self) -> io::Result<Typed<Secret>>;

    /// A line that was typed while nobody asked, or nothing; never waits.
    fn waiting(&mut self) -> Typed<String>;
}

/// What came from a typist.
#[derive(Debug)]
pub enum Typed<T> {
    /// A line.
    Line(T),
    /// Nothing, and nothing will come any more.
    Nothing,
    /// Ctrl-C: a pause.
    Pause,
    /// This signal: the program is to end.
    End(&'static str),
}

/// Lines of any reader. Secrets cannot be typed there, since nothing says that nobody sees them.
pub struct Lines<R>(pub R);

impl<R: BufRead> Typist for Lines<R> {
    fn line(&mut self) -> io::Result<Typed<String>> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Ok(Typed::Nothing);
        }
        Ok(Typed::Line(line.trim_end_matches(['\n', '\r']).to_owned()))
    }

    fn hidden(&mut self) -> io::Result<Typed<Secret>> {
        Ok(Typed::Nothing)
    }

    fn waiting(&mut self) -> Typed<String> {
        Typed::Nothing
    }
}

/// Lines of a pipe, which is left when a signal comes. Secrets cannot be typed there either.
pub struct Pipe {
    input: File,
    rest: Vec<u8>,
    signals: Option<Signals>,
}

impl Pipe {
    /// Reads from `input`.
    pub fn new(input: impl AsFd, signals: Option<Signals>) -> io::Result<Self> {
        let input = input.as_fd().try_clone_to_owned()?.into();
        Ok(Self { input, rest: Vec::new(), signals })
    }
}

impl Typist for Pipe {
    fn line(&mut self) -> io::Result<Typed<String>> {
        loop {
            let end = self.rest.iter().position(|byte| *byte == b'\n');
            if let Some(end) = end {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                let line = text(line.strip_suffix(b"\n").unwrap_or(&line));
                return Ok(Typed::Line(line.trim_end_matches('\r').to_owned()));
            }
            if let Some(typed) = waited(self.signals.as_ref(), &self.input)? {
                return Ok(typed);
            }
            let mut bytes = [0; LINE];
            match self.input.read(&mut bytes) {
                Ok(0) if self.rest.is_empty() => return Ok(Typed::Nothing),
                // The last line need not have its line feed.
                Ok(0) => self.rest.push(b'\n'),
                Ok(count) => self.rest.extend(bytes.iter().take(count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn hidden(&mut self) -> io::Result<Typed<Secret>> {
        Ok(Typed::Nothing)
    }

    fn waiting(&mut self) -> Typed<String> {
        heard(self.signals.as_ref()).unwrap_or(Typed::Nothing)
    }
}

/// The keyboard of the controlling terminal.
pub struct Keyboard {
    waits: File,
    polls: File,
    signals: Option<Signals>,
}

impl Keyboard {
    /// Opens `/dev/tty`; an error where there is no controlling terminal. Where no signals are listened to, they do what
    /// they always do.
    pub fn open(signals: Option<Signals>) -> io::Result<Self> {
        let open = |more: OFlags| {
            rustix::fs::open(
                "/dev/tty",
                OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | more,
                Mode::empty(),
            )
        };
        Ok(Self {
            waits: File::from(open(OFlags::empty())?),
            polls: File::from(open(OFlags::NONBLOCK)?),
            signals,
        })
    }

    /// Reads a line straight into the page of a secret.
    fn read(&mut self) -> io::Result<Typed<Secret>> {
        if let Some(typed) = waited(self.signals.as_ref(), &self.waits)? {
            return Ok(typed);
        }
        let mut over = false;
        let line = Secret::read_line(|bytes| {
            let count = loop {
                match self.waits.read(bytes) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
            over = count == 0;
            Ok(count)
        })?;
        Ok(if over { Typed::Nothing } else { Typed::Line(line) })
    }
}

impl Typist for Keyboard {
    fn line(&mut self) -> io::Result<Typed<String>> {
        Ok(match self.read()? {
            Typed::Line(line) => Typed::Line(line.expose().to_owned()),
            Typed::Nothing => Typed::Nothing,
            Typed::Pause => Typed::Pause,
            Typed::End(signal) => Typed::End(signal),
        })
    }

    fn hidden(&mut self) -> io::Result<Typed<Secret>> {
        let before = tcgetattr(&self.waits)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ECHOE | LocalModes::ECHOK);
        if self.signals.is_none() {
            // Ctrl-C must not leave a terminal behind that shows nothing of what is typed: it ends the line instead.
            silent.local_modes.remove(LocalModes::ISIG);
            silent.special_codes[SpecialCodeIndex::VEOL2] = CTRL_C;
        }
        silent.local_modes.insert(LocalModes::ECHONL);
        // What was typed ahead was seen, so it is thrown away.
        tcsetattr(&self.waits, OptionalActions::Flush, &silent)?;
        let line = self.read();
        tcsetattr(&self.waits, OptionalActions::Now, &before)?;
        Ok(match line? {
            Typed::Line(line) if line.expose().ends_with(char::from(CTRL_C)) => Typed::Pause,
            other @ (Typed::Line(_) | Typed::Nothing | Typed::Pause | Typed::End(_)) => other,
        })
    }

    fn waiting(&mut self) -> Typed<String> {
        if let Some(typed) = heard(self.signals.as_ref()) {
            return typed;
        }
        let mut bytes = Zeroizing::new([0; LINE]);
        let count = self.polls.read(bytes.as_mut_slice()).ok();
        let line = count.and_then(|count| bytes.get(..count)).map(text);
        line.map_or(Typed::Nothing, |line| Typed::Line(line.as_str().to_owned()))
    }
}

/// What the signals ask for, if they ask for anything.
fn heard<T>(signals: Option<&Signals>) -> Option<Typed<T>> {
    let signals = signals?;
    signals.end().map(Typed::End).or_else(|| signals.pause().then_some(Typed::Pause))
}

/// Waits until there is something to read; what the signals ask for comes first.
fn waited<T>(signals: Option<&Signals>, input: &File) -> io::Result<Option<Typed<T>>> {
    let Some(known) = signals else { return Ok(None) };
    loop {
        if let Some(typed) = heard(signals) {
            return Ok(Some(typed));
        }
        if known.wait(input)? {
            return Ok(None);
        }
    }
}

/// The bytes of a line as text, without its end; what is not UTF-8 is no line of ours and comes back empty.
fn text(bytes: &[u8]) -> Zeroizing<String> {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    Zeroizing::new(std::str::from_utf8(line).unwrap_or_default().to_owned())
}
