//! Which front the people at hand get, and where their secrets come from.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, IsTerminal as _, Write as _, stdin, stdout};
use std::path::PathBuf;

use clap::Args;

use crate::ceremony::ask::People;
use crate::driver::bench::system_time;
use crate::driver::ports::Front;
use crate::front::plain::Plain;
use crate::front::plain::teller::Teller;
use crate::front::plain::typist::{Keyboard, Pipe};
use crate::front::script::Script;
use crate::front::secrets::Secrets;
use crate::front::signals::Signals;
use crate::front::tui::Terminal;
use crate::front::tui::model::Looks;
use crate::front::words::escape;
use crate::keystore::pages::inherited;
use crate::keystore::{Label, Rules, Secret, Unlock, memory};

use super::{Exit, Failure};

/// How people take part.
#[derive(Debug, Args)]
pub(super) struct Faces {
    /// Plain lines of text instead of the screen: for people who listen, and for small consoles.
    #[arg(long, conflicts_with = "script")]
    pub(super) plain: bool,
    /// Let a script answer instead of people.
    #[arg(long, value_name = "FILE")]
    pub(super) script: Option<PathBuf>,
    /// Read lines KEYNAME<TAB>SECRET from this file descriptor.
    #[arg(long, value_name = "N")]
    pub(super) passphrase_fd: Option<u32>,
    /// No colours.
    #[arg(long)]
    pub(super) no_color: bool,
    /// No bell.
    #[arg(long)]
    pub(super) no_bell: bool,
}

impl Faces {
    /// Whether a script answers.
    pub(super) const fn unattended(&self) -> bool {
        self.script.is_some()
    }

    /// Opens the front and gives it to `hold`. A script must be at its end afterwards.
    pub(super) fn with_front<T>(
        &self,
        said: &[People],
        hold: impl FnOnce(&mut dyn Front) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let secrets = self.secrets()?;
        let mut looks = Looks::from_env(|name| std::env::var(name).ok());
        looks.colour &= !self.no_color;
        looks.bell &= !self.no_bell;
        let clock = || -> crate::front::Clock { Box::new(system_time) };
        let signals = Signals::listen()
            .map_err(|error| Failure::new(Exit::Machine, format!("the signals: {error}")))?;
        if let Some(path) = &self.script {
            let text = String::from_utf8(super::read(path, 1 << 20)?)
                .map_err(|_| Failure::input("the script is not UTF-8 text"))?;
            let teller = Teller::new(boxed(stdout()), clock(), looks.charset);
            let mut script = Script::parse(&text, secrets)?.told_by(teller).heeding(signals);
            script.skip(said);
            let done = hold(&mut script)?;
            script.finish()?;
            return Ok(done);
        }
        let teller = || Teller::new(stdout(), clock(), looks.charset);
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        if !self.plain && !dumb && stdin().is_terminal() && stdout().is_terminal() {
            let mut terminal = Terminal::start(looks, clock(), signals)
                .map_err(|error| Failure::new(Exit::Machine, format!("the terminal: {error}")))?;
            let done = hold(&mut terminal)?;
            terminal
                .leave()
                .map_err(|error| Failure::new(Exit::Machine, format!("the terminal: {error}")))?;
            return Ok(done);
        }
        if let Ok(keyboard) = Keyboard::open(Some(signals.clone())) {
            return hold(&mut Plain::new(keyboard, teller(), secrets));
        }
        hold(&mut Plain::new(piped(Some(signals))?, teller(), secrets))
    }

    /// The secrets that were handed over through a descriptor, so that nothing secret is ever an argument or in the
    /// environment. It is read to its end and closed: what drives a token never has it.
    ///
    /// Whoever may ask people for a secret comes by here, so the process is hardened before there is one.
    pub(super) fn secrets(&self) -> Result<Secrets, Failure> {
        memory::harden();
        let Some(number) = self.passphrase_fd else { return Ok(Secrets::default()) };
        let bad = |why: String| Failure::input(format!("--passphrase-fd {number}: {why}"));
        let file =
            if number <= 2 { File::open(format!("/dev/fd/{number}")) } else { inherited(number) };
        let file = file.map_err(|error| bad(format!("it cannot be read: {error}")))?;
        Secrets::read(file).map_err(|error| bad(error.to_string()))
    }
}

/// Standard input, where there is no terminal.
fn piped(signals: Option<Signals>) -> Result<Pipe, Failure> {
    Pipe::new(stdin(), signals)
        .map_err(|error| Failure::new(Exit::Machine, format!("standard input: {error}")))
}

fn boxed(out: std::io::Stdout) -> Box<dyn std::io::Write + Send> {
    Box::new(out)
}

/// People at a keyboard, for commands outside a ceremony: they are only asked for secrets.
pub(super) struct Keyboards {
    front: Box<dyn Front>,
    old: Option<Secret>,
    handed: bool,
}

/// How the lines of `--passphrase-fd` call the passphrase of what is there before a command.
const OLD: &str = "old";

impl Keyboards {
    /// Opens the terminal, or takes the secrets from a file descriptor.
    pub(super) fn open(passphrase_fd: Option<u32>) -> Result<Self, Failure> {
        let faces =
            Faces { plain: true, script: None, passphrase_fd, no_color: true, no_bell: true };
        let secrets = faces.secrets()?;
        let old = OLD.parse().ok().and_then(|name| secrets.of(&name));
        let looks = Looks::from_env(|name| std::env::var(name).ok());
        let teller = Teller::new(stdout(), Box::new(system_time), looks.charset);
        let front: Box<dyn Front> = match Keyboard::open(None) {
            Ok(keyboard) => Box::new(Plain::new(keyboard, teller, secrets)),
            Err(_) => Box::new(Plain::new(piped(None)?, teller, secrets)),
        };
        Ok(Self { front, old, handed: passphrase_fd.is_some() })
    }

    /// Asks for the passphrase of what is there before, where the command also chooses a new one: `old` among secrets that
    /// were handed over.
    pub(super) fn old_secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret> {
        if self.handed { self.old.take() } else { self.front.secret(label, tries_left) }
    }
}

impl Keyboards {
    /// Whether secrets were handed over, so that nobody is asked twice.
    pub(super) const fn handed(&self) -> bool {
        self.handed
    }
}

impl Unlock for Keyboards {
    fn secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret> {
        self.front.secret(label, tries_left)
    }

    fn new_secret(&mut self, label: &Label, rules: &Rules) -> Option<Secret> {
        self.front.new_secret(label, rules)
    }

    fn touch(&mut self, label: &Label) {
        self.front.touch(label);
    }
}

/// The most characters of what people say.
const MOST: usize = 200;

/// One line of text that can be shown as it is.
pub(super) fn printable(text: &str) -> Result<String, String> {
    let clean = !text.trim().is_empty() && escape(text) == text && text.chars().count() <= MOST;
    clean
        .then(|| text.to_owned())
        .ok_or_else(|| format!("expected printable text of 1 to {MOST} characters"))
}

/// Asks for a line at the terminal itself, whatever else is redirected; nothing where there is none or it ends.
pub(super) fn typed(prompt: &str) -> Option<String> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
    write!(terminal, "{prompt}").and_then(|()| terminal.flush()).ok()?;
    let mut line = String::new();
    let count = BufReader::new(&terminal).read_line(&mut line).ok()?;
    (count > 0).then(|| line.trim().to_owned())
}
