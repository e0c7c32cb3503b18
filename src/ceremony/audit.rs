//! The audit: what a stranger can derive again from an evidence folder, claim by claim.
//!
//! The transcript is replayed through the same engine over the plan that is in the folder; the documents that come out
//! are compared with those that lie there. Nothing here reads a file: the driver gives the bytes.

mod claims;
mod fleet;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::tuf::digest::Digest;
use crate::tuf::signature::Signature;
use crate::tuf::verify::RootDigest;

use super::before::Before;
use super::check::{Checked, Ground};
use super::engine::Engine;
use super::event::{Entry, Event, FileAt, Mode, Opening, Place};
use super::plan::{Input, Plan};
use super::request::pin::follows;
use super::request::{self, Asked, Request};
use super::scene::Verdict;
use super::transcript;
use super::twin::{Purpose, Twin};

/// One claim and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The judgement.
    pub verdict: Verdict,
    /// The claim's stable name.
    pub name: String,
    /// What was found, in words.
    pub text: String,
}

/// Everything that an audit says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// The format of this: 1.
    pub format: u32,
    /// The codename, as far as it could be read.
    pub codename: String,
    /// The mode, as far as it could be read.
    pub mode: Option<Mode>,
    /// The head of the transcript.
    pub head: Option<Digest>,
    /// The claims, in the order of the audit.
    pub claims: Vec<Claim>,
    /// What no file can show.
    pub beyond: Vec<String>,
}

impl Audit {
    /// The worst verdict.
    pub fn verdict(&self) -> Verdict {
        self.claims.iter().map(|claim| claim.verdict).max().unwrap_or(Verdict::Unknown)
    }

    pub(super) const fn empty() -> Self {
        Self {
            format: 1,
            codename: String::new(),
            mode: None,
            head: None,
            claims: Vec::new(),
            beyond: Vec::new(),
        }
    }

    pub(super) fn claim(&mut self, verdict: Verdict, name: &str, text: impl Into<String>) {
        self.claims.push(Claim { verdict, name: name.to_owned(), text: text.into() });
    }
}

/// Plays the transcript of an evidence folder again. The error is the claim that failed.
pub fn replay(
    plan: &Plan,
    before: &Before,
    request: Option<&Request>,
    transcript: &[u8],
) -> Result<(Engine, Vec<Entry>), Claim> {
    let fail =
        |name: &str, text: String| Claim { verdict: Verdict::Fail, name: name.to_owned(), text };
    let entries = transcript::read(transcript, plan.digest)
        .map_err(|why| fail("transcript-chain", why.to_string()))?;
    let Some(Entry { event: Event::Opened(opening), .. }) = entries.first() else {
        return Err(fail("transcript-chain", "the transcript does not open a ceremony".into()));
    };
    if opening.plan != plan.digest {
        return Err(fail(
            "plan",
            format!("the transcript is of the plan {}, not of this one", opening.plan),
        ));
    }
    let ground = ground(plan, before, request, opening).map_err(|why| fail("request", why))?;
    let engine = Engine::replay(ground, &entries)
        .map_err(|why| fail("transcript-replay", why.to_string()))?;
    Ok((engine, entries))
}

/// What a recorded ceremony stood on: its plan, or in a rehearsal its plan's twin; or the request that it answered. The
/// error is a sentence.
pub fn ground(
    plan: &Plan,
    before: &Before,
    request: Option<&Request>,
    opening: &Opening,
) -> Result<Ground, String> {
    let checked = Checked::on_record(plan.clone(), opening.check);
    if let Some(asked) = &opening.asked {
        let request = request.ok_or_else(|| "request.json is missing".to_owned())?;
        if request.digest() != asked.request || request.plan().digest != plan.digest {
            return Err(format!("the record answers the request {}, not this one", asked.request));
        }
        let key = &asked.key;
        let limited = Asked::new(request, key)
            .ok_or_else(|| format!("the request asks for no signature of {key}"))?;
        if limited.facts.mode != opening.mode || limited.use_by < opening.at {
            return Err("the record was begun in another mode, or after the use-by date".to_owned());
        }
        follows(request, RootDigest::new(asked.pinned)).map_err(|why| why.to_string())?;
        return Ok(Ground::asked(&checked, request, limited));
    }
    let purpose = match opening.mode {
        Mode::Real => return Ok(Ground::new(checked, before.clone())),
        Mode::Check => Purpose::Check,
        Mode::Rehearsal => Purpose::Rehearse,
    };
    let twin = Twin::new(plan, before, purpose);
    Ok(Ground::new(checked.twinned(&twin), twin.before().clone()))
}

/// The name under which the evidence keeps a request.
pub const REQUEST: &str = "request.json";

/// The files of the state before, as they lie in an evidence folder below `before/MEDIUM/`.
pub fn before_files(plan: &Plan, files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<FileAt, Vec<u8>> {
    plan.before_inputs()
        .filter_map(|input| {
            let bytes = files.get(&before_path(input))?.clone();
            let place = Place::Medium(input.medium.clone());
            Some((FileAt { place, path: input.path.clone() }, bytes))
        })
        .collect()
}

/// Where the evidence keeps a file of the state before.
pub fn before_path(input: &Input) -> String {
    format!("before/{}/{}", input.medium, input.path)
}

/// Audits an evidence folder: the plan, the transcript and all other files by their path. `head` is what the signed
/// paper says, if somebody has it.
pub fn audit(files: &BTreeMap<String, Vec<u8>>, head: Option<Digest>) -> Audit {
    if files.contains_key(request::evidence::MERGE) && !files.contains_key("transcript.jsonl") {
        return request::evidence::audit(files, head);
    }
    let mut audit = Audit::empty();
    let (Some(plan), Some(record)) = (files.get("plan.toml"), files.get("transcript.jsonl")) else {
        audit.claim(
            Verdict::Fail,
            "evidence",
            "Expected plan.toml and transcript.jsonl; this is not an evidence folder.",
        );
        return audit;
    };
    let plan = match Plan::parse(plan) {
        Ok(plan) => plan,
        Err(why) => {
            audit.claim(Verdict::Fail, "plan", format!("plan.toml does not parse: {why}"));
            return audit;
        }
    };
    audit.codename = plan.codename.to_string();
    let found = transcript::head(record);
    audit.head = Some(found);
    match head {
        Some(paper) if paper == found => audit.claim(
            Verdict::Pass,
            "head",
            "The record is the one whose head is on the paper you hold.",
        ),
        Some(paper) => audit.claim(
            Verdict::Fail,
            "head",
            format!("The paper says {paper}; the head of this record is {found}."),
        ),
        None => audit.claim(
            Verdict::Unknown,
            "head",
            "Consistent, not authenticated: without the head from the signed paper, somebody could have \
             made all of this up.",
        ),
    }
    manifest(&mut audit, files);
    let before = match Before::of(&plan, &before_files(&plan, files)) {
        Ok(before) => before,
        Err(why) => {
            audit.claim(Verdict::Fail, "before", format!("The state before: {why}."));
            return audit;
        }
    };
    let request = match files.get(REQUEST).map(|bytes| Request::open(bytes)).transpose() {
        Ok(request) => request,
        Err(why) => {
            audit.claim(Verdict::Fail, "request", format!("request.json: {why}."));
            return audit;
        }
    };
    match replay(&plan, &before, request.as_ref(), record) {
        Err(claim) => audit.claims.push(claim),
        Ok((engine, entries)) => {
            audit.mode = Some(engine.opening().mode);
            claims::played(&mut audit, &engine, &entries, files);
        }
    }
    audit
}

/// Which files the seal covers: all but the record itself, what is written after the seal, and what is added later.
pub fn is_sealed(path: &str) -> bool {
    !(path == "transcript.jsonl"
        || path == "MANIFEST"
        || path == "report.json"
        || path == "report.txt"
        || path.starts_with('.')
        || path.starts_with("addenda/"))
}

/// SHA-256 of the sorted lines `sha256  path` of all sealed files.
pub fn tree<'a>(files: impl Iterator<Item = (&'a String, &'a Vec<u8>)>) -> Digest {
    tree_of(files.map(|(path, bytes)| (path, Digest::of(bytes))))
}

/// The same of files whose digests are known.
pub fn tree_of<'a>(files: impl Iterator<Item = (&'a String, Digest)>) -> Digest {
    let mut lines: Vec<String> = files
        .filter(|(path, _)| is_sealed(path))
        .map(|(path, digest)| format!("{digest}  {path}\n"))
        .collect();
    lines.sort();
    Digest::of(lines.concat().as_bytes())
}

/// The manifest of an evidence folder, in the form of `sha256sum`: everything but itself and what is added later.
pub fn manifest_text(files: &BTreeMap<String, Vec<u8>>) -> String {
    manifest_of(files.iter().map(|(path, bytes)| (path, Digest::of(bytes))))
}

/// The same of files whose digests are known, in the order of their paths.
pub fn manifest_of<'a>(files: impl Iterator<Item = (&'a String, Digest)>) -> String {
    files
        .filter(|(path, _)| *path != "MANIFEST" && !path.starts_with("addenda/"))
        .map(|(path, digest)| format!("{digest}  {path}\n"))
        .collect()
}

/// What the manifest alone says of the files: the first thing that an audit looks at.
pub fn integrity(files: &BTreeMap<String, Vec<u8>>) -> Verdict {
    let mut audit = Audit::empty();
    manifest(&mut audit, files);
    audit.verdict()
}

pub(super) fn manifest(audit: &mut Audit, files: &BTreeMap<String, Vec<u8>>) {
    let Some(stated) = files.get("MANIFEST") else {
        audit.claim(
            Verdict::Fail,
            "manifest",
            "MANIFEST is missing: the evidence is not finished.",
        );
        return;
    };
    let stated = String::from_utf8_lossy(stated);
    let derived = manifest_text(files);
    let named: BTreeMap<&str, &str> =
        stated.lines().filter_map(|line| line.split_once("  ").map(|(d, p)| (p, d))).collect();
    for (path, digest) in &named {
        match files.get(*path) {
            None => audit.claim(Verdict::Fail, "manifest", format!("{path:?} is missing.")),
            Some(bytes) if Digest::of(bytes).to_string() != *digest => {
                audit.claim(Verdict::Fail, "manifest", format!("{path:?} was changed."));
            }
            Some(_) => {}
        }
    }
    for (path, bytes) in files {
        if path.starts_with("addenda/") {
            let (verdict, text) = super::export::result::judged(path, bytes, files);
            audit.claim(verdict, "addenda", text);
        } else if path != "MANIFEST" && !named.contains_key(path.as_str()) {
            audit.claim(Verdict::Fail, "manifest", format!("{path:?} does not belong here."));
        }
    }
    if audit.claims.iter().any(|claim| claim.name == "manifest") {
        return;
    }
    if stated == derived {
        let text = format!("All {} files are there, unchanged, and no others.", named.len());
        audit.claim(Verdict::Pass, "manifest", text);
    } else {
        audit.claim(Verdict::Fail, "manifest", "MANIFEST is not written as it should be.");
    }
}
