//! `show`: what documents say, and who signed them.

mod shape;
mod words;

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::driver::bench::system_time;
use crate::front::words::escape;
use crate::tuf::any::AnyDocument;
use crate::tuf::bins::Bins;
use crate::tuf::name::RoleName;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::{Authority, NoAuthority};

use super::gather::{Found, one};
use super::{Failure, json, say};

/// Show documents.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The documents.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Count signatures by the word of this root.
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Count signatures on a delegation by the word of this document, which delegates to it.
    #[arg(long, value_name = "FILE")]
    by: Option<PathBuf>,
    /// The role of the document, where the name of the file does not tell it.
    #[arg(long, value_name = "ROLE")]
    role: Option<RoleName>,
    /// Tell the days left from this time instead of now.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Show whole lists, not only their beginning.
    #[arg(long)]
    all: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Documents {
    at: Timestamp,
    documents: Vec<shape::Document>,
}

impl Show {
    pub(super) fn run(self) -> Result<(), Failure> {
        let at = self.at.unwrap_or_else(system_time);
        let voices =
            [&self.root, &self.by].into_iter().flatten().map(|path| Ok((path, one(path)?)));
        let voices: Vec<(&PathBuf, Found)> = voices.collect::<Result<_, Failure>>()?;
        let mut documents = Vec::new();
        for path in &self.files {
            let mut found = one(path)?;
            if let Some(role) = &self.role {
                found.role = role.clone();
            }
            let tallies = tallies(&found, &voices)?;
            let limit = if self.all || self.json { usize::MAX } else { SHOWN };
            documents.push(shape::Document::of(&found, tallies, at, limit));
        }
        if self.json {
            return json::print("show", &Documents { at, documents });
        }
        for (nth, document) in documents.iter().enumerate() {
            if nth > 0 {
                say("");
            }
            for line in words::lines(document) {
                say(line);
            }
        }
        Ok(())
    }
}

/// Counts the signatures by everybody's word that is at hand.
fn tallies(found: &Found, voices: &[(&PathBuf, Found)]) -> Result<Vec<shape::Tallied>, Failure> {
    let mut tallies = Vec::new();
    let mut count = |by: &str, authority: Result<Authority, NoAuthority>| {
        tallies.push(shape::Tallied::of(by, authority, &found.document));
    };
    if let AnyDocument::Root(root) = &found.document {
        count("itself", Authority::stated_by(root.peek(), &RoleName::root()));
    }
    for (path, voice) in voices {
        let by = path.display().to_string();
        if voice.document.dialect() != found.document.dialect() {
            return Err(Failure::input(format!(
                "expected a {} document in {}, found {}",
                found.document.dialect(),
                escape(&by),
                voice.document.dialect()
            )));
        }
        if let Some(authority) = said_by(path, voice, &found.role)? {
            count(&by, authority);
        }
    }
    Ok(tallies)
}

/// How much of a list is shown unless all of it is asked for.
const SHOWN: usize = 20;

/// Who may sign a role by the word of a document; nothing where it has no say over that role.
fn said_by(
    path: &Path,
    voice: &Found,
    role: &RoleName,
) -> Result<Option<Result<Authority, NoAuthority>>, Failure> {
    match &voice.document {
        AnyDocument::Root(root) => Ok(root
            .peek()
            .roles
            .contains_key(role)
            .then(|| Authority::stated_by(root.peek(), role))),
        AnyDocument::Targets(targets) => {
            let Some(delegations) = &targets.peek().delegations else { return Ok(None) };
            let named = delegations.roles.iter().find(|delegated| delegated.name == *role).cloned();
            let binned = || Bins::of(delegations).and_then(|bins| bins.role(role));
            let delegated = named.or_else(binned);
            Ok(delegated.map(|delegated| Authority::delegated(delegations, &delegated)))
        }
        AnyDocument::Snapshot(_) | AnyDocument::Timestamp(_) => {
            let shown = escape(&path.display().to_string());
            let kind = voice.document.kind();
            Err(Failure::input(format!("{shown} is a {kind}: it says nobody's keys"))
                .hint("Expected a root after --root, a targets document after --by."))
        }
    }
}
