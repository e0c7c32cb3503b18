//! Prints what a signature through the whole store path costs beside the device's own time: the child process that drives the
//! token, the looks before the PIN, the signature, its verification. The device's own time is, for the virtual `YubiKey` behind the
//! real pcscd, what the card counts and what a bare PC/SC client waits for as many commands that do nothing; for `SoftHSM` it is
//! its library, loaded, logged into and signing, without the rest.
//!
//! `cargo bench --bench tokens`. Each figure is the median of 51 signatures; other work on the machine makes it worthless.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark may fail loudly"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _, stdin};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anchorite::ceremony::plan::{Plan, PlannedKey};
use anchorite::driver::bench::{RealStores, Stores as _};
use anchorite::driver::token::provision_yubikey;
use anchorite::keystore::{Label, Rules, Secret, SecretKind, Spec, Unlock};
use anchorite::tuf::key::PublicKey;
use anchorite::tuf::policy::{PinPolicy, TouchPolicy};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;

use support::ceremony::Ceremony;
use support::softhsm::{MODULE, PIN, SoftHsm};
use support::wrapped;
use support::yubikey::{Card, Firmware, Pcscd};

const PROGRAM: &str = env!("CARGO_BIN_EXE_anchorite");
const TIMES: usize = 51;
/// As long as a root of a few keys.
const MESSAGE: [u8; 4096] = [b'x'; 4096];

fn main() {
    // The signatures are made by a process of their own: a client finds its daemon or its tokens by the environment.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["sign", plan, keys] => sign(Path::new(plan), Path::new(keys)),
        ["alone"] => alone(),
        ["commands", count] => commands(count.parse().unwrap()),
        _ => {
            yubikey(Firmware::V5_4_3);
            yubikey(Firmware::V5_7_1);
            softhsm();
        }
    }
}

fn yubikey(firmware: Firmware) {
    let card = Card::new(3001, firmware);
    let pcscd = Pcscd::with_cards(&[&card]);
    let mut ceremony = Ceremony::of("first-root-tuf1");
    ceremony.store("root-a", "{ yubikey = { serial = 3001, slot = \"9c\" } }");
    let label = Label {
        key: "root-a".parse().unwrap(),
        holder: String::new(),
        place: String::new(),
        kind: SecretKind::Pin,
    };
    let program = wrapped::program(&ceremony.at("."), "driver", &[pcscd.variable()]);
    provision_yubikey(&program, 3001, label, &mut Holder).unwrap();
    let mut turns = Vec::new();
    each_signature(
        &ceremony,
        pcscd.variable(),
        || card.forget(),
        |whole| {
            let log = card.log();
            let device = log.iter().map(|command| command.took).sum();
            turns.push((log.len(), Turn { whole, device }));
        },
    );
    let commands = turns[0].0;
    let mut turns: Vec<Turn> = turns
        .into_iter()
        .map(|(count, turn)| {
            let waited = in_a_process(&["commands", &count.to_string()], pcscd.variable());
            Turn { device: turn.device + waited, ..turn }
        })
        .collect();
    let [major, minor, patch] = firmware.0;
    let what = format!("YubiKey {major}.{minor}.{patch}, {commands} commands");
    tell(&what, &mut turns);
}

fn softhsm() {
    let hsm = SoftHsm::new();
    let serial = hsm.token("bench");
    let mut ceremony = Ceremony::of("first-root-tuf1");
    let store =
        format!("{{ pkcs11 = {{ module = \"{MODULE}\", serial = \"{serial}\", id = \"07\" }} }}");
    ceremony.store("root-a", &store);
    let conf = hsm.conf();
    let variable = ("SOFTHSM2_CONF", conf.as_os_str());
    let mut wholes = Vec::new();
    each_signature(&ceremony, variable, || (), |whole| wholes.push(whole));
    let mut turns: Vec<Turn> = wholes
        .into_iter()
        .map(|whole| {
            let device = in_a_process(&["alone"], variable);
            Turn { whole, device }
        })
        .collect();
    tell("SoftHSM", &mut turns);
}

fn in_a_process(arguments: &[&str], variable: (&str, &OsStr)) -> Duration {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let done = command.args(arguments).envs([variable]).output().unwrap();
    micros(String::from_utf8(done.stdout).unwrap().trim_end())
}

/// One signature: how long it took, and how much of that was the device's.
struct Turn {
    whole: Duration,
    device: Duration,
}

fn tell(what: &str, turns: &mut [Turn]) {
    assert_eq!(turns.len(), TIMES);
    let ours = |turn: &Turn| turn.whole.saturating_sub(turn.device);
    turns.sort_by_key(ours);
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let (best, middle, late) = (&turns[0], &turns[TIMES / 2], &turns[TIMES * 9 / 10]);
    println!(
        "{what:<32} {:6.1} ms, the device's {:5.1} ms, ours {:5.1} ms; the best {:5.1} ms, 9 of 10 below {:5.1} ms",
        ms(middle.whole),
        ms(middle.device),
        ms(ours(middle)),
        ms(ours(best)),
        ms(ours(late)),
    );
}

fn micros(line: &str) -> Duration {
    Duration::from_micros(line.parse().unwrap())
}

/// Has the key of the plan sign, and says how long each signature took.
fn each_signature(
    ceremony: &Ceremony,
    variable: (&str, &OsStr),
    before: impl Fn(),
    mut after: impl FnMut(Duration),
) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("sign")
        .arg(ceremony.plan())
        .arg(ceremony.at("BOOK/keys"))
        .envs([variable])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut orders = child.stdin.take().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    // The key is made, and the first signature warms the caches.
    assert_eq!(said.next().unwrap().unwrap(), "ready");
    for _ in 0..TIMES {
        before();
        writeln!(orders, "sign").unwrap();
        after(micros(&said.next().unwrap().unwrap()));
    }
    drop(orders);
    assert!(child.wait().unwrap().success());
}

/// A holder who types at once.
struct Holder;

impl Unlock for Holder {
    fn secret(&mut self, _: &Label, _: Option<u8>) -> Option<Secret> {
        Some(Secret::of(PIN))
    }
    fn new_secret(&mut self, label: &Label, _: &Rules) -> Option<Secret> {
        Some(Secret::of(if label.kind == SecretKind::Puk { "87651234" } else { PIN }))
    }
    fn touch(&mut self, _: &Label) {}
}

/// Makes the plan's key `root-a` and signs with it, once a line of input, as a ceremony does.
fn sign(plan: &Path, keys: &Path) {
    let plan = Plan::parse(&fs::read(plan).unwrap()).unwrap();
    let key = plan.keys.iter().find(|key| key.name.as_str() == "root-a").unwrap();
    let mut stores = RealStores::new(PROGRAM.into(), keys.to_owned(), &plan, BTreeMap::new());
    let card = key.store.as_ref().unwrap().to_string().starts_with("YubiKey");
    let spec = Spec {
        algorithm: key.algorithm,
        pin: card.then_some(PinPolicy::Always),
        touch: card.then_some(TouchPolicy::Always),
        replaces: None,
    };
    let public = stores.store(key).unwrap().make(&spec, &mut Holder).unwrap().public;
    signed(&mut stores, key, &public);
    println!("ready");
    for order in stdin().lines() {
        order.unwrap();
        println!("{}", signed(&mut stores, key, &public).as_micros());
    }
}

fn signed(stores: &mut RealStores, key: &PlannedKey, public: &PublicKey) -> Duration {
    let began = Instant::now();
    let mut store = stores.store(key).unwrap();
    let signed = store.sign(&public.fingerprint(), &MESSAGE, &mut Holder).unwrap();
    assert!(public.verifies(&MESSAGE, &signed.signature));
    began.elapsed()
}

/// What `SoftHSM` takes for itself, from loading it to its signature.
fn alone() {
    let began = Instant::now();
    let module = Pkcs11::new(MODULE).unwrap();
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    let session = module.open_ro_session(slot).unwrap();
    session.login(UserType::User, Some(&AuthPin::new(PIN.into()))).unwrap();
    let key = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).unwrap()[0];
    session.sign(&Mechanism::Ecdsa, key, &[7; 32]).unwrap();
    println!("{}", began.elapsed().as_micros());
}

/// What a client waits that opens the card and sends it as many commands, each in a transaction of its own, as the library for
/// `YubiKey`s does.
fn commands(count: usize) {
    let began = Instant::now();
    let context = pcsc::Context::establish(pcsc::Scope::System).unwrap();
    let readers = context.list_readers_owned().unwrap();
    let mut card =
        context.connect(&readers[0], pcsc::ShareMode::Shared, pcsc::Protocols::T1).unwrap();
    let mut answer = [0; 256];
    for _ in 0..count {
        let turn = card.transaction().unwrap();
        turn.transmit(b"\x00\xfd\x00\x00\x00", &mut answer).unwrap();
        turn.end(pcsc::Disposition::LeaveCard).map_err(|(_, error)| error).unwrap();
    }
    card.disconnect(pcsc::Disposition::ResetCard).map_err(|(_, error)| error).unwrap();
    println!("{}", began.elapsed().as_micros());
}
