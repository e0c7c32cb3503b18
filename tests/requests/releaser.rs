//! The key of a releaser's pipeline, which never comes to a room: it answers requests, alone or beside custodians.

use std::fs;
use std::path::Path;
use std::process::Command;

use anchorite::ceremony::check::CheckReport;
use anchorite::ceremony::plan::Plan;
use anchorite::tuf::any::AnyDocument;
use anchorite::tuf::document::Dialect;

use crate::desk::*;
use crate::machines::{Machines, write_pem};
use crate::sample::*;
use crate::support::command::run;

const BY_REQUEST: &str = "by_request = true\n";

/// The targets key of a sample, a new name for its repository, and where its folder is in an export.
const fn names(dialect: Dialect) -> (&'static str, &'static str, &'static str, &'static str) {
    match dialect {
        Dialect::Notary1 => {
            ("tagging", "v2", "registry.example.com/team/app", "registry.example.com/team/app")
        }
        Dialect::Tuf1 => {
            ("release", "app/app-2.0.tar.gz", "updates.example.com/metadata", "updates.example.com")
        }
    }
}

fn target(dialect: Dialect) -> String {
    let (_, name, _, _) = names(dialect);
    format!(
        "\n[[targets]]\nname   = \"{name}\"\nlength = 1000\nrole   = \"targets\"\n\
         sha256 = \"60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752\"\n"
    )
}

/// A new release, signed by a pipeline with the targets key: the root lists it, and no room has it.
fn release(sample: &Sample) -> Text {
    let (key, ..) = names(sample.dialect);
    Text {
        kind: "sign-targets",
        codename: "SISKIN",
        title: "A pipeline signs a new release",
        head: BY_REQUEST,
        body: listed(sample, key)
            + "holder    = \"Releaser\"\n"
            + &role("targets", &format!("\"{key}\""), 1, Some("1 year"))
            + &target(sample.dialect),
        ..Text::default()
    }
}

/// Has openssl sign one document with the key file of this name, by the very command that the program prints.
fn sign_with_openssl(machines: &Machines, request: &str, role: &str, key: &str) {
    let payload = format!("{role}.payload");
    if !machines.at(&payload).exists() {
        machines.program(&["request", "export", request, "--role", role, "-o", &payload]).success();
    }
    let _ = fs::remove_file(machines.at("told.payload"));
    let told = machines
        .program(&["request", "export", request, "--role", role, "-o", "told.payload"])
        .success()
        .replace("told.payload", &payload);
    let signature = format!("{key}.{role}.sig");
    let command = told
        .lines()
        .find(|line| line.contains(&signature) && line.trim_start().starts_with("openssl"))
        .unwrap_or_else(|| panic!("{told}"));
    run(Command::new("sh").args(["-c", command]).current_dir(machines.at(""))).success();
}

#[test]
fn a_pipelines_key_answers_with_openssl_or_from_a_workspace() {
    for dialect in [Dialect::Notary1, Dialect::Tuf1] {
        let machines = Machines::of(dialect, release);
        let (key, new, folder, _) = names(dialect);
        let said = machines.make("request.json", &[]).success();
        assert!(said.contains(&format!("targets, by the root: 1 of {key}")), "{said}");
        write_pem(&machines.sample, key, &machines.at(&format!("{key}.pem")));
        sign_with_openssl(&machines, "request.json", "targets", key);
        let detached = format!("{key}={key}.targets.sig");
        let merge =
            ["request", "merge", "request.json", "--detached", &detached, "-o", "by-openssl"];
        let merged = machines.program(&merge).success();
        assert!(merged.contains("without a record"), "{merged}");

        machines.workspace("CI", key);
        let root = machines.sample.root().to_string();
        let more = ["--pin-root", &root, "-o", "ci.json"];
        machines.sign("CI", "Releaser", key, "request.json", &more).success();
        machines
            .program(&["request", "merge", "request.json", "ci.json", "-o", "by-answer"])
            .success();
        for out in ["by-openssl", "by-answer"] {
            let exported = machines.at(out).join("export").join(folder);
            let targets = fs::read_dir(&exported)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .find(|path| path.to_str().unwrap().ends_with("targets.json"))
                .unwrap();
            let text = fs::read_to_string(&targets).unwrap();
            assert!(text.contains(new), "{text}");
            assert_eq!(AnyDocument::read(text.as_bytes()).unwrap().version(), 2);
        }
    }
}

/// Makes a key with openssl, and its public half and its proof by the commands of `docs/plan-format.md`.
fn make_with_openssl(folder: &Path, repository: &str) {
    let page = fs::read_to_string("docs/plan-format.md").unwrap();
    let block = |fence: &str| {
        let (_, after) = page.split_once(&format!("\n```{fence}\n")).unwrap();
        after.split_once("```").unwrap().0.to_owned()
    };
    let make =
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ci.pem 2>/dev/null";
    let script = format!("set -eu\n{make}\n{}{}", block("sh"), block("sh ecdsa"));
    run(Command::new("sh")
        .args(["-c", &script])
        .env("KEY", "ci.pem")
        .env("NAME", "ci")
        .env("REPOSITORY", repository)
        .current_dir(folder))
    .success();
}

/// The fingerprint of `ci.pub`.
fn fingerprint(folder: &Path) -> String {
    let pem = fs::read_to_string(folder.join("ci.pub")).unwrap();
    anchorite::tuf::key::PublicKey::from_pem(&pem).unwrap().fingerprint().to_string()
}

/// The tagging key leaked: the pipeline made another with openssl, custodians approve the root in which it is listed.
fn new_key_of_the_pipeline(sample: &Sample, folder: &Path) -> Text {
    let (leaked, ..) = names(sample.dialect);
    let file = |name: &str| (format!("keys/{name}"), fs::read(folder.join(name)).unwrap());
    let mut text = refresh(sample);
    text.kind = "rotate-tagging";
    text.codename = "MERLIN";
    text.title = "The tagging key leaked";
    text.head = BY_REQUEST;
    text.inputs = vec![file("ci.pub"), file("ci.proof")];
    text.body += &format!(
        "\n[[keys]]\nname      = \"ci\"\nalgorithm = \"p256\"\nenrol     = {{ medium = \"IN\", public = \
         \"keys/ci.pub\", proof = \"keys/ci.proof\", fingerprint = \"{}\", confirmed_by = \"Releaser\" }}\n",
        fingerprint(folder)
    );
    text.body += &role("targets", "\"ci\"", 1, Some("2 years"));
    text.body += &format!(
        "\n[[compromised]]\nfingerprint = \"{}\"\nreason = \"seen in a build log\"\n",
        sample.fingerprint(leaked)
    );
    text
}

#[test]
fn a_pipelines_key_made_by_openssl_is_listed_and_releases_without_a_room() {
    for dialect in [Dialect::Notary1, Dialect::Tuf1] {
        let (_, _, exported, repository) = names(dialect);
        let folder = tempfile::tempdir().unwrap();
        make_with_openssl(folder.path(), repository);
        let machines =
            Machines::of(dialect, |sample| new_key_of_the_pipeline(sample, folder.path()));
        machines.make("request.json", &[]).success();
        fs::copy(folder.path().join("ci.pem"), machines.at("ci.pem")).unwrap();
        for custodian in ["root-a", "root-b"] {
            write_pem(&machines.sample, custodian, &machines.at(&format!("{custodian}.pem")));
            sign_with_openssl(&machines, "request.json", "root", custodian);
        }
        let mut merge: Vec<&str> = vec!["request", "merge", "request.json", "-o", "merged"];
        for signed in ["root-a=root-a.root.sig", "root-b=root-b.root.sig"] {
            merge.extend(["--detached", signed]);
        }
        let open = machines.program(&merge).failure(5);
        assert!(
            open.contains("targets, by the root: 0 of 1 needed; signed: nobody; open: ci"),
            "{open}"
        );
        sign_with_openssl(&machines, "request.json", "targets", "ci");
        merge.extend(["--detached", "ci=ci.targets.sig"]);
        machines.program(&merge).success();

        // From now on the pipeline releases alone.
        let mut sample = Sample::new(dialect);
        sample.files.retain(|name, _| name.ends_with("root.json"));
        let documents = machines.at("merged/export").join(exported);
        for entry in fs::read_dir(&documents).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && path.extension().is_some_and(|ending| ending == "json") {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                sample.files.insert(name, fs::read(path).unwrap());
            }
        }
        let mut text = release(&sample);
        text.body = format!(
            "\n[[keys]]\nname      = \"ci\"\nalgorithm = \"p256\"\nlisted    = \"{}\"\n",
            fingerprint(folder.path())
        ) + &role("targets", "\"ci\"", 1, Some("2 years"))
            + &target(dialect);
        let (request, _) = crate::desk::request(&sample, &text);
        let payload = &request.change().payloads()[0];
        assert_eq!((payload.id().version, request.change().payloads().len()), (3, 1));
        fs::write(machines.at("3.payload"), payload.to_sign()).unwrap();
        run(Command::new("openssl")
            .args(["dgst", "-sha256", "-sign", "ci.pem", "-out", "3.sig", "3.payload"])
            .current_dir(machines.at("")))
        .success();
        let mut gathering = anchorite::ceremony::request::merge::Gathering::new(&request);
        let signature = fs::read(machines.at("3.sig")).unwrap();
        gathering.take_detached(&"ci".parse().unwrap(), &signature).unwrap();
        gathering.complete(noon()).unwrap().unwrap();
    }
}

#[test]
fn a_room_never_waits_for_a_key_that_stays_elsewhere() {
    let machines = Machines::of(Dialect::Tuf1, release);
    let run = machines.program(&["run", "plan.toml"]).failure(3);
    assert!(
        run.contains("signed on several machines, by keys that do not come to a room"),
        "{run}"
    );
    assert!(run.contains("anchorite request make"), "{run}");
    // The same plan for a room is refused, because nobody in it could sign.
    let sample = Sample::new(Dialect::Tuf1);
    let by_request = plan(&sample, &release(&sample));
    let checked = |toml: &str| {
        let plan = Plan::parse(toml.as_bytes()).unwrap_or_else(|why| panic!("{why}"));
        CheckReport::of(&plan, noon(), &sample.at_hand(&[]))
    };
    let fails = |toml: &str, name: &str| {
        let failed = |f: &&anchorite::ceremony::check::Finding| {
            f.verdict == anchorite::ceremony::scene::Verdict::Fail && f.name == name
        };
        checked(toml).findings.iter().any(|finding| failed(&finding))
    };
    assert!(!fails(&by_request, "does-not-end"), "{:#?}", checked(&by_request).findings);
    let in_a_room = by_request.replace(BY_REQUEST, "");
    assert!(fails(&in_a_room, "does-not-end"), "{:#?}", checked(&in_a_room).findings);
    assert_eq!(checked(&by_request).signatures["release"], 1);

    // A root key for which no store is named would be taken from a file.
    let mut text = refresh(&sample);
    text.body = ["root-a", "root-b", "root-c"].map(|key| listed(&sample, key)).concat()
        + &role("root", "\"root-a\", \"root-b\", \"root-c\"", 2, Some("12 years"));
    text.head = BY_REQUEST;
    assert!(fails(&plan(&sample, &text), "file-root-key"));
    text.head = "";
    assert!(!fails(&plan(&sample, &text), "file-root-key"));
}
