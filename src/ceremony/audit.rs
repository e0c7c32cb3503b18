//! The audit: what a stranger can derive again from an evidence folder, claim by claim.
//!
//! The transcript is replayed through the same engine over the plan that is in the folder; the documents that come out
//! are compared with those that lie there. Nothing here reads a file: the driver gives the bytes.

mod fleet;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::tuf::digest::Digest;
use crate::tuf::name::KeyName;
use crate::tuf::signature::Signature;
use crate::tuf::verify::RootDigest;

use super::before::Before;
use super::check::{Checked, Ground};
use super::engine::{Compared, Engine};
use super::event::{Entry, Event, FileAt, Happened, Mode, Opening, Outcome, Place, Wanted};
use super::plan::{Input, Kind, Plan};
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
            played(&mut audit, &engine, &entries, files);
        }
    }
    audit
}

fn played(
    audit: &mut Audit,
    engine: &Engine,
    entries: &[Entry],
    files: &BTreeMap<String, Vec<u8>>,
) {
    audit.claim(
        Verdict::Pass,
        "transcript",
        format!("{} entries, chained, and the engine derives each of them again.", entries.len()),
    );
    before(audit, engine);
    times(audit, entries);
    ended(audit, engine);
    sealed(audit, engine, files);
    reports(audit, engine, files);
    for (path, bytes) in engine.sealed_files() {
        match files.get(&path) {
            Some(found) if *found == bytes => {}
            Some(_) => audit.claim(
                Verdict::Fail,
                "derived-files",
                format!("{path} is not what plan and record lead to."),
            ),
            None => audit.claim(Verdict::Fail, "derived-files", format!("{path} is missing.")),
        }
    }
    if !audit.claims.iter().any(|claim| claim.name == "derived-files") {
        audit.claim(
            Verdict::Pass,
            "derived-files",
            "Documents, certificates and keys are what plan and record lead to, recomputed now.",
        );
    }
    signatures(audit, engine);
    fleet::claims(audit, engine, files);
    nonces(audit, entries);
    comparisons(audit, engine);
    statements(audit, engine);
    for (name, why) in &engine.record().behind {
        let text = format!("{name}, a second copy of the book, was behind: {why}.");
        audit.claim(Verdict::Warn, "second-copy", text);
    }
    audit.beyond = beyond(engine);
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

fn sealed(audit: &mut Audit, engine: &Engine, files: &BTreeMap<String, Vec<u8>>) {
    let Some(stated) = engine.record().sealed else { return };
    if tree(files.iter()) == stated {
        audit.claim(Verdict::Pass, "seal", "The sealed tree is the one that the record names.");
    } else {
        audit.claim(Verdict::Fail, "seal", "The files are not those that were sealed.");
    }
}

/// The reports are derived again. Other versions of the program may word the text in another way.
fn reports(audit: &mut Audit, engine: &Engine, files: &BTreeMap<String, Vec<u8>>) {
    match files.get("report.json") {
        Some(found) if *found == super::report::json(engine) => {
            audit.claim(Verdict::Pass, "report", "report.json says what the record says.");
        }
        Some(_) => {
            audit.claim(Verdict::Fail, "report", "report.json does not say what the record says.");
        }
        None => audit.claim(Verdict::Fail, "report", "report.json is missing."),
    }
    let same_tool = engine.opening().tool.version == env!("CARGO_PKG_VERSION");
    match files.get("report.txt") {
        Some(found) if *found == super::report::text(engine).into_bytes() => {}
        Some(_) if same_tool => {
            audit.claim(Verdict::Fail, "report", "report.txt does not say what the record says.");
        }
        Some(_) => audit.claim(
            Verdict::Warn,
            "report",
            "report.txt was written by another version and is not compared.",
        ),
        None => audit.claim(Verdict::Fail, "report", "report.txt is missing."),
    }
}

/// What a change started from follows from the root that the plan names.
fn before(audit: &mut Audit, engine: &Engine) {
    let Some(anchor) = engine.record().before.anchor() else { return };
    audit.claim(
        Verdict::Pass,
        "before",
        format!(
            "It started from root version {}, followed from the trusted root {}.",
            anchor.root().version,
            anchor.pinned()
        ),
    );
    if engine.plan().kind == Kind::RotateTagging && anchor.good().is_none() {
        let text =
            "No known-good state was named: people read every tag and delegation themselves.";
        audit.claim(Verdict::Warn, "known-good", text);
    }
}

/// The machine's clock never went back.
fn times(audit: &mut Audit, entries: &[Entry]) {
    let back = entries.windows(2).filter(|pair| match pair {
        [before, after] => after.at < before.at,
        _ => false,
    });
    match back.count() {
        0 => {}
        n => audit.claim(Verdict::Warn, "clock", format!("The clock went back {n} times.")),
    }
}

fn ended(audit: &mut Audit, engine: &Engine) {
    match engine.wanted() {
        Wanted::Close(Outcome::Done) => {
            audit.claim(Verdict::Pass, "ended", "The ceremony was held to its end.");
        }
        Wanted::Close(Outcome::Aborted) => {
            audit.claim(Verdict::Warn, "ended", "People stopped the ceremony.");
        }
        Wanted::Act(..) | Wanted::Ask(_) => {
            audit.claim(Verdict::Warn, "ended", "The record ends in the middle of the ceremony.");
        }
    }
}

fn signatures(audit: &mut Audit, engine: &Engine) {
    let record = engine.record();
    for doc in record.recipe.all() {
        if record.asked.is_some() {
            part(audit, engine, doc);
            continue;
        }
        let good = super::authority::tally(record, &doc.role).len();
        let need = usize::try_from(doc.threshold).unwrap_or(usize::MAX);
        let text = format!("{}: {good} good signatures, {need} needed.", doc.role);
        let verdict = match (good >= need, engine.wanted()) {
            (true, _) => Verdict::Pass,
            (false, Wanted::Close(Outcome::Done)) => Verdict::Fail,
            (false, Wanted::Close(Outcome::Aborted) | Wanted::Act(..) | Wanted::Ask(_)) => {
                Verdict::Warn
            }
        };
        audit.claim(verdict, "signatures", text);
    }
    for (name, enrolled) in &record.roster.keys {
        use super::roster::Enrolled;
        match (enrolled, record.roster.proofs.contains_key(name)) {
            (_, true) | (Enrolled::Listed { .. }, false) => {}
            (Enrolled::Server { .. }, false) => audit.claim(
                Verdict::Warn,
                "possession",
                format!("{name}: the server showed this key and proved nothing."),
            ),
            (Enrolled::Made { .. } | Enrolled::Shown { .. } | Enrolled::Enrolled { .. }, false) => {
                audit.claim(
                    Verdict::Warn,
                    "possession",
                    format!("{name}: nobody proved to hold this key."),
                );
            }
        }
    }
}

/// What one key that answers a request signed of a document.
fn part(audit: &mut Audit, engine: &Engine, doc: &super::recipe::DocRecipe) {
    let made = engine.record().signatures.get(&doc.role).map_or(0, Vec::len);
    let verdict = if made == doc.signers.len() { Verdict::Pass } else { Verdict::Warn };
    let text = format!("{}: {made} of 1 signature that was asked for.", doc.role);
    audit.claim(verdict, "signatures", text);
}

/// A repeated ECDSA nonce gives the private key away.
fn nonces(audit: &mut Audit, entries: &[Entry]) {
    let mut seen: BTreeMap<(String, Vec<u8>), Option<Digest>> = BTreeMap::new();
    for entry in entries {
        let Event::Happened { act, what: Happened::Signed(signature) } = &entry.event else {
            continue;
        };
        let Some(r) = Signature::ecdsa_r(signature) else { continue };
        let key = (act.subject.clone(), r.to_vec());
        match seen.insert(key, act.bytes) {
            Some(bytes) if bytes != act.bytes => audit.claim(
                Verdict::Fail,
                "nonces",
                format!(
                    "{} used one nonce for two messages: its private key can be computed.",
                    act.subject
                ),
            ),
            Some(_) | None => {}
        }
    }
    if !audit.claims.iter().any(|claim| claim.name == "nonces") {
        audit.claim(Verdict::Pass, "nonces", "No two signatures of a key share a nonce value (r).");
    }
}

fn comparisons(audit: &mut Audit, engine: &Engine) {
    let record = engine.record();
    if engine.opening().unattended {
        audit.claim(
            Verdict::Warn,
            "comparisons",
            "UNATTENDED: a script answered; no people compared anything.",
        );
        return;
    }
    let wrong = record.comparisons.iter().filter(|made| made.right != Some(true)).count();
    if wrong > 0 {
        audit.claim(
            Verdict::Warn,
            "comparisons",
            format!("{wrong} comparisons were wrong at first."),
        );
    }
    match record.compared {
        Some(Compared::SecondLaptop) => audit.claim(
            Verdict::Pass,
            "comparisons",
            "The digest of the change was compared with a second laptop, word by word.",
        ),
        Some(Compared::Request) => audit.claim(
            Verdict::Pass,
            "comparisons",
            "The digest of the change was compared with what whoever asked for it said, word by word.",
        ),
        Some(Compared::WrittenDown) => audit.claim(
            Verdict::Warn,
            "comparisons",
            "The digest of the change was written down, not compared: nothing outside knew it.",
        ),
        None => {}
    }
}

fn statements(audit: &mut Audit, engine: &Engine) {
    let record = engine.record();
    if !record.exceptions.is_empty() {
        let text = format!("{} exceptions were filed: read the report.", record.exceptions.len());
        audit.claim(Verdict::Warn, "exceptions", text);
    }
    let disagree: Vec<&String> =
        record.statements.iter().filter(|(_, said)| !said.agrees).map(|(name, _)| name).collect();
    for name in &disagree {
        audit.claim(Verdict::Warn, "statements", format!("{name:?} does not agree."));
    }
    if disagree.is_empty() && !record.statements.is_empty() {
        let text = format!("All {} participants agree.", record.statements.len());
        audit.claim(Verdict::Pass, "statements", text);
    }
}

fn beyond(engine: &Engine) -> Vec<String> {
    let record = engine.record();
    let mut lines: BTreeMap<&KeyName, (u32, usize)> = BTreeMap::new();
    for ((key, _), asked) in &record.attempts {
        lines.entry(key).or_default().0 += asked;
    }
    for name in record.signatures.values().flatten().map(|(name, _)| name) {
        lines.entry(name).or_default().1 += 1;
    }
    for name in record.roster.proofs.keys() {
        lines.entry(name).or_default().1 += 1;
    }
    let mut text: Vec<String> = lines
        .into_iter()
        .map(|(name, (asked, kept))| {
            let excess = usize::try_from(asked).unwrap_or(usize::MAX).saturating_sub(kept);
            let policy = record.remarks.get(name).into_iter().flatten();
            let policy = policy.filter(|remark| remark.name == "policy");
            let policy: String = policy.map(|remark| format!("; {}", remark.text)).collect();
            format!("{name}: {asked} signatures asked for, {kept} kept, {excess} in excess{policy}")
        })
        .collect();
    text.push("that touches and keystrokes on the video are as many as asked for here".to_owned());
    text.push("that bags were unbroken and the boot image was the published one".to_owned());
    text.push("that this machine, the people and the video were honest".to_owned());
    text
}
