//! The real client and our own judge the same Notary repositories, and say the same; where we are stricter, it is by name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anchorite::driver::bench::system_time;
use anchorite::tuf::client::notary1::{Contact, Reason, is_hidden, meet};
use anchorite::tuf::client::{Refused, Walk, WalkVerdict};
use anchorite::tuf::document::Dialect;
use anchorite::tuf::name::RoleName;
use anchorite::tuf::verify::Candidate;
use tempfile::TempDir;

use crate::support::clients::notary_list;
use crate::support::command::{Ran, run};
use crate::support::loopback::{certificate, start_script};
use crate::support::notary::NotaryServer;
use crate::support::notary_repo::{Cert, Files, Plan, key, role};
use crate::support::notary_variants::{Says, Variant, judged, variants};

/// Where we refuse what the real client takes; `docs/dialects.md` says why of each.
const STRICTER: [&str; 4] = [
    "one-key-two-certificates",
    "target-without-hash",
    "two-roots-of-one-version",
    "version-skipped",
];

#[test]
fn the_real_client_and_ours_judge_the_same_repositories_alike() {
    let now = system_time();
    let folder = TempDir::new().unwrap();
    certificate(folder.path());
    let served = folder.path().join("served");
    let all = variants(now);
    for variant in &all {
        for (name, bytes) in &variant.files {
            let path = served.join(&variant.gun).join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    let (port, _running) = start_script("trust_folder.py", folder.path(), &["served"]);

    let mut wrong = Vec::new();
    for variant in &all {
        let (ours, walk) = judged(variant, now);
        let ran = ask(variant, folder.path(), port);
        let real = match (ran.code, ran.stderr.contains("Error getting targets/")) {
            (Some(0), false) => Says::Accepts,
            (Some(0), true) => Says::Drops,
            _ => Says::Refuses,
        };
        if (ours, real) != (variant.ours, variant.real) {
            wrong.push(format!(
                "{}: ours {ours:?}, real {real:?}: {}{:#?}",
                variant.name, ran.stderr, walk
            ));
        } else if real != Says::Refuses && ours != Says::Refuses {
            let (seen, shown) = (listed(&ran.stdout), walk.as_ref().map(shown).unwrap_or_default());
            if seen != shown {
                wrong.push(format!("{}: ours shows {shown:?}, real {seen:?}", variant.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let stricter: BTreeSet<_> =
        all.iter().filter(|variant| variant.ours != variant.real).map(|v| v.name).collect();
    assert_eq!(stricter, STRICTER.into());
    let documented = fs::read_to_string("docs/dialects.md").unwrap();
    for name in STRICTER {
        assert!(documented.contains(&format!("`{name}`")), "{name} is not in docs/dialects.md");
    }
}

/// `notary list` with an empty trust directory, or one that holds a root, and with pins.
fn ask(variant: &Variant, folder: &Path, port: u16) -> Ran {
    let home = TempDir::new().unwrap();
    if let Some(held) = &variant.held {
        let cache = home.path().join("tuf").join(&variant.gun).join("metadata");
        fs::create_dir_all(&cache).unwrap();
        fs::write(cache.join("root.json"), held).unwrap();
    }
    let authority = home.path().join("authority.pem");
    let pinning = if let Some(pem) = &variant.authority {
        fs::write(&authority, pem).unwrap();
        serde_json::json!({ "ca": { &variant.gun: authority }, "disable_tofu": true })
    } else if variant.pins.is_empty() {
        serde_json::json!({})
    } else {
        serde_json::json!({ "certs": { &variant.gun: variant.pins }, "disable_tofu": true })
    };
    let config = home.path().join("config.json");
    fs::write(&config, serde_json::json!({ "trust_pinning": pinning }).to_string()).unwrap();
    let mut command = Command::new("notary");
    command.arg("-c").arg(&config).args(["-s", &format!("https://127.0.0.1:{port}")]);
    command.arg("--tlscacert").arg(folder.join("cert.pem")).arg("-d").arg(home.path());
    run(command.args(["list", &variant.gun]))
}

/// The names that the client lists, under two lines of heading.
fn listed(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter(|line| line.contains("targets"));
    rows.filter_map(|row| row.split_whitespace().next().map(str::to_owned)).collect()
}

/// The names that our walk shows.
fn shown(walk: &Walk) -> BTreeSet<String> {
    let all = walk.targets.iter().flat_map(|(role, files)| {
        files.body().targets.keys().map(move |name| (role, String::from(name)))
    });
    all.filter(|(role, name)| !is_hidden(walk, role, name)).map(|(_, name)| name).collect()
}

/// What a real server answers to an upload, and what a fresh client then says; what we said before, and say of what it serves.
struct Uploaded {
    name: &'static str,
    taken: bool,
    real: bool,
    before: Walk,
    after: Option<Walk>,
}

/// Uploads root, targets and delegations, and what else is there, in one request.
fn upload(server: &NotaryServer, plan: &Plan, name: &'static str, files: &Files) -> Uploaded {
    let gun = &plan.gun;
    let taken = post(server, gun, files);
    let given: Files = ["root", "targets", "targets/releases", "snapshot", "timestamp"]
        .into_iter()
        .filter_map(|role| Some((format!("{role}.json"), server.document(gun, role)?)))
        .collect();
    Uploaded {
        name,
        taken,
        real: notary_list(server, gun).code == Some(0),
        before: fresh(gun, files),
        after: given.contains_key("root.json").then(|| fresh(gun, &given)),
    }
}

/// One request with these documents; whether the server answers 200.
fn post(server: &NotaryServer, gun: &str, files: &Files) -> bool {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new("curl");
    command.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--cacert"]);
    command.arg(server.cacert());
    for (nth, (name, bytes)) in files.iter().filter(|(name, _)| *name != "1.root.json").enumerate()
    {
        let path = folder.path().join(nth.to_string());
        fs::write(&path, bytes).unwrap();
        let role = name.trim_end_matches(".json");
        command.arg("-F").arg(format!("files=@{};filename={role}", path.display()));
    }
    run(command.arg(format!("{}/v2/{gun}/_trust/tuf/", server.url()))).success() == "200"
}

/// Our fresh client, for which snapshot and timestamp may be missing.
fn fresh(gun: &str, files: &Files) -> Walk {
    let contact = Contact { gun: Some(gun.to_owned()), first: true, ..Contact::default() };
    let root = Candidate::read(Dialect::Notary1, &files["root.json"]).unwrap();
    let root = root.trusted_on_first_use().unwrap();
    let pending = [RoleName::snapshot(), RoleName::timestamp()].into();
    meet(&contact, root, &mut files.clone(), system_time(), &pending)
}

#[test]
fn what_a_server_silently_breaks_is_refused_before_and_after_the_upload() {
    let server = NotaryServer::start();
    let all: Vec<Uploaded> = uploads(&server);
    for Uploaded { name, taken, real, before, after } in all {
        let good = name.starts_with("good");
        assert!(taken, "{name}");
        assert_eq!(real, good, "{name}");
        assert_eq!(before.accepted(), good, "{name}: {:#?}", before.steps);
        let after = after.unwrap();
        // Of a snapshot that it misunderstands the server gives nothing at all afterwards.
        let whole = after.accepted() && after.pending().is_empty();
        assert_eq!(whole, good, "{name}: {:#?}", after.steps);
        if !good {
            let why = |walk: &Walk| {
                walk.steps.iter().any(|step| {
                    matches!(
                        &step.verdict,
                        WalkVerdict::Refused(Refused::Notary(
                            Reason::Inexact { .. } | Reason::Bricked { .. }
                        ))
                    )
                })
            };
            assert!(why(&before), "{name}: {:#?}", before.steps);
            assert!(after.accepted() || why(&after), "{name}: {:#?}", after.steps);
        }
    }
}

/// Documents that the server takes: in exact form, and in others.
fn uploads(server: &NotaryServer) -> Vec<Uploaded> {
    let now = system_time();
    let plan = |name: &str| {
        let gun = format!("registry.example.com/uploads/{name}");
        let keys = ["timestamp", "snapshot"].map(|role| server.key(&gun, role));
        Plan { server: Some(keys), ..Plan::new(&gun, now) }
    };
    let mut all = Vec::new();
    for name in ["good", "good-delegation", "good-three"] {
        let mut plan = plan(name);
        if name == "good-delegation" {
            plan = plan.with("targets/releases", role(&["team"], 1), Some(&[""]), &["v2"]);
        }
        if name == "good-three" {
            let certs =
                ["root-a", "root-b", "root-c"].map(|label| Cert::new(label, &plan.gun, now));
            plan = plan.with_root(&certs, 2);
        }
        all.push(upload(server, &plan, name, &plan.offline()));
    }
    for (name, document, from, to) in [
        ("private-missing", "root.json", "\"private\":null,", ""),
        ("private-missing-below", "targets.json", "\"private\":null,", ""),
        ("no-delegations", "targets.json", "\"delegations\":{", "\"delegation\":{"),
        ("more-members", "root.json", "\"version\":1}", "\"version\":1,\"x\":1}"),
        ("zeros-in-a-fraction", "targets.json", "Z\"", ".100Z\""),
        ("offset-of-nothing", "targets.json", "Z\"", "+00:00\""),
        ("empty-paths", "targets.json", "\"paths\":[\"\"]", "\"paths\":[]"),
    ] {
        let plan = plan(name).with("targets/releases", role(&["team"], 1), Some(&[""]), &["v2"]);
        let mut files = plan.offline();
        files.remove("targets/releases.json");
        plan.changed(&mut files, document, from, to);
        all.push(upload(server, &plan, name, &files));
    }
    for (name, newline) in [("good-own-snapshot", false), ("own-snapshot-newline", true)] {
        let mut plan = plan(name);
        let own = key("ed-snapshot").public_key().ed25519_bytes().unwrap();
        let own = serde_json::json!({
            "keytype": "ed25519",
            "keyval": { "public": data_encoding::BASE64.encode(&own), "private": null },
        });
        let [timestamp, _] = plan.server.take().unwrap();
        plan.server = Some([timestamp, own.to_string().into_bytes()]);
        let mut files = plan.offline();
        plan.online(&mut files);
        files.remove("timestamp.json");
        if newline {
            files.get_mut("snapshot.json").unwrap().push(b'\n');
        }
        all.push(upload(server, &plan, name, &files));
    }
    for (name, document) in [("targets-newline", "targets.json"), ("root-spaces", "root.json")] {
        let plan = plan(name);
        let mut files = plan.offline();
        let text = String::from_utf8(files[document].clone()).unwrap();
        let text = if document == "root.json" { text.replace(",\"", ", \"") } else { text + "\n" };
        files.insert(document.to_owned(), text.into_bytes());
        all.push(upload(server, &plan, name, &files));
    }
    all
}

#[test]
fn a_server_takes_the_next_roots_that_a_client_at_the_one_before_takes() {
    let server = NotaryServer::start();
    let now = system_time();
    for (name, version, signers, taken) in [
        ("rotated", 2, &["root-a", "root-b"][..], true),
        ("by-new-only", 2, &["root-b"], false),
        ("by-old-only", 2, &["root-a"], false),
        ("skipped", 3, &["root-a", "root-b"], false),
    ] {
        let gun = format!("registry.example.com/rotations/{name}");
        let keys = ["timestamp", "snapshot"].map(|role| server.key(&gun, role));
        let mut plan = Plan { server: Some(keys), ..Plan::new(&gun, now) };
        let mut files = plan.offline();
        let held = files["root.json"].clone();
        assert!(upload(&server, &plan, name, &files).taken, "{name}");

        let pem = |label: &&str| ((*label).to_owned(), Cert::new(label, &gun, now).pem());
        plan.root.version = version;
        plan.root.certificates = vec![pem(&"root-b")];
        plan.root.signers = signers.iter().map(pem).collect();
        let root = Files::from([("root.json".to_owned(), plan.root())]);
        files.extend(root.clone());
        let contact = Contact { gun: Some(gun.clone()), ..Contact::default() };
        let held =
            Candidate::read(Dialect::Notary1, &held).unwrap().trusted_on_first_use().unwrap();
        let pending = [RoleName::snapshot(), RoleName::timestamp()].into();
        let ours = meet(&contact, held, &mut files, now, &pending);
        assert_eq!(ours.accepted(), taken, "{name}: {:#?}", ours.steps);
        assert_eq!(post(&server, &gun, &root), taken, "{name}");
    }
}
