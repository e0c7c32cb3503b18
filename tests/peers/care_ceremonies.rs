//! Whole real ceremonies that care for keys, held by the program with somebody at its keyboard: the stores are a virtual
//! card behind the real pcscd, SoftHSM, and key files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use age::secrecy::ExposeSecret as _;
use anchorite::driver::register::{KeyState, Register};
use anchorite::driver::token::{Driven, provision_yubikey};
use anchorite::driver::workspace::Workspace;
use anchorite::keystore::agefile::{AgeFile, decrypt};
use anchorite::keystore::child::Device;
use anchorite::keystore::pkcs11::Pkcs11Key;
use anchorite::keystore::yubikey::YubikeySlot;
use anchorite::keystore::{KeyStore, Label, Secret, SecretKind, Spec, TokenError};
use anchorite::tuf::digest::Digest;
use anchorite::tuf::key::{Algorithm, PublicKey};
use anchorite::tuf::policy::{PinPolicy, TouchPolicy};
use anchorite::tuf::signature::Hash;

use crate::pty::{Pty, plain_answer};
use crate::support::ceremony::Ceremony;
use crate::support::command::run;
use crate::support::softhsm::{MODULE, SoftHsm};
use crate::support::wrapped;
use crate::support::yubikey::{Card, Effect, Firmware, Kind, Pcscd};
use crate::token_ceremonies::held_now;
use crate::token_commands::with;
use crate::yubikeys::holder;

// With letters and signs that no digest has: what is searched in the evidence is never there by chance.
const PIN: &str = "kiwi-31";
const NEW_PIN: &str = "plum-27";
const PUK: &str = "medlar-8";
const HSM_PIN: &str = "lime-1414";
const NEW_HSM_PIN: &str = "sorb-1732";
const PASSPHRASE: &str = "stale-Otter-77-lamp-crossing";
const NEW_PASSPHRASE: &str = "brisk-Heron-31-cork-lantern";

/// What a holder has on paper for a key.
struct Paper {
    /// What opens it now.
    opens: &'static str,
    /// What will.
    new: &'static str,
    /// What is typed before that, by mistake.
    slips: Vec<&'static str>,
}

type Papers = BTreeMap<&'static str, Paper>;

const fn paper(opens: &'static str, new: &'static str) -> Paper {
    Paper { opens, new, slips: Vec::new() }
}

/// A real ceremony that was held to its end.
struct Held {
    /// All that stood on the terminal.
    text: String,
    evidence: PathBuf,
    head: String,
}

impl Held {
    /// What `evidence verify` says.
    fn verified(&self, ceremony: &Ceremony, code: u32) -> String {
        let evidence = self.evidence.to_str().unwrap();
        let ran = ceremony.program(&["evidence", "verify", evidence, "--head", &self.head]);
        let said = if code == 0 { ran.success() } else { ran.failure(5) };
        assert!(!said.contains("FAIL"), "{said}");
        said
    }

    fn certificate(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.evidence.join("care.json")).unwrap()).unwrap()
    }

    /// How often people were asked for this at a prompt.
    fn asked(&self, prompt: &str) -> usize {
        self.text.matches(&format!("{prompt}> ")).count()
    }

    /// None of these stands in a file of the evidence or stood on the terminal.
    fn holds_none_of(&self, secrets: &[&str]) {
        let mut count = 0;
        for path in anchorite::driver::file::list(&self.evidence).unwrap() {
            let bytes = fs::read(self.evidence.join(&path)).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            for secret in secrets {
                assert!(!text.contains(secret), "{secret} is in {path}");
            }
            count += 1;
        }
        assert!(count > 7, "{count} files");
        for secret in secrets {
            assert!(!self.text.contains(secret), "{secret} was on the terminal");
        }
    }
}

/// Holds a ceremony in lines of text. `in_trouble` is what people do before they try again.
fn hold(
    ceremony: &Ceremony,
    program: &Path,
    (name, plan): (&str, &str),
    media: &[&str],
    papers: &mut Papers,
    in_trouble: &mut dyn FnMut(&str, &mut Papers),
) -> Held {
    let file = ceremony.at(&format!("{name}.toml"));
    fs::write(&file, plan).unwrap();
    let mounts: Vec<String> =
        media.iter().map(|name| format!("{name}={}", ceremony.at(name).display())).collect();
    let mut command = vec![program.to_str().unwrap(), "run", file.to_str().unwrap(), "--plain"];
    command.extend(["--no-bell", "--workspace", "BOOK"]);
    for mount in &mounts {
        command.extend(["--medium", mount]);
    }
    let words = Digest::of(plan.as_bytes()).words();
    let mut room = Pty::start_by(&command, &ceremony.at(""), (200, 60));
    let mut key = "";
    while let Some(block) = room.next_prompt() {
        let prompt = block.rsplit('\n').next().unwrap().trim_end_matches("> ");
        if prompt == "keyboard line" {
            let named = |key: &&&str| block.lines().any(|line| line.trim_end().ends_with(**key));
            key = papers.keys().find(named).unwrap();
            room.say(&plain_answer(&block, &words, ""));
        } else if let Some((_, name)) = prompt.split_once(" of ") {
            let paper = papers.get_mut(name).unwrap();
            let opens = paper.opens;
            room.say_unseen(paper.slips.pop().unwrap_or(opens));
        } else if prompt.contains("PUK") {
            room.say_unseen(PUK);
        } else if prompt.starts_with("new ") || prompt.ends_with(" again") {
            let paper = papers.get_mut(key).unwrap();
            paper.opens = paper.new;
            room.say_unseen(paper.new);
        } else {
            if prompt == "r/s" {
                in_trouble(&block, papers);
            }
            room.say(&plain_answer(&block, &words, ""));
        }
    }
    let ended = room.end();
    assert_eq!(ended.code, 0, "{}", ended.text);
    let said = |what: &str| {
        let line = ended.text.lines().find_map(|line| line.strip_prefix(what)).unwrap();
        line.trim().to_owned()
    };
    Held { evidence: PathBuf::from(said("Evidence:")), head: said("Head:"), text: ended.text }
}

const fn nothing(_: &str, _: &mut Papers) {}

fn label(key: &str, kind: SecretKind) -> Label {
    Label { key: key.parse().unwrap(), holder: String::new(), place: String::new(), kind }
}

fn slot(program: &Path, serial: u32) -> Driven {
    let device = Device::Yubikey(YubikeySlot { serial, slot: 0x9c, p384: Hash::Sha384 });
    Driven::new(program.to_owned(), device, label("root-a", SecretKind::Pin))
}

fn hsm_key(program: &Path, serial: &str) -> Driven {
    let key = Pkcs11Key {
        module: MODULE.into(),
        serial: serial.to_owned(),
        id: vec![2],
        p384: Hash::Sha384,
        unguarded: false,
    };
    Driven::new(program.to_owned(), Device::Pkcs11(key), label("root-b", SecretKind::Pin))
}

/// A card that is its holder's own, with a key in slot 9c.
fn card_with_key(program: &Path, card: &Card, touch: TouchPolicy) -> PublicKey {
    let mut people = holder(&[PIN, PUK]);
    let label = label("root-a", SecretKind::Pin);
    assert!(provision_yubikey(program, card.serial(), label, &mut people).unwrap().puk);
    let pin = Some(PinPolicy::Always);
    let spec = Spec { algorithm: Algorithm::P256, pin, touch: Some(touch), replaces: None };
    slot(program, card.serial()).make(&spec, &mut holder(&[PIN])).unwrap().public
}

/// A key file in the book, cheap to open.
fn key_file(ceremony: &Ceremony, key: &str, passphrase: &'static str) -> PublicKey {
    let label = label(key, SecretKind::Passphrase);
    let spec = Spec { algorithm: Algorithm::Ed25519, pin: None, touch: None, replaces: None };
    let mut store = AgeFile::new(ceremony.at("BOOK/keys"), label).with_work_factor(4);
    store.make(&spec, &mut holder(&[passphrase])).unwrap().public
}

fn signs(store: &mut dyn KeyStore, key: &PublicKey, pin: &'static str) -> Result<(), TokenError> {
    let mut people = holder(&[pin]);
    store.signer(&key.fingerprint(), &mut people)?.sign(b"message", &mut people).map(drop)
}

/// What the register says, line by line.
fn register(ceremony: &Ceremony) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(ceremony.at("BOOK/register.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The fingerprints of the shipped plan of `change-pin`, and of the others the second one.
const SHIPPED: [&str; 2] = [
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
];

fn with_key(plan: &str, shipped: &str, key: &PublicKey) -> String {
    assert!(plan.contains(shipped));
    plan.replace(shipped, &key.fingerprint().to_string())
}

/// The shipped plan of `change-pin`, of its first key alone.
fn of_one(key: &PublicKey, store: &str) -> String {
    let plan = with_key(&held_now("change-pin"), SHIPPED[0], key);
    let at = |words: &str| plan.find(words).unwrap();
    let (release, bags) = (at("[[keys]]\nname         = \"release\""), at("[[bags]]"));
    let (more, waivers) = (at("[[bags]]\nkey           = \"release\""), at("[[waivers]]"));
    let plan = [&plan[..release], &plan[bags..more], &plan[waivers..]].concat();
    let shipped = "yubikey = { serial = 18158855, slot = \"9c\" }";
    assert!(plan.contains(shipped));
    plan.replace(shipped, store)
}

#[test]
fn the_secrets_of_a_card_a_pkcs11_token_and_a_file_are_changed_and_the_old_ones_open_nothing() {
    let card = Card::new(2021, Firmware::V5_7_1);
    let pcscd = Pcscd::with_cards(&[&card]);
    let hsm = SoftHsm::new();
    let serial = hsm.token_with("root-b", HSM_PIN);
    let ceremony = Ceremony::with(String::new());
    let conf = hsm.conf();
    let variables = [pcscd.variable(), ("SOFTHSM2_CONF", conf.as_os_str())];
    let program = wrapped::program(&ceremony.at("."), "both", &variables);
    let on_card = card_with_key(&program, &card, TouchPolicy::Always);
    let spec = Spec { algorithm: Algorithm::P256, pin: None, touch: None, replaces: None };
    let on_hsm = hsm_key(&program, &serial).make(&spec, &mut holder(&[HSM_PIN])).unwrap().public;
    let in_file = key_file(&ceremony, "release", PASSPHRASE);
    fs::create_dir(ceremony.at("BOOK-2")).unwrap();
    let enrol = ["media", "enrol", "BOOK-2", "--role", "book", "--name", "BOOK-2"];
    ceremony.program(&enrol).success();

    let plan = with_key(&held_now("change-pin"), SHIPPED[0], &on_card);
    let plan = with_key(&plan, SHIPPED[1], &in_file);
    let plan = plan.replace("serial = 18158855", "serial = 2021")
        + &format!(
            "\n[[keys]]\nname = \"root-b\"\nholder = \"Custodian A\"\nstore = {{ pkcs11 = {{ module = \"{MODULE}\", \
             serial = \"{serial}\", id = \"02\" }} }}\nalgorithm = \"p256\"\nfingerprint = \"{}\"\n\
             confirmed_by = \"Custodian A\"\n\n[[bags]]\nkey = \"root-b\"\nbag = \"A-1044\"\n\
             place = \"Custodian A's safe\"\nsecrets_bag = \"B-2044\"\nsecrets_place = \"Notary's office\"\n\n\
             [[media]]\nname = \"BOOK-2\"\nrole = \"book\"\n",
            on_hsm.fingerprint()
        );
    let mut papers = BTreeMap::from([
        ("root-a", Paper { slips: vec!["quince-3"], ..paper(PIN, NEW_PIN) }),
        ("root-b", paper(HSM_PIN, NEW_HSM_PIN)),
        ("release", paper(PASSPHRASE, NEW_PASSPHRASE)),
    ]);
    let held = hold(&ceremony, &program, ("change", &plan), &["BOOK-2"], &mut papers, &mut nothing);
    assert!(held.text.contains("wrong PIN; 2 tries are left"), "{}", held.text);

    // The new ones open, and the old ones do not.
    assert_eq!(card.pin_tries().left, 3);
    signs(&mut slot(&program, 2021), &on_card, NEW_PIN).unwrap();
    let wrong = signs(&mut slot(&program, 2021), &on_card, PIN).unwrap_err();
    assert_eq!(wrong, TokenError::WrongSecret { tries_left: Some(2) });
    signs(&mut hsm_key(&program, &serial), &on_hsm, NEW_HSM_PIN).unwrap();
    let wrong = signs(&mut hsm_key(&program, &serial), &on_hsm, HSM_PIN).unwrap_err();
    assert_eq!(wrong, TokenError::WrongSecret { tries_left: None });
    // The second book is level, with the new file.
    assert!(held.text.contains("BOOK-2 is level with the book"), "{}", held.text);
    for book in ["BOOK", "BOOK-2"] {
        let file = fs::read(ceremony.at(book).join("keys/release.age")).unwrap();
        let opened = decrypt(&file, &Secret::of(NEW_PASSPHRASE)).unwrap();
        assert_eq!(opened.public_key(), &in_file, "{book}");
        decrypt(&file, &Secret::of(PASSPHRASE)).unwrap_err();
    }

    // Nobody knows the root of the virtual card's attestation.
    let said = held.verified(&ceremony, 5);
    assert!(said.contains("authenticated; some claims cannot be told"), "{said}");
    let certificate = held.certificate();
    assert_eq!(certificate["secrets_changed"], serde_json::json!(["release", "root-a", "root-b"]));
    held.holds_none_of(&[PIN, NEW_PIN, "quince-3", NEW_HSM_PIN, PASSPHRASE, NEW_PASSPHRASE]);
    let lines = register(&ceremony);
    assert_eq!(lines.len(), 3);
    for (key, bag) in [("root-a", "A-1042"), ("root-b", "A-1044"), ("release", "A-1043")] {
        let line = lines.iter().find(|line| line["key"] == key).unwrap();
        assert_eq!(line["state"], "secret changed");
        assert_eq!((&line["seal"], &line["by"]), (&bag.into(), &"Administrator".into()));
        assert_eq!(line["reason"], "change-pin DUNLIN");
    }
}

#[test]
fn the_register_says_in_which_bag_a_new_card_is_once_it_is_sealed() {
    let card = Card::new(2023, Firmware::V5_7_1);
    let pcscd = Pcscd::with_cards(&[&card]);
    let ceremony = Ceremony::with(String::new());
    let program = wrapped::program(&ceremony.at("."), "anchorite", &[pcscd.variable()]);
    let plan = held_now("provision-token").replace("serial = 18158877", "serial = 2023");
    let mut papers = BTreeMap::from([("root-d", paper("", PIN))]);
    let held = hold(&ceremony, &program, ("new", &plan), &[], &mut papers, &mut nothing);
    held.verified(&ceremony, 5);
    held.holds_none_of(&[PIN, PUK]);
    let public = PublicKey::from_spki_der(&card.public(0x9c).unwrap()).unwrap();
    signs(&mut slot(&program, 2023), &public, PIN).unwrap();
    let [line] = &register(&ceremony)[..] else { panic!("one line") };
    assert_eq!(line["fingerprint"], public.fingerprint().to_string());
    for (member, says) in [
        ("state", "generated"),
        ("holder", "Custodian A"),
        ("store", "YubiKey 2023, slot 9c"),
        ("serial", "2023"),
        ("location", "Custodian A's safe"),
        ("seal", "A-1041"),
        ("by", "Administrator"),
        ("reason", "provision-token TERN"),
    ] {
        assert_eq!(line[member], says, "{member}");
    }

    // A later plan makes another key over this one, and names it: nothing else would be written over.
    let old = public.fingerprint();
    let shipped = "make      = { pin = \"always\", touch = \"always\"";
    let over = plan
        .replacen(shipped, &format!("{shipped}, replaces = \"{old}\""), 1)
        .replacen("A-1041", "A-1042", 1)
        .replacen("B-2041", "B-2042", 1);
    let held = hold(&ceremony, &program, ("over", &over), &[], &mut papers, &mut nothing);
    held.verified(&ceremony, 5);
    let told: Vec<_> = held.text.split_whitespace().collect();
    let told = told.join(" ");
    assert!(told.contains(&format!("over the key {old}, which is lost")), "{told}");
    let public = PublicKey::from_spki_der(&card.public(0x9c).unwrap()).unwrap();
    assert_ne!(public.fingerprint(), old);
    let lines = register(&ceremony);
    let states: Vec<_> =
        lines[1..].iter().map(|line| (&line["fingerprint"], &line["state"])).collect();
    let (made, old) = (public.fingerprint().to_string().into(), old.to_string().into());
    assert_eq!(states, [(&made, &"generated".into()), (&old, &"destroyed".into())]);
    assert_eq!(lines[2]["reason"], "provision-token TERN: root-d was made over it");
}

#[test]
fn a_blocked_card_gets_a_new_pin_with_its_puk_and_the_ceremony_goes_on() {
    let card = Card::new(2022, Firmware::V5_7_1);
    let pcscd = Pcscd::with_cards(&[&card]);
    let ceremony = Ceremony::with(String::new());
    let program = wrapped::program(&ceremony.at("."), "anchorite", &[pcscd.variable()]);
    let on_card = card_with_key(&program, &card, TouchPolicy::Never);
    let plan = of_one(&on_card, "yubikey = { serial = 2022, slot = \"9c\" }");
    let slips = vec!["quince-3", "quince-4", "quince-5"];
    let mut papers = BTreeMap::from([("root-a", Paper { slips, ..paper(PIN, NEW_PIN) })]);
    let mut blocked = false;
    let held =
        hold(&ceremony, &program, ("change", &plan), &[], &mut papers, &mut |block, papers| {
            if !block.contains("is blocked") {
                return;
            }
            assert!(block.contains("anchorite token pin SERIAL --unblock"), "{block}");
            assert_eq!(card.pin_tries().left, 0);
            blocked = true;
            let unblock = ["token", "pin", "2022", "--unblock"];
            let secrets = [("old", PUK), ("token", "damson-1")];
            with(&program, &ceremony.at(""), &unblock, &secrets).success();
            papers.get_mut("root-a").unwrap().opens = "damson-1";
        });
    assert!(blocked);
    let record = fs::read_to_string(held.evidence.join("transcript.jsonl")).unwrap();
    assert_eq!(record.matches("\"kind\":\"wrong-secret\"").count(), 2);
    assert_eq!(record.matches("\"kind\":\"blocked\"").count(), 1);
    // The last try was used with consent, on record.
    assert!(record.contains("\"last-try\""));
    signs(&mut slot(&program, 2022), &on_card, NEW_PIN).unwrap();
    for old in [PIN, "damson-1"] {
        signs(&mut slot(&program, 2022), &on_card, old).unwrap_err();
    }
    held.verified(&ceremony, 5);
    held.holds_none_of(&[PIN, NEW_PIN, PUK, "damson-1", "quince-3"]);
}

#[test]
fn a_card_with_a_secret_of_the_factory_is_refused_before_its_pin_is_asked_for() {
    let card = Card::new(2024, Firmware::V5_7_1);
    let pcscd = Pcscd::with_cards(&[&card]);
    let ceremony = Ceremony::with(String::new());
    let program = wrapped::program(&ceremony.at("."), "anchorite", &[pcscd.variable()]);
    let on_card = card_with_key(&program, &card, TouchPolicy::Never);
    card.set_puk("12345678");
    card.forget();
    let plan = of_one(&on_card, "yubikey = { serial = 2024, slot = \"9c\" }");
    let mut papers = BTreeMap::from([("root-a", paper(PIN, NEW_PIN))]);
    let mut refused = 0;
    hold(&ceremony, &program, ("change", &plan), &[], &mut papers, &mut |block, _| {
        assert!(block.contains("factory-puk: it is the factory's"), "{block}");
        assert!(card.log().iter().all(|entry| entry.kind != Kind::Verify || entry.length == 0));
        refused += 1;
        card.set_puk(PUK);
    });
    assert_eq!(refused, 1);
}

#[test]
fn a_token_that_does_not_answer_is_given_up_by_people_and_the_ceremony_goes_on() {
    let hsm = SoftHsm::new();
    let serial = hsm.token_with("root-b", HSM_PIN);
    let ceremony = Ceremony::with(String::new());
    let spec = Spec { algorithm: Algorithm::P256, pin: None, touch: None, replaces: None };
    let mut store = hsm_key(&hsm.program(&[]), &serial);
    let made = store.make(&spec, &mut holder(&[HSM_PIN])).unwrap().public;
    let module = hsm.bad_module();
    let (conf, once) = (hsm.conf(), ceremony.at("once"));
    fs::write(&once, "").unwrap();
    let variables = [
        ("SOFTHSM2_CONF", conf.as_os_str()),
        ("BAD_MODULE", "hang".as_ref()),
        ("BAD_MODULE_ONCE", once.as_os_str()),
    ];
    let program = wrapped::program(&ceremony.at("."), "hangs", &variables);
    let store = format!(
        "pkcs11 = {{ module = \"{}\", serial = \"{serial}\", id = \"02\" }}",
        module.display()
    );
    let plan = of_one(&made, &store);
    let file = ceremony.at("change.toml");
    fs::write(&file, &plan).unwrap();
    let run = [program.to_str().unwrap(), "run", file.to_str().unwrap(), "--plain"];
    let command = [&run[..], &["--no-bell", "--workspace", "BOOK"]].concat();
    let mut room = Pty::start_by(&command, &ceremony.at(""), (200, 60));
    let words = Digest::of(plan.as_bytes()).words();
    room.go_on(&words, HSM_PIN, "new PIN> ");
    room.say_unseen(NEW_HSM_PIN);
    room.prompt();
    room.say_unseen(NEW_HSM_PIN);
    room.go_on(&words, HSM_PIN, "PIN of root-a> ");
    room.say_unseen(NEW_HSM_PIN);
    // It hangs while it signs.
    while once.exists() {
        assert!(room.runs(), "{}", room.text());
    }
    room.press("p\r");
    room.hear("Once more gives up a token that does not answer");
    room.press("p\r");
    let block = room.go_on(&words, "", "gave no answer and was given up");
    assert!(block.contains("what it did is not known"), "{block}");
    room.go_on(&words, NEW_HSM_PIN, "do you agree that");
    while let Some(block) = room.next_prompt() {
        room.say(&plain_answer(&block, &words, ""));
    }
    let ended = room.end();
    assert_eq!(ended.code, 0, "{}", ended.text);
    let evidence = ceremony.evidence();
    let filed = fs::read(evidence.join("exceptions.json")).unwrap();
    let filed: serde_json::Value = serde_json::from_slice(&filed).unwrap();
    assert_eq!(filed.as_array().unwrap().len(), 1);
    assert_eq!(filed[0]["expected"], "prove root-a: the key signs");
    assert_eq!(
        (&filed[0]["decided"], &filed[0]["by"]),
        (&"try again".into(), &"Administrator".into())
    );
    let verify = ["evidence", "verify", evidence.to_str().unwrap()];
    let said = ceremony.program(&verify).failure(5);
    assert!(said.contains("root-a: 2 signatures asked for, 1 kept, 1 in excess"), "{said}");
}

/// The public half of a key in PEM, as openssl sees it.
fn public_of(pem: &Path) -> Vec<u8> {
    let command = ["pkey", "-pubout", "-in", pem.to_str().unwrap()];
    run(Command::new("openssl").args(command)).success().into_bytes()
}

#[test]
fn back_ups_of_a_file_key_bring_it_back_in_drills_after_its_own_file_is_lost() {
    let ceremony = Ceremony::with(String::new());
    let program = PathBuf::from(env!("CARGO_BIN_EXE_anchorite"));
    let public = key_file(&ceremony, "release", PASSPHRASE);
    let identity = age::x25519::Identity::generate();
    for medium in ["PRINT", "IDENTITY"] {
        fs::create_dir(ceremony.at(medium)).unwrap();
        let enrol = ["media", "enrol", medium, "--role", "keys", "--name", medium];
        ceremony.program(&enrol).success();
    }
    let secret = identity.to_string();
    let secret = secret.expose_secret();
    fs::write(ceremony.at("IDENTITY/identity.txt"), format!("{secret}\n")).unwrap();
    let file = fs::read(ceremony.at("BOOK/keys/release.age")).unwrap();
    let opened = decrypt(&file, &Secret::of(PASSPHRASE)).unwrap();
    let pem = opened.to_pkcs8_pem().unwrap();
    let private = pem.lines().nth(1).unwrap();
    let secrets = [PASSPHRASE, "AGE-SECRET-KEY", private];

    let plan = with_key(&held_now("back-up"), SHIPPED[1], &public);
    let shipped = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    let plan = plan.replace(shipped, &identity.to_public().to_string());
    let mut papers = BTreeMap::from([(
        "release",
        Paper { slips: vec!["not-the-Passphrase-at-all-5"], ..paper(PASSPHRASE, "") },
    )]);
    let media = ["KEYS", "PRINT"];
    let held = hold(&ceremony, &program, ("back-up", &plan), &media, &mut papers, &mut nothing);
    assert!(held.text.contains("wrong secret, or a damaged file"), "{}", held.text);
    assert!(held.verified(&ceremony, 0).contains("RESULT   PASS"));
    held.holds_none_of(&secrets);
    let places: Vec<_> = held.certificate()["back_ups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["place"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(places, ["Bank vault", "Second office"]);
    let states: Vec<_> = register(&ceremony).iter().map(|line| line["state"].clone()).collect();
    assert_eq!(states, ["backed up", "backed up"]);
    // Others' programs open it.
    let recovered = ceremony.at("recovered.pem");
    let decrypted = ["-d", "-i", "IDENTITY/identity.txt", "-o", recovered.to_str().unwrap()];
    let backup = ["KEYS/release.recovery.age"];
    run(Command::new("age").args(decrypted).args(backup).current_dir(ceremony.at(""))).success();
    assert_eq!(public_of(&recovered), public.to_pem().into_bytes());
    fs::remove_file(recovered).unwrap();

    // The key's own file is lost.
    for ending in ["age", "pub"] {
        fs::remove_file(ceremony.at(&format!("BOOK/keys/release.{ending}"))).unwrap();
    }
    let plan = with_key(&held_now("restore-drill"), SHIPPED[1], &public);
    let media = ["KEYS", "IDENTITY"];
    let mut nobody = Papers::new();
    let held = hold(&ceremony, &program, ("drill", &plan), &media, &mut nobody, &mut nothing);
    drill_is_good(&ceremony, &held, &public);
    held.holds_none_of(&secrets);

    // From the paper, as it was printed; a wrong passphrase is told and asked for again.
    let start = plan.find("[[drills]]").unwrap();
    let end = start + plan[start..].find("\n\n").unwrap();
    let drill = "[[drills]]\nkey = \"release\"\nmedium = \"PRINT\"\nfile = \"release.paper.txt\"\n";
    let plan = format!("{}{drill}{}", &plan[..start], &plan[end..]);
    let medium = plan.find("[[media]]\nname = \"IDENTITY\"").unwrap();
    let after = medium + plan[medium..].find("\n\n").unwrap();
    let plan = format!("{}{}", &plan[..medium], &plan[after..]);
    let plan = plan.replace("name = \"KEYS\"", "name = \"PRINT\"");
    papers.get_mut("release").unwrap().slips.push(NEW_PASSPHRASE);
    let held = hold(&ceremony, &program, ("paper", &plan), &["PRINT"], &mut papers, &mut nothing);
    assert_eq!(held.asked("passphrase of release"), 2);
    drill_is_good(&ceremony, &held, &public);
    held.holds_none_of(&[&secrets[..], &[NEW_PASSPHRASE]].concat());
    assert_eq!(fs::read_dir(ceremony.at("BOOK/keys")).unwrap().count(), 0, "nothing is written");
    let states: Vec<_> = register(&ceremony).iter().map(|line| line["state"].clone()).collect();
    assert_eq!(states, ["backed up", "backed up", "restored", "restored"]);
    let book = Workspace::open(&ceremony.at("BOOK")).unwrap();
    let standing = Register::read(&book).unwrap().of(&public.fingerprint()).cloned().unwrap();
    assert_eq!(standing.state, KeyState::PreActivation);
}

fn drill_is_good(ceremony: &Ceremony, held: &Held, public: &PublicKey) {
    assert!(held.verified(ceremony, 0).contains("RESULT   PASS"));
    let drill = &held.certificate()["drills"]["release"];
    assert_eq!(drill["fingerprint"], public.fingerprint().to_string());
    assert!(drill["seconds"].as_i64().unwrap() >= 0, "{drill}");
    let record = fs::read_to_string(held.evidence.join("transcript.jsonl")).unwrap();
    assert!(!record.contains("\"kind\":\"look\""), "its store is not looked at");
}

/// A first root whose online key signs three documents in a turn, its PIN held for `count` of them. The root keys are in
/// SoftHSM.
fn first_root(hsm: &SoftHsm, online: &str, count: u32) -> Ceremony {
    let mut ceremony = Ceremony::of("first-root-tuf1");
    for (nth, key) in (1..).zip(["root-a", "root-b", "root-c"]) {
        let serial = hsm.token_with(key, HSM_PIN);
        let store = format!(
            "{{ pkcs11 = {{ module = \"{MODULE}\", serial = \"{serial}\", id = \"0{nth}\" }} }}"
        );
        ceremony.store(key, &store);
    }
    ceremony.drop_block("[[keys]]\nname      = \"release\"");
    ceremony.drop_block("[[keys]]\nname      = \"online\"");
    ceremony.change("keys      = [\"release\"]", "keys      = [\"online\"]");
    ceremony.change(
        "[roles.root]",
        &format!(
            "[[keys]]\nname = \"online\"\nholder = \"Releaser\"\nalgorithm = \"p256\"\n{online}\n\
             hold_pin = {count}\n\n[roles.root]"
        ),
    );
    ceremony
}

fn hold_first_root(ceremony: &Ceremony, program: &Path, in_trouble: &mut dyn FnMut()) -> Held {
    let mut papers: Papers =
        ["root-a", "root-b", "root-c"].map(|key| (key, paper(HSM_PIN, HSM_PIN))).into();
    papers.insert("online", paper(PIN, PIN));
    let plan = fs::read_to_string(ceremony.plan()).unwrap();
    let media = ["OUT", "KEYS"];
    hold(ceremony, program, ("root", &plan), &media, &mut papers, &mut |_, _| in_trouble())
}

/// Such a root, whose online key is in a card that is pulled at one of its signatures. What came of it, how often a PIN
/// was submitted, and how often the card signed.
fn held_by_a_card(count: u32, pulled: Option<u32>) -> (Held, usize, u32) {
    let hsm = SoftHsm::new();
    let card = Card::new(2031, Firmware::V5_7_1);
    let mut pcscd = Pcscd::with_cards(&[&card]);
    let conf = hsm.conf();
    let online = "store = { yubikey = { serial = 2031, slot = \"9c\" } }\n\
                  make = { pin = \"always\", touch = \"never\" }";
    let ceremony = first_root(&hsm, online, count);
    let variables = [pcscd.variable(), ("SOFTHSM2_CONF", conf.as_os_str())];
    let program = wrapped::program(&ceremony.at("."), "both", &variables);
    let label = label("online", SecretKind::Pin);
    provision_yubikey(&program, 2031, label, &mut holder(&[PIN, PUK])).unwrap();
    card.forget();
    if let Some(nth) = pulled {
        card.fail(Kind::Sign, nth, Effect::Unplug);
    }
    let held = hold_first_root(&ceremony, &program, &mut || {
        pcscd.settle();
        card.plug(&mut pcscd);
    });
    held.verified(&ceremony, 5);
    held.holds_none_of(&[PIN]);
    let pins = card.log().iter().filter(|e| e.kind == Kind::Verify && e.length == 8).count();
    (held, pins, card.counts().signatures)
}

#[test]
fn a_pin_is_held_for_an_exact_count_of_signatures_of_a_card() {
    let (held, pins, signatures) = held_by_a_card(2, None);
    // Typed to make the key, to prove it, for two of the three documents, and for the third.
    assert_eq!(held.asked("PIN of online"), 4);
    // The card takes a PIN for each: to make the key, and for each signature.
    assert_eq!((pins, signatures), (5, 4));
}

#[test]
fn a_held_pin_is_wiped_when_its_card_is_pulled() {
    // The second of the three documents, after the proof.
    let (held, _, signatures) = held_by_a_card(3, Some(3));
    assert_eq!((held.asked("PIN of online"), signatures), (4, 4));
}

#[test]
fn a_pin_of_a_pkcs11_token_is_held_for_an_exact_count_of_signatures() {
    let hsm = SoftHsm::new();
    let serial = hsm.token_with("online", PIN);
    let store =
        format!("{{ pkcs11 = {{ module = \"{MODULE}\", serial = \"{serial}\", id = \"04\" }} }}");
    let ceremony = first_root(&hsm, &format!("store = {store}\nmake = {{}}"), 2);
    let held = hold_first_root(&ceremony, &hsm.program(&[]), &mut || {});
    assert_eq!(held.asked("PIN of online"), 4);
    held.verified(&ceremony, 0);
    held.holds_none_of(&[PIN]);
}
