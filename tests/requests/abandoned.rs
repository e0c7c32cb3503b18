//! Signing that was cut off goes on, and drafts with good signatures that nobody finished are named before others are
//! signed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::{Dialect, DocRole};

use crate::machines::{Machines, head, refresh_of_files};
use crate::support::ceremony::PASSPHRASE;
use crate::support::command::Ran;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, to).unwrap();
        }
    }
}

/// An evidence folder as it was when power went: with so much of its record, and nothing that is written at the end.
fn cut(evidence: &Path, to: &Path, record: &[u8]) {
    fs::create_dir_all(to).unwrap();
    for file in ["plan.toml", "check.json", "request.json"] {
        if evidence.join(file).is_file() {
            fs::copy(evidence.join(file), to.join(file)).unwrap();
        }
    }
    for entry in fs::read_dir(evidence).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("before") {
            copy(&path, &to.join(path.file_name().unwrap()));
        }
    }
    fs::write(to.join("transcript.jsonl"), record).unwrap();
}

#[test]
fn a_signing_that_was_cut_off_goes_on_and_its_answer_is_good() {
    let machines = Machines::of(Dialect::Tuf1, refresh_of_files);
    machines.make("request.json", &[]).success();
    machines.workspace("A", "root-a");
    copy(&machines.at("A"), &machines.at("fresh"));
    let root = machines.sample.root().to_string();
    let more = ["--pin-root", &root, "-o", "a.json"];
    machines.sign("A", "Custodian A", "root-a", "request.json", &more).success();
    let evidence = machines.evidence("A").pop().unwrap();
    let record = fs::read(evidence.join("transcript.jsonl")).unwrap();
    let ends: Vec<usize> = (1..=record.len()).filter(|at| record[at - 1] == b'\n').collect();
    let signing = ends
        .windows(2)
        .position(|two| String::from_utf8_lossy(&record[two[0]..two[1]]).contains("\"signed\""))
        .unwrap();
    let begun = machines.signed("A").lines().next().unwrap().to_owned() + "\n";
    assert!(begun.contains("\"begun\""), "{begun}");

    let script = fs::read_to_string(machines.at("answers.toml")).unwrap();
    let last = ends.len() - 1;
    // Whole lines, and a line that is torn: at the beginning, before and after the signature, at the end.
    let torn = ends[signing] + 9;
    let cuts = [ends[0], ends[2], ends[last / 2], ends[signing], torn, ends[signing + 1]];
    for at in cuts.into_iter().chain([ends[last - 1], ends[last]]).collect::<BTreeSet<_>>() {
        let book = format!("cut-{at}");
        copy(&machines.at("fresh"), &machines.at(&book));
        fs::write(machines.at(&book).join("signed.jsonl"), &begun).unwrap();
        let folder = machines.at(&book).join("evidence").join(evidence.file_name().unwrap());
        if at < ends[last] {
            cut(&evidence, &folder, &record[..at]);
        } else {
            // All was sealed, and the manifest was not written.
            copy(&evidence, &folder);
            fs::remove_file(folder.join("MANIFEST")).unwrap();
        }
        let folder = folder.to_str().unwrap();
        let answer = format!("{book}.json");
        let early = machines.program(&["request", "answer", folder, "-o", &answer]);
        if at < ends[last] {
            assert!(early.failure(3).contains("this signing is not at its end"));
        } else {
            early.success();
            fs::remove_file(machines.at(&answer)).unwrap();
            fs::remove_file(Path::new(folder).join("MANIFEST")).unwrap();
        }
        // A signature that may have been made and lost is asked for again.
        if at == ends[signing] || at == torn {
            let again = "[[answer]]\nask = \"trouble/sign root-a\"\nsay = \"again\"\n";
            fs::write(machines.at("answers.toml"), script.clone() + again).unwrap();
        } else {
            fs::write(machines.at("answers.toml"), &script).unwrap();
        }
        let said = machines
            .secretly(&["resume", folder, "--workspace", &book, "--script", "answers.toml"])
            .success();
        assert!(said.contains("To write the answer: anchorite request answer"), "{at}: {said}");
        machines.program(&["request", "answer", folder, "-o", &answer]).success();
        let counted = machines.program(&["request", "merge", "request.json", &answer]).failure(5);
        assert!(counted.contains("[ok] root-a: its signatures and its record hold"), "{counted}");
        let verify = ["evidence", "verify", folder, "--head", &head(&said)];
        assert!(machines.program(&verify).success().contains("RESULT   PASS"));
        let signed = machines.signed(&book);
        assert!(signed.lines().last().unwrap().contains("\"signed\""), "{at}: {signed}");
    }
}

/// A machine whose workspace has all three root keys, with its media.
fn room() -> Machines {
    let machines = Machines::of(Dialect::Tuf1, refresh_of_files);
    machines.workspace("BOOK", "root-a");
    for key in ["root-b", "root-c"] {
        crate::machines::write_pem(&machines.sample, key, &machines.at(&format!("{key}.pem")));
        secrets(&machines, &[key]);
        let file = format!("{key}.pem");
        machines
            .secretly(&["key", "import", &file, "--name", key, "--workspace", "BOOK"])
            .success();
    }
    for (medium, role) in [("IN", "in"), ("OUT", "out"), ("KEYS", "keys")] {
        fs::create_dir_all(machines.at(medium)).unwrap();
        machines.program(&["media", "enrol", medium, "--role", role]).success();
    }
    machines
}

/// Words without the ends of lines.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn secrets(machines: &Machines, keys: &[&str]) {
    let lines: String = keys.iter().map(|key| format!("{key}\t{PASSPHRASE}\n")).collect();
    fs::write(machines.at("secrets"), lines).unwrap();
}

/// Holds the ceremony of the plan that lies there, which people stop once root-a has signed.
fn stopped(machines: &Machines, out: &str) -> Ran {
    let toml = fs::read_to_string(machines.at("plan.toml")).unwrap();
    let waivers = toml.lines().filter_map(|line| line.strip_prefix("finding = "));
    let read: Vec<String> = std::iter::once("root".to_owned())
        .chain(waivers.map(|name| format!("waiver {}", name.trim_matches('"'))))
        .collect();
    let people = toml.lines().skip_while(|line| *line != "[[people]]");
    let people: Vec<&str> = people
        .take_while(|line| *line != "[[media]]")
        .filter_map(|line| Some(line.strip_prefix("name  = ")?.trim_matches('"')))
        .collect();
    let mut script = format!("[[answer]]\nask = \"roll-call\"\nsay = {people:?}\n");
    let mut say = |ask: &str, say: &str| {
        write!(script, "[[answer]]\nask = \"{ask}\"\nsay = {say}\n").unwrap();
    };
    let ready = ["root-a", "root-b", "root-c"].map(|key| format!("ready/keys/{key}"));
    let head = ["room", "clock", "head/plan accepted", "medium/IN"];
    for ask in head.into_iter().chain(ready.iter().map(String::as_str)).chain(["medium/OUT"]) {
        say(ask, "true");
    }
    say("review", &format!("{read:?}"));
    say("source", "\"written-down\"");
    for ask in ["written-down", "head/before the first signature", "ready/sign/root-a"] {
        say(ask, "true");
    }
    let digest = Digest::of(toml.as_bytes());
    write!(
        script,
        "[[answer]]\nask = \"compare-plan/Witness 1\"\ndigest = \"{digest}\"\n\
         [[answer]]\nask = \"ready/sign/root-b\"\nwish = \"abort\"\n\
         [[answer]]\nask = \"abort\"\nsay = [\"EGRET\", \"a fire alarm\"]\n"
    )
    .unwrap();
    fs::write(machines.at("answers.toml"), script).unwrap();
    secrets(machines, &["root-a", "root-b", "root-c"]);
    fs::create_dir_all(machines.at(out)).unwrap();
    let marker = "anchorite-medium.toml";
    if !machines.at(out).join(marker).exists() {
        fs::copy(machines.at("OUT").join(marker), machines.at(out).join(marker)).unwrap();
    }
    let out = format!("OUT={out}");
    machines.secretly(&[
        "run",
        "plan.toml",
        "--script",
        "answers.toml",
        "--workspace",
        "BOOK",
        "--medium",
        "IN=IN",
        "--medium",
        "KEYS=KEYS",
        "--medium",
        &out,
    ])
}

/// Another plan, for another document of the same version.
fn change_plan(machines: &Machines, from: &str, to: &str) {
    let toml = fs::read_to_string(machines.at("plan.toml")).unwrap();
    assert!(toml.contains(from));
    fs::write(machines.at("plan.toml"), toml.replace(from, to)).unwrap();
}

/// The evidence of the latest ceremony.
fn latest(machines: &Machines) -> PathBuf {
    let all = machines.evidence("BOOK").into_iter();
    all.max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap()).unwrap()
}

#[test]
fn a_key_that_is_compromised_is_not_listed_again_by_a_plan_that_does_not_name_it() {
    let machines = room();
    let leaked = crate::desk::secret(&machines.sample, "release").public_key().fingerprint();
    let leaked = leaked.to_string();
    let state = ["key", "state", &leaked, "--to", "compromised"];
    let why = ["--by", "Administrator", "--reason", "seen in a log", "--workspace", "BOOK"];
    machines.program(&[&state[..], &why[..]].concat()).success();
    let said = stopped(&machines, "OUT").failure(3);
    assert!(said.contains("the new documents would list a key for targets again"), "{said}");
    assert!(said.contains("seen in a log") && said.contains("Name the role targets"), "{said}");
    assert!(fs::read_dir(machines.at("BOOK/evidence")).unwrap().next().is_none());
}

#[test]
fn a_ceremony_names_an_abandoned_draft_before_a_competing_one_is_signed() {
    const NAMED: &str = "root, version 2, was signed before with other content";
    let machines = room();
    machines.make("first.json", &[]).success();
    let first = machines.request("first.json").change().payload(&DocRole::Root).unwrap().digest();
    let said = stopped(&machines, "OUT").failure(1);
    assert!(!said.contains(NAMED), "{said}");
    let signed = machines.signed("BOOK");
    assert!(signed.contains(&first.to_string()) && signed.contains("\"abandoned\""), "{signed}");
    assert_eq!(signed.lines().count(), 1, "{signed}");

    // The same draft once more competes with nothing; another one does.
    change_plan(&machines, "12 years", "13 years");
    let said = stopped(&machines, "OUT-2").failure(1);
    let said = flat(&said);
    assert!(said.contains(NAMED) && said.contains("by root-a."), "{said}");
    let groups = first.groups();
    assert!(said.contains(&groups[..4].join(" ")), "{said}");
    let review = said.find(NAMED).unwrap();
    assert!(review < said.find("before the first signature").unwrap_or(usize::MAX), "{said}");

    // The same where power went after the signature, and nobody stopped or resumed it: only its record knows.
    let evidence = latest(&machines);
    let record = fs::read_to_string(evidence.join("transcript.jsonl")).unwrap();
    let lines: Vec<&str> = record.split_inclusive('\n').collect();
    let signed = lines.iter().rposition(|line| line.contains("\"signed\"")).unwrap();
    let record = lines[..=signed].concat();
    for folder in machines.evidence("BOOK") {
        if folder != evidence {
            fs::remove_dir_all(folder).unwrap();
        }
    }
    let name = machines.at("BOOK/evidence/20260101T000000Z-EGRET");
    cut(&evidence, &name, record.as_bytes());
    fs::remove_dir_all(&evidence).unwrap();
    fs::remove_file(machines.at("BOOK/signed.jsonl")).unwrap();
    let broken = machines.at("BOOK/evidence/20260102T000000Z-EGRET");
    cut(&name, &broken, b"{}\n");
    change_plan(&machines, "13 years", "14 years");
    let said = stopped(&machines, "OUT-3").failure(1);
    let said = flat(&said);
    assert!(said.contains(NAMED) && said.contains("by root-a."), "{said}");
    assert!(said.contains("[??] BOOK/evidence/20260102T000000Z-EGRET: line 1"), "{said}");
    assert!(said.contains("whether something was signed there is not known"), "{said}");

    // Stopped on record, and power gone before the workspace knew of it: the resume tells it.
    let evidence = latest(&machines);
    fs::remove_file(evidence.join("MANIFEST")).unwrap();
    fs::remove_file(machines.at("BOOK/signed.jsonl")).unwrap();
    let resume = ["resume", evidence.to_str().unwrap(), "--workspace", "BOOK"];
    machines.program(&resume).failure(1);
    assert!(machines.signed("BOOK").contains("\"abandoned\""));
    machines.program(&resume).failure(1);
    assert_eq!(machines.signed("BOOK").lines().count(), 1);
}
