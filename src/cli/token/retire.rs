//! `token retire`: no document lists its keys any more, the register says so, and the token is emptied.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::driver::bench::system_time;
use crate::driver::register::{KeyState, Line, Register, What};
use crate::driver::token::{inventory, reset_yubikey};
use crate::driver::workspace::Workspace;
use crate::front::words::{counted, escape};
use crate::keystore::child::Token;
use crate::tuf::key::Fingerprint;
use crate::tuf::name::KeyName;

use super::super::people::{printable, typed};
use super::super::where_key::listings;
use super::super::{Exit, Failure, say};
use super::{program, token, trouble};

#[derive(Debug, Args)]
pub(in super::super) struct Retire {
    /// The token's serial number.
    serial: String,
    /// Folders with every repository that its keys ever signed for; the workspace's trust folder by default.
    #[arg(value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// The PKCS#11 module: an absolute path.
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// Who does it or says so.
    #[arg(long, value_name = "WHO", value_parser = printable)]
    by: String,
    /// Why.
    #[arg(long, value_name = "TEXT", value_parser = printable)]
    reason: String,
    /// Also destroy everything that a YubiKey's PIV application holds. The end of its serial number is asked for.
    #[arg(long, conflicts_with = "module")]
    reset: bool,
}

/// A key that retires.
struct Leaving {
    place: Option<String>,
    name: KeyName,
    state: Option<KeyState>,
}

impl Retire {
    pub(super) fn run(self, workspace: Option<&Path>) -> Result<(), Failure> {
        let (token, place) = token(&self.serial, self.module.as_deref())?;
        let here = std::env::current_dir()
            .map_err(|error| Failure::new(Exit::Machine, error.to_string()))?;
        let book = Workspace::find(workspace, &here)?;
        let keys = self.keys(&book, &token, &place)?;
        self.nothing_lists(&book, &keys)?;
        let consent = !self.reset || self.consents(&keys, &place);
        if !consent {
            return Err(Failure::new(Exit::Stopped, "the serial number was not typed")
                .hint("Nothing was recorded or destroyed."));
        }
        self.record(&book, &keys, |state| match state {
            Some(KeyState::Active | KeyState::Suspended) | None => Some(KeyState::Deactivated),
            Some(
                KeyState::PreActivation
                | KeyState::Deactivated
                | KeyState::Compromised
                | KeyState::NotRecovered
                | KeyState::Destroyed,
            ) => None,
        })?;
        match (&token, self.reset) {
            (Token::Yubikey(serial), true) => {
                reset_yubikey(&program()?, *serial).map_err(|error| {
                    trouble(&error, &place).hint(
                        "Its keys are on record as retired. Look at it: anchorite token retire … once more.",
                    )
                })?;
                let mut gone = keys;
                gone.retain(|_, key| key.place.is_some());
                self.record(&book, &gone, |state| {
                    (state != Some(KeyState::Destroyed)).then_some(KeyState::Destroyed)
                })?;
                say(format!("{place} is empty: every slot was looked at after the reset."));
            }
            (Token::Yubikey(serial), false) => {
                say("Its keys sign no more, but they are still on it. To destroy them by hand:");
                say(format!("  ykman --device {serial} piv reset"));
                say_destroyed(&keys);
            }
            (Token::Pkcs11 { .. }, _) => {
                say(
                    "Its keys sign no more, but they are still on it. To destroy them by hand, initialise the",
                );
                say(
                    "token anew with its vendor's tool, such as: pkcs11-tool --module FILE --init-token",
                );
                say_destroyed(&keys);
            }
        }
        Ok(())
    }

    /// The keys that are on the token, and those that the register knows of it.
    fn keys(
        &self,
        book: &Workspace,
        token: &Token,
        place: &str,
    ) -> Result<BTreeMap<Fingerprint, Leaving>, Failure> {
        let register = Register::read(book)?;
        let held = inventory(&program()?, token.clone()).map_err(|error| {
            trouble(&error, place)
                .hint("A token that cannot be found: anchorite key state KEY --to not-recovered …")
        })?;
        let mut keys = BTreeMap::new();
        for (fingerprint, standing) in register.keys() {
            if standing.serial.as_deref() == Some(self.serial.as_str()) {
                let (name, state) = (standing.key.clone(), Some(standing.state));
                keys.insert(*fingerprint, Leaving { place: None, name, state });
            }
        }
        for held in &held {
            let Some(key) = &held.key else {
                return Err(Failure::new(
                    Exit::CannotTell,
                    format!("{place}: the key in {} cannot be read", escape(&held.place)),
                ));
            };
            let fingerprint = key.fingerprint();
            let standing = register.of(&fingerprint);
            let name = match standing {
                Some(standing) => standing.key.clone(),
                None => unnamed(&fingerprint)?,
            };
            let state = standing.map(|standing| standing.state);
            keys.insert(fingerprint, Leaving { place: Some(held.place.clone()), name, state });
        }
        say(format!("{place}: {}", counted(keys.len(), "key")));
        for (fingerprint, key) in &keys {
            let at =
                key.place.as_ref().map_or_else(|| "not on it any more".to_owned(), |at| escape(at));
            let state = key
                .state
                .map_or_else(|| "not in the register".to_owned(), |state| state.to_string());
            say(format!("  {}  {fingerprint}", key.name));
            say(format!("    {at}, {state}"));
        }
        Ok(keys)
    }

    /// Whether the newest documents name none of the keys. That is only known where there are documents, and all are read.
    fn nothing_lists(
        &self,
        book: &Workspace,
        keys: &BTreeMap<Fingerprint, Leaving>,
    ) -> Result<(), Failure> {
        let dirs = if self.dirs.is_empty() { vec![book.trust()] } else { self.dirs.clone() };
        let prints: BTreeSet<Fingerprint> = keys.keys().copied().collect();
        let found = listings(&dirs, &prints)?;
        if !found.places.is_empty() {
            let failure = Failure::new(
                Exit::Wrong,
                format!(
                    "{} in documents that are valid now",
                    counted(found.places.len(), "listing")
                ),
            );
            let failure = found.places.iter().fold(failure, Failure::hint);
            return Err(
                failure.hint("First a ceremony takes them out: anchorite where KEY says which.")
            );
        }
        if found.documents == 0 || found.unread > 0 {
            let read = counted(found.documents, "document");
            let unread = counted(found.unread, "file");
            return Err(Failure::new(
                Exit::CannotTell,
                format!("{read} read, {unread} unread: that nothing lists its keys is not proven"),
            )
            .hint("Name the folders of every repository that its keys ever signed for."));
        }
        say(format!(
            "No document lists its keys now ({} read). Repositories that are not there were not asked.",
            counted(found.documents, "document")
        ));
        Ok(())
    }

    /// Whether people type the end of the serial number, once they have read what will be gone.
    fn consents(&self, keys: &BTreeMap<Fingerprint, Leaving>, place: &str) -> bool {
        let start = self.serial.len().saturating_sub(6);
        let end = self.serial.get(start..).unwrap_or_default();
        say(format!(
            "The reset destroys {} of {place} for ever, its PIN, its PUK and its certificates.",
            counted(keys.values().filter(|key| key.place.is_some()).count(), "key")
        ));
        let typed = typed("Type the last six digits of the serial number that is printed on it> ");
        typed.as_deref() == Some(end)
    }

    fn record(
        &self,
        book: &Workspace,
        keys: &BTreeMap<Fingerprint, Leaving>,
        next: impl Fn(Option<KeyState>) -> Option<KeyState>,
    ) -> Result<(), Failure> {
        let register = Register::read(book)?;
        let mut lines = Vec::new();
        for (fingerprint, key) in keys {
            let now = register.of(fingerprint).map(|standing| standing.state);
            let Some(to) = next(now) else { continue };
            let mut line =
                Line::new(system_time(), key.name.clone(), *fingerprint, What::State(to));
            line.by = Some(self.by.clone());
            line.reason.clone_from(&self.reason);
            line.serial = Some(self.serial.clone());
            lines.push(line);
            say(format!("{}: {to}, on record", key.name));
        }
        Ok(Register::add(book, &lines)?)
    }
}

fn say_destroyed(keys: &BTreeMap<Fingerprint, Leaving>) {
    say("Then, for each key:");
    for fingerprint in keys.keys() {
        say(format!("  anchorite key state {fingerprint} --to destroyed --by WHO --reason TEXT"));
    }
}

/// A key that nobody named is called by the beginning of its fingerprint.
fn unnamed(fingerprint: &Fingerprint) -> Result<KeyName, Failure> {
    let text: String = fingerprint.to_string().chars().take(16).collect();
    text.parse().map_err(|bad| Failure::input(format!("{bad}")))
}
