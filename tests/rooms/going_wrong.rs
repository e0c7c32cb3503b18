//! What goes wrong in a real ceremony gets a sentence, and nothing is half-written.

use std::fs;
use std::path::Path;

use anchorite::ceremony::before::Before;
use anchorite::ceremony::check::play;
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::twin::{Purpose, Twin};
use anchorite::tuf::digest::Digest;
use rustix::process::Signal;

use crate::pty::Pty;
use crate::small::{REPOSITORY, by_openssl, digest, enrolled, media, online_roles, plan};
use crate::support::ceremony::{Ceremony, PASSPHRASE};
use crate::support::command::{in_package, run};

/// A ceremony with one key that is made and one that comes in: the fewest passphrases.
pub(crate) fn smallest() -> Ceremony {
    let mut ceremony = Ceremony::with(String::new());
    let on_in = ceremony.at("IN");
    let signer = by_openssl(&on_in, "signer", "signer", REPOSITORY);
    fs::rename(on_in.join("signer.pem"), ceremony.at("signer.pem")).unwrap();
    let keys = format!(
        "[[keys]]\nname = \"root-a\"\nholder = \"Custodian A\"\nstore = {{ age = {{}} }}\n\
         algorithm = \"ed25519\"\nmake = {{}}\n{}",
        enrolled("signer", "p256", &signer.fingerprint().to_string())
    );
    let roles = "[roles.root]\nkeys = [\"root-a\"]\nthreshold = 1\nvalid_for = \"1 year\"\n"
        .to_owned()
        + &online_roles("\"signer\"", "\"signer\"");
    let inputs = ["signer.pub", "signer.proof"].map(|file| (file, digest(&on_in.join(file))));
    ceremony.change("", &plan(&keys, &inputs, &roles, &["threshold-one"]));
    ceremony.plan();
    ceremony
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_medium_that_is_missing_or_the_wrong_one_is_told_before_anything_begins() {
    let ceremony = smallest();
    let rehearsal = ceremony.at("scratch");
    fs::create_dir(&rehearsal).unwrap();
    fs::write(
        rehearsal.join("anchorite-medium.toml"),
        format!(
            "anchorite = 1\nname = \"OUT\"\nrole = \"out\"\nid = \"{}\"\nrehearsal = true\n",
            "0".repeat(32)
        ),
    )
    .unwrap();
    let bare = ceremony.at("bare");
    fs::create_dir(&bare).unwrap();
    let at = |name: &str, folder: &str| format!("{name}={}", ceremony.at(folder).display());
    let (on_in, out, keys) = (at("IN", "IN"), at("OUT", "OUT"), at("KEYS", "KEYS"));
    for (mounts, words) in [
        (vec![&on_in, &keys], "nobody said where OUT is: expected --medium OUT=DIR"),
        (vec![&out, &keys], "nobody said where IN is: expected --medium IN=DIR"),
        (
            vec![&on_in, &keys, &at("OUT", "IN")],
            "expected a medium enrolled as \"out\", found \"in\"",
        ),
        (vec![&on_in, &keys, &at("OUT", "scratch")], "OUT: the medium is a rehearsal's"),
        (
            vec![&on_in, &keys, &at("OUT", "bare")],
            "it is not enrolled: expected anchorite-medium.toml",
        ),
        (vec![&on_in, &keys, &at("OUT", "nowhere")], "OUT: nothing is there"),
    ] {
        let mut arguments = vec!["run", "plan.toml", "--workspace", "BOOK"];
        for mount in mounts {
            arguments.extend(["--medium", mount]);
        }
        let said = ceremony.program(&arguments).failure(4);
        assert!(said.contains(words), "{words}:\n{said}");
        assert!(said.contains("Nothing was begun"), "{said}");
    }
    let said = ceremony.program(&["run", "plan.toml", "--medium", "TEA=IN"]).failure(2);
    assert!(said.contains("TEA is not a medium of the plan") && said.contains("IN, OUT, KEYS"));
    assert!(names(&ceremony.at("BOOK/evidence")).is_empty());
    assert_eq!(names(&ceremony.at("OUT")), ["anchorite-medium.toml"]);
}

#[test]
fn a_server_key_that_is_not_the_plans_or_of_the_other_dialect_is_told_by_its_file() {
    let mut ceremony = Ceremony::of("first-root-notary1");
    let plan = Plan::parse(&fs::read(ceremony.plan()).unwrap()).unwrap();
    let twin = Twin::new(&plan, &Before::none(), Purpose::Check);
    let key = |name: &str| {
        let found = twin.inputs().iter().find(|(at, _)| at.path == format!("{name}.key"));
        found.unwrap().1.clone()
    };
    let place_holder = |n: u8| format!("{}{n}", "0".repeat(63));
    ceremony.server_key("snapshot", &key("snapshot"), &place_holder(1));
    // The other file is what the plan lists, but holds another key than the id says.
    let (id, _) = anchorite::tuf::wire::notary1::read_server_key(&key("timestamp")).unwrap();
    let mut listed = "0".repeat(64);
    for (bytes, words) in [
        (key("timestamp"), format!("expected the key {}, found {id}", place_holder(2))),
        (ServerKey::Tuf.bytes(), "IN:timestamp.key: ".to_owned()),
        (ServerKey::Root.bytes(), "IN:timestamp.key: ".to_owned()),
    ] {
        fs::write(ceremony.at("IN/timestamp.key"), &bytes).unwrap();
        let digest = Digest::of(&bytes).to_string();
        let line =
            |digest: &str| format!("path         = \"timestamp.key\"\nsha256       = \"{digest}\"");
        ceremony.change(&line(&listed), &line(&digest));
        listed = digest;
        ceremony.plan();
        let mut arguments = vec!["run", "plan.toml", "--workspace", "BOOK"];
        let media = media(&ceremony);
        arguments.extend(media.iter().map(String::as_str));
        let said = ceremony.program(&arguments).failure(3);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("key-differs: ") && said.contains(&words), "{words}:\n{said}");
        assert!(names(&ceremony.at("BOOK/evidence")).is_empty());
    }
}

/// What is no key of a Notary server.
enum ServerKey {
    Tuf,
    Root,
}

impl ServerKey {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Tuf => b"-----BEGIN PUBLIC KEY-----\n".to_vec(),
            Self::Root => fs::read(in_package(NOTARY).join("root.json")).unwrap(),
        }
    }
}

const NOTARY: &str = "tests/data/notary-v1/meta/02-add";

#[test]
fn a_repository_is_verified_as_what_its_root_is() {
    let ceremony = Ceremony::with(String::new());
    let text = fs::read(in_package("ceremonies/first-root-tuf1/plan.toml")).unwrap();
    let twin = Twin::new(&Plan::parse(&text).unwrap(), &Before::none(), Purpose::Check);
    let served = play(&twin, anchorite::driver::bench::system_time()).unwrap();
    let tuf = ceremony.at("tuf");
    fs::create_dir(&tuf).unwrap();
    for (name, bytes) in served.served() {
        fs::write(tuf.join(name), bytes).unwrap();
    }
    let notary = in_package(NOTARY);
    let at = |folder: &Path, file: &str| folder.join(file).to_str().unwrap().to_owned();
    let (tuf, notary) = (|file| at(&tuf, file), |file| at(&notary, file));
    let verify = |arguments: &[&str], code: i32, words: &str| {
        let all: Vec<&str> = std::iter::once(&"verify").chain(arguments).copied().collect();
        let said = ceremony.program(&all);
        let said = if code == 0 { said.success() } else { said.failure(code) };
        assert!(said.contains(words), "{words}:\n{said}");
    };
    verify(&[&tuf("")], 0, "PASS");
    verify(
        &[&notary(""), "--root", &tuf("1.root.json")],
        2,
        "expected tuf1 in root.json, found notary1",
    );
    verify(&[&tuf(""), "--root", &notary("root.json")], 2, "expected notary1 in");
    verify(&[&tuf(""), "--gun", "example.com/app"], 2, "are for Notary repositories");
    verify(&[&notary(""), "--root", &notary("timestamp.json")], 2, "expected a root in");
}

#[test]
fn a_ceremony_that_people_stop_ends_with_1_and_leaves_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let root = in_package("ceremonies/first-root-tuf1");
    let script = fs::read_to_string(root.join("answers.toml")).unwrap();
    let (before, _) = script.split_once("[[answer]]\nask = \"medium/export\"").unwrap();
    let stop = "[[answer]]\nask = \"medium/export\"\nwish = \"abort\"\n\
                [[answer]]\nask = \"abort\"\nsay = [\"plover\", \"a fire alarm\"]\n";
    fs::write(folder.path().join("script.toml"), format!("{before}{stop}")).unwrap();
    let command = "exec \"$0\" rehearse \"$1/plan.toml\" --script script.toml \
                   --passphrase-fd 3 3<\"$1/rehearsal-secrets\"";
    let said = run(std::process::Command::new("sh")
        .args(["-c", command, env!("CARGO_BIN_EXE_anchorite")])
        .arg(&root)
        .current_dir(folder.path()))
    .failure(1);
    assert!(said.contains("the ceremony was stopped"), "{said}");
    let only = |at: &Path| fs::read_dir(at).unwrap().next().unwrap().unwrap().path();
    let mut found = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let top = found.find(|path| path.is_dir()).unwrap();
    assert_eq!(names(&top.join("OUT")), ["anchorite-medium.toml", "roster.json"]);
    let evidence = only(&top.join("BOOK/evidence"));
    let head = said.lines().find_map(|line| line.strip_prefix("Head:")).unwrap().trim().to_owned();
    let program = |arguments: &[&str]| {
        run(std::process::Command::new(env!("CARGO_BIN_EXE_anchorite")).args(arguments))
    };
    let evidence = evidence.to_str().unwrap();
    let audit = program(&["evidence", "verify", evidence, "--rehearsal", "--head", &head]);
    assert!(audit.stdout.contains("stopped"), "{audit:?}");
    assert!(!audit.stdout.contains("FAIL"), "{audit:?}");
    // There is nothing to go on with.
    assert!(program(&["resume", evidence]).failure(1).contains("the ceremony was stopped"));
}

#[test]
fn a_real_ceremony_goes_on_after_everything_that_people_do_wrong() {
    let ceremony = smallest();
    let words = digest(&ceremony.at("plan.toml")).words();
    let media = media(&ceremony);
    let mut arguments = vec!["run", "plan.toml", "--plain", "--no-bell", "--workspace", "BOOK"];
    arguments.extend(media.iter().map(String::as_str));
    let mut room = Pty::start(&arguments, &ceremony.at(""), (80, 24));

    // A file on IN is changed between the check and its reading.
    let proof = ceremony.at("IN/signer.proof");
    let good = fs::read(&proof).unwrap();
    room.go_on(&words, PASSPHRASE, "medium IN");
    fs::write(&proof, b"another").unwrap();
    room.say("g");
    let block = room.go_on(&words, PASSPHRASE, "did not work");
    let block = block.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = format!("sha256 {}, found {}", Digest::of(&good), Digest::of(b"another"));
    assert!(block.contains("IN:signer.proof: expected"), "{block}");
    assert!(block.replace(' ', "").contains(&expected.replace(' ', "")), "{block}");
    fs::write(&proof, &good).unwrap();
    room.say("r");

    // A wrong passphrase is asked again; there are no tries to burn, and the key is there once.
    room.go_on(&words, PASSPHRASE, "passphrase of root-a> ");
    // Once read, a file on IN is not looked at any more: what is signed comes from the record.
    fs::write(ceremony.at("IN/signer.pub"), b"swapped after the reading").unwrap();
    room.say("not-the-Passphrase-99-at-all");
    let block = room.go_on(&words, PASSPHRASE, "did not work");
    assert!(block.contains("root-a: wrong secret, or a damaged file"), "{block}");
    assert!(!block.contains("tries are left"), "{block}");
    assert_eq!(names(&ceremony.at("BOOK/keys")), ["root-a.age", "root-a.pub"]);
    room.say("r");

    // A file that is there already on OUT is never written over.
    fs::write(ceremony.at("OUT/roster.json"), b"old").unwrap();
    let block = room.go_on(&words, PASSPHRASE, "did not work");
    assert!(block.contains("OUT:roster.json: is there already"), "{block}");
    assert_eq!(fs::read(ceremony.at("OUT/roster.json")).unwrap(), b"old");
    fs::remove_file(ceremony.at("OUT/roster.json")).unwrap();
    room.say("r");

    // Somebody switches the machine off in the middle of the review; the very command that is given goes on.
    room.go_on(&words, PASSPHRASE, "letters, or g");
    room.signal(Signal::TERM);
    let ended = room.end();
    assert_eq!(ended.code, 1, "{}", ended.text);
    let text = ended.text.replace('\r', "");
    let (_, command) = text.split_once("anchorite resume ").expect(&text);
    let command = command.lines().next().unwrap();
    let mut arguments = vec!["resume"];
    arguments.extend(command.split(' '));
    arguments.push("--plain");
    let mut room = Pty::start(&arguments, Path::new("/"), (80, 24));
    room.go_on(&words, PASSPHRASE, "before the first signature");
    // A medium that was taken out is asked for.
    let (out, away) = (ceremony.at("OUT"), ceremony.at("away"));
    room.go_on(&words, PASSPHRASE, "write the export");
    fs::rename(&out, &away).unwrap();
    room.say("g");
    let block = room.go_on(&words, PASSPHRASE, "did not work");
    assert!(block.contains("OUT: nothing is there, or it is not enrolled"), "{block}");
    fs::rename(&away, &out).unwrap();
    room.say("r");
    let mut agreed = 0;
    while agreed < 5 {
        room.go_on(&words, PASSPHRASE, "a/n> ");
        room.say("a");
        agreed += 1;
    }
    let ended = room.end();
    assert_eq!(ended.code, 0, "{}", ended.text);

    let metadata = ceremony.at(&format!("OUT/{REPOSITORY}/metadata"));
    let listed = fs::read_to_string(metadata.join("1.root.json")).unwrap().replace("\\n", "\n");
    let signer = crate::small::openssl_public(&ceremony.at("signer.pem"), &[]);
    assert!(listed.contains(signer.trim_end()), "{listed}");
    let evidence = ceremony.evidence();
    let audit = ceremony.program(&["evidence", "verify", evidence.to_str().unwrap()]).failure(5);
    assert!(audit.contains("consistent, not authenticated"), "{audit}");
}
