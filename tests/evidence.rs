//! Evidence that was touched is noticed: every file, flipped, missing, or too many.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod stage;

use std::collections::BTreeMap;

use anchorite::ceremony::audit::audit;
use anchorite::ceremony::scene::Verdict;
use anchorite::driver::evidence;
use anchorite::tuf::digest::Digest;

use stage::{GoodPeople, Stage, report};

type Files = BTreeMap<String, Vec<u8>>;

/// A finished rehearsal's evidence, and its head.
fn finished() -> (Files, Digest) {
    let name = "first-root-tuf1";
    let stage = Stage::set(name);
    let session = stage.begin(&report(name));
    let mut people = GoodPeople { plan: stage.plan.digest, change: None, asked: 0 };
    let ended = session.hold(&mut people, &mut stage.bench()).unwrap();
    (evidence::read(&ended.folder).unwrap(), ended.engine.head())
}

fn verdict(files: &Files, head: Digest) -> Verdict {
    audit(files, Some(head)).verdict()
}

#[test]
fn untouched_evidence_passes_with_its_head_and_is_not_authenticated_without() {
    let (files, head) = finished();
    assert!(verdict(&files, head) <= Verdict::Warn, "{:#?}", audit(&files, Some(head)));
    assert_eq!(audit(&files, None).verdict(), Verdict::Unknown);
    assert_eq!(verdict(&files, Digest::of(b"another")), Verdict::Fail);
}

#[test]
fn a_flip_in_any_file_fails() {
    let (files, head) = finished();
    for (path, bytes) in &files {
        let structural = |at: &usize| b"{}[]\":,\n".contains(&bytes[*at]);
        let mut places: Vec<usize> = (0..bytes.len()).step_by(64).collect();
        places.extend((0..bytes.len()).filter(structural));
        // The manifest is read first, so a flip elsewhere is found by one hash; the rest of the audit is the same each time.
        for at in places {
            let mut touched = files.clone();
            touched.get_mut(path).unwrap()[at] ^= 1;
            let claims = anchorite::ceremony::audit::integrity(&touched);
            assert_eq!(claims, Verdict::Fail, "{path} at {at}");
        }
        let mut touched = files.clone();
        touched.get_mut(path).unwrap()[bytes.len() / 2] ^= 1;
        assert_eq!(verdict(&touched, head), Verdict::Fail, "{path}");
    }
}

#[test]
fn a_missing_and_an_extra_file_fail() {
    let (files, head) = finished();
    for path in files.keys() {
        let mut touched = files.clone();
        touched.remove(path);
        assert_eq!(verdict(&touched, head), Verdict::Fail, "{path}");
    }
    let mut touched = files.clone();
    touched.insert("extra".to_owned(), Vec::new());
    assert_eq!(verdict(&touched, head), Verdict::Fail);
    let mut added = files;
    added.insert("addenda/RESULT".to_owned(), b"PASS\n".to_vec());
    assert!(verdict(&added, head) <= Verdict::Warn);
}

#[test]
fn a_record_whose_manifest_was_made_again_still_fails() {
    let (files, head) = finished();
    let record = files["transcript.jsonl"].clone();
    let lines: Vec<&[u8]> = record.split_inclusive(|byte| *byte == b'\n').collect();
    let forged = |record: Vec<u8>| {
        let mut touched = files.clone();
        touched.insert("transcript.jsonl".to_owned(), record);
        let manifest = anchorite::ceremony::audit::manifest_text(&touched);
        touched.insert("MANIFEST".to_owned(), manifest.into_bytes());
        touched
    };
    for keep in [1, 10, lines.len() - 1] {
        let cut = lines[..keep].concat();
        assert_eq!(verdict(&forged(cut), head), Verdict::Fail, "cut to {keep} lines");
    }
    let mut swapped = lines.clone();
    swapped.swap(20, 21);
    assert_eq!(verdict(&forged(swapped.concat()), head), Verdict::Fail);
    let mut dropped = lines;
    dropped.remove(30);
    assert_eq!(verdict(&forged(dropped.concat()), head), Verdict::Fail);
}
