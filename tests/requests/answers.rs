//! Answers: what counts, what does not, and what a request must be to be taken at all.

use anchorite::ceremony::audit::audit;
use anchorite::ceremony::event::{Mode, ToolId};
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::request::answer::{AnswerFile, BadAnswer};
use anchorite::ceremony::request::merge::{Gathering, NotTaken};
use anchorite::ceremony::request::pin::{NotPinned, Pinned, follows};
use anchorite::ceremony::request::{BadRequest, NoRequest, Request, RequestFile, evidence, make};
use anchorite::ceremony::scene::Verdict;
use anchorite::driver::signed::{Became, of_ended};
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::{Dialect, DocRole};
use anchorite::tuf::verify::RootDigest;

use crate::desk::*;
use crate::sample::*;

const BOTH: [Dialect; 2] = [Dialect::Notary1, Dialect::Tuf1];

fn file_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Notary1 => "root.json",
        Dialect::Tuf1 => "2.root.json",
    }
}

#[test]
fn two_of_three_custodians_at_their_own_desks_complete_a_root() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let (request, _) = request(&sample, &refresh(&sample));
        let mut gathering = Gathering::new(&request);
        gathering.take(&sign(&request, "root-a", &secret(&sample, "root-a"))).unwrap();
        assert!(gathering.complete(noon()).is_none());
        let standing = gathering.standing();
        assert_eq!(standing.len(), 2, "the root before, and its own keys: {standing:?}");
        assert!(standing.iter().all(|s| s.signed.len() == 1 && s.need == 2 && !s.reached()));
        gathering.take(&sign(&request, "root-c", &secret(&sample, "root-c"))).unwrap();
        let complete = gathering.complete(noon()).unwrap().unwrap();
        assert!(complete.served.contains_key(file_name(dialect)), "{:?}", complete.served.keys());
    }
}

#[test]
fn a_rotated_root_needs_both_thresholds_and_a_new_key_counts_for_one() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let (request, _) = request_with(&sample, "root-d", &rotate_root(&sample));
        let mut gathering = Gathering::new(&request);
        gathering.take(&sign(&request, "root-a", &secret(&sample, "root-a"))).unwrap();
        gathering.take(&sign(&request, "root-d", &new_key())).unwrap();
        let reached: Vec<_> = gathering.standing().iter().map(|s| (s.by, s.reached())).collect();
        assert_eq!(reached, [("the root before", false), ("its own keys", true)]);
        assert!(gathering.complete(noon()).is_none());
        gathering.take(&sign(&request, "root-b", &secret(&sample, "root-b"))).unwrap();
        gathering.complete(noon()).unwrap().unwrap();
    }
}

#[test]
fn the_evidence_of_several_machines_is_derived_again_and_a_changed_byte_shows() {
    let sample = Sample::new(Dialect::Tuf1);
    let (request, bytes) = request(&sample, &refresh(&sample));
    let mut gathering = Gathering::new(&request);
    let first = sign(&request, "root-a", &secret(&sample, "root-a"));
    gathering.take(&first).unwrap();
    let payload = request.change().payload(&DocRole::Root).unwrap();
    let detached = secret(&sample, "root-b").sign(payload.to_sign()).to_ecdsa_der().unwrap();
    gathering.take_detached(&"root-b".parse().unwrap(), &detached).unwrap();
    let complete = gathering.complete(noon()).unwrap().unwrap();
    let tool = ToolId { name: "anchorite".to_owned(), version: "0".to_owned() };
    let files = evidence::files(&bytes, &gathering, &complete, noon(), tool);
    let whole = Digest::of(&files["MANIFEST"]);
    let fails = |audit: &anchorite::ceremony::audit::Audit| audit.verdict() == Verdict::Fail;

    let by_paper = audit(&files, Some(whole));
    assert_eq!(by_paper.verdict(), Verdict::Warn, "{by_paper:#?}");
    let warned: Vec<_> = by_paper.claims.iter().filter(|c| c.verdict == Verdict::Warn).collect();
    assert!(warned.iter().all(|c| c.text.contains("root-b")), "{warned:#?}");
    // One signer's paper authenticates that signer's record.
    let answer: AnswerFile = serde_json::from_slice(&first).unwrap();
    assert_eq!(audit(&files, Some(answer.head)).verdict(), Verdict::Unknown);
    assert!(fails(&audit(&files, Some(Digest::of(b"another paper")))));
    assert_eq!(audit(&files, None).verdict(), Verdict::Unknown);

    for name in files.keys().filter(|name| *name != "MANIFEST") {
        let mut changed = files.clone();
        changed.get_mut(name).unwrap().push(b' ');
        assert!(fails(&audit(&changed, None)), "{name}");
        let mut missing = files.clone();
        missing.remove(name);
        assert!(fails(&audit(&missing, None)), "{name}");
        // Somebody who writes the manifest again as well is found out by what is derived.
        let manifest = anchorite::ceremony::audit::manifest_text(&changed);
        changed.insert("MANIFEST".to_owned(), manifest.into_bytes());
        assert!(fails(&audit(&changed, None)), "{name}");
    }
}

#[test]
fn an_answer_to_an_older_request_counts_for_nothing() {
    let sample = Sample::new(Dialect::Tuf1);
    let (older, _) = request(&sample, &refresh(&sample));
    let answer = sign(&older, "root-a", &secret(&sample, "root-a"));
    let mut text = refresh(&sample);
    text.title = "The same once more";
    let (newer, _) = request(&sample, &text);
    let mut gathering = Gathering::new(&newer);
    let why = gathering.take(&answer).unwrap_err();
    assert!(matches!(why, NotTaken::Answer(BadAnswer::OtherRequest { .. })), "{why}");
    assert!(gathering.standing().iter().all(|s| s.signed.is_empty()));

    // Nor when somebody writes the newer request's digest into it: the record is of the older one.
    let mut replayed: AnswerFile = serde_json::from_slice(&answer).unwrap();
    replayed.request = newer.digest();
    let why = gathering.take(&replayed.to_json()).unwrap_err();
    assert!(matches!(why, NotTaken::Answer(BadAnswer::Record { .. })), "{why}");
}

#[test]
fn a_notary_snapshot_that_is_signed_here_cannot_be_asked_for() {
    let sample = Sample::new(Dialect::Notary1);
    let use_by = "2026-12-24T00:00:00Z".parse().unwrap();
    let mut text = refresh(&sample);
    text.kind = "rotate-online";
    text.body += &made("snapshot-2", "Releaser", AGE, "p256", "");
    text.body += &role("snapshot", "\"snapshot-2\"", 1, Some("3 years"));
    let whole = plan(&sample, &text);
    // Nor alone: it would state hashes of files that somebody else may change meanwhile.
    let (start, end) =
        (whole.find("\n[roles.root]").unwrap(), whole.find("[[keys]]\nname      = \"snapshot-2\""));
    let alone = format!("{}\n{}", &whole[..start], &whole[end.unwrap()..]);
    for toml in [whole, alone] {
        let refused = make(&toml, &sample.at_hand(&[]), None, SESSION, noon(), use_by).unwrap_err();
        let why = BadRequest::Alone(NoRequest::Closing(DocRole::Snapshot));
        assert_eq!(refused, why, "{refused}");
        assert!(refused.to_string().contains("sign it in a ceremony of its own"), "{refused}");
    }
}

/// A plan in which the tagging key leaked: custodians approve the root, the releaser approves the targets.
fn rotate_tagging(sample: &Sample, targets: &str) -> Text {
    let mut text = refresh(sample);
    text.kind = "rotate-tagging";
    text.title = "The tagging key leaked";
    text.body += &made("tagging-2", "Releaser", AGE, "p256", "");
    text.body += &role("targets", "\"tagging-2\"", 1, Some(targets));
    text.body += &format!(
        "\n[[compromised]]\nfingerprint = \"{}\"\nreason = \"seen in a build log\"\n",
        sample.fingerprint("release")
    );
    text
}

#[test]
fn a_change_of_the_targets_leaves_the_custodians_approval_of_the_root_as_it_is() {
    let sample = Sample::new(Dialect::Tuf1);
    let (older, older_bytes) =
        request_with(&sample, "tagging-2", &rotate_tagging(&sample, "1 year"));
    let (newer, newer_bytes) =
        request_with(&sample, "tagging-2", &rotate_tagging(&sample, "2 years"));
    let root = |request: &Request| request.change().payload(&DocRole::Root).unwrap().digest();
    assert_eq!(root(&older), root(&newer));
    assert_ne!(older.change().digest(), newer.change().digest());
    let answers: Vec<_> =
        ["root-a", "root-b"].map(|key| sign(&older, key, &secret(&sample, key))).to_vec();
    let targets = newer.change().payload(&DocRole::Targets).unwrap();
    let released = new_key().sign(targets.to_sign()).to_ecdsa_der().unwrap();
    let name = "tagging-2".parse().unwrap();
    let asked: Vec<_> = newer.asks(&name).iter().map(|p| p.id().role.clone()).collect();
    assert_eq!(asked, [DocRole::Targets], "the releaser has no word in the root");

    let mut gathering = Gathering::new(&newer);
    assert!(gathering.take(&answers[0]).is_err(), "the older request is not at hand");
    gathering.remember(older.clone(), older_bytes.clone());
    for answer in &answers {
        gathering.take(answer).unwrap();
    }
    assert!(gathering.complete(noon()).is_none(), "nobody has released the targets");
    gathering.take_detached(&name, &released).unwrap();
    let complete = gathering.complete(noon()).unwrap().unwrap();
    let tool = ToolId { name: "anchorite".to_owned(), version: "0".to_owned() };
    let files = evidence::files(&newer_bytes, &gathering, &complete, noon(), tool);
    let whole = Digest::of(&files["MANIFEST"]);
    let audited = audit(&files, Some(whole));
    assert_eq!(audited.verdict(), Verdict::Warn, "{audited:#?}");

    // The releaser's signature on the older targets is one over other bytes now.
    let old = older.change().payload(&DocRole::Targets).unwrap();
    let stale = new_key().sign(old.to_sign()).to_ecdsa_der().unwrap();
    let mut again = Gathering::new(&newer);
    again.remember(older, older_bytes);
    assert!(again.take_detached(&name, &stale).is_err());
}

#[test]
fn what_was_signed_before_with_other_content_is_named_in_the_review() {
    let sample = Sample::new(Dialect::Tuf1);
    let (request, _) = request(&sample, &refresh(&sample));
    let (scenes, _) = stop_after_signing(&request, "root-a", &secret(&sample, "root-a"));
    let review = scenes.iter().find(|scene| scene.title == "REVIEW").unwrap();
    let told = format!("{:?}", review.blocks);
    assert!(told.contains("was signed before with other content"), "{told}");
    assert!(told.contains("root-b"), "{told}");
}

#[test]
fn a_draft_that_is_given_up_with_a_good_signature_is_kept_in_mind() {
    let sample = Sample::new(Dialect::Tuf1);
    let (request, _) = request(&sample, &refresh(&sample));
    let (_, engine) = stop_after_signing(&request, "root-a", &secret(&sample, "root-a"));
    assert!(AnswerFile::of(&engine, b"").is_none(), "what was stopped is no answer");
    let lines = of_ended(engine.record(), noon());
    let payload = request.change().payload(&DocRole::Root).unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].became, lines[0].payload), (Became::Abandoned, payload.digest()));
}

#[test]
fn an_answer_over_other_bytes_counts_for_nothing() {
    let sample = Sample::new(Dialect::Tuf1);
    let (request, _) = request(&sample, &refresh(&sample));
    let key = secret(&sample, "root-a");
    let good: AnswerFile = serde_json::from_slice(&sign(&request, "root-a", &key)).unwrap();
    let refused = |change: &dyn Fn(&mut AnswerFile)| {
        let mut file = good.clone();
        change(&mut file);
        Gathering::new(&request).take(&file.to_json()).unwrap_err().to_string()
    };
    let bytes = refused(&|file| {
        file.signatures[0].payload = Digest::of(b"other");
        file.signatures[0].signature = key.sign(b"other");
    });
    assert!(bytes.contains("root-a signed other bytes"), "{bytes}");
    let version = refused(&|file| file.signatures[0].version = 7);
    assert!(version.contains("version 7"), "{version}");
    let wrong = refused(&|file| file.signatures[0].signature = key.sign(b"other"));
    assert!(wrong.contains("is not one of the key root-a"), "{wrong}");
    let stranger = refused(&|file| file.key = "nobody".parse().unwrap());
    assert!(stranger.contains("no signature of the key nobody"), "{stranger}");
    let other = refused(&|file| file.key = "root-b".parse().unwrap());
    assert!(other.contains("root-b has the fingerprint"), "{other}");
    let none = refused(&|file| file.signatures.clear());
    assert!(none.contains("has not signed root exactly once"), "{none}");
    let head = refused(&|file| file.head = Digest::of(b"other"));
    assert!(head.contains("its head is not the one"), "{head}");
    // The record says from which root its signer came, and that root must lead to the request.
    let pin = refused(&|file| {
        let own = sample.root().to_string();
        let other = Digest::of(b"another root").to_string();
        file.transcript = rechained(&request, &file.transcript, &own, &other);
        let record: String = file.transcript.iter().map(|line| line.clone() + "\n").collect();
        file.head = anchorite::ceremony::transcript::head(record.as_bytes());
    });
    assert!(pin.contains("is not among the roots of the request"), "{pin}");
    let short = refused(&|file| {
        file.transcript.pop();
        let record: String = file.transcript.iter().map(|line| line.clone() + "\n").collect();
        file.head = anchorite::ceremony::transcript::head(record.as_bytes());
    });
    assert!(short.contains("was not held to its end"), "{short}");
}

/// A record in which a word was changed and the chain made again.
fn rechained(request: &Request, record: &[String], from: &str, to: &str) -> Vec<String> {
    let changed: String = record.iter().map(|line| line.replace(from, to) + "\n").collect();
    let mut head = request.plan().digest;
    let mut lines = Vec::new();
    for line in changed.lines() {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["prev"] = head.to_string().into();
        let line = serde_json::to_string(&value).unwrap();
        head = anchorite::ceremony::transcript::head_of(line.as_bytes());
        lines.push(line);
    }
    lines
}

#[test]
fn two_different_answers_of_one_custodian_count_for_nothing_new() {
    let sample = Sample::new(Dialect::Tuf1);
    let (request, _) = request(&sample, &refresh(&sample));
    let first = sign(&request, "root-a", &secret(&sample, "root-a"));
    let second = sign_as(&request, "root-a", &secret(&sample, "root-a"), 10);
    assert_ne!(first, second);
    let mut gathering = Gathering::new(&request);
    gathering.take(&first).unwrap();
    gathering.take(&first).unwrap();
    let why = gathering.take(&second).unwrap_err();
    assert!(why.to_string().contains("root-a answered twice, in different ways"), "{why}");
    assert!(gathering.standing().iter().all(|s| s.signed.len() == 1));
}

#[test]
fn a_signature_of_another_program_is_taken_only_over_the_very_bytes() {
    let sample = Sample::new(Dialect::Notary1);
    let (request, _) = request(&sample, &refresh(&sample));
    let payload = request.change().payload(&DocRole::Root).unwrap();
    let key = secret(&sample, "root-a");
    let name = "root-a".parse().unwrap();
    let mut gathering = Gathering::new(&request);
    let over = key.sign(b"other bytes").to_ecdsa_der().unwrap();
    for bytes in [over.as_slice(), b"", b"text\n", &[0; 64]] {
        assert!(gathering.take_detached(&name, bytes).is_err());
    }
    let signature = key.sign(payload.to_sign());
    let other = "root-b".parse().unwrap();
    assert!(gathering.take_detached(&other, signature.as_bytes()).is_err());
    // As r and s, which is what pkcs11-tool writes.
    assert_eq!(gathering.take_detached(&name, signature.as_bytes()).unwrap(), DocRole::Root);
    let der = signature.to_ecdsa_der().unwrap();
    assert!(matches!(gathering.take_detached(&name, &der), Err(NotTaken::Twice { .. })));
}

fn altered(bytes: &[u8], change: impl FnOnce(&mut RequestFile)) -> BadRequest {
    let mut file: RequestFile = serde_json::from_slice(bytes).unwrap();
    change(&mut file);
    Request::open(&file.to_json()).unwrap_err()
}

#[test]
fn an_altered_request_is_refused_whatever_was_altered() {
    for dialect in BOTH {
        let sample = Sample::new(dialect);
        let (_, bytes) = request_with(&sample, "root-d", &rotate_root(&sample));
        let said = |change: &dyn Fn(&mut RequestFile)| altered(&bytes, change).to_string();
        let root = said(&|file| file.previous_root = Digest::of(b"other"));
        assert!(root.contains("the request says root before"), "{root}");
        let version = said(&|file| file.documents[0].version = 3);
        assert!(version.contains("root version 3"), "{version}");
        let name = said(&|file| file.repository = "elsewhere.example.com/app".parse().unwrap());
        assert!(name.contains("elsewhere.example.com/app"), "{name}");
        let plan = said(&|file| file.plan = file.plan.replace("12 years", "13 years"));
        assert!(plan.contains("of the plan"), "{plan}");
        let file = said(&|file| file.files[0].content.0.push(b' '));
        assert!(file.contains("expected sha256"), "{file}");
        let twice = said(&|file| file.files.push(file.files[0].clone()));
        assert!(twice.contains("there twice"), "{twice}");
        let missing = said(&|file| file.files.clear());
        assert!(missing.contains("not at hand"), "{missing}");
        let dates = said(&|file| file.facts.base = file.facts.base.plus_seconds(60).unwrap());
        assert!(dates.contains("counts dates from"), "{dates}");
        let session = said(&|file| {
            file.facts.session = anchorite::ceremony::event::SessionId::new([1; 16]);
        });
        assert!(session.contains("root-d"), "{session}");
        let proof = said(&|file| file.roster.proofs.clear());
        assert!(proof.contains("nobody has proven to hold it"), "{proof}");
        let unproven = said(&|file| {
            let name = "root-d".parse().unwrap();
            let key = secret(&sample, "root-c").public_key().clone();
            file.roster.proofs.clear();
            file.roster.certificates.clear();
            let listed = anchorite::ceremony::roster::Enrolled::Listed { key };
            file.roster.keys.insert(name, listed);
        });
        assert!(unproven.contains("root-d"), "{unproven}");
        let swapped = said(&|file| {
            let other = file.roster.keys[&"root-b".parse().unwrap()].clone();
            file.roster.keys.insert("root-a".parse().unwrap(), other);
        });
        assert!(swapped.contains("root-a"), "{swapped}");
        assert!(matches!(altered(&bytes, |file| file.format = 2), BadRequest::Unreadable(_)));
        let mut spaced = bytes.clone();
        spaced.push(b' ');
        assert!(matches!(Request::open(&spaced), Err(BadRequest::Unreadable(_))));
    }
}

#[test]
fn a_request_follows_only_from_a_root_that_its_signer_trusts() {
    let sample = Sample::new(Dialect::Tuf1);
    let (request, _) = request(&sample, &refresh(&sample));
    follows(&request, RootDigest::new(sample.root())).unwrap();
    let other = follows(&request, RootDigest::new(Digest::of(b"another"))).unwrap_err();
    assert!(matches!(other, NotPinned::OtherRoot { .. }), "{other}");

    // A workspace that trusts version 2 already is not asked for version 2 again.
    let pinned = Pinned::of(Dialect::Tuf1, &sample.files).unwrap();
    assert_eq!(pinned.root, RootDigest::new(sample.root()));
    pinned.is_before(&request).unwrap();
    let mut gathering = Gathering::new(&request);
    for key in ["root-a", "root-b"] {
        gathering.take(&sign(&request, key, &secret(&sample, key))).unwrap();
    }
    let mut files = sample.files.clone();
    files.extend(gathering.complete(noon()).unwrap().unwrap().served);
    let later = Pinned::of(Dialect::Tuf1, &files).unwrap();
    let stale = later.is_before(&request).unwrap_err();
    assert!(
        stale.to_string().contains("the next after what is trusted here is version 3"),
        "{stale}"
    );
    assert!(follows(&request, later.root).is_err());
}

#[test]
fn what_cannot_be_asked_for_is_said_at_once() {
    let sample = Sample::new(Dialect::Tuf1);
    let use_by = "2026-12-24T00:00:00Z".parse().unwrap();
    let files = sample.at_hand(&[]);
    let ask = |text: &Text, use_by| {
        make(&plan(&sample, text), &files, None, SESSION, noon(), use_by).unwrap_err()
    };
    let made = ask(&rotate_root(&sample), use_by);
    assert!(matches!(made, BadRequest::Alone(NoRequest::Made(_))), "{made}");
    let over = ask(&refresh(&sample), noon());
    assert!(matches!(over, BadRequest::Alone(NoRequest::Over { .. })), "{over}");
    let first = std::fs::read_to_string("ceremonies/first-root-tuf1/plan.toml").unwrap();
    let first = make(&first, &files, None, SESSION, noon(), use_by).unwrap_err();
    assert!(matches!(first, BadRequest::Alone(NoRequest::Kind(_))), "{first}");
    let toml = plan(&sample, &rotate_root(&sample));
    let roster = roster(&Plan::parse(toml.as_bytes()).unwrap(), "root-d", noon());
    let mut rehearsed = roster.clone();
    rehearsed.facts.mode = Mode::Rehearsal;
    // A real roster does not pass as a rehearsal's: its keys are not the stand-ins.
    assert!(make(&toml, &files, Some(&rehearsed), SESSION, noon(), use_by).is_err());
    let other = plan(&sample, &Text { title: "Another", ..rotate_root(&sample) });
    let other = make(&other, &files, Some(&roster), SESSION, noon(), use_by).unwrap_err();
    assert!(matches!(other, BadRequest::OtherPlan { .. } | BadRequest::Roster(_)), "{other}");
}
