//! The claims about a record that was replayed, and what no record can show.

use std::collections::BTreeMap;

use crate::tuf::digest::Digest;
use crate::tuf::name::KeyName;
use crate::tuf::signature::Signature;

use super::super::engine::{Compared, Engine};
use super::super::event::{Entry, Event, Happened, Outcome, Wanted};
use super::super::plan::Kind;
use super::super::scene::Verdict;
use super::{Audit, tree};

/// All that a record that was replayed can show.
pub(super) fn played(
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
    super::fleet::claims(audit, engine, files);
    nonces(audit, entries);
    comparisons(audit, engine);
    statements(audit, engine);
    for (name, why) in &engine.record().behind {
        let text = format!("{name}, a second copy of the book, was behind: {why}.");
        audit.claim(Verdict::Warn, "second-copy", text);
    }
    audit.beyond = beyond(engine);
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
        Some(found) if *found == super::super::report::json(engine) => {
            audit.claim(Verdict::Pass, "report", "report.json says what the record says.");
        }
        Some(_) => {
            audit.claim(Verdict::Fail, "report", "report.json does not say what the record says.");
        }
        None => audit.claim(Verdict::Fail, "report", "report.json is missing."),
    }
    let same_tool = engine.opening().tool.version == env!("CARGO_PKG_VERSION");
    match files.get("report.txt") {
        Some(found) if *found == super::super::report::text(engine).into_bytes() => {}
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
        let good = super::super::authority::tally(record, &doc.role).len();
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
        use super::super::roster::Enrolled;
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
fn part(audit: &mut Audit, engine: &Engine, doc: &super::super::recipe::DocRecipe) {
    let made = engine.record().signatures.get(&doc.role).map_or(0, Vec::len);
    let verdict = if made == doc.signers.len() { Verdict::Pass } else { Verdict::Warn };
    let text = format!("{}: {made} of 1 signature that was asked for.", doc.role);
    audit.claim(verdict, "signatures", text);
}

/// A repeated ECDSA nonce gives the private key away.
fn nonces(audit: &mut Audit, entries: &[Entry]) {
    let mut seen: BTreeMap<(String, Vec<u8>), Option<Digest>> = BTreeMap::new();
    for entry in entries {
        let Event::Happened { act, what: Happened::Signed(signature), .. } = &entry.event else {
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
    for name in record.touches.keys() {
        lines.entry(name).or_default();
    }
    let mut text: Vec<String> = lines
        .into_iter()
        .map(|(name, (asked, kept))| {
            let excess = usize::try_from(asked).unwrap_or(usize::MAX).saturating_sub(kept);
            let touches = record.touches.get(name).copied().unwrap_or_default();
            let policy = record.remarks.get(name).into_iter().flatten();
            let policy = policy.filter(|remark| remark.name == "policy");
            let policy: String = policy.map(|remark| format!("; {}", remark.text)).collect();
            let signatures =
                format!("{asked} signatures asked for, {kept} kept, {excess} in excess");
            format!("{name}: {signatures}; {touches} touches asked for{policy}")
        })
        .collect();
    text.push("that touches and keystrokes on the video are as many as asked for here".to_owned());
    text.push("that bags were unbroken and the boot image was the published one".to_owned());
    text.push("that this machine, the people and the video were honest".to_owned());
    text
}
