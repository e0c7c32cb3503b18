//! Changes that were signed on several machines and put together by `request merge`, judged by real clients: custodians
//! answer from a workspace, and the pipeline's new key, made by openssl, with openssl.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anchorite::ceremony::request::Request;
use anchorite::ceremony::roster::carried_challenge;
use anchorite::tuf::any::AnyDocument;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::key::PublicKey;
use tempfile::TempDir;

use crate::changes_real::{
    Change, GOOD, GUN, METADATA, TARGET, bring, first_root_of_tuf, published,
};
use crate::support::ceremony::{Ceremony, PASSPHRASE};
use crate::support::command::run;
use crate::support::{clients, notary::NotaryServer, publishing};

fn openssl(ceremony: &Ceremony, arguments: &[&str]) {
    run(Command::new("openssl").args(arguments).current_dir(ceremony.at(""))).success();
}

/// Makes `ci.pem` with openssl, and puts its public half and its proof for a repository on IN of the second round.
fn pipeline(ceremony: &Ceremony, repository: &str) -> PublicKey {
    let curve = "ec_paramgen_curve:P-256";
    openssl(ceremony, &["genpkey", "-algorithm", "EC", "-pkeyopt", curve, "-out", "ci.pem"]);
    openssl(ceremony, &["pkey", "-in", "ci.pem", "-pubout", "-out", "ci.pub"]);
    let pem = fs::read(ceremony.at("ci.pub")).unwrap();
    let public = PublicKey::from_pem(std::str::from_utf8(&pem).unwrap()).unwrap();
    let (repository, name) = (repository.parse().unwrap(), "ci".parse().unwrap());
    fs::write(ceremony.at("ci.message"), carried_challenge(&repository, &name, &public)).unwrap();
    openssl(ceremony, &["dgst", "-sha256", "-sign", "ci.pem", "-out", "ci.proof", "ci.message"]);
    bring(ceremony, "2", "keys/ci.pub", &pem);
    bring(ceremony, "2", "keys/ci.proof", &fs::read(ceremony.at("ci.proof")).unwrap());
    public
}

/// The leaked targets key is replaced by the pipeline's, by request.
fn replaced(ceremony: &Ceremony, root: Digest, repository: &str, leaked: &str) -> Change {
    let name = repository.split('"').nth(1).unwrap();
    let public = pipeline(ceremony, name);
    let head = "kind = \"rotate-tagging\"\ntitle = \"The tagging key leaked\"\ncodename = \"MERLIN\"\n\
                by_request = true\n";
    let mut change = Change::new(ceremony, "2", head, root, "");
    let targets = if leaked == "release" { "1.targets.json" } else { "targets.json" };
    change.push(&format!(
        "\n[repository]\n{repository}\n[known_good]\nfile = \"before/{targets}\"\nform = \"targets\"\n"
    ));
    for (key, holder) in
        [("root-a", "Custodian A"), ("root-b", "Custodian B"), ("root-c", "Custodian C")]
    {
        change.here(ceremony, key, holder);
    }
    change.push(&format!(
        "\n[[keys]]\nname = \"ci\"\nalgorithm = \"p256\"\nenrol = {{ medium = \"IN\", public = \
         \"keys/ci.pub\", proof = \"keys/ci.proof\", fingerprint = \"{}\", confirmed_by = \"Releaser\" }}\n",
        public.fingerprint()
    ));
    change.role("targets", "\"ci\"", 1, "1 year");
    let pem = fs::read_to_string(ceremony.at(&format!("BOOK/keys/{leaked}.pub"))).unwrap();
    change.push(&format!(
        "\n[[compromised]]\nfingerprint = \"{}\"\nreason = \"seen in a build log\"\n",
        PublicKey::from_pem(&pem).unwrap().fingerprint()
    ));
    change
}

/// The office asks.
fn ask(ceremony: &Ceremony, change: &Change) -> Request {
    fs::write(ceremony.at("plan-2.toml"), change.text()).unwrap();
    let medium = format!("IN={}", ceremony.at("IN-2").display());
    let make = ["request", "make", "plan-2.toml", "--medium", &medium, "-o", "request.json"];
    ceremony.program(&make).success();
    Request::open(&fs::read(ceremony.at("request.json")).unwrap()).unwrap()
}

/// Holders answer from the workspace, which trusts the first root; the pipeline signs with openssl; the office merges.
fn answered(ceremony: &Ceremony, request: &Request, keys: &[(&str, &str)]) {
    let mut merge = vec!["request".to_owned(), "merge".to_owned(), "request.json".to_owned()];
    for (key, holder) in keys {
        let name = key.parse().unwrap();
        let signed = request.change().payloads().iter().map(|p| p.id().role.to_string());
        let waivers = request.played().waivers.iter().map(|w| format!("waiver {}", w.finding));
        let read: Vec<String> = signed.chain(waivers).collect();
        let (plan, change) = (request.plan().digest, request.change().digest());
        assert!(!request.asks(&name).is_empty(), "{key}");
        let mut script = format!(
            "[[answer]]\nask = \"roll-call\"\nsay = [\"{holder}\"]\n\
             [[answer]]\nask = \"compare-plan/{holder}\"\ndigest = \"{plan}\"\n\
             [[answer]]\nask = \"review\"\nsay = {read:?}\n\
             [[answer]]\nask = \"compare-change\"\ndigest = \"{change}\"\n"
        );
        let ready = format!("ready/sign/{key}");
        let heads = ["head/plan accepted", "head/before the first signature"];
        for pressed in ["room", "clock", ready.as_str()].into_iter().chain(heads) {
            script += &format!("[[answer]]\nask = \"{pressed}\"\nsay = true\n");
        }
        fs::write(ceremony.at("answers.toml"), script).unwrap();
        fs::write(ceremony.at("secrets"), format!("{key}\t{PASSPHRASE}\n")).unwrap();
        let answer = format!("{key}.answer.json");
        run(Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" --passphrase-fd 3 3<secrets"])
            .arg(env!("CARGO_BIN_EXE_anchorite"))
            .args(["request", "sign", "request.json", "--key", key, "--workspace", "BOOK"])
            .args(["--script", "answers.toml", "-o", &answer])
            .current_dir(ceremony.at(""))
            .stdin(Stdio::null()))
        .success();
        merge.push(answer);
    }
    let export = ["request", "export", "request.json", "--role", "targets", "-o", "to-sign"];
    ceremony.program(&export).success();
    openssl(ceremony, &["dgst", "-sha256", "-sign", "ci.pem", "-out", "ci.sig", "to-sign"]);
    merge.extend(["--detached", "ci=ci.sig", "-o", "merged"].map(str::to_owned));
    let merge: Vec<&str> = merge.iter().map(String::as_str).collect();
    let said = ceremony.program(&merge).success();
    assert!(said.contains("[ok] ci: signed targets with another program"), "{said}");
}

fn digest_of(path: &Path) -> Digest {
    AnyDocument::read(&fs::read(path).unwrap()).unwrap().digest()
}

#[test]
fn notary_and_docker_accept_what_two_custodians_and_a_pipeline_signed_apart() {
    let server = NotaryServer::start();
    let (ceremony, thief) = published(&server);
    let old_client = TempDir::new().unwrap();
    assert!(clients::notary(&server, old_client.path(), &["list", GUN]).success().contains(GOOD));
    ceremony.media("2");
    for role in ["root", "targets"] {
        let bytes = server.document(GUN, role).unwrap();
        bring(&ceremony, "2", &format!("before/{role}.json"), &bytes);
    }
    let root = digest_of(&ceremony.at("OUT").join(GUN).join("root.json"));
    let repository = format!("name = \"{GUN}\"\ndialect = \"notary1\"\n");
    let mut change = replaced(&ceremony, root, &repository, "tagging");
    change.role("root", "\"root-a\", \"root-b\", \"root-c\"", 2, "10 years");
    let request = ask(&ceremony, &change);
    answered(&ceremony, &request, &[("root-a", "Custodian A"), ("root-b", "Custodian B")]);

    let out = ceremony.at("merged/export");
    publishing::run_script(&out, "publish/precheck", &server, &[]).success();
    publishing::run_script(&out, "publish/publish", &server, &[]).success();
    publishing::run_script(&out, "accept/accept", &server, &[]).success();
    let fresh = clients::notary_list(&server, GUN).success();
    let cached = clients::notary(&server, old_client.path(), &["list", GUN]).success();
    let docker = clients::docker_trust_inspect(&server, GUN).success();
    for listed in [&fresh, &cached, &docker] {
        assert!(listed.contains("v1") && listed.contains(GOOD), "{listed}");
    }
    // Both documents are the merged ones, and the old key signs nothing any more.
    for role in ["root", "targets"] {
        let merged = fs::read(out.join(GUN).join(format!("{role}.json"))).unwrap();
        assert_eq!(server.document(GUN, role).unwrap(), merged, "{role}");
    }
    let again = ["addhash", "-p", GUN, "evil", "4", "--sha256", GOOD];
    clients::notary(&server, thief.path(), &again).failure(1);
}

#[test]
fn python_tuf_follows_what_custodians_and_a_pipeline_signed_apart_from_each_root() {
    let (ceremony, served) = first_root_of_tuf();
    let first = fs::read(served.metadata().join("1.root.json")).unwrap();
    let root = AnyDocument::read(&first).unwrap().digest();
    ceremony.media("2");
    for name in served.newest() {
        let bytes = fs::read(served.metadata().join(&name)).unwrap();
        bring(&ceremony, "2", &format!("before/{name}"), &bytes);
    }
    let repository =
        "name = \"updates.example.com\"\ndialect = \"tuf1\"\nconsistent_snapshot = true\n";
    let mut change = replaced(&ceremony, root, repository, "release");
    change.here(&ceremony, "online", "Releaser");
    change.role("root", "\"root-a\", \"root-b\", \"root-c\"", 2, "2 years");
    change.role("snapshot", "\"online\"", 1, "6 months");
    change.role("timestamp", "\"online\"", 1, "14 days");
    let request = ask(&ceremony, &change);
    let holders = [("root-c", "Custodian C"), ("root-b", "Custodian B"), ("online", "Releaser")];
    answered(&ceremony, &request, &holders);

    served.add(&ceremony.at("merged/export").join(METADATA));
    // From the first root, and from the one that was merged.
    served.all_find(TARGET.0);
    // Without the signatures of root-b, which the merge put beside those of root-c, it refuses.
    let merged = fs::read_to_string(served.metadata().join("2.root.json")).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&merged).unwrap();
    assert_eq!(document["signatures"].as_array().unwrap().len(), 2, "{merged}");
    document["signatures"].as_array_mut().unwrap().pop();
    fs::write(served.metadata().join("2.root.json"), document.to_string()).unwrap();
    served.from("1.root.json", TARGET.0).failure(1);
}
