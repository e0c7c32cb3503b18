//! Real ceremonies whose root keys live in tokens, held by people in this process and judged by real clients.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anchorite::ceremony::ask::{Ask, AskKind, People, Wish};
use anchorite::ceremony::before::Before;
use anchorite::ceremony::check::CheckReport;
use anchorite::ceremony::event::{Mode, Outcome, Refusal, SessionId};
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::scene::Scene;
use anchorite::ceremony::twin::forged_fingerprints;
use anchorite::driver::bench::{Bench, Clock, RealStores, Setting, Stores as _, system_time};
use anchorite::driver::media::Media;
use anchorite::driver::ports::{Company, Front, FrontFailed, Progress};
use anchorite::driver::session::{Begin, Ended, Session};
use anchorite::driver::token::provision_yubikey;
use anchorite::driver::workspace::Workspace;
use anchorite::keystore::{Label, Rules, Secret, SecretKind, Spec, TokenError, Unlock};
use anchorite::tuf::digest::Digest;
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::stage::GoodPeople;
use crate::support::ceremony::{Ceremony, PASSPHRASE};
use crate::support::softhsm::{MODULE, PIN, SoftHsm};
use crate::support::wrapped;
use crate::support::yubikey::{Card, Effect, Firmware, Kind, Pcscd};
use crate::support::{clients, notary::NotaryServer, publishing, tuf};

/// Good people who know the PINs of their tokens; one types a wrong one first, where a test wants that.
struct Holders<'a> {
    people: GoodPeople,
    wrong_first: Option<&'static str>,
    /// What they do before they try again.
    in_trouble: &'a mut dyn FnMut(&str),
}

impl Unlock for Holders<'_> {
    fn secret(&mut self, label: &Label, _: Option<u8>) -> Option<Secret> {
        let text = match label.kind {
            SecretKind::Pin | SecretKind::Puk => {
                if self.wrong_first.is_some_and(|key| key == label.key.as_str()) {
                    self.wrong_first = None;
                    "271828"
                } else {
                    PIN
                }
            }
            SecretKind::Passphrase => PASSPHRASE,
        };
        Some(Secret::new(Zeroizing::new(text.to_owned())))
    }
    fn new_secret(&mut self, label: &Label, _: &Rules) -> Option<Secret> {
        let text = match label.kind {
            SecretKind::Pin => PIN,
            SecretKind::Puk => "31415926",
            SecretKind::Passphrase => PASSPHRASE,
        };
        Some(Secret::of(text))
    }
    fn touch(&mut self, _: &Label) {}
}

impl Company for Holders<'_> {
    fn progress(&mut self, _: &Progress) {}
    fn wish(&mut self) -> Option<Wish> {
        None
    }
}

impl Front for Holders<'_> {
    fn show(&mut self, scene: Scene) {
        self.people.show(scene);
    }
    fn ask(&mut self, ask: &Ask) -> Result<People, FrontFailed> {
        if ask.id.kind == AskKind::Trouble {
            (self.in_trouble)(&ask.id.about);
        }
        self.people.ask(ask)
    }
    fn refused(&mut self, refusal: &Refusal) {
        self.people.refused(refusal);
    }
}

/// Holds a real ceremony in this process; `program` drives the tokens.
fn hold(
    ceremony: &Ceremony,
    program: PathBuf,
    wrong_first: Option<&'static str>,
    in_trouble: &mut dyn FnMut(&str),
) -> Ended {
    let plan_bytes = fs::read(ceremony.plan()).unwrap();
    let plan = Plan::parse(&plan_bytes).unwrap();
    let mounts = plan.mounted().map(|m| (m.name.clone(), ceremony.at(m.name.as_str())));
    let media = Media::new(mounts.collect::<BTreeMap<_, _>>(), false);
    let at = system_time();
    let report = CheckReport::of(&plan, at, &media.at_hand(&plan));
    let checked = report.clear(&plan, Mode::Real);
    let checked = checked.unwrap_or_else(|| panic!("{report:#?}"));
    let book = Workspace::open(&ceremony.at("BOOK")).unwrap();
    let evidence = book.new_evidence(at, plan.codename.as_str()).unwrap();
    let session = Session::begin(Begin {
        plan_bytes: &plan_bytes,
        plan: &plan,
        twin: None,
        before: &Before::none(),
        report: &report,
        checked,
        mode: Mode::Real,
        session: SessionId::new([9; 16]),
        at,
        unattended: false,
        folder: &evidence,
        answering: None,
        earlier: Vec::new(),
    })
    .unwrap();
    let forged = forged_fingerprints(&plan)
        .into_keys()
        .map(|key| (key, "it is a rehearsal's key".to_owned()))
        .collect();
    let mut bench = Bench::new(Setting {
        plan: plan.clone(),
        stores: RealStores::new(program, book.keys(), &plan, forged),
        media,
        clock: Clock::System,
        room: PathBuf::from("/"),
        rehearsal: false,
        evidence: evidence.clone(),
        book: book.folder().to_owned(),
    });
    let people = GoodPeople::of(session.engine(), plan.digest);
    let mut holders = Holders { people, wrong_first, in_trouble };
    session.hold(&mut holders, &mut bench).unwrap()
}

/// Three PKCS#11 tokens in the place of the shipped plan's root keys.
fn three_tokens(ceremony: &mut Ceremony, hsm: &SoftHsm) {
    for (nth, key) in (1..).zip(["root-a", "root-b", "root-c"]) {
        in_a_token(ceremony, hsm, key, nth);
    }
}

fn in_a_token(ceremony: &mut Ceremony, hsm: &SoftHsm, key: &str, id: u8) {
    let serial = hsm.token(key);
    let store = format!(
        "{{ pkcs11 = {{ module = \"{MODULE}\", serial = \"{serial}\", id = \"0{id}\" }} }}"
    );
    ceremony.store(key, &store);
}

#[test]
fn notary_and_docker_accept_a_root_of_three_pkcs11_tokens() {
    let server = NotaryServer::start();
    let hsm = SoftHsm::new();
    let mut ceremony = Ceremony::of("first-root-notary1");
    let gun = server_keys(&mut ceremony, &server);
    three_tokens(&mut ceremony, &hsm);
    // A tagging key that stays in its token, and is RSA.
    in_a_token(&mut ceremony, &hsm, "tagging", 4);
    ceremony.change("leaves    = { medium = \"KEYS\", as = \"notary\" }\n", "");
    ceremony.algorithm("tagging", "rsa");
    let ended = hold(&ceremony, hsm.program(&[]), Some("root-b"), &mut |_| {});
    assert_eq!(ended.outcome, Outcome::Done);
    let record = fs::read_to_string(ended.folder.join("transcript.jsonl")).unwrap();
    assert!(record.contains("wrong-secret") && record.contains(MODULE));
    assert!(!record.contains(PIN) && !record.contains(PASSPHRASE));

    let out = ceremony.at("OUT");
    publishing::run_script(&out, "publish/publish", &server, &[]).success();
    publishing::run_script(&out, "accept/accept", &server, &[]).success();
    assert!(clients::notary_list(&server, gun).success().contains("v1"));
}

#[test]
fn python_tuf_accepts_a_root_of_three_pkcs11_tokens() {
    let hsm = SoftHsm::new();
    let mut ceremony = Ceremony::of("first-root-tuf1");
    three_tokens(&mut ceremony, &hsm);
    ceremony.algorithm("root-b", "rsa");
    let ended = hold(&ceremony, hsm.program(&[]), None, &mut |_| {});
    assert_eq!(ended.outcome, Outcome::Done);
    python_accepts(&ceremony);
    let verify = ["evidence", "verify", ended.folder.to_str().unwrap(), "--head"];
    let head = ended.engine.head().to_string();
    let verify: Vec<&str> = verify.into_iter().chain([head.as_str()]).collect();
    assert!(ceremony.program(&verify).success().contains("RESULT   PASS"));
}

/// A shipped plan with a window round now, and what a test's room lacks waived.
pub(crate) fn held_now(shipped: &str) -> String {
    let plan = fs::read_to_string(format!("ceremonies/{shipped}/plan.toml")).unwrap();
    let window = crate::support::ceremony::window();
    let mut plan = plan.replacen("\n[repository]", &format!("\n{window}\n[repository]"), 1);
    for finding in ["room-network-interface", "room-default-route", "room-swap"] {
        plan += &format!(
            "\n[[waivers]]\nfinding = \"{finding}\"\nreason = \"a test\"\nby = \"Administrator\"\n"
        );
    }
    plan
}

#[test]
fn a_new_yubikey_becomes_its_holders_own_in_a_real_ceremony_and_makes_its_key() {
    let card = Card::new(2011, Firmware::V5_7_1);
    let pcscd = Pcscd::with_cards(&[&card]);
    let mut ceremony = Ceremony::with(held_now("provision-token"));
    let program = wrapped::program(&ceremony.at("."), "anchorite", &[pcscd.variable()]);
    ceremony.store("root-d", "{ yubikey = { serial = 2011, slot = \"9c\" } }");
    // A wrong PIN first, when the card is its holder's own and makes the key.
    let ended = hold(&ceremony, program.clone(), Some("root-d"), &mut |_| {});
    assert_eq!(ended.outcome, Outcome::Done);
    let record = fs::read_to_string(ended.folder.join("transcript.jsonl")).unwrap();
    let provisioned = "\"provisioned\":{\"management_key\":true,\"pin\":true,\"puk\":true}";
    assert!(record.contains(provisioned) && record.contains("factory-pin"), "{record}");
    assert!(record.contains("wrong-secret") && !record.contains(PIN));
    assert_eq!(card.pin_tries().left, 3);
    assert!(ended.folder.join("attestations/root-d-slot.pem").is_file());
    let certificate = fs::read_to_string(ended.folder.join("care.json")).unwrap();
    assert!(certificate.contains("A-1041") && certificate.contains("B-2041"), "{certificate}");
    // The same plan again finds the slot taken, and writes over nothing.
    let made = card.public(0x9c);
    let mut people = GoodPeople { plan: Digest::of(b""), change: None, asked: 0 };
    let mut stores =
        RealStores::new(program, ceremony.at("BOOK/keys"), ended.engine.plan(), BTreeMap::new());
    let key = ended.engine.plan().keys[0].clone();
    let spec = Spec { algorithm: key.algorithm, pin: None, touch: None, replaces: None };
    let refused = stores.store(&key).unwrap().make(&spec, &mut people).unwrap_err();
    assert!(matches!(refused, TokenError::Occupied(_)), "{refused:?}");
    assert_eq!(card.public(0x9c), made);
}

#[test]
fn a_card_that_is_still_the_factorys_is_refused_in_a_real_ceremony_until_its_holder_made_it_their_own()
 {
    let mut ceremony = Ceremony::of("first-root-tuf1");
    let card = Card::new(2012, Firmware::V5_7_1);
    let pcscd = Pcscd::with_cards(&[&card]);
    let program = wrapped::program(&ceremony.at("."), "anchorite", &[pcscd.variable()]);
    ceremony.store("root-a", "{ yubikey = { serial = 2012, slot = \"9c\" } }");
    ceremony.guarded("root-a");
    let mut troubles = Vec::new();
    let ended = hold(&ceremony, program.clone(), None, &mut |about| {
        troubles.push(about.to_owned());
        own(&program, 2012);
    });
    assert_eq!(ended.outcome, Outcome::Done);
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    let record = fs::read_to_string(ended.folder.join("transcript.jsonl")).unwrap();
    assert!(record.contains("factory-pin"), "{record}");
    // The factory's PIN was never submitted, and nothing was made before.
    assert_eq!((card.pin_tries().left, card.counts().signatures), (3, 2));
}

/// Makes a card its holder's own.
fn own(program: &Path, serial: u32) {
    let label = Label {
        key: "token".parse().unwrap(),
        holder: "its holder".to_owned(),
        place: format!("YubiKey {serial}"),
        kind: SecretKind::Pin,
    };
    let people = GoodPeople { plan: Digest::of(b""), change: None, asked: 0 };
    let mut holder = Holders { people, wrong_first: None, in_trouble: &mut |_| {} };
    assert!(provision_yubikey(program, serial, label, &mut holder).unwrap().pin);
}

/// Three cards, their holders' own, and the plan that names them. The last one is not in yet.
fn three_cards(ceremony: &mut Ceremony, firmware: Firmware) -> (Vec<Card>, Pcscd, PathBuf) {
    let cards: Vec<Card> = (2001..2004).map(|serial| Card::new(serial, firmware)).collect();
    let pcscd = Pcscd::with_cards(&cards.iter().collect::<Vec<_>>());
    let program = wrapped::program(&ceremony.at("."), "anchorite", &[pcscd.variable()]);
    for (card, key) in cards.iter().zip(["root-a", "root-b", "root-c"]) {
        let serial = card.serial();
        own(&program, serial);
        ceremony.store(key, &format!("{{ yubikey = {{ serial = {serial}, slot = \"9c\" }} }}"));
        ceremony.guarded(key);
        card.forget();
    }
    (cards, pcscd, program)
}

/// A card that is out of its reader is put in again.
fn put_in(card: &Card, pcscd: &mut Pcscd) {
    pcscd.settle();
    if !card.is_plugged() {
        card.plug(pcscd);
    }
}

#[test]
fn notary_and_docker_accept_a_root_of_three_yubikeys_although_much_goes_wrong() {
    let server = NotaryServer::start();
    let mut ceremony = Ceremony::of("first-root-notary1");
    let gun = server_keys(&mut ceremony, &server);
    let (cards, mut pcscd, program) = three_cards(&mut ceremony, Firmware::V5_4_3);
    // One card is pulled while it signs, one holder types a wrong PIN, and one card is not in at first.
    cards[0].fail(Kind::Sign, 2, Effect::Unplug);
    cards[2].unplug();
    let mut troubles = 0;
    let ended = hold(&ceremony, program, Some("root-b"), &mut |about| {
        troubles += 1;
        for (card, key) in cards.iter().zip(["root-a", "root-b", "root-c"]) {
            if about.ends_with(key) {
                put_in(card, &mut pcscd);
            }
        }
    });
    assert_eq!((ended.outcome, troubles), (Outcome::Done, 3));
    let record = fs::read_to_string(ended.folder.join("transcript.jsonl")).unwrap();
    for found in
        ["the token went away", "another token is there: 2001, 2002", "wrong-secret", "eucleak"]
    {
        assert!(record.contains(found), "{found}");
    }
    assert!(!record.contains(PIN));
    // A certificate and a root each, and what was pulled.
    let signed: Vec<u32> = cards.iter().map(|card| card.counts().signatures).collect();
    assert_eq!(signed, [2, 2, 2]);
    assert!(ended.folder.join("attestations/root-a-slot.pem").is_file());

    let out = ceremony.at("OUT");
    publishing::run_script(&out, "publish/publish", &server, &[]).success();
    publishing::run_script(&out, "accept/accept", &server, &[]).success();
    assert!(clients::notary_list(&server, gun).success().contains("v1"));
    assert!(clients::docker_trust_inspect(&server, gun).success().contains("\"v1\""));

    // The cards' root is not Yubico's: nothing is proven, and nothing is refused.
    let head = ended.engine.head().to_string();
    let evidence = ended.folder.to_str().unwrap();
    let said = ceremony.program(&["evidence", "verify", evidence, "--head", &head]).failure(5);
    assert!(said.contains("CN=Virtual PIV Attestation") && !said.contains("FAIL"), "{said}");
    assert!(said.contains("RESULT   authenticated; some claims cannot be told"), "{said}");
    let file = |which: &str| format!("{evidence}/attestations/root-a-{which}.pem");
    let (slot, device) = (file("slot"), file("device"));
    let said = ceremony.program(&["token", "attest", "--verify", &slot, &device]).failure(5);
    assert!(said.contains("no known root"), "{said}");
    let swapped = ceremony.program(&["token", "attest", "--verify", &device, &slot]).failure(3);
    assert!(swapped.contains("did not sign"), "{swapped}");
}

/// A YubiKey, a PKCS#11 token and an age file hold the root keys of a ceremony, which comes to its end.
fn held_with_one_of_each(ceremony: &mut Ceremony) {
    let hsm = SoftHsm::new();
    let (cards, pcscd, _) = three_cards(ceremony, Firmware::V5_7_1);
    in_a_token(ceremony, &hsm, "root-b", 2);
    ceremony.unguarded("root-b");
    ceremony.store("root-c", "{ age = {} }");
    ceremony.unguarded("root-c");
    let conf = hsm.conf();
    let variables = [pcscd.variable(), ("SOFTHSM2_CONF", conf.as_os_str())];
    let program = wrapped::program(&ceremony.at("."), "both", &variables);
    let ended = hold(ceremony, program, None, &mut |_| {});
    assert_eq!(ended.outcome, Outcome::Done);
    assert_eq!(cards[0].counts().touches, cards[0].counts().signatures);
    let asked: Vec<_> = ended.engine.record().touches.iter().collect();
    assert_eq!(asked, [(&"root-a".parse().unwrap(), &cards[0].counts().touches_asked)]);
}

#[test]
fn notary_and_docker_accept_a_root_of_a_yubikey_a_pkcs11_token_and_an_age_file() {
    let server = NotaryServer::start();
    let mut ceremony = Ceremony::of("first-root-notary1");
    let gun = server_keys(&mut ceremony, &server);
    held_with_one_of_each(&mut ceremony);
    let out = ceremony.at("OUT");
    publishing::run_script(&out, "publish/publish", &server, &[]).success();
    publishing::run_script(&out, "accept/accept", &server, &[]).success();
    assert!(clients::notary_list(&server, gun).success().contains("v1"));
}

#[test]
fn python_tuf_accepts_a_root_of_a_yubikey_a_pkcs11_token_and_an_age_file() {
    let mut ceremony = Ceremony::of("first-root-tuf1");
    held_with_one_of_each(&mut ceremony);
    python_accepts(&ceremony);
}

#[test]
fn python_tuf_accepts_a_root_of_three_yubikeys_although_a_wrong_one_was_put_in() {
    let mut ceremony = Ceremony::of("first-root-tuf1");
    // The shipped plan has its third key in a file.
    ceremony.change(
        "store     = { age = {} }\nalgorithm = \"ed25519\"",
        "store     = { age = {} }\nalgorithm = \"p256\"",
    );
    let (cards, mut pcscd, program) = three_cards(&mut ceremony, Firmware::V5_7_1);
    // In the place of the third card is somebody else's. One card is pulled while it signs, and one PIN is wrong.
    let wrong = Card::new(2099, Firmware::V5_7_1);
    cards[2].unplug();
    wrong.plug(&mut pcscd);
    cards[0].fail(Kind::Sign, 2, Effect::Unplug);
    let mut troubles = 0;
    let ended = hold(&ceremony, program, Some("root-b"), &mut |about| {
        troubles += 1;
        if about.ends_with("root-a") {
            put_in(&cards[0], &mut pcscd);
        } else if about.ends_with("root-c") {
            wrong.unplug();
            put_in(&cards[2], &mut pcscd);
        }
    });
    assert_eq!((ended.outcome, troubles), (Outcome::Done, 3));
    let record = fs::read_to_string(ended.folder.join("transcript.jsonl")).unwrap();
    for found in ["another token is there: 2001, 2002, 2099", "the token went away", "wrong-secret"]
    {
        assert!(record.contains(found), "{found}");
    }
    assert_eq!((wrong.pin_tries().left, wrong.counts().signatures), (3, 0));
    python_accepts(&ceremony);
}

/// The client trusts the root and gets as far as the target, which nobody serves here.
fn python_accepts(ceremony: &Ceremony) {
    let metadata = ceremony.at("OUT/updates.example.com/metadata");
    let downloads = TempDir::new().unwrap();
    let root = ceremony.at("OUT/anchors/root.json");
    let said = tuf::ngclient(&root, &metadata, downloads.path(), "absent", downloads.path());
    assert!(said.failure(1).contains("finds no target"));
}

/// The keys of the server go into the plan. Gives the repository's name.
fn server_keys(ceremony: &mut Ceremony, server: &NotaryServer) -> &'static str {
    let gun = "registry.example.com/team/app";
    for (role, nth) in [("snapshot", 1), ("timestamp", 2)] {
        let place_holder = format!("{}{nth}", "0".repeat(63));
        ceremony.server_key(role, &server.key(gun, role), &place_holder);
    }
    gun
}
