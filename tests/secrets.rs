//! After use, neither a passphrase nor a private key is left: not in the memory of the process, not in a file, not on the
//! screen.
//!
//! The program keeps other processes of its user out, so its memory is read by root; for others the test says that this part
//! was not run.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly, and says what was not run"
)]

mod pty;
mod support;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use age::secrecy::ExposeSecret as _;
use anchorite::driver::token::provision_yubikey;
use anchorite::keystore::agefile::{AgeFile, decrypt, encrypt_for};
use anchorite::keystore::child::{COMMAND, Device};
use anchorite::keystore::pkcs11::Pkcs11Key;
use anchorite::keystore::software_key::SoftwareKey;
use anchorite::keystore::yubikey::YubikeySlot;
use anchorite::keystore::{Label, Rules, Secret, SecretKind, Spec, Unlock};
use anchorite::tuf::digest::Digest;
use anchorite::tuf::key::Algorithm;
use anchorite::tuf::signature::Hash;
use data_encoding::{BASE64, HEXLOWER, HEXUPPER};
use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};
use sha2::{Digest as _, Sha512};
use tempfile::TempDir;

use pty::{Pty, reaction};
use support::ceremony::Ceremony;
use support::softhsm::{MODULE, SoftHsm};
use support::wrapped;
use support::yubikey::{Card, Firmware, Pcscd};

/// Secrets that stand nowhere else.
const TYPED: &str = "Larch-48-quiver-Onyx-plinth-73-fable";
const HANDED: &str = "Thimble-91-cobalt-Wharf-ember-26-yodel";
const PIN: &str = "cormorant-58-Vellum";

/// The memory of a process, region by region, with the address of each.
struct Memory(Vec<(u64, Vec<u8>)>);

impl Memory {
    /// All that can be read of it; nothing where this test is not root.
    #[expect(clippy::print_stdout, reason = "a test that is not run says so")]
    fn of(process: u32) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("not run: only root reads the memory of a process that is not dumpable");
            return None;
        }
        let memory = File::open(format!("/proc/{process}/mem")).unwrap();
        let mut regions = Vec::new();
        for line in fs::read_to_string(format!("/proc/{process}/maps")).unwrap().lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let of_the_kernel = fields.last().is_some_and(|name| name.starts_with("[v"));
            if of_the_kernel || !fields[1].starts_with('r') {
                continue;
            }
            let (start, end) = fields[0].split_once('-').unwrap();
            let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
            let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
            if memory.read_exact_at(&mut bytes, start).is_ok() {
                regions.push((start, bytes));
            }
        }
        assert!(regions.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > 1 << 20);
        Some(Self(regions))
    }

    /// Where these bytes stand.
    fn places(&self, needle: &[u8]) -> Vec<u64> {
        let mut found = Vec::new();
        for (start, bytes) in &self.0 {
            found.extend(places(bytes, needle).map(|at| start + u64::try_from(at).unwrap()));
        }
        found
    }

    /// None of these is in it, nor half of one.
    #[track_caller]
    fn holds_none_of(&self, needles: &[Needle]) {
        for (name, bytes) in needles {
            assert_eq!(self.places(bytes), Vec::<u64>::new(), "{name} is in memory");
        }
    }
}

fn places(bytes: &[u8], needle: &[u8]) -> impl Iterator<Item = usize> {
    let first = needle[0];
    let starts = bytes.iter().enumerate().filter(move |(_, byte)| **byte == first);
    starts.map(|(at, _)| at).filter(move |at| bytes[*at..].starts_with(needle))
}

/// Whether these bytes stand in their order, this far apart.
fn holds_apart(bytes: &[u8], needle: &[u8], apart: usize) -> bool {
    let length = (needle.len() - 1) * apart + 1;
    bytes.windows(length).any(|window| {
        window[0] == needle[0]
            && window.iter().step_by(apart).zip(needle).all(|(found, wanted)| found == wanted)
    })
}

/// What is searched, and what it is.
type Needle = (String, Vec<u8>);

/// A secret in the forms that it could be written in; each in halves, since the first bytes of a block that was given back are
/// overwritten anyhow.
fn forms(name: &str, secret: &[u8]) -> Vec<Needle> {
    let reversed: Vec<u8> = secret.iter().rev().copied().collect();
    let whole = [
        ("", secret.to_vec()),
        (" from its end", reversed),
        (" in hex", HEXLOWER.encode(secret).into_bytes()),
        (" in large hex", HEXUPPER.encode(secret).into_bytes()),
        (" in base64", BASE64.encode(secret).trim_end_matches('=').as_bytes()[..40].to_vec()),
    ];
    let halves = |(form, bytes): (&str, Vec<u8>)| {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        [
            (format!("the first half of {name}{form}"), first.to_vec()),
            (format!("the second half of {name}{form}"), second.to_vec()),
        ]
    };
    whole.into_iter().flat_map(halves).collect()
}

/// A private key in every form that it could be left in.
fn private(name: &str, key: &SoftwareKey) -> Vec<Needle> {
    let pkcs8 = key.to_pkcs8().unwrap();
    let der = pkcs8.as_bytes();
    // ECPrivateKey (RFC 5915) or CurvePrivateKey (RFC 8410): an octet string after what says so.
    let scalar = match key.public_key().algorithm() {
        Algorithm::Ed25519 => &der[16..48],
        Algorithm::P256 => after(der, &[0x02, 0x01, 0x01, 0x04, 0x20], 32),
        Algorithm::P384 => after(der, &[0x02, 0x01, 0x01, 0x04, 0x30], 48),
        Algorithm::Rsa => unreachable!("no such key is made"),
    };
    let mut needles = forms(name, scalar);
    if key.public_key().algorithm() == Algorithm::Ed25519 {
        // What signs is the hash of the seed; some bits of its first half are set.
        let expanded = Sha512::digest(scalar);
        needles.push((format!("the scalar of {name}"), expanded[1..31].to_vec()));
        needles.push((format!("the prefix of {name}"), expanded[32..].to_vec()));
    }
    let pem = key.to_pkcs8_pem().unwrap();
    let body = pem.lines().filter(|line| !line.starts_with('-'));
    // The end of a line that holds no private byte would be no finding.
    let first = body.clone().next().unwrap().as_bytes();
    needles.push((format!("{name} in PEM"), first[first.len() - 20..].to_vec()));
    needles
}

fn after<'a>(der: &'a [u8], head: &[u8], length: usize) -> &'a [u8] {
    let start = places(der, head).next().unwrap() + head.len();
    &der[start..start + length]
}

fn opened(file: &Path, passphrase: &str) -> SoftwareKey {
    decrypt(&fs::read(file).unwrap(), &Secret::of(passphrase)).unwrap()
}

/// Whether the page at this address is locked.
fn is_locked(process: u32, address: u64) -> bool {
    let mut inside = false;
    for line in fs::read_to_string(format!("/proc/{process}/smaps")).unwrap().lines() {
        let range = line.split_whitespace().next().and_then(|word| word.split_once('-'));
        let range = range.map(|(start, end)| [start, end].map(|n| u64::from_str_radix(n, 16)));
        if let Some([Ok(start), Ok(end)]) = range {
            inside = (start..end).contains(&address);
        }
        if let Some(flags) = line.strip_prefix("VmFlags:").filter(|_| inside) {
            return flags.split_whitespace().any(|flag| flag == "lo");
        }
    }
    false
}

/// No file of a folder holds any of these.
#[track_caller]
fn no_file_holds(folder: &Path, needles: &[Needle]) -> u32 {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count += no_file_holds(&path, needles);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for (name, needle) in needles {
            assert_eq!(places(&bytes, needle).next(), None, "{name} is in {}", path.display());
        }
        count += 1;
    }
    count
}

#[test]
fn a_key_that_was_made_leaves_neither_its_passphrase_nor_itself_in_memory() {
    for algorithm in ["ed25519", "p256", "p384"] {
        let folder = TempDir::new().unwrap();
        let make =
            ["key", "make", "root-a", "--for", "updates.example.com", "--algorithm", algorithm];
        let mut room = Pty::start(&make, folder.path(), (80, 24));
        room.answer("keyboard line> ", "zy-_@#");
        room.answer("new passphrase> ", TYPED);
        room.hear("the same passphrase again> ");
        let limits = fs::read_to_string(format!("/proc/{}/limits", room.id())).unwrap();
        let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size"));
        assert!(core.unwrap().split_whitespace().take(2).eq(["0", "0"]), "{limits}");
        // While it is needed it stands in one place, and that is locked; so the search finds what is there.
        if let Some(memory) = Memory::of(room.id()) {
            let found = memory.places(TYPED.as_bytes());
            assert_eq!(found.len(), 1, "{found:x?}");
            assert!(is_locked(room.id(), found[0]));
        }
        room.press(&format!("{TYPED}\r"));
        room.hear("passphrase of root-a> ");
        let waiting = Memory::of(room.id());
        room.press(&format!("{TYPED}\r"));
        room.hear("fingerprint");
        let ended = room.end();
        assert_eq!(ended.code, 0, "{}", ended.text);

        let key = opened(&folder.path().join("root-a.age"), TYPED);
        let needles = [forms("the passphrase", TYPED.as_bytes()), private(algorithm, &key)];
        let needles = needles.concat();
        if let Some(waiting) = waiting {
            waiting.holds_none_of(&needles);
        }
        assert_eq!(no_file_holds(folder.path(), &needles), 3);
        assert!(!ended.text.contains(TYPED));
    }
}

/// Started again for itself alone, since it cannot be undone.
#[test]
fn a_process_that_is_hardened_is_kept_from_others_of_its_user() {
    if std::env::var_os("HARDENED_ALONE").is_none() {
        let name = "a_process_that_is_hardened_is_kept_from_others_of_its_user";
        let mut alone = Command::new(std::env::current_exe().unwrap());
        let ran = alone.args([name, "--exact"]).env("HARDENED_ALONE", "").output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable);
    let done = anchorite::keystore::memory::harden();
    assert!(done.no_core_dumps && done.not_dumpable);
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    assert_eq!(getrlimit(Resource::Core).current, Some(0));
}

#[test]
fn an_export_forgets_the_old_passphrase_while_the_new_one_is_chosen() {
    let folder = TempDir::new().unwrap();
    let run = |arguments: &[&str]| Pty::start(arguments, folder.path(), (80, 24));
    assert_eq!(run(&["media", "enrol", "BOOK", "--role", "book"]).end().code, 0);
    let make = ["key", "make", "root-a", "--for", "updates.example.com", "--algorithm", "p256"];
    let mut room = run(&[make.as_slice(), &["--out", "BOOK/keys"]].concat());
    room.answer("keyboard line> ", "zy-_@#");
    room.answer("new passphrase> ", TYPED);
    room.answer("the same passphrase again> ", TYPED);
    room.answer("passphrase of root-a> ", TYPED);
    assert_eq!(room.end().code, 0);

    let book = ["--workspace", "BOOK"];
    let export = ["key", "export", "root-a", "--as", "notary", "--out", "."];
    let mut room = run(&[export.as_slice(), &book].concat());
    room.answer("passphrase of root-a> ", TYPED);
    room.hear("keyboard line> ");
    let key = opened(&folder.path().join("BOOK/keys/root-a.age"), TYPED);
    let typed = forms("the passphrase", TYPED.as_bytes());
    if let Some(memory) = Memory::of(room.id()) {
        memory.holds_none_of(&typed);
        // The key waits for its new passphrase: in one place, which is locked.
        let (_, half) = private("the key", &key).swap_remove(2);
        let found = memory.places(&half);
        assert_eq!(found.len(), 1, "{found:x?}");
        assert!(is_locked(room.id(), found[0]));
    }
    room.press("zy-_@#\r");
    room.answer("new passphrase> ", HANDED);
    room.answer("the same passphrase again> ", HANDED);
    assert_eq!(room.end().code, 0);
    let needles = [typed, forms("the new one", HANDED.as_bytes()), private("the key", &key)];
    assert!(no_file_holds(folder.path(), &needles.concat()) > 4);
}

#[test]
fn a_real_ceremony_keeps_what_was_handed_over_in_one_locked_place_and_nothing_else() {
    let ceremony = Ceremony::of("first-root-tuf1");
    let plan = ceremony.plan();
    let words = Digest::of(&fs::read(&plan).unwrap()).words();
    // One secret is handed over, the others are typed.
    fs::write(ceremony.at("handed"), format!("root-a\t{HANDED}\n")).unwrap();
    let mut arguments: Vec<String> =
        ["sh", "-c", "exec \"$0\" \"$@\" 3<handed", env!("CARGO_BIN_EXE_anchorite")]
            .map(str::to_owned)
            .to_vec();
    let more = ["run", plan.to_str().unwrap(), "--plain", "--passphrase-fd", "3"];
    arguments.extend(more.map(str::to_owned));
    arguments.extend(["--workspace", "BOOK"].map(str::to_owned));
    for medium in ["OUT", "KEYS"] {
        let mount = format!("{medium}={}", ceremony.at(medium).display());
        arguments.extend(["--medium".to_owned(), mount]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut room = Pty::start_by(&arguments, &ceremony.at(""), (80, 24));
    // All keys have signed; people are asked whether they agree.
    room.go_on(&words, TYPED, "do you agree that");
    fs::remove_file(ceremony.at("handed")).unwrap();

    let mut needles = forms("a typed passphrase", TYPED.as_bytes());
    let mut keys = 0;
    for entry in fs::read_dir(ceremony.at("BOOK/keys")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.extension().is_some_and(|ending| ending == "age") {
            let passphrase = if name == "root-a.age" { HANDED } else { TYPED };
            needles.extend(private(name, &opened(&path, passphrase)));
            keys += 1;
        }
    }
    assert!(keys >= 3);
    if let Some(memory) = Memory::of(room.id()) {
        memory.holds_none_of(&needles);
        let handed = memory.places(HANDED.as_bytes());
        assert_eq!(handed.len(), 1, "{handed:x?}");
        assert!(is_locked(room.id(), handed[0]));
    }
    needles.extend(forms("the passphrase that was handed over", HANDED.as_bytes()));
    assert!(no_file_holds(&ceremony.at(""), &needles) > 20);
    for (name, needle) in &needles {
        assert_eq!(places(room.text().as_bytes(), needle).next(), None, "{name} is on the screen");
    }
}

/// Somebody who chooses this secret.
struct Chooses(&'static str);

impl Unlock for Chooses {
    fn secret(&mut self, _: &Label, _: Option<u8>) -> Option<Secret> {
        None
    }
    fn new_secret(&mut self, _: &Label, _: &Rules) -> Option<Secret> {
        Some(Secret::of(self.0))
    }
    fn touch(&mut self, _: &Label) {}
}

#[test]
fn a_change_of_a_passphrase_forgets_both_and_a_drill_what_it_brought_back() {
    let plan_of = |ceremony: &mut Ceremony, key: &SoftwareKey| {
        let shipped = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";
        ceremony.change(shipped, &key.public_key().fingerprint().to_string());
        let plan = ceremony.plan();
        let words = Digest::of(&fs::read(&plan).unwrap()).words();
        (plan, words)
    };
    let key = SoftwareKey::generate(Algorithm::Ed25519).unwrap();
    let pem = key.to_pkcs8_pem().unwrap();

    let mut ceremony = Ceremony::of("change-pin");
    ceremony.drop_block("[[keys]]\nname         = \"root-a\"");
    ceremony.drop_block("[[bags]]\nkey           = \"root-a\"");
    let (plan, words) = plan_of(&mut ceremony, &key);
    let label = Label {
        key: "release".parse().unwrap(),
        holder: "Releaser".to_owned(),
        place: "age file".to_owned(),
        kind: SecretKind::Passphrase,
    };
    let store = AgeFile::new(ceremony.at("BOOK/keys"), label).with_work_factor(4);
    store.adopt(&key, &mut Chooses(TYPED)).unwrap();
    let run = ["run", plan.to_str().unwrap(), "--plain", "--workspace", "BOOK"];
    let mut room = Pty::start(&run, &ceremony.at(""), (80, 24));
    room.go_on(&words, TYPED, "new passphrase> ");
    for secret in [HANDED; 3] {
        room.say_unseen(secret);
        room.prompt();
    }
    // Both bags are to be sealed.
    assert!(room.text().contains("The key release has proven itself"), "{}", room.text());
    let needles = [
        forms("the old passphrase", TYPED.as_bytes()),
        forms("the new passphrase", HANDED.as_bytes()),
        private("the key", &key),
    ];
    let needles = needles.concat();
    if let Some(memory) = Memory::of(room.id()) {
        memory.holds_none_of(&needles);
    }
    assert!(no_file_holds(&ceremony.at("BOOK"), &needles) > 3);
    assert!(!room.text().contains(TYPED) && !room.text().contains(HANDED));
    drop(room);

    let mut ceremony = Ceremony::of("restore-drill");
    let (plan, words) = plan_of(&mut ceremony, &key);
    fs::create_dir(ceremony.at("IDENTITY")).unwrap();
    let enrol = ["media", "enrol", "IDENTITY", "--role", "keys", "--name", "IDENTITY"];
    ceremony.program(&enrol).success();
    let identity = age::x25519::Identity::generate();
    let text = identity.to_string();
    fs::write(ceremony.at("IDENTITY/identity.txt"), text.expose_secret()).unwrap();
    let back_up = encrypt_for(&[identity.to_public().to_string()], &pem).unwrap();
    fs::write(ceremony.at("KEYS/release.recovery.age"), back_up).unwrap();
    let mount = |medium: &str| format!("{medium}={}", ceremony.at(medium).display());
    let (keys, other) = (mount("KEYS"), mount("IDENTITY"));
    let run = ["run", plan.to_str().unwrap(), "--plain", "--workspace", "BOOK"];
    let media = ["--medium", &keys, "--medium", &other];
    let mut room = Pty::start(&[&run[..], &media].concat(), &ceremony.at(""), (80, 24));
    room.go_on(&words, "", "came back from its back-up alone");
    let needles =
        [forms("the identity", text.expose_secret().as_bytes()), private("the key", &key)].concat();
    if let Some(memory) = Memory::of(room.id()) {
        memory.holds_none_of(&needles);
    }
    assert!(no_file_holds(&ceremony.at("BOOK"), &needles) > 3);
}

#[test]
fn the_screen_forgets_a_passphrase_that_was_typed_and_the_key_that_it_opened() {
    let ceremony = Ceremony::of("first-root-tuf1");
    let plan = ceremony.plan();
    let words = Digest::of(&fs::read(&plan).unwrap()).words();
    let mount = |medium: &str| format!("{medium}={}", ceremony.at(medium).display());
    let (out, keys) = (mount("OUT"), mount("KEYS"));
    let run = ["run", plan.to_str().unwrap(), "--no-bell", "--workspace", "BOOK"];
    let media = ["--medium", &out, "--medium", &keys];
    let mut room = Pty::start(&[run.as_slice(), &media].concat(), &ceremony.at(""), (80, 24));
    // Until the first key was made and has proven itself, and the second is asked for.
    while !(ceremony.at("BOOK/keys/root-a.pub").exists()
        && room.screen().contains("new passphrase"))
    {
        assert!(room.runs(), "{}", room.screen());
        if let Some(keys) = reaction(&room.screen(), &words, TYPED) {
            // Keys that come at once after a question are dropped: nobody has read it yet.
            thread::sleep(Duration::from_millis(220));
            for key in keys.split_inclusive(|_| !keys.starts_with('\u{1b}')) {
                room.press(key);
                thread::sleep(Duration::from_millis(5));
            }
        }
        thread::sleep(Duration::from_millis(60));
    }
    let key = opened(&ceremony.at("BOOK/keys/root-a.age"), TYPED);
    let needles = [forms("the passphrase", TYPED.as_bytes()), private("the key", &key)].concat();
    if let Some(memory) = Memory::of(room.id()) {
        memory.holds_none_of(&needles);
        // Nor one key press after the other, as a queue of events would keep them.
        for apart in (4..=64).step_by(4) {
            for (_, bytes) in &memory.0 {
                assert!(
                    !holds_apart(bytes, &TYPED.as_bytes()[4..12], apart),
                    "{apart} bytes apart"
                );
            }
        }
    }
    assert!(no_file_holds(&ceremony.at(""), &needles) > 5);
    assert!(!room.text().contains(TYPED));
}

#[test]
fn what_takes_secrets_leaves_no_core_and_lets_no_process_of_its_user_in() {
    let folder = TempDir::new().unwrap();
    // Root sees everything, so it becomes somebody else here, who must reach the program.
    let somebody = rustix::process::geteuid().is_root().then_some(65_534);
    let program = folder.path().join("anchorite");
    fs::copy(env!("CARGO_BIN_EXE_anchorite"), &program).unwrap();
    for (path, mode) in [(folder.path(), 0o755), (&program, 0o755)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let by_somebody = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(somebody) = somebody {
            command.uid(somebody).gid(somebody);
        }
        command
    };
    let open_to_somebody = |process: u32| {
        let environment = format!("/proc/{process}/environ");
        by_somebody(Path::new("cat"), &[&environment]).status().unwrap().success()
    };
    let no_core = |process: u32| {
        let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        line.split_whitespace().skip(4).take(2).all(|limit| limit == "0")
    };
    // The same user's process that takes no precautions: what is looked for can be seen.
    let mut plain = by_somebody(Path::new("cat"), &[]).spawn().unwrap();
    assert!(open_to_somebody(plain.id()));
    drop(plain.stdin.take());
    plain.wait().unwrap();

    let mut driver = by_somebody(&program, &[COMMAND]).spawn().unwrap();
    let mut orders = driver.stdin.take().unwrap();
    let mut said = BufReader::new(driver.stdout.take().unwrap()).lines();
    writeln!(orders, "\"look\"").unwrap();
    assert!(said.next().unwrap().unwrap().contains("nothing is open"));
    assert!(no_core(driver.id()) && !open_to_somebody(driver.id()));
    drop(orders);
    driver.wait().unwrap();

    let make = ["key", "make", "root-a", "--for", "updates.example.com", "--algorithm", "p256"];
    let mut room = Pty::start(&make, folder.path(), (80, 24));
    room.hear("keyboard line> ");
    assert!(no_core(room.id()));
    room.press("\u{3}");
    room.end();
}

/// What drives a device makes a key there, and waits for the next order: the PIN is nowhere in it.
fn forgets(program: &Path, device: &Device, spec: &Spec, pin: &str) {
    let label = Label {
        key: "root-a".parse().unwrap(),
        holder: "Custodian A".to_owned(),
        place: "token".to_owned(),
        kind: SecretKind::Pin,
    };
    let mut driver = Command::new(program)
        .arg(COMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut orders = driver.stdin.take().unwrap();
    let mut said = BufReader::new(driver.stdout.take().unwrap()).lines();
    let mut order = |order: serde_json::Value| writeln!(orders, "{order}").unwrap();
    order(serde_json::json!({ "open": { "device": device, "label": label } }));
    assert_eq!(said.next().unwrap().unwrap(), "\"opened\"");
    order(serde_json::json!({ "make": spec }));
    assert!(said.next().unwrap().unwrap().contains("secret"));
    let mut frame = vec![1];
    frame.extend(u16::try_from(pin.len()).unwrap().to_be_bytes());
    frame.extend(pin.as_bytes());
    orders.write_all(&frame).unwrap();
    let made = said.next().unwrap().unwrap();
    assert!(made.contains("made"), "{made}");

    if let Some(memory) = Memory::of(driver.id()) {
        assert_eq!(memory.places(pin.as_bytes()), Vec::<u64>::new());
    }
    drop(orders);
    let mut rest = String::new();
    driver.stderr.take().map(|mut errors| errors.read_to_string(&mut rest));
    assert!(driver.wait().unwrap().success(), "{rest}");
}

#[test]
fn what_drives_a_token_forgets_the_pin_while_it_waits_for_the_next_order() {
    let soft = SoftHsm::new();
    let device = Device::Pkcs11(Pkcs11Key {
        module: MODULE.into(),
        serial: soft.token_with("secrets", PIN),
        id: vec![1],
        p384: Hash::Sha256,
        unguarded: false,
    });
    let spec = Spec { algorithm: Algorithm::P256, pin: None, touch: None, replaces: None };
    forgets(&soft.program(&[]), &device, &spec, PIN);

    let card = Card::new(4001, Firmware::V5_7_1);
    let pcscd = Pcscd::with_cards(&[&card]);
    let folder = TempDir::new().unwrap();
    let program = wrapped::program(folder.path(), "anchorite", &[pcscd.variable()]);
    let label = Label {
        key: "root-a".parse().unwrap(),
        holder: "Custodian A".to_owned(),
        place: "YubiKey 4001".to_owned(),
        kind: SecretKind::Pin,
    };
    let done = provision_yubikey(&program, 4001, label, &mut Owner).unwrap();
    assert!(done.pin && done.puk);
    // A slot for retired keys is as good as any other.
    let device = Device::Yubikey(YubikeySlot { serial: 4001, slot: 0x82, p384: Hash::Sha256 });
    forgets(&program, &device, &spec, CARD_PIN);
    assert!(card.public(0x82).is_some());
}

const CARD_PIN: &str = "Zq7kvW9x";

/// Whoever gives a card its own PIN and PUK.
struct Owner;

impl Unlock for Owner {
    fn secret(&mut self, _: &Label, _: Option<u8>) -> Option<Secret> {
        None
    }
    fn new_secret(&mut self, label: &Label, _: &Rules) -> Option<Secret> {
        let text = if label.kind == SecretKind::Puk { "87651234" } else { CARD_PIN };
        Some(Secret::of(text))
    }
    fn touch(&mut self, _: &Label) {}
}
