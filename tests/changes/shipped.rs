//! The shipped changes: each is what its text and its sample make, down to the answers of a rehearsal. With
//! `ANCHORITE_WRITE_SAMPLES=1` the files are written instead of compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anchorite::ceremony::ask::{Answer, Ask, AskKind, People};
use anchorite::ceremony::before::Before;
use anchorite::ceremony::check::{CheckReport, Ground, base};
use anchorite::ceremony::engine::Engine;
use anchorite::ceremony::event::{FileAt, Mode, Opening, Outcome, SessionId, ToolId, Wanted};
use anchorite::ceremony::model::Room;
use anchorite::ceremony::plan::{Plan, PlannedKey, Store};
use anchorite::ceremony::scene::Verdict;
use anchorite::ceremony::twin::{Purpose, Twin};
use anchorite::driver::media::beside;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::Dialect;
use tempfile::TempDir;

use super::root_plans::all;
use super::sample::*;
use super::targets_kinds;

#[test]
fn every_shipped_change_is_what_its_sample_makes() {
    let write = std::env::var_os("ANCHORITE_WRITE_SAMPLES").is_some_and(|value| value == "1");
    for dialect in [Dialect::Notary1, Dialect::Tuf1] {
        let root = all(&Sample::new(dialect)).into_iter().map(|text| (Sample::new(dialect), text));
        for (sample, text) in root.chain(targets_kinds::ship::all(dialect)) {
            for (path, bytes) in files(&sample, &text) {
                let path = Path::new("ceremonies").join(path);
                if write {
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(&path, &bytes).unwrap();
                }
                let there =
                    fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
                assert!(there == bytes, "{} is not what the sample makes", path.display());
            }
        }
    }
}

#[test]
fn a_new_plan_of_a_change_comes_with_the_sample_that_it_starts_from() {
    for (kind, dialect) in [
        ("rotate-online", "notary1"),
        ("rotate-online", "tuf1"),
        ("adopt", "tuf1"),
        ("rotate-tagging", "notary1"),
        ("rotate-tagging", "tuf1"),
        ("add-delegation", "tuf1"),
        ("rotate-delegation", "notary1"),
        ("remove-delegation", "tuf1"),
        ("sign-targets", "notary1"),
        ("sign-targets", "tuf1"),
    ] {
        let folder = TempDir::new().unwrap();
        let made = Command::new(env!("CARGO_BIN_EXE_anchorite"))
            .args(["plan", "new", "--dialect", dialect, "--kind", kind, "plan.toml"])
            .current_dir(folder.path())
            .status()
            .unwrap();
        assert!(made.success());
        let file = folder.path().join("plan.toml");
        let plan = Plan::parse(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(plan.kind.as_str(), kind);
        let report = CheckReport::of(&plan, noon(), &beside(&file, &plan));
        assert!(report.verdict(Mode::Rehearsal) < Verdict::Fail, "{report:#?}");
        let walked = report.findings.iter().any(|finding| finding.name == "client-accepts");
        assert!(walked, "{report:#?}");
        for input in &plan.inputs {
            let bytes = fs::read(folder.path().join("IN").join(&input.path)).unwrap();
            assert_eq!(Digest::of(&bytes), input.sha256.value, "{}", input.path);
        }
    }
}

/// Every file of a shipped change by its path below `ceremonies`.
fn files(sample: &Sample, text: &Text) -> BTreeMap<String, Vec<u8>> {
    let folder = format!("{}-{}", text.kind, sample.dialect);
    let toml = format!("{}{}", head(sample, text, &folder), with_who_comes(plan(sample, text)));
    let plan = Plan::parse(toml.as_bytes()).unwrap_or_else(|why| panic!("{why}\n{toml}"));
    let mut files = BTreeMap::new();
    let mut put = |path: &str, bytes: Vec<u8>| files.insert(format!("{folder}/{path}"), bytes);
    for (name, bytes) in &sample.files {
        put(&format!("IN/before/{name}"), bytes.clone());
    }
    for (path, bytes) in &text.inputs {
        put(&format!("IN/{path}"), bytes.clone());
    }
    let extra: Vec<(&str, &[u8])> =
        text.inputs.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    put("answers.toml", answers(&plan, &sample.at_hand(&extra)).into_bytes());
    put("rehearsal-secrets", secrets(&plan).into_bytes());
    put("README.md", readme(&plan, &folder).into_bytes());
    put("plan.toml", toml.into_bytes());
    files
}

/// Custodians who hold no key of the plan do not come.
fn with_who_comes(mut toml: String) -> String {
    for custodian in ["Custodian C", "Custodian D"] {
        let person = format!("\n[[people]]\nname  = \"{custodian}\"\nroles = [\"custodian\"]\n");
        if toml.matches(&format!("\"{custodian}\"")).count() == 1 {
            toml = toml.replace(&person, "");
        }
    }
    toml
}

fn head(sample: &Sample, text: &Text, folder: &str) -> String {
    let repository = match sample.dialect {
        Dialect::Notary1 => "a container repository (Docker Content Trust, Notary v1)",
        Dialect::Tuf1 => "an update repository (TUF 1.0)",
    };
    format!(
        "# {}: {repository}.\n# Rehearsable as it is, from the sample repository in IN/before:\n\
         #   anchorite rehearse ceremonies/{folder}/plan.toml\n\
         # For a real ceremony put in your own people, serial numbers, fingerprints, digests and a window;\n\
         # docs/plan-format.md explains every line, docs/changes/{}.md the kind.\n\n",
        text.title, text.kind
    )
}

/// Plays the rehearsal in a model of the room, and takes down what is said.
fn answers(plan: &Plan, at_hand: &BTreeMap<FileAt, Vec<u8>>) -> String {
    let before = Before::of(plan, at_hand).unwrap();
    let twin = Twin::new(plan, &before, Purpose::Rehearse);
    let report = CheckReport::of(plan, noon(), at_hand);
    let checked =
        report.clear(twin.plan(), Mode::Rehearsal).unwrap_or_else(|| panic!("{report:#?}"));
    let opening = Opening {
        mode: Mode::Rehearsal,
        session: SessionId::new([7; 16]),
        tool: ToolId { name: "anchorite".to_owned(), version: String::new() },
        plan: plan.digest,
        base: base(plan, noon()),
        at: noon(),
        check: None,
        unattended: false,
        asked: None,
        earlier: Vec::new(),
    };
    let mut room = Room::new(twin.clone());
    let (mut engine, mut next) = Engine::open(Ground::new(checked, twin.before().clone()), opening);
    let mut script =
        "# The answers of a rehearsal without a terminal. The digest is that of plan.toml.\n"
            .to_owned();
    loop {
        next = match next.wanted {
            Wanted::Close(outcome) => {
                assert_eq!(outcome, Outcome::Done);
                return script;
            }
            Wanted::Act(id, act) => {
                let what = room.act(&id, &act);
                engine.happened(noon(), id, what, 0)
            }
            Wanted::Ask(ask) => {
                assert_eq!(engine.trouble(), None, "before {}", ask.id);
                let said = answer(&ask, &room, &engine);
                let id = ask.id.to_string();
                let (asked, _) = id.rsplit_once(" #").unwrap();
                let said_so = line(&ask, &said, plan);
                let _ = write!(script, "\n[[answer]]\nask = \"{asked}\"\n{said_so}\n");
                engine.people(noon(), said).unwrap()
            }
        };
    }
}

/// What a good room says; nothing outside a rehearsal can know the digest, so it is written down.
fn answer(ask: &Ask, room: &Room, engine: &Engine) -> People {
    if ask.id.kind == AskKind::Source {
        return People::Answer {
            ask: ask.id.clone(),
            say: Answer::Chose("written-down".to_owned()),
        };
    }
    room.answer(ask, engine)
}

fn line(ask: &Ask, said: &People, plan: &Plan) -> String {
    let People::Answer { say, .. } = said else { panic!("{said:?}") };
    match say {
        Answer::Pressed => "say = true".to_owned(),
        Answer::Chose(word) => format!("say = {word:?}"),
        Answer::Ticked(words) => format!("say = {words:?}"),
        Answer::Typed(_) if ask.id.kind == AskKind::ComparePlan => {
            format!("digest = \"{}\"", plan.digest)
        }
        Answer::Typed(_) | Answer::Differ => panic!("{}", ask.id),
    }
}

/// A virtual token that plays a YubiKey has the PIN 123456. One that plays a file takes the passphrase that it is given
/// when the key is made, and has 123456 where the key is there already.
fn secrets(plan: &Plan) -> String {
    let mut lines = String::new();
    for key in plan.keys.iter().filter(|key| key.is_here()) {
        let made = matches!(key.origin, anchorite::ceremony::plan::Origin::Make { .. });
        let secret = match &key.store {
            Some(Store::Age { .. }) if made => "stale-Otter-77-lamp-crossing",
            _ => "123456",
        };
        let _ = writeln!(lines, "{}\t{secret}", key.name);
    }
    lines
}

fn readme(plan: &Plan, folder: &str) -> String {
    let what = match plan.kind.as_str() {
        "refresh" => {
            "Root and targets get later dates, and nothing else changes: same keys, same thresholds, same targets. All \
             root keys sign, so that each is known to work."
        }
        "rotate-root" => {
            "Each custodian moves to another token. The three old keys sign the new root beside the three new ones, so \
             that every client that trusts the old root follows. Each custodian brings two tokens."
        }
        "replace-custodian" => {
            "Custodian C leaves and is not needed: two keys of the root before are enough. Custodian D makes a key on a \
             new token. The new root no longer knows the key of Custodian C."
        }
        "rotate-online" => {
            "The root names another key for what is signed online. The new public half comes on IN; no other key \
             changes."
        }
        "root-compromise" => {
            "The token of Custodian C was stolen. One key is below the threshold of two, so the repository can mend \
             itself: the two others sign a root without it, and Custodian D makes a key."
        }
        "adopt" => {
            "Nothing is signed and no key comes to the room. The documents of a repository that exists are verified from \
             a root that people compared, and go to the workspace byte for byte; what is odd about them is told. Keys \
             are not part of it: `anchorite key import` takes them into a store of ours."
        }
        "rotate-tagging" => {
            "The tagging key leaked. Somebody moved a target, added one, and added a delegation for themselves. Root and \
             targets are signed anew with another key, from the last targets document that is known to be good, which \
             lies in `IN/good`. What came after it is shown, delegations first, and undone."
        }
        "add-delegation" => {
            "Alice will sign releases. Targets hands them to two delegations, as docker does it: one for releases, and \
             one of her own. All three documents are signed here, her first release among them."
        }
        "rotate-delegation" => {
            "The key of the delegation for releases leaked. Targets names another one, and the delegation's own document \
             is signed again with it, its content unchanged. No root key is needed."
        }
        "remove-delegation" => {
            "Alice signs no more. Targets is signed without her delegation, and every other one stays byte for byte. The \
             check says which targets nobody finds any more."
        }
        "sign-targets" => {
            "One more target is signed through the delegation for releases. Neither the root's keys nor those of targets \
             come to the room."
        }
        other => panic!("{other}"),
    };
    let secrets = if plan.keys.iter().any(PlannedKey::is_here) {
        " `rehearsal-secrets` gives every passphrase."
    } else {
        ""
    };
    let text = format!(
        "The repository in `IN/before` is a sample: its keys are nobody's. Stand-ins play the keys and the documents, so a \
         rehearsal needs nothing. For machines, `answers.toml` answers every question.{secrets} The answers name the digest \
         of `plan.toml`, so a changed plan needs changed answers."
    );
    let real = format!(
        "For a real ceremony fetch the documents of your own repository, and put in their digests, the root digest from \
         the card of your last ceremony, your people and fingerprints, and a `window`. `docs/changes/{}.md` says when to \
         hold it and what to do online before and afterwards.",
        plan.kind
    );
    format!(
        "# {}\n\n{}\n\n```\nanchorite plan check ceremonies/{folder}/plan.toml\n\
         anchorite rehearse   ceremonies/{folder}/plan.toml\n\
         anchorite rehearse   ceremonies/{folder}/plan.toml --script ceremonies/{folder}/answers.toml \\\n    \
         --passphrase-fd 3 3<ceremonies/{folder}/rehearsal-secrets\n```\n\n{}\n\n{}\n",
        plan.title,
        wrapped(what),
        wrapped(&text),
        wrapped(&real)
    )
}

fn wrapped(text: &str) -> String {
    anchorite::front::words::wrap(text, 120).join("\n")
}
