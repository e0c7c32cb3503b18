//! `request sign`: a small ceremony of one key, on the signer's own machine, from the signer's own pinned root.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::ceremony::check::CheckReport;
use crate::ceremony::event::{Mode, Outcome};
use crate::ceremony::plan::{Plan, Store};
use crate::ceremony::request::answer::AnswerFile;
use crate::ceremony::request::pin::{Pinned, follows};
use crate::ceremony::request::{Asked, Request};
use crate::ceremony::scene::Verdict;
use crate::driver::bench::system_time;
use crate::driver::file;
use crate::driver::media::Media;
use crate::driver::session::{Answering, Begin, Ended, Resumed, Session};
use crate::driver::signed::{self, Became, Line, Signed};
use crate::driver::workspace::Workspace;
use crate::front::words::escape;
use crate::keystore::memory;
use crate::tuf::digest::Digest;
use crate::tuf::name::KeyName;
use crate::tuf::verify::RootDigest;

use super::super::ceremony::{
    barred, earlier, quoted, real_bench, register, rests, session_id, tell_end,
};
use super::super::people::Faces;
use super::super::plan::tell_findings;
use super::super::{Exit, Failure, say};
use super::{open, write_new};

/// Answer a request.
#[derive(Debug, Args)]
pub(in super::super) struct Sign {
    /// The request: a file, a picture of its QR codes (PNG or JPEG), or a folder of such pictures.
    file: PathBuf,
    /// The key that signs, as the plan calls it.
    #[arg(long, value_name = "NAME")]
    key: KeyName,
    /// The root digest that you trust, from a source of your own; without it, what your workspace trusts.
    #[arg(long, value_name = "HEX|PICTURE", value_parser = super::super::picture::digest)]
    pin_root: Option<Digest>,
    /// Where the answer goes.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Sign although other content was signed under the same role and version: the sha256 of what is given up.
    #[arg(long, value_name = "HEX")]
    instead_of: Vec<Digest>,
    #[command(flatten)]
    faces: Faces,
}

impl Sign {
    pub(super) fn run(self, workspace: Option<&Path>) -> Result<(), Failure> {
        memory::harden();
        let (bytes, request) = open(&self.file)?;
        let at = system_time();
        let asked = self.asked(&request)?;
        if at > request.use_by() {
            let text = format!("the request was to be used by {}", request.use_by().to_minute());
            return Err(Failure::new(Exit::Wrong, text).hint(
                "Nothing was signed. Ask for a new request: what it starts from may have changed.",
            ));
        }
        if self.out.exists() {
            return Err(Failure::file(&self.out, &std::io::ErrorKind::AlreadyExists.into()));
        }
        let here =
            std::env::current_dir().map_err(|error| Failure::file(Path::new("."), &error))?;
        let book = Workspace::find(workspace, &here)?;
        let pinned = self.pinned(&book, &request)?;
        self.given_up(&book, &request, at)?;
        let report = CheckReport::of(request.plan(), at, &request.files());
        let Some(checked) = report.clear(request.plan(), Mode::Real) else {
            tell_findings(&report);
            let exit = match report.verdict(Mode::Real) {
                Verdict::Unknown => Exit::CannotTell,
                Verdict::Pass | Verdict::Warn | Verdict::Fail => Exit::Wrong,
            };
            return Err(Failure::new(exit, "the check refuses to sign for this plan"));
        };
        self.script_may_answer(request.plan())?;
        let earlier = earlier(&book, &request.played().repository.name)?;
        let folder = book
            .new_evidence(at, &format!("{}-{}", request.plan().codename, self.key))
            .map_err(|error| Failure::file(book.folder(), &error))?;
        // On paper before it happens: whatever becomes of it, this key may have signed these bytes.
        let keys = vec![self.key.clone()];
        let begun = request.asks(&self.key).into_iter();
        let begun = begun.map(|p| Line::of(p, keys.clone(), at, Became::Begun)).collect::<Vec<_>>();
        signed::add(&book, &begun).map_err(|error| Failure::file(book.folder(), &error))?;
        let session = Session::begin(Begin {
            plan_bytes: request.plan_bytes(),
            plan: request.plan(),
            twin: None,
            before: request.before(),
            report: &report,
            checked,
            mode: Mode::Real,
            session: session_id(None)?,
            at,
            unattended: self.faces.unattended(),
            folder: &folder,
            answering: Some(Answering { bytes: &bytes, request: &request, asked, pinned }),
            earlier,
        })?;
        let plan = session.engine().plan().clone();
        let media = Media::new(BTreeMap::new(), false);
        let barred = barred(&book, &plan, request.before().anchor(), &BTreeMap::new())?;
        let mut bench = real_bench(&plan, &book, barred, media, &folder);
        let ended = self.faces.with_front(&[], |front| {
            session.hold(front, &mut bench).map_err(|why| rests(&why, &folder, &[]))
        })?;
        register(&book, &ended)?;
        if ended.outcome == Outcome::Done {
            write_answer(&folder, &self.out)?;
        }
        tell_end(&ended)
    }

    /// What this key is asked for, of a request that is meant for real.
    fn asked(&self, request: &Request) -> Result<Asked, Failure> {
        match request.facts().mode {
            Mode::Real => {}
            Mode::Rehearsal | Mode::Check => {
                return Err(Failure::new(
                    Exit::Wrong,
                    "this is the request of a REHEARSAL; it is not signed",
                ));
            }
        }
        Asked::new(request, &self.key).ok_or_else(|| {
            let keys = request.roster().keys.keys().filter(|key| !request.asks(key).is_empty());
            let keys: Vec<_> = keys.map(ToString::to_string).collect();
            Failure::new(Exit::Wrong, format!("the request asks for no signature of {}", self.key))
                .hint(format!("Signatures of these keys count: {}.", keys.join(", ")))
        })
    }

    /// The request follows from the signer's own root: the one that was named, and what the workspace trusts.
    fn pinned(&self, book: &Workspace, request: &Request) -> Result<RootDigest, Failure> {
        let wrong = |why: &dyn std::fmt::Display| {
            Failure::new(Exit::Wrong, escape(&why.to_string())).hint(
                "Nothing was signed. Find out which of the two is right before anything else.",
            )
        };
        let known = pinned_in(book, request)?;
        if let Some(known) = &known {
            known.is_before(request).map_err(|why| wrong(&why))?;
            follows(request, known.root).map_err(|why| wrong(&why))?;
        }
        match (self.pin_root, known) {
            (Some(pin), _) => {
                let pin = RootDigest::new(pin);
                follows(request, pin).map(|()| pin).map_err(|why| wrong(&why))
            }
            (None, Some(known)) => Ok(known.root),
            (None, None) => Err(Failure::new(
                Exit::CannotTell,
                "no root of this repository is trusted here, so that nothing can be checked against it",
            )
            .hint("Name the root digest from your own card: --pin-root HEX")),
        }
    }

    /// A second, different document of one role and version is refused, unless the first is given up by name.
    fn given_up(
        &self,
        book: &Workspace,
        request: &Request,
        at: crate::tuf::time::Timestamp,
    ) -> Result<(), Failure> {
        let failed = |error: std::io::Error| Failure::file(book.folder(), &error);
        let name = &request.played().repository.name;
        let standing = Signed::read(book, name).map_err(failed)?;
        let mut lines = Vec::new();
        for payload in request.asks(&self.key) {
            for other in standing.others(payload) {
                if !self.instead_of.contains(&other.payload) {
                    let keys: Vec<_> = other.keys.iter().map(ToString::to_string).collect();
                    return Err(Failure::new(
                        Exit::Wrong,
                        format!(
                            "other content was signed here as {} of {}, version {}: on {}, by {}",
                            other.role,
                            other.repository,
                            other.version,
                            other.at.to_minute(),
                            keys.join(", ")
                        ),
                    )
                    .hint(format!(
                        "Its sha256 is {}; that of the request is {}.",
                        other.payload,
                        payload.digest()
                    ))
                    .hint("Whoever has both could show different clients different documents.")
                    .hint(format!(
                        "If the first was given up by all: --instead-of {}",
                        other.payload
                    )));
                }
                lines.push(Line { at, became: Became::Abandoned, ..other });
            }
        }
        signed::add(book, &lines).map_err(failed)
    }

    /// A script answers only where the plan says so, and never for a token.
    fn script_may_answer(&self, plan: &Plan) -> Result<(), Failure> {
        if !self.faces.unattended() {
            return Ok(());
        }
        let store = plan.key(&self.key).and_then(|key| key.store.as_ref());
        if matches!(store, Some(Store::Yubikey { .. } | Store::Pkcs11 { .. })) {
            let what = format!("{} lives in a token; a script never unlocks one", self.key);
            return Err(Failure::new(Exit::Wrong, what));
        }
        if plan.waiver("unattended").is_none() {
            return Err(Failure::new(
                Exit::Wrong,
                "a script cannot answer for people, unless the plan waives \"unattended\"",
            ));
        }
        Ok(())
    }
}

/// What a workspace trusts of the repository of a request.
pub(super) fn pinned_in(book: &Workspace, request: &Request) -> Result<Option<Pinned>, Failure> {
    let repository = &request.played().repository;
    let folder = book.trust().join(repository.name.as_str());
    if !folder.is_dir() {
        return Ok(None);
    }
    let failed = |error: std::io::Error| Failure::file(&folder, &error);
    let mut files = BTreeMap::new();
    for path in file::list(&folder).map_err(failed)? {
        let bytes = file::read_back(&folder, &path, MAX_TRUSTED).map_err(failed)?;
        files.insert(path, bytes);
    }
    Ok(Pinned::of(repository.dialect, &files))
}

/// The largest trusted document: 256 MiB.
const MAX_TRUSTED: u64 = 256 << 20;

/// Writes the answer of a signing that was held to its end.
pub(super) fn write_answer(folder: &Path, out: &Path) -> Result<(), Failure> {
    let ended = match Session::resume(folder, system_time())? {
        Resumed::Ended(ended) => ended,
        Resumed::Open { .. } => {
            let folder = quoted(&folder.display().to_string());
            return Err(Failure::new(Exit::Wrong, "this signing is not at its end")
                .hint(format!("To go on: anchorite resume {folder}")));
        }
    };
    let record = file::read_back(folder, "transcript.jsonl", MAX_TRUSTED)
        .map_err(|error| Failure::file(folder, &error))?;
    let answer = AnswerFile::of(&ended.engine, &record)
        .ok_or_else(|| Failure::new(Exit::Wrong, "this signing was stopped; there is no answer"))?;
    write_new(out, &answer.to_json())?;
    say("");
    say(format!("Answer:    {}", out.display()));
    Ok(())
}

/// After a signing that was resumed: the command that writes its answer.
pub(in super::super) fn answered(ended: &Ended) {
    if ended.engine.record().asked.is_some() && ended.outcome == Outcome::Done {
        let folder = quoted(&ended.folder.display().to_string());
        say(format!("To write the answer: anchorite request answer {folder} -o FILE"));
    }
}
