//! `key state` and `key list`: where each key stands, and what puts it there.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Args;

use crate::driver::bench::system_time;
use crate::driver::file;
use crate::driver::register::{KeyState, Line, Register, Standing, What};
use crate::front::words::escape;
use crate::tuf::key::{Fingerprint, PublicKey};
use crate::tuf::name::KeyName;

use super::super::people::printable;
use super::super::{Exit, Failure, say};
use super::{Workspace, book};

#[derive(Debug, Args)]
pub(in super::super) struct State {
    /// The key: its name in plans, or its fingerprint.
    #[arg(value_name = "NAME|FINGERPRINT")]
    key: String,
    /// pre-activation, active, suspended, deactivated, compromised, not-recovered or destroyed; the state it is in, to
    /// record where it is kept now.
    #[arg(long, value_name = "STATE")]
    to: KeyState,
    /// Who does it or says so.
    #[arg(long, value_name = "WHO", value_parser = printable)]
    by: String,
    /// Why.
    #[arg(long, value_name = "TEXT", value_parser = printable)]
    reason: String,
    /// Who holds it from now on.
    #[arg(long, value_name = "WHO", value_parser = printable)]
    holder: Option<String>,
    /// Where it is kept from now on.
    #[arg(long, value_name = "TEXT", value_parser = printable)]
    location: Option<String>,
    /// The number of the bag or seal it is in from now on.
    #[arg(long, value_name = "NUMBER", value_parser = printable)]
    seal: Option<String>,
}

impl State {
    pub(super) fn run(self, workspace: Option<&Path>) -> Result<(), Failure> {
        let book = book(workspace)?;
        let register = Register::read(&book)?;
        let (fingerprint, name) = self.find(&book, &register)?;
        let from = register.of(&fingerprint).map(|standing| standing.state);
        let moved = self.holder.is_some() || self.location.is_some() || self.seal.is_some();
        if from == Some(self.to) && !moved {
            return Err(Failure::new(Exit::Wrong, format!("{name} is {} already", self.to))
                .hint("To record where it is kept now, add --holder, --location or --seal."));
        }
        let mut line = Line::new(system_time(), name, fingerprint, What::State(self.to));
        line.by = Some(self.by);
        line.reason = self.reason;
        line.holder = self.holder;
        line.location = self.location;
        line.seal = self.seal;
        Register::add(&book, std::slice::from_ref(&line))?;
        let from = from.map_or_else(|| "not in the register".to_owned(), |from| from.to_string());
        say(format!("{}: {from} -> {}, on record at {}", line.key, self.to, line.at));
        say(format!("fingerprint  {fingerprint}"));
        for advice in advice(self.to, &fingerprint) {
            say(advice);
        }
        Ok(())
    }

    /// The key that is meant: one of the register, or of the workspace's files.
    fn find(
        &self,
        book: &Workspace,
        register: &Register,
    ) -> Result<(Fingerprint, KeyName), Failure> {
        let on_file = on_file(book)?;
        if let Ok(fingerprint) = self.key.parse::<Fingerprint>() {
            let known = register.of(&fingerprint).map(|standing| standing.key.clone());
            let named = known.or_else(|| {
                let found = on_file.iter().find(|(_, key)| {
                    key.as_ref().is_some_and(|key| key.fingerprint() == fingerprint)
                });
                found.and_then(|(name, _)| name.parse().ok())
            });
            // A key that was never here may be barred too: it is called by the beginning of its fingerprint.
            let name = named.map_or_else(|| self.key.get(..16).unwrap_or_default().parse(), Ok);
            let name = name.map_err(|bad| Failure::input(format!("{bad}")))?;
            return Ok((fingerprint, name));
        }
        let name: KeyName =
            self.key.parse().map_err(|bad| Failure::input(escape(&format!("{bad}"))))?;
        let listed = register.keys().filter(|(_, standing)| standing.key == name);
        let filed = on_file
            .iter()
            .filter(|(on_file, _)| *on_file == name.as_str())
            .filter_map(|(_, key)| key.as_ref().map(PublicKey::fingerprint));
        let found: BTreeSet<Fingerprint> = listed.map(|(print, _)| *print).chain(filed).collect();
        match found.iter().copied().collect::<Vec<_>>().as_slice() {
            [one] => Ok((*one, name)),
            [] => {
                Err(Failure::input(format!("no key {name} is in this workspace or its register"))
                    .hint("A key of another place is named by its fingerprint."))
            }
            several => Err(several.iter().fold(
                Failure::input(format!("{} keys are called {name}; name one", several.len())),
                |failure, print| failure.hint(print.to_string()),
            )),
        }
    }
}

/// What comes next.
fn advice(state: KeyState, key: &Fingerprint) -> Vec<String> {
    match state {
        KeyState::Compromised | KeyState::NotRecovered => vec![
            "No ceremony of this workspace authorises it any more.".to_owned(),
            format!("Which documents still list it, and what removes it: anchorite where {key}"),
        ],
        KeyState::Deactivated | KeyState::Destroyed => {
            vec!["No ceremony of this workspace authorises it any more.".to_owned()]
        }
        KeyState::Suspended => {
            vec!["No ceremony authorises it until it is active again.".to_owned()]
        }
        KeyState::PreActivation | KeyState::Active => Vec::new(),
    }
}

/// The public halves in the workspace, by their name; nothing for one that cannot be read.
fn on_file(book: &Workspace) -> Result<Vec<(String, Option<PublicKey>)>, Failure> {
    let folder = book.keys();
    let failed = |error: std::io::Error| Failure::file(&folder, &error);
    let mut found = Vec::new();
    for path in file::list(&folder).map_err(failed)? {
        let Some(name) = path.strip_suffix(".pub") else { continue };
        let bytes = file::read_back(&folder, &path, 1 << 16).map_err(failed)?;
        let key = std::str::from_utf8(&bytes).ok().and_then(|pem| PublicKey::from_pem(pem).ok());
        found.push((name.to_owned(), key));
    }
    Ok(found)
}

/// Lists the key files, and the keys of the register that have none here.
pub(super) fn list(workspace: Option<&Path>) -> Result<(), Failure> {
    let book = book(workspace)?;
    let register = Register::read(&book)?;
    let on_file = on_file(&book)?;
    let mut here = BTreeSet::new();
    for (name, key) in &on_file {
        let Some(key) = key else {
            say(format!("{:<24} its .pub file cannot be read", escape(name)));
            continue;
        };
        let fingerprint = key.fingerprint();
        here.insert(fingerprint);
        let algorithm = key.algorithm().to_string();
        say(format!("{:<24} {algorithm:<12} {fingerprint}", escape(name)));
        match register.of(&fingerprint) {
            Some(standing) => tell(standing),
            None => say("    not in the register"),
        }
    }
    let mut elsewhere = 0;
    for (fingerprint, standing) in register.keys().filter(|(key, _)| !here.contains(*key)) {
        elsewhere += 1;
        say(format!("{:<24} {:<12} {fingerprint}", standing.key.as_str(), "elsewhere"));
        tell(standing);
    }
    say(format!(
        "{} keys in {}, {elsewhere} more in its register",
        on_file.len(),
        escape(&book.folder().display().to_string())
    ));
    Ok(())
}

fn tell(standing: &Standing) {
    let by = standing.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    let reason = &standing.reason;
    say(escape(&format!("    {} since {}{by}: {reason}", standing.state, standing.since)));
    let kept: Vec<String> = [
        ("holder", &standing.holder),
        ("store", &standing.store),
        ("serial", &standing.serial),
        ("at", &standing.location),
        ("seal", &standing.seal),
    ]
    .iter()
    .filter_map(|(what, is)| is.as_ref().map(|is| format!("{what} {is}")))
    .collect();
    if !kept.is_empty() {
        say(escape(&format!("    {}", kept.join(", "))));
    }
}
