//! `token pin` and `token retire`, through the program: virtual cards and `SoftHSM` tokens.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anchorite::driver::bench::system_time;
use anchorite::driver::register::{KeyState, Line, Register, What};
use anchorite::driver::workspace::Workspace;
use anchorite::keystore::KeyStore as _;
use anchorite::tuf::key::{Algorithm, PublicKey};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::pty::Pty;
use crate::support::command::{Ran, in_package, run};
use crate::support::softhsm::{MODULE, PIN as HSM_PIN, SoftHsm};
use crate::support::yubikey::{Card, Firmware, Kind};
use crate::yubikeys::{Desk, PIN, holder, provisioned, sign};

const NEW: &str = "271828";

/// Runs a program with secrets handed over.
pub(crate) fn with(
    program: &Path,
    folder: &Path,
    arguments: &[&str],
    secrets: &[(&str, &str)],
) -> Ran {
    let lines: String = secrets.iter().map(|(key, secret)| format!("{key}\t{secret}\n")).collect();
    fs::write(folder.join("handed"), lines).unwrap();
    let fd = if secrets.is_empty() { "" } else { " --passphrase-fd 3 3<handed" };
    run(Command::new("setsid")
        .args(["--wait", "sh", "-c", &format!("exec \"$0\" \"$@\"{fd}")])
        .arg(program)
        .args(arguments)
        .current_dir(folder))
}

#[test]
fn a_pin_is_changed_with_one_try_and_a_new_one_that_nobody_guesses() {
    let card = Card::new(1101, Firmware::V5_7_1);
    let desk = Desk::with(&[&card]);
    let folder = TempDir::new().unwrap();
    let pin = |secrets: &[(&str, &str)]| {
        with(&desk.program, folder.path(), &["token", "pin", "1101", "--name", "root-a"], secrets)
    };
    let said = pin(&[("old", "123456"), ("root-a", NEW)]).failure(2);
    assert!(said.contains("its PIN is the factory's: provision the token"), "{said}");
    let made = provisioned(&desk, &card, Algorithm::P256);
    for (secrets, code, words, tries) in [
        (&[("old", "314158"), ("root-a", NEW)][..], 4, "YubiKey 1101: wrong; 2 tries are left", 2),
        (&[("old", "31415"), ("root-a", NEW)], 2, "it was not submitted", 2),
        (&[("old", PIN), ("root-a", "123456")], 2, "the factory's", 3),
        (&[("old", PIN), ("root-a", "12345678")], 2, "the factory's", 3),
        (&[("old", PIN), ("root-a", PIN)], 2, "the new PIN is the old one", 3),
        (&[("old", PIN), ("root-a", "1234")], 4, "no secret was given", 3),
        (&[("root-a", NEW)], 4, "no secret was given", 3),
    ] {
        let said = pin(secrets).failure(code);
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!(card.pin_tries().left, tries, "{words}");
    }
    let mut slot = desk.slot(1101, 0x9c);
    assert!(sign(&mut slot, &made, &mut holder(&[PIN])).is_ok());
    let said = pin(&[("old", PIN), ("root-a", NEW)]).success();
    assert!(said.contains("the PIN is changed"), "{said}");
    assert!(sign(&mut slot, &made, &mut holder(&[NEW])).is_ok());
    assert_eq!(card.pin_tries().left, 3);

    let puk = ["token", "pin", "1101", "--puk"];
    let puk = |old, new| with(&desk.program, folder.path(), &puk, &[("old", old), ("token", new)]);
    puk("11112222", "33334444").failure(4);
    assert_eq!(card.puk_tries().left, 2);
    let said = puk("87651234", "33334444").success();
    assert!(said.contains("a bag of its own"), "{said}");
    assert_eq!(card.puk_tries().left, 3);
    card.set_puk_tries(0);
    let said = puk("33334444", "87651234").failure(4);
    assert!(
        said.contains("blocked") && said.contains("A blocked PUK is never unblocked"),
        "{said}"
    );
    let said = with(&desk.program, folder.path(), &["token", "pin", "9999"], &[("old", PIN)]);
    assert!(said.failure(4).contains("another token is there: 1101"));
}

#[test]
fn the_last_try_is_spent_by_consent_alone_and_a_blocked_pin_is_not_asked_for() {
    let card = Card::new(1102, Firmware::V5_7_1);
    let desk = Desk::with(&[&card]);
    let made = provisioned(&desk, &card, Algorithm::P256);
    let folder = TempDir::new().unwrap();
    card.set_pin_tries(1);
    let arguments = ["token", "pin", "1102"];
    with(&desk.program, folder.path(), &["media", "enrol", ".", "--role", "book"], &[]).success();
    let book = Workspace::open(folder.path()).unwrap();
    let noted = || fs::read_to_string(folder.path().join("register.jsonl")).unwrap();
    let state = What::State(KeyState::Active);
    let mut line = Line::new(system_time(), "root-a".parse().unwrap(), made.fingerprint(), state);
    line.serial = Some("1102".to_owned());
    Register::add(&book, &[line]).unwrap();
    drop(book);
    // Nobody sits at a terminal.
    let secrets = [("old", PIN), ("token", NEW)];
    let said = with(&desk.program, folder.path(), &arguments, &secrets).failure(4);
    assert!(said.contains("One try is left") && said.contains("It was not spent"), "{said}");
    assert_eq!(card.pin_tries().left, 1);

    let program = [desk.program.to_str().unwrap()];
    let all = [&program[..], &arguments].concat();
    let at_terminal = |consent: &str| {
        let mut pty = Pty::start_by(&all, folder.path(), (100, 30));
        pty.hear("One try is left. A wrong PIN now blocks YubiKey 1102.");
        pty.answer("anything else to stop> ", consent);
        pty
    };
    let ended = at_terminal("yes").end();
    assert!(ended.code == 4 && ended.text.contains("It was not spent"), "{}", ended.text);
    assert_eq!(noted().lines().count(), 1);
    let mut pty = at_terminal("last try");
    pty.hear("1 try");
    pty.answer("PIN of token> ", "314158");
    let ended = pty.end();
    assert!(ended.code == 4 && ended.text.contains("blocked"), "{}", ended.text);
    let lines = noted();
    let last = lines.lines().last().unwrap();
    assert!(last.contains("\"state\":\"last try\"") && last.contains("by consent"), "{lines}");
    let said = with(&desk.program, folder.path(), &arguments, &secrets).failure(4);
    assert!(said.contains("blocked") && said.contains("token pin SERIAL --unblock"), "{said}");
    assert!(!said.contains("One try"), "{said}");
    let unblock = [&arguments[..], &["--unblock", "--holder", "Custodian A"]].concat();
    let secrets = [("old", "87651234"), ("token", NEW)];
    with(&desk.program, folder.path(), &unblock, &secrets).success();
    let lines = noted();
    let last = lines.lines().last().unwrap();
    assert!(last.contains("secret changed") && last.contains("Custodian A"), "{lines}");
}

#[test]
fn a_blocked_or_forgotten_pin_is_replaced_with_the_puk_and_a_wrong_puk_costs_one_try() {
    const PUK: &str = "87651234";
    let card = Card::new(1105, Firmware::V5_7_1);
    let desk = Desk::with(&[&card]);
    let made = provisioned(&desk, &card, Algorithm::P256);
    let folder = TempDir::new().unwrap();
    let arguments = ["token", "pin", "1105", "--unblock", "--name", "root-a"];
    let unblock =
        |puk, new| with(&desk.program, folder.path(), &arguments, &[("old", puk), ("root-a", new)]);
    card.set_pin_tries(0);
    for (puk, new, code, words, tries) in [
        ("11112222", NEW, 4, "YubiKey 1105: wrong; 2 tries are left", 2),
        ("87651", NEW, 2, "it was not submitted", 2),
        ("12345678", NEW, 2, "the factory's PUK", 2),
        (PUK, "123456", 2, "the factory's", 2),
        (PUK, PUK, 2, "a PIN that is the PUK", 2),
        (PUK, "1234", 4, "no secret was given", 2),
    ] {
        let said = unblock(puk, new).failure(code);
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!((card.puk_tries().left, card.pin_tries().left), (tries, 0), "{words}");
    }
    let said = unblock(PUK, NEW).success();
    assert!(said.contains("YubiKey 1105: the new PIN opens it"), "{said}");
    assert_eq!((card.puk_tries().left, card.pin_tries().left), (3, 3));
    let mut slot = desk.slot(1105, 0x9c);
    assert!(sign(&mut slot, &made, &mut holder(&[NEW])).is_ok());
    assert!(sign(&mut slot, &made, &mut holder(&[PIN])).is_err());
    // Forgotten, not blocked.
    unblock(PUK, PIN).success();
    assert!(sign(&mut slot, &made, &mut holder(&[PIN])).is_ok());

    // The last try of the PUK is spent by consent alone, and a blocked PUK is not asked for.
    card.set_puk_tries(1);
    let said = unblock(PUK, NEW).failure(4);
    assert!(said.contains("A wrong PUK now blocks") && said.contains("not spent"), "{said}");
    let all = [&[desk.program.to_str().unwrap()], &arguments[..]].concat();
    let mut pty = Pty::start_by(&all, folder.path(), (100, 30));
    pty.answer("anything else to stop> ", "last try");
    pty.hear("1 try");
    pty.hear("PUK of root-a> ");
    pty.say_unseen("11112222");
    pty.answer("keyboard line> ", "zy-_@#");
    for prompt in ["new PIN> ", "the same PIN again> "] {
        pty.hear(prompt);
        pty.say_unseen(NEW);
    }
    let ended = pty.end();
    assert!(ended.code == 4 && ended.text.contains("blocked"), "{}", ended.text);
    let said = unblock(PUK, NEW).failure(4);
    assert!(
        said.contains("A blocked PUK is never unblocked") && !said.contains("One try"),
        "{said}"
    );
    assert!(sign(&mut slot, &made, &mut holder(&[PIN])).is_ok());
    let module = [&arguments[..], &["--module", MODULE]].concat();
    with(&desk.program, folder.path(), &module, &[]).failure(2);
}

#[test]
fn the_pin_of_a_pkcs11_token_is_changed_and_opens_it() {
    let hsm = SoftHsm::new();
    let serial = hsm.token("one");
    let program = hsm.program(&[]);
    let folder = TempDir::new().unwrap();
    let pin = |secrets: &[(&str, &str)]| {
        let arguments = ["token", "pin", &serial, "--module", MODULE];
        with(&program, folder.path(), &arguments, secrets)
    };
    for (secrets, code, words) in [
        (&[("old", "wrong-one"), ("token", "2718281828")][..], 4, "how many tries are left"),
        (&[("old", HSM_PIN), ("token", "12345678")], 2, "everybody tries first"),
        (&[("old", HSM_PIN), ("token", HSM_PIN)], 2, "the new PIN is the old one"),
        (&[("old", ""), ("token", "2718281828")], 4, "no secret was given"),
    ] {
        let said = pin(secrets).failure(code);
        assert!(said.contains(words), "{words}: {said}");
    }
    pin(&[("old", HSM_PIN), ("token", "2718281828")]).success();
    pin(&[("old", HSM_PIN), ("token", "2718281828")]).failure(4);
    pin(&[("old", "2718281828"), ("token", HSM_PIN)]).success();
}

#[test]
fn what_drives_a_token_never_has_the_descriptor_of_the_secrets() {
    let card = Card::new(1103, Firmware::V5_7_1);
    let desk = Desk::with(&[&card]);
    provisioned(&desk, &card, Algorithm::P256);
    card.set_pin_tries(1);
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("handed"), format!("old\t{PIN}\ntoken\t{NEW}\n")).unwrap();
    let program = desk.program.to_str().unwrap();
    let shell = "exec \"$0\" token pin 1103 --passphrase-fd 7 7<handed";
    let mut pty = Pty::start_by(&["sh", "-c", shell, program], folder.path(), (100, 30));
    // It waits for consent; the child that drives the card is there.
    pty.hear("anything else to stop> ");
    let id = pty.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    let child: u32 = children.split_whitespace().next().unwrap().parse().unwrap();
    for process in [id, child] {
        let open: Vec<PathBuf> = fs::read_dir(format!("/proc/{process}/fd"))
            .unwrap()
            .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
            .collect();
        assert!(open.len() > 2 && !open.iter().any(|path| path.ends_with("handed")), "{open:?}");
    }
    pty.answer("", "last try");
    assert_eq!(pty.end().code, 0);
}

#[test]
fn a_card_is_provisioned_from_a_descriptor_and_its_puk_is_not_its_pin() {
    let card = Card::new(1104, Firmware::V5_7_1);
    let desk = Desk::with(&[&card]);
    let folder = TempDir::new().unwrap();
    let arguments = ["token", "provision", "--serial", "1104", "--holder", "A", "--name", "root-a"];
    let provision =
        |puk| with(&desk.program, folder.path(), &arguments, &[("root-a", PIN), ("puk", puk)]);
    let said = provision(PIN).failure(2);
    assert!(said.contains("a PUK that is the PIN"), "{said}");
    let said = provision("87651234").success();
    assert!(said.contains("PUK             changed"), "{said}");
}

/// A root of TUF, unsigned, that lists this key in each role.
fn root(version: u64, key: &PublicKey) -> Value {
    let role = json!({"keyids": ["one"], "threshold": 1});
    json!({"signatures": [], "signed": {
        "_type": "root", "spec_version": "1.0.0", "version": version,
        "expires": "2030-01-01T00:00:00Z", "consistent_snapshot": true,
        "keys": {"one": {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256",
                         "keyval": {"public": key.to_pem()}}},
        "roles": {"root": role, "targets": role, "snapshot": role, "timestamp": role},
    }})
}

/// A workspace, and a folder `trust` beside it with roots.
struct Office {
    folder: TempDir,
    program: PathBuf,
}

impl Office {
    fn new(program: &Path) -> Self {
        let office = Self { folder: TempDir::new().unwrap(), program: program.to_owned() };
        office.run(&["media", "enrol", "BOOK", "--role", "book"]).success();
        office
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        with(&self.program, self.folder.path(), arguments, &[])
    }

    fn publish(&self, version: u64, key: &PublicKey) {
        let folder = self.folder.path().join("trust/updates.example.com");
        fs::create_dir_all(&folder).unwrap();
        let text = root(version, key).to_string();
        fs::write(folder.join(format!("{version}.root.json")), text).unwrap();
    }
}

const SAID: [&str; 6] = ["--by", "Administrator", "--reason", "worn out", "--workspace", "BOOK"];

#[test]
fn a_card_retires_once_nothing_lists_its_key_and_is_emptied_once_its_number_is_typed() {
    let card = Card::new(18_158_855, Firmware::V5_7_1);
    let desk = Desk::with(&[&card]);
    let made = provisioned(&desk, &card, Algorithm::P256);
    let office = Office::new(&desk.program);
    let retire =
        |more: &[&str]| office.run(&[&["token", "retire", "18158855"][..], more, &SAID].concat());
    let print = made.fingerprint().to_string();
    let said = retire(&[]).failure(5);
    assert!(said.contains("0 documents read"), "{said}");
    office.publish(1, &made);
    let said = retire(&["trust"]).failure(3);
    assert!(said.contains("1.root.json, version 1: root") && said.contains(&print), "{said}");
    let other = PublicKey::from_spki_der(&other_key()).unwrap();
    office.publish(2, &other);
    let broken = office.folder.path().join("trust/updates.example.com/targets.json");
    fs::write(&broken, "{").unwrap();
    retire(&["trust"]).failure(5);
    fs::remove_file(broken).unwrap();
    assert!(!office.folder.path().join("BOOK/register.jsonl").exists());

    let said = retire(&["trust"]).success();
    assert!(said.contains("slot 9c, not in the register"), "{said}");
    assert!(said.contains("deactivated, on record"), "{said}");
    assert!(said.contains("ykman --device 18158855 piv reset"), "{said}");
    // What never happened by itself: the key is still there.
    assert!(sign(&mut desk.slot(18_158_855, 0x9c), &made, &mut holder(&[PIN])).is_ok());
    card.forget();

    // The reset wants a terminal, and the number on the card.
    let said = retire(&["trust", "--reset"]).failure(1);
    assert!(said.contains("Nothing was recorded or destroyed"), "{said}");
    let program = [office.program.to_str().unwrap()];
    let reset = ["token", "retire", "18158855", "trust", "--reset"];
    let all = [&program[..], &reset, &SAID].concat();
    let mut pty = Pty::start_by(&all, office.folder.path(), (100, 40));
    pty.hear("destroys 1 key of YubiKey 18158855 for ever");
    pty.answer("printed on it> ", "158856");
    assert_eq!(pty.end().code, 1);
    let touched = |kind| card.log().iter().filter(|entry| entry.kind == kind).count();
    assert_eq!((touched(Kind::Reset), card.pin_tries().left), (0, 3));
    let mut pty = Pty::start_by(&all, office.folder.path(), (100, 40));
    pty.answer("printed on it> ", "158855");
    let ended = pty.end();
    assert!(ended.code == 0 && ended.text.contains("is empty"), "{}", ended.text);
    assert!(desk.slot(18_158_855, 0x9c).look().unwrap().keys.is_empty());
    let listed = office.run(&["key", "list", "--workspace", "BOOK"]).success();
    assert!(listed.contains("destroyed since") && listed.contains("serial 18158855"), "{listed}");
}

#[test]
fn a_pkcs11_token_retires_and_its_vendors_tool_is_named() {
    use anchorite::keystore::{KeyStore as _, Spec};
    let hsm = SoftHsm::new();
    let serial = hsm.token("one");
    let mut store = crate::tokens::token(hsm.program(&[]), Path::new(MODULE), &serial);
    let spec = Spec { algorithm: Algorithm::P256, pin: None, touch: None, replaces: None };
    let made = store.make(&spec, &mut holder(&[HSM_PIN])).unwrap().public;
    let office = Office::new(&hsm.program(&[]));
    let retire = ["token", "retire", &serial, "trust", "--module", MODULE];
    let retire = [&retire[..], &SAID].concat();
    office.publish(1, &made);
    let said = office.run(&retire).failure(3);
    assert!(said.contains("1.root.json"), "{said}");
    office.publish(2, &PublicKey::from_spki_der(&other_key()).unwrap());
    let said = office.run(&retire).success();
    assert!(said.contains("--init-token") && said.contains("deactivated, on record"), "{said}");
}

/// Some key that is on no token.
fn other_key() -> Vec<u8> {
    use crate::support::yubikey::{Algorithm, PrivateKey};
    PrivateKey::generate(Algorithm::P256).public()
}

#[test]
fn the_attestation_of_a_real_card_is_verified_offline_and_its_key_found_in_a_root() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str| {
        let path = in_package("tests/data/attestations").join(name);
        path.to_str().unwrap().to_owned()
    };
    let attest = |slot: &str, device: &str, more: &[&str]| {
        let (slot, device) = (file(slot), file(device));
        let all = [&["token", "attest", "--verify", &slot, &device], more].concat();
        with(Path::new(env!("CARGO_BIN_EXE_anchorite")), folder.path(), &all, &[])
    };
    let card = ["15938765-slot.pem", "15938765-device.pem"];
    let said = attest(card[0], card[1], &[]).success();
    assert!(said.contains("made on the card 15938765, firmware 5.2.7, PIN always, touch always"));
    assert!(said.contains("CN=Yubico PIV Root CA") && said.contains("YSA-2024-03"), "{said}");
    let other = attest(card[0], "14833186-device.pem", &[]).failure(3);
    assert!(other.contains("its issuer did not sign it"), "{other}");

    let slot = der::pem::decode_vec(&fs::read(file(card[0])).unwrap()).unwrap().1;
    let device = der::pem::decode_vec(&fs::read(file(card[1])).unwrap()).unwrap().1;
    let proven = anchorite::keystore::attest::Anchors::yubico();
    let proven = anchorite::keystore::attest::verify(&slot, &device, &proven).unwrap();
    for (name, key) in
        [("in", proven.public), ("out", PublicKey::from_spki_der(&other_key()).unwrap())]
    {
        fs::write(folder.path().join(name), root(1, &key).to_string()).unwrap();
    }
    let said = attest(card[0], card[1], &["--in", "in"]).success();
    assert!(said.contains("lists it for root, snapshot, targets, timestamp"), "{said}");
    let said = attest(card[0], card[1], &["--in", "out"]).failure(3);
    assert!(said.contains("no role of out lists the attested key"), "{said}");
    // Sigstore's own roots, where they are at hand.
    if let Some(data) = std::env::var_os("ANCHORITE_REFERENCE_DATA") {
        for version in 1..=15 {
            let root = Path::new(&data).join(format!("sigstore/metadata/{version}.root.json"));
            let said = attest(card[0], card[1], &["--in", root.to_str().unwrap()]).success();
            assert!(said.contains("lists it for root, "), "{said}");
        }
    }
}
