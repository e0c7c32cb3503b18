//! Real ceremonies with age keys, judged by real clients.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anchorite::tuf::digest::Digest;
use tempfile::TempDir;

use crate::support::ceremony::{Ceremony, PASSPHRASE};
use crate::support::{clients, notary::NotaryServer, publishing, tuf};

/// The head that the program printed at the end.
fn head(said: &str) -> String {
    let line = said.lines().find_map(|line| line.strip_prefix("Head:")).unwrap();
    line.trim().to_owned()
}

#[test]
fn python_tuf_downloads_a_target_that_a_real_ceremony_signed() {
    let mut ceremony = Ceremony::of("first-root-tuf1");
    // The digest in the shipped plan is that of the four letters.
    ceremony.change("length = 1000", "length = 4");
    let said = ceremony.hold("first-root-tuf1").success();
    let out = ceremony.at("OUT");
    let metadata = out.join("updates.example.com/metadata");
    let targets = ceremony.at("targets");
    let digest = Digest::of(b"test");
    fs::create_dir_all(targets.join("app")).unwrap();
    fs::write(targets.join(format!("app/{digest}.app-1.0.tar.gz")), b"test").unwrap();
    let downloads = TempDir::new().unwrap();
    tuf::ngclient(
        &out.join("anchors/root.json"),
        &metadata,
        &targets,
        "app/app-1.0.tar.gz",
        downloads.path(),
    )
    .success();

    let verify = |more: &[&str]| {
        let mut all = vec!["verify", metadata.to_str().unwrap()];
        all.extend_from_slice(more);
        ceremony.program(&all)
    };
    assert!(verify(&["--target", "app/app-1.0.tar.gz"]).success().contains("PASS"));
    assert!(verify(&["--target", "another"]).failure(3).contains("nobody signs"));
    let stranger = "0".repeat(64);
    assert!(verify(&["--root-digest", &stranger]).failure(3).contains("expected the root"));

    let evidence = ceremony.evidence();
    let evidence = evidence.to_str().unwrap();
    let head = head(&said);
    let alone = ceremony.program(&["evidence", "verify", evidence]).failure(5);
    assert!(alone.contains("consistent, not authenticated"), "{alone}");
    let by_paper = ceremony.program(&["evidence", "verify", evidence, "--head", &head]).success();
    assert!(by_paper.contains("RESULT   PASS"), "{by_paper}");

    // A second laptop drafts the same change from the same plan.
    let plan = ceremony.at("plan.toml");
    let roster = out.join("roster.json");
    let drafted = ceremony
        .program(&["draft", plan.to_str().unwrap(), "--roster", roster.to_str().unwrap()])
        .success();
    let table = fs::read(ceremony.evidence().join("change.tsv")).unwrap();
    let groups = Digest::of(&table).groups();
    assert!(drafted.contains(&groups[..8].join(" ")), "{drafted}");
    recovered_without_us(&ceremony);
}

/// `age -d` with the passphrase typed, then `openssl`, give the public half back.
fn recovered_without_us(ceremony: &Ceremony) {
    let keys = ceremony.at("BOOK").join("keys");
    let typed = format!(
        "import os, pty, sys\n\
         def read(fd):\n\
         \x20   data = os.read(fd, 4096)\n\
         \x20   if b'passphrase' in data: os.write(fd, b'{PASSPHRASE}\\n')\n\
         \x20   return data\n\
         pty.spawn(['age', '-d', '-o', sys.argv[1], sys.argv[2]], read)\n"
    );
    let pem = ceremony.at("recovered.pem");
    let status = Command::new("python3")
        .args(["-c", &typed, pem.to_str().unwrap()])
        .arg(keys.join("root-a.age"))
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let public = Command::new("openssl")
        .args(["pkey", "-pubout", "-in", pem.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(public.stdout, fs::read(keys.join("root-a.pub")).unwrap());
}

const GUN: &str = "registry.example.com/team/app";

#[test]
fn the_real_notary_publishes_and_lists_what_a_real_ceremony_signed() {
    let server = NotaryServer::start();
    let mut ceremony = Ceremony::of("first-root-notary1");
    let place_holder = |n: u8| format!("{}{n}", "0".repeat(63));
    ceremony.server_key("snapshot", &server.key(GUN, "snapshot"), &place_holder(1));
    ceremony.server_key("timestamp", &server.key(GUN, "timestamp"), &place_holder(2));
    let said = ceremony.hold("first-root-notary1").success();

    let out = ceremony.at("OUT");
    publishing::run_script(&out, "publish/precheck", &server, &[]).success();
    publishing::run_script(&out, "publish/publish", &server, &[]).success();
    publishing::run_script(&out, "accept/accept", &server, &[]).success();
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let listed = clients::notary_list(&server, GUN).success();
    assert!(listed.contains("v1") && listed.contains(digest), "{listed}");
    let inspected = clients::docker_trust_inspect(&server, GUN).success();
    assert!(inspected.contains("\"v1\"") && inspected.contains(digest), "{inspected}");
    the_result_comes_back(&ceremony, &head(&said));
    the_tagging_key_signs_elsewhere(&ceremony, &server);
}

/// What the scripts wrote becomes an addendum to the evidence, if it is about what was signed.
fn the_result_comes_back(ceremony: &Ceremony, head: &str) {
    let evidence = ceremony.evidence();
    let result = ceremony.at("OUT").join("RESULT");
    let add = |file: &Path| {
        let arguments = [evidence.as_os_str(), file.as_os_str()].map(|path| path.to_str().unwrap());
        ceremony.program(&["evidence", "addendum", arguments[0], arguments[1]])
    };
    let other = ceremony.at("other");
    let text = fs::read_to_string(&result).unwrap();
    let root = fs::read(ceremony.at("OUT").join(GUN).join("root.json")).unwrap();
    let live = Digest::of(&root).to_string();
    assert!(text.contains(&format!("root={live}")), "{text}");
    fs::write(&other, text.replace(&live, &"0".repeat(64))).unwrap();
    assert!(add(&other).failure(3).contains("was not signed in this"));
    fs::write(&other, "no lines").unwrap();
    assert!(add(&other).failure(2).contains("no result file"));
    assert!(!evidence.join("addenda").exists());

    assert!(add(&result).success().contains("accept with docker: 1 PASS"));
    // Twice is once.
    add(&result).success();
    assert_eq!(fs::read_dir(evidence.join("addenda")).unwrap().count(), 1);
    let arguments = ["evidence", "verify", evidence.to_str().unwrap(), "--head", head];
    let told = ceremony.program(&arguments).success();
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("was added later and is not sealed. It says: 4 lines"), "{told}");
}

#[test]
fn notary_and_docker_accept_a_snapshot_whose_key_stays_here() {
    let server = NotaryServer::start();
    let mut ceremony = Ceremony::of("first-root-notary1");
    ceremony.server_key(
        "timestamp",
        &server.key(GUN, "timestamp"),
        &format!("{}2", "0".repeat(63)),
    );
    ceremony.drop_block("[[keys]]\nname      = \"server-snapshot\"");
    ceremony.drop_block("[[inputs]]\nmedium       = \"IN\"\npath         = \"snapshot.key\"");
    ceremony.change(
        "[roles.snapshot]\nkeys      = [\"server-snapshot\"]\nthreshold = 1\nsigned    = \"online\"\n",
        "[roles.snapshot]\nkeys = [\"snapshot\"]\nthreshold = 1\nvalid_for = \"3 years\"\n\n\
         [[keys]]\nname = \"snapshot\"\nholder = \"Releaser\"\nstore = { age = {} }\n\
         algorithm = \"ed25519\"\nmake = {}\n",
    );
    ceremony.secret("snapshot");
    for ready in ["keys", "closing"] {
        ceremony.answer(&format!("ready/{ready}/snapshot"), "true");
    }
    ceremony.answer("review/closing", "[\"snapshot\"]");
    ceremony.answer("written-down/closing", "true");
    let said = ceremony.hold("first-root-notary1").success();

    let out = ceremony.at("OUT");
    publishing::run_script(&out, "publish/precheck", &server, &[]).success();
    publishing::run_script(&out, "publish/publish", &server, &[]).success();
    publishing::run_script(&out, "accept/accept", &server, &[]).success();
    assert!(clients::notary_list(&server, GUN).success().contains("v1"));
    assert!(clients::docker_trust_inspect(&server, GUN).success().contains("\"v1\""));
    let evidence = ceremony.evidence();
    let arguments = ["evidence", "verify", evidence.to_str().unwrap(), "--head", &head(&said)];
    assert!(ceremony.program(&arguments).success().contains("RESULT   PASS"));
}

/// The copy that left on KEYS works where docker and notary look for keys.
fn the_tagging_key_signs_elsewhere(ceremony: &Ceremony, server: &NotaryServer) {
    let trust = TempDir::new().unwrap();
    let private = trust.path().join("private");
    fs::create_dir(&private).unwrap();
    let copies: Vec<_> = fs::read_dir(ceremony.at("KEYS"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "key"))
        .collect();
    let [copy] = copies.as_slice() else { panic!("{copies:?}") };
    fs::copy(copy, private.join(copy.file_name().unwrap())).unwrap();
    let addhash = [
        "addhash",
        "-p",
        GUN,
        "v2",
        "4",
        "--sha256",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ];
    clients::notary(server, trust.path(), &addhash).success();
    let listed = clients::notary_list(server, GUN).success();
    assert!(listed.contains("v1") && listed.contains("v2"), "{listed}");
}

#[test]
fn what_a_rehearsal_made_is_taken_by_nobody() {
    let folder = TempDir::new().unwrap();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/ceremonies/first-root-notary1");
    let command = "exec \"$0\" rehearse \"$1/plan.toml\" --script \"$1/answers.toml\" \
                   --passphrase-fd 3 3<\"$1/rehearsal-secrets\"";
    let said = crate::support::command::run(
        Command::new("sh")
            .args(["-c", command, env!("CARGO_BIN_EXE_anchorite"), root])
            .current_dir(folder.path()),
    )
    .success();
    assert!(said.contains("REHEARSAL"));
    let rehearsal = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let documents = rehearsal.join("OUT/rehearsal.invalid").join(GUN);
    let program = |arguments: &[&str]| {
        crate::support::command::run(Command::new(env!("CARGO_BIN_EXE_anchorite")).args(arguments))
    };
    let verified = program(&["verify", documents.to_str().unwrap(), "--before-upload"]);
    assert!(verified.failure(3).contains("REHEARSAL"));
    let evidence = rehearsal.join("BOOK/evidence");
    let evidence = fs::read_dir(evidence).unwrap().next().unwrap().unwrap().path();
    let audited = program(&["evidence", "verify", evidence.to_str().unwrap()]);
    assert!(audited.failure(3).contains("this is a REHEARSAL"));
    let plan = fs::read(format!("{root}/plan.toml")).unwrap();
    assert_eq!(fs::read(evidence.join("plan.toml")).unwrap(), plan);

    // The real server refuses it under the real name.
    let server = NotaryServer::start();
    let upload = |role: &str| {
        format!("files=@{};filename={role}", documents.join(format!("{role}.json")).display())
    };
    let url = format!("{}/v2/{GUN}/_trust/tuf/", server.url());
    let answer = Command::new("curl")
        .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert"])
        .arg(server.cacert())
        .args(["-F", &upload("root"), "-F", &upload("targets"), &url])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&answer.stdout), "400");
}
