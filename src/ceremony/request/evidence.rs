//! The evidence of a change that was signed on several machines: the request, every answer with its signer's record, and
//! the documents, all of which can be derived again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::tuf::digest::Digest;
use crate::tuf::document::DocRole;
use crate::tuf::name::KeyName;
use crate::tuf::time::Timestamp;

use super::super::audit::{self, Audit, REQUEST};
use super::super::engine::Complete;
use super::super::event::ToolId;
use super::super::scene::Verdict;
use super::Request;
use super::answer::Answer;
use super::merge::Gathering;

/// The file that says when the answers were put together.
pub const MERGE: &str = "merge.json";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MergeFile {
    /// The format: 1.
    format: u32,
    /// SHA-256 of the request.
    request: Digest,
    /// When.
    at: Timestamp,
    /// The program.
    tool: ToolId,
    /// The signatures that other programs made.
    detached: Vec<Detached>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Detached {
    key: KeyName,
    role: DocRole,
    file: String,
}

/// All files of the evidence, the manifest included. Its head is the SHA-256 of the manifest.
pub fn files(
    request: &[u8],
    gathering: &Gathering<'_>,
    complete: &Complete,
    at: Timestamp,
    tool: ToolId,
) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    files.insert(REQUEST.to_owned(), request.to_vec());
    for (answered, bytes) in gathering.earlier() {
        files.insert(
            format!("{}request.json", folder(answered, Digest::of(request))),
            bytes.to_vec(),
        );
    }
    for (answered, answer, bytes) in gathering.answers() {
        let (folder, key) = (folder(answered, Digest::of(request)), &answer.key);
        files.insert(format!("{folder}answers/{key}.json"), bytes.to_vec());
        files.insert(format!("{folder}signers/{key}/transcript.jsonl"), answer.transcript.clone());
    }
    let mut detached = Vec::new();
    for (nth, (key, role, bytes)) in (1..).zip(gathering.detached()) {
        let file = format!("detached/{key}-{nth}.sig");
        files.insert(file.clone(), bytes.to_vec());
        detached.push(Detached { key: key.clone(), role: role.clone(), file });
    }
    for (name, bytes) in &complete.served {
        files.insert(format!("documents/{name}"), bytes.clone());
    }
    let merge = MergeFile { format: 1, request: Digest::of(request), at, tool, detached };
    let mut text = serde_json::to_vec_pretty(&merge).expect("names and digests are JSON");
    text.push(b'\n');
    files.insert(MERGE.to_owned(), text);
    files.insert("MANIFEST".to_owned(), audit::manifest_text(&files).into_bytes());
    files
}

/// Where the answers to a request lie: those to an older one below a folder of its own.
fn folder(answered: Digest, request: Digest) -> String {
    if answered == request { String::new() } else { format!("{EARLIER}{answered}/") }
}

/// The folder of older requests.
const EARLIER: &str = "earlier/";

/// Audits the evidence of a change that was signed on several machines. `head` is what some paper says: the head of the
/// whole, or that of one signer's record.
pub fn audit(files: &BTreeMap<String, Vec<u8>>, head: Option<Digest>) -> Audit {
    let mut audit = Audit::empty();
    let whole = Digest::of(files.get("MANIFEST").map(Vec::as_slice).unwrap_or_default());
    audit.head = Some(whole);
    audit::manifest(&mut audit, files);
    if let Err(why) = derived(&mut audit, files, head, whole) {
        audit.claim(Verdict::Fail, "request", why);
    }
    audit
}

fn derived(
    audit: &mut Audit,
    files: &BTreeMap<String, Vec<u8>>,
    head: Option<Digest>,
    whole: Digest,
) -> Result<(), String> {
    let of = |name: &str| files.get(name).ok_or_else(|| format!("{name} is missing."));
    let bytes = of(REQUEST)?;
    let merge: MergeFile =
        serde_json::from_slice(of(MERGE)?).map_err(|why| format!("{MERGE}: {why}."))?;
    let request = Request::open(bytes).map_err(|why| format!("{REQUEST}: {why}."))?;
    audit.codename = request.plan().codename.to_string();
    audit.mode = Some(request.facts().mode);
    let text = "The documents are derived again from the plan and what it starts from.";
    audit.claim(Verdict::Pass, "request", text);
    let mut gathering = Gathering::new(&request);
    for (name, bytes) in files.iter().filter(|(name, _)| name.starts_with(EARLIER)) {
        if name.ends_with("/request.json") {
            let earlier = Request::open(bytes).map_err(|why| format!("{name}: {why}."))?;
            gathering.remember(earlier, bytes.clone());
        }
    }
    for (name, bytes) in files {
        let earlier = name.starts_with(EARLIER) && name.contains("/answers/");
        if name.starts_with("answers/") || earlier {
            gathering.take(bytes).map_err(|why| format!("{name}: {why}."))?;
        }
    }
    for made in &merge.detached {
        let role = gathering
            .take_detached(&made.key, of(&made.file)?)
            .map_err(|why| format!("{}: {why}.", made.file))?;
        if role != made.role {
            return Err(format!("{} is a signature on {role}, not on {}.", made.file, made.role));
        }
    }
    heads(audit, &gathering, head, whole);
    for standing in gathering.standing() {
        let verdict = if standing.reached() { Verdict::Pass } else { Verdict::Fail };
        let (have, need) = (standing.signed.len(), standing.need);
        let text = format!(
            "{}, by {}: {have} good signatures, {need} needed.",
            standing.role, standing.by
        );
        audit.claim(verdict, "signatures", text);
    }
    signers(audit, &gathering);
    match gathering.complete(merge.at) {
        None => return Err("The set is not complete.".to_owned()),
        Some(Err(why)) => return Err(format!("A client refuses the documents: {why}.")),
        Some(Ok(complete)) => {
            let again = self::files(bytes, &gathering, &complete, merge.at, merge.tool);
            let other = again.iter().find(|(name, bytes)| files.get(*name) != Some(bytes));
            match other {
                None => audit.claim(
                    Verdict::Pass,
                    "derived-files",
                    "Documents and records are what the request and its answers lead to, recomputed now.",
                ),
                Some((name, _)) => {
                    let text = format!("{name} is not what the request and its answers lead to.");
                    audit.claim(Verdict::Fail, "derived-files", text);
                }
            }
        }
    }
    audit.beyond = vec![
        "that each signer's machine and the people before it were honest".to_owned(),
        "who holds a key whose signature came without a record".to_owned(),
    ];
    Ok(())
}

/// The head on somebody's paper is that of the whole, or that of one signer's record.
fn heads(audit: &mut Audit, gathering: &Gathering<'_>, head: Option<Digest>, whole: Digest) {
    let Some(paper) = head else {
        audit.claim(
            Verdict::Unknown,
            "head",
            "Consistent, not authenticated: without a head from a signed paper, somebody could have made \
             all of this up.",
        );
        return;
    };
    let signer = |(_, answer, _): &(Digest, &Answer, &[u8])| answer.head == paper;
    if paper == whole {
        let text = "This is the evidence whose head is on the paper you hold.";
        audit.claim(Verdict::Pass, "head", text);
    } else if let Some((_, Answer { key, .. }, _)) = gathering.answers().find(signer) {
        let text = format!("The paper that you hold is of the record of {key}, and it is in here.");
        audit.claim(Verdict::Pass, "head", text);
        let text = "The other records are consistent; their papers are with their signers.";
        audit.claim(Verdict::Unknown, "other-heads", text);
    } else {
        let text = format!("The paper says {paper}; it is the head of nothing in here.");
        audit.claim(Verdict::Fail, "head", text);
    }
}

fn signers(audit: &mut Audit, gathering: &Gathering<'_>) {
    for (_, answer, _) in gathering.answers() {
        let key = &answer.key;
        let text = format!(
            "{key}: the record is chained, and the engine derives each entry again; its head is {}.",
            answer.head
        );
        audit.claim(Verdict::Pass, "signer", text);
        if answer.unattended {
            let text =
                format!("{key}: UNATTENDED: a script answered; no people compared anything.");
            audit.claim(Verdict::Warn, "comparisons", text);
        }
    }
    for (key, role, _) in gathering.detached() {
        let text = format!(
            "{key} signed {role} with another program: what its holder read and compared is on no record."
        );
        audit.claim(Verdict::Warn, "signer", text);
    }
}
