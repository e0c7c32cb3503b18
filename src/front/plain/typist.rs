//! Where plain text's answers come from: lines of a reader, or the keyboard of the controlling terminal.

use std::fs::File;
use std::io::{self, BufRead, Read};

use rustix::fs::{Mode, OFlags};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::{Zeroize, Zeroizing};

/// The longest line that is read: 4096 bytes, a terminal's own bound.
const LINE: usize = 4096;

/// Somebody or something that types lines.
pub trait Typist {
    /// Waits for a line, without its line feed; nothing at the end of input.
    fn line(&mut self) -> io::Result<Option<String>>;

    /// Waits for a line that nobody sees; nothing where secrets cannot be typed.
    fn hidden(&mut self) -> io::Result<Option<Zeroizing<String>>>;

    /// A line that was typed while nobody asked; never waits.
    fn waiting(&mut self) -> Option<String>;
}

/// Lines of any reader. Secrets cannot be typed there, since nothing says that nobody sees them.
pub struct Lines<R>(pub R);

impl<R: BufRead> Typist for Lines<R> {
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(line.trim_end_matches(['\n', '\r']).to_owned()))
    }

    fn hidden(&mut self) -> io::Result<Option<Zeroizing<String>>> {
        Ok(None)
    }

    fn waiting(&mut self) -> Option<String> {
        None
    }
}

/// The keyboard of the controlling terminal.
pub struct Keyboard {
    waits: File,
    polls: File,
}

impl Keyboard {
    /// Opens `/dev/tty`; an error where there is no controlling terminal.
    pub fn open() -> io::Result<Self> {
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
        })
    }

    fn read(&mut self) -> io::Result<Option<Zeroizing<String>>> {
        let mut bytes = Zeroizing::new(vec![0; LINE]);
        let count = loop {
            match self.waits.read(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        Ok(bytes.get(..count).filter(|line| !line.is_empty()).map(text))
    }
}

impl Typist for Keyboard {
    fn line(&mut self) -> io::Result<Option<String>> {
        Ok(self.read()?.map(|line| line.as_str().to_owned()))
    }

    fn hidden(&mut self) -> io::Result<Option<Zeroizing<String>>> {
        let before = tcgetattr(&self.waits)?;
        let mut silent = before.clone();
        // Ctrl-C must not leave a terminal behind that shows nothing of what is typed.
        let hidden = LocalModes::ECHO | LocalModes::ECHOE | LocalModes::ECHOK | LocalModes::ISIG;
        silent.local_modes.remove(hidden);
        silent.local_modes.insert(LocalModes::ECHONL);
        // What was typed ahead was seen, so it is thrown away.
        tcsetattr(&self.waits, OptionalActions::Flush, &silent)?;
        let line = self.read();
        tcsetattr(&self.waits, OptionalActions::Now, &before)?;
        line
    }

    fn waiting(&mut self) -> Option<String> {
        let mut bytes = vec![0; LINE];
        let count = self.polls.read(&mut bytes).ok()?;
        let line = bytes.get(..count).map(text).map(|line| line.as_str().to_owned());
        bytes.zeroize();
        line
    }
}

/// The bytes of a line as text, without its end; what is not UTF-8 is no line of ours and comes back empty.
fn text(bytes: &[u8]) -> Zeroizing<String> {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    Zeroizing::new(std::str::from_utf8(line).unwrap_or_default().to_owned())
}
