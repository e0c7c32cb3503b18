//! `request merge`: answers are verified and counted; documents are written once every threshold is reached.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::ceremony::event::Mode;
use crate::ceremony::request::evidence;
use crate::ceremony::request::merge::Gathering;
use crate::ceremony::request::pin::follows;
use crate::ceremony::request::{MAX_REQUEST, Request};
use crate::driver::bench::system_time;
use crate::driver::file::{self, Readers};
use crate::driver::session::tool;
use crate::driver::workspace::Workspace;
use crate::front::words::escape;
use crate::tuf::digest::Digest;
use crate::tuf::name::KeyName;

use super::super::picture::file_or_codes;
use super::super::{Exit, Failure, say};
use super::{not_taken, open, words};

/// Verify and count answers.
#[derive(Debug, Args)]
pub(in super::super) struct Merge {
    /// The request; like every answer, a file, a picture of its QR codes (PNG or JPEG), or a folder of such pictures.
    file: PathBuf,
    /// The answers.
    answers: Vec<PathBuf>,
    /// An older request, whose answers count on the documents that are the same in both.
    #[arg(long, value_name = "REQUEST")]
    earlier: Vec<PathBuf>,
    /// A signature that another program made over an exported payload.
    #[arg(long, value_name = "KEYNAME=SIGFILE", value_parser = super::super::ceremony::mount)]
    detached: Vec<(KeyName, PathBuf)>,
    /// The folder that is made for the export and the evidence; without it, answers are only verified and counted.
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The head of the evidence as a QR code too.
    #[arg(long)]
    qr: bool,
    /// Let the workspace trust the new documents from now on.
    #[arg(long)]
    trust: bool,
}

impl Merge {
    pub(super) fn run(self, workspace: Option<&Path>) -> Result<(), Failure> {
        let (bytes, request) = open(&self.file)?;
        if request.facts().mode != Mode::Real {
            return Err(Failure::new(
                Exit::Wrong,
                "this is the request of a REHEARSAL; it proves nothing",
            ));
        }
        let mut gathering = Gathering::new(&request);
        for path in &self.earlier {
            let (bytes, earlier) = open(path)?;
            gathering.remember(earlier, bytes);
        }
        for path in &self.answers {
            let answer = file_or_codes(path, MAX_REQUEST)?;
            let key = gathering.take(&answer).map_err(|why| not_taken(path, &why))?;
            say(format!("[ok] {key}: its signatures and its record hold"));
        }
        for (key, path) in &self.detached {
            let signature = super::super::read(path, 1 << 20)?;
            let role =
                gathering.take_detached(key, &signature).map_err(|why| not_taken(path, &why))?;
            say(format!("[ok] {key}: signed {role} with another program, without a record"));
        }
        tell(&gathering);
        let at = system_time();
        let complete = match gathering.complete(at) {
            None => {
                return Err(Failure::new(Exit::CannotTell, "the set is not complete; nothing was written")
                    .hint("Every answer so far stays good: bring the others, and merge all of them together."));
            }
            Some(Err(why)) => {
                let why = format!("a client refuses the documents: {}", escape(&why));
                return Err(Failure::new(Exit::Wrong, why));
            }
            Some(Ok(complete)) => complete,
        };
        say("[ok] a fresh client accepts the documents, and so does one at every earlier root");
        if let Some(out) = &self.out {
            let files = evidence::files(&bytes, &gathering, &complete, at, tool());
            let head = Digest::of(files.get("MANIFEST").map(Vec::as_slice).unwrap_or_default());
            write(out, "export", &complete.exported, Readers::All)?;
            write(out, "evidence", &files, Readers::Owner)?;
            say("");
            say(format!("Export:    {}", out.join("export").display()));
            say(format!("Evidence:  {}", out.join("evidence").display()));
            say(format!("Head:      {head}"));
            words::compare(head);
            if self.qr {
                words::code("head", head)?;
            }
        }
        if self.trust {
            trust(workspace, &request, &complete.trusted)?;
        }
        Ok(())
    }
}

fn tell(gathering: &Gathering<'_>) {
    say("");
    for standing in gathering.standing() {
        let names = |keys: &[KeyName]| {
            let each: Vec<_> = keys.iter().map(ToString::to_string).collect();
            if each.is_empty() { "nobody".to_owned() } else { each.join(", ") }
        };
        let mark = if standing.reached() { "[ok]" } else { "[??]" };
        say(format!(
            "{mark} {}, by {}: {} of {} needed; signed: {}; open: {}",
            standing.role,
            standing.by,
            standing.signed.len(),
            standing.need,
            names(&standing.signed),
            names(&standing.missing)
        ));
    }
    say("");
}

/// Writes files below a new folder.
fn write(
    out: &Path,
    below: &str,
    files: &std::collections::BTreeMap<String, Vec<u8>>,
    readers: Readers,
) -> Result<(), Failure> {
    let folder = out.join(below);
    let failed = |error: std::io::Error| Failure::file(&folder, &error);
    if folder.exists() {
        return Err(failed(std::io::ErrorKind::AlreadyExists.into()));
    }
    file::make_folder(&folder).map_err(failed)?;
    files.iter().try_for_each(|(name, bytes)| {
        file::write_new(&folder, name, bytes, readers).map_err(failed)
    })
}

/// The workspace trusts the new documents, each beside the one before it. What is there already stays, if it is the same.
fn trust(
    workspace: Option<&Path>,
    request: &Request,
    documents: &std::collections::BTreeMap<String, Vec<u8>>,
) -> Result<(), Failure> {
    let here = std::env::current_dir().map_err(|error| Failure::file(Path::new("."), &error))?;
    let book = Workspace::find(workspace, &here)?;
    let folder = book.trust();
    // A workspace that trusts nothing of the repository yet has no pin from which this would follow.
    let known = super::sign::pinned_in(&book, request)?.ok_or_else(|| {
        Failure::new(Exit::CannotTell, "the workspace trusts nothing of this repository yet")
            .hint("Take the repository over first, in a ceremony of the kind adopt.")
    })?;
    follows(request, known.root)
        .map_err(|why| Failure::new(Exit::Wrong, escape(&why.to_string())))?;
    for (name, bytes) in documents {
        match file::write_new(&folder, name, bytes, Readers::Owner) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let there = file::read_back(&folder, name, MAX_REQUEST)
                    .map_err(|error| Failure::file(&folder, &error))?;
                if there != *bytes {
                    let what = format!("the workspace trusts another {name} already");
                    return Err(Failure::new(Exit::Wrong, escape(&what)));
                }
            }
            written => written.map_err(|error| Failure::file(&folder, &error))?,
        }
    }
    say(format!("[ok] {} trusts the new documents", folder.display()));
    Ok(())
}
