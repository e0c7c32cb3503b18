//! Age files that are right, wrong, damaged, and other people's.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::os::unix::fs::PermissionsExt as _;

use std::str::FromStr as _;

use zeroize::Zeroizing;

use crate::tuf::key::Algorithm;

use super::super::SecretKind;
use super::change::Step;
use super::*;

struct Says(&'static str);

impl Unlock for Says {
    fn secret(&mut self, _: &Label, _: Option<u8>) -> Option<Secret> {
        (!self.0.is_empty()).then(|| Secret::new(Zeroizing::new(self.0.to_owned())))
    }
    fn new_secret(&mut self, label: &Label, _: &Rules) -> Option<Secret> {
        self.secret(label, None)
    }
    fn touch(&mut self, _: &Label) {}
}

const SPEC: Spec = Spec { algorithm: Algorithm::P256, pin: None, touch: None, replaces: None };

fn store(folder: &Path) -> AgeFile {
    let label = Label {
        key: "root-a".parse().unwrap(),
        holder: "Custodian A".to_owned(),
        place: "age file".to_owned(),
        kind: SecretKind::Passphrase,
    };
    AgeFile::new(folder.to_owned(), label).with_work_factor(4)
}

#[test]
fn a_key_that_was_made_opens_with_its_passphrase_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path());
    let made = store.make(&SPEC, &mut Says("correct horse")).unwrap();
    let fingerprint = made.public.fingerprint();
    let wrong = store.signer(&fingerprint, &mut Says("battery")).err().unwrap();
    assert_eq!(wrong, TokenError::WrongSecret { tries_left: None });
    let nobody = store.signer(&fingerprint, &mut Says("")).err().unwrap();
    assert_eq!(nobody, TokenError::NoSecret);
    let mut signer = store.signer(&fingerprint, &mut Says("correct horse")).unwrap();
    let signature = signer.sign(b"message", &mut Says("")).unwrap();
    assert!(made.public.verifies(b"message", &signature));
}

#[test]
fn a_key_is_never_made_over_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path());
    store.make(&SPEC, &mut Says("one")).unwrap();
    let before = std::fs::read(folder.path().join("root-a.age")).unwrap();
    let error = store.make(&SPEC, &mut Says("two")).unwrap_err();
    assert_eq!(error, TokenError::Occupied("root-a.age".to_owned()));
    assert_eq!(std::fs::read(folder.path().join("root-a.age")).unwrap(), before);
}

#[test]
fn a_bad_recipient_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    // The last ones would name a program to run, where such plugins are known.
    for bad in ["age1nonsense", "age1yubikey1qqqq", "age1../../../bin/sh1qqqq", "age1a/b1qqqq"] {
        let mut store = store(folder.path()).with_recovery(vec![bad.to_owned()]);
        assert!(store.make(&SPEC, &mut Says("correct horse")).is_err(), "{bad}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{bad}");
    }
}

#[test]
fn a_recovery_file_opens_for_its_recipient() {
    let folder = tempfile::tempdir().unwrap();
    let identity = age::x25519::Identity::generate();
    let mut store = store(folder.path()).with_recovery(vec![identity.to_public().to_string()]);
    let made = store.make(&SPEC, &mut Says("correct horse")).unwrap();
    let bytes = std::fs::read(folder.path().join("root-a.recovery.age")).unwrap();
    let decryptor =
        age::Decryptor::new_buffered(age::armor::ArmoredReader::new(&bytes[..])).unwrap();
    let mut pem = String::new();
    let open: &dyn age::Identity = &identity;
    decryptor.decrypt(std::iter::once(open)).unwrap().read_to_string(&mut pem).unwrap();
    assert_eq!(*SoftwareKey::from_pkcs8_pem(&pem).unwrap().public_key(), made.public);
}

#[test]
fn damaged_foreign_and_open_files_are_told_apart_from_a_wrong_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path());
    let made = store.make(&SPEC, &mut Says("correct horse")).unwrap();
    let path = folder.path().join("root-a.age");
    let whole = std::fs::read(&path).unwrap();
    let fingerprint = made.public.fingerprint();
    for bytes in [&whole[..whole.len() / 2], b"not an age file", b""] {
        std::fs::write(&path, bytes).unwrap();
        let error = store.signer(&fingerprint, &mut Says("correct horse")).err().unwrap();
        assert!(matches!(&error, TokenError::File { path, .. } if path == "root-a.age"));
    }
    std::fs::write(&path, &whole).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = store.look().unwrap_err();
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn a_file_longer_than_a_key_file_may_be_is_refused_unread() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path());
    let made = store.make(&SPEC, &mut Says("correct horse")).unwrap();
    let path = folder.path().join("root-a.age");
    let mut bytes = std::fs::read(&path).unwrap();
    // Line feeds after the armour belong to nothing.
    bytes.resize(usize::try_from(MAX_FILE).unwrap(), b'\n');
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(*store.open(&mut Says("correct horse")).unwrap().public_key(), made.public);
    bytes.push(b'\n');
    std::fs::write(&path, &bytes).unwrap();
    let error = store.open(&mut Says("correct horse")).unwrap_err();
    assert!(error.to_string().contains("at most 65536 bytes"), "{error}");
}

#[test]
fn a_work_factor_bomb_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path());
    store.make(&SPEC, &mut Says("correct horse")).unwrap();
    let bytes = std::fs::read(folder.path().join("root-a.age")).unwrap();
    let mut binary = Vec::new();
    age::armor::ArmoredReader::new(&bytes[..]).read_to_end(&mut binary).unwrap();
    let made = decrypt(&binary, &Secret::new(Zeroizing::new("correct horse".to_owned())));
    assert!(made.is_ok());
    let header = String::from_utf8_lossy(&binary[..100]).into_owned();
    let at = header.find(" 4\n").unwrap();
    binary.splice(at..at + 2, b" 30".iter().copied());
    let error = decrypt(&binary, &Secret::new(Zeroizing::new("x".to_owned()))).unwrap_err();
    assert!(error.to_string().contains("work factor is 30"), "{error}");
}

/// Says the old passphrase first, and the new one when one is chosen.
struct Changes(&'static str, &'static str);

impl Unlock for Changes {
    fn secret(&mut self, label: &Label, tries: Option<u8>) -> Option<Secret> {
        Says(self.0).secret(label, tries)
    }
    fn new_secret(&mut self, label: &Label, _: &Rules) -> Option<Secret> {
        Says(self.1).secret(label, None)
    }
    fn touch(&mut self, _: &Label) {}
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_new_passphrase_opens_the_same_key_and_the_old_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path());
    let made = store.make(&SPEC, &mut Says("old one")).unwrap();
    let changed = store.change_passphrase(&mut Changes("old one", "new one")).unwrap();
    assert_eq!(changed.public, made.public);
    assert_eq!(*store.open(&mut Says("new one")).unwrap().public_key(), made.public);
    let error = store.open(&mut Says("old one")).unwrap_err();
    assert_eq!(error, TokenError::WrongSecret { tries_left: None });
    assert_eq!(names(folder.path()), ["root-a.age", "root-a.pub"]);
    let bits = folder.path().join("root-a.age").metadata().unwrap().permissions().mode();
    assert_eq!(bits & 0o777, 0o600);
}

#[test]
fn a_passphrase_that_is_wrong_missing_or_the_same_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path());
    store.make(&SPEC, &mut Says("old one")).unwrap();
    let before = std::fs::read(folder.path().join("root-a.age")).unwrap();
    for (old, new) in
        [("wrong", "new one"), ("", "new one"), ("old one", ""), ("old one", "old one")]
    {
        store.change_passphrase(&mut Changes(old, new)).unwrap_err();
        assert_eq!(std::fs::read(folder.path().join("root-a.age")).unwrap(), before);
        assert_eq!(names(folder.path()), ["root-a.age", "root-a.pub"]);
    }
}

const STEPS: [Step; 6] =
    [Step::Write, Step::Sync, Step::ReadBack, Step::Prove, Step::Rename, Step::SyncFolder];

#[test]
fn a_disk_that_fails_at_any_step_leaves_a_whole_key_and_nothing_beside_it() {
    for step in STEPS {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(folder.path());
        store.make(&SPEC, &mut Says("old one")).unwrap();
        let mut fails = |at: Step| {
            if at == step { Err(std::io::Error::other("the disk is full")) } else { Ok(()) }
        };
        let error = store.change(&mut Changes("old one", "new one"), &mut fails).unwrap_err();
        assert!(error.to_string().contains("the disk is full"), "{error}");
        let opens = if step == Step::SyncFolder { "new one" } else { "old one" };
        assert!(store.open(&mut Says(opens)).is_ok(), "{step:?}");
        assert_eq!(names(folder.path()), ["root-a.age", "root-a.pub"], "{step:?}");
    }
}

#[test]
fn a_power_cut_at_any_step_leaves_a_whole_key_and_the_next_change_goes_through() {
    for step in STEPS {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(folder.path());
        store.make(&SPEC, &mut Says("old one")).unwrap();
        let cut = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            // Without the panic's message: it is no failure.
            let mut cuts = |at: Step| {
                if at == step { std::panic::resume_unwind(Box::new(())) } else { Ok(()) }
            };
            store.change(&mut Changes("old one", "new one"), &mut cuts)
        }));
        assert!(cut.is_err());
        let opens = if step == Step::SyncFolder { "new one" } else { "old one" };
        assert!(store.open(&mut Says(opens)).is_ok(), "{step:?}");
        store.change_passphrase(&mut Changes(opens, "third")).unwrap();
        assert!(store.open(&mut Says("third")).is_ok());
        assert_eq!(names(folder.path()), ["root-a.age", "root-a.pub"], "{step:?}");
    }
}

#[test]
fn what_is_read_back_must_hold_the_same_key_before_the_old_file_goes() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path());
    store.make(&SPEC, &mut Says("old one")).unwrap();
    let aside = folder.path().join("root-a.age.new");
    // A medium that gives other bytes back than were written.
    let mut rots = |at: Step| {
        if at == Step::ReadBack { std::fs::write(&aside, b"rot") } else { Ok(()) }
    };
    let error = store.change(&mut Changes("old one", "new one"), &mut rots).unwrap_err();
    assert!(error.to_string().contains("not what was written"), "{error}");
    assert!(store.open(&mut Says("old one")).is_ok());
    assert_eq!(names(folder.path()), ["root-a.age", "root-a.pub"]);
}

#[test]
fn a_new_file_that_does_not_prove_itself_never_takes_the_old_ones_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.age"), b"old").unwrap();
    let unproven = |_: &[u8]| Err(TokenError::BadSignature);
    let error = change::replace(folder.path(), "x.age", b"new", &unproven, &mut |_| Ok(()));
    assert_eq!(error, Err(TokenError::BadSignature));
    assert_eq!(std::fs::read(folder.path().join("x.age")).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["x.age"]);
    // What opens and holds another key is no proof.
    let store = store(folder.path());
    let (armoured, _) = sealed();
    let secret = Secret::new(Zeroizing::new("the one".to_owned()));
    let other = SoftwareKey::generate(Algorithm::Ed25519).unwrap();
    let error = store.proves(&armoured, &secret, other.public_key()).unwrap_err();
    assert!(error.to_string().contains("does not hold the key"), "{error}");
}

#[test]
fn an_adopted_key_is_the_same_key_and_never_takes_anothers_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path());
    let key = SoftwareKey::generate(Algorithm::Ed25519).unwrap();
    assert_eq!(store.adopt(&key, &mut Says("")).unwrap_err(), TokenError::NoSecret);
    assert_eq!(names(folder.path()), Vec::<String>::new());
    store.adopt(&key, &mut Says("new one")).unwrap();
    assert_eq!(*store.open(&mut Says("new one")).unwrap().public_key(), *key.public_key());
    assert_eq!(store.look().unwrap().keys, [key.public_key().clone()]);
    let error = store.adopt(&key, &mut Says("new one")).unwrap_err();
    assert_eq!(error, TokenError::Occupied("root-a.age".to_owned()));
}

#[test]
fn a_file_comes_back_as_it_was_and_only_beside_its_own_public_half() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path());
    let made = store.make(&SPEC, &mut Says("the one")).unwrap();
    let path = folder.path().join("root-a.age");
    let whole = std::fs::read(&path).unwrap();
    let there = store.restore(&whole, &mut Says("the one")).unwrap_err();
    assert_eq!(there, TokenError::Occupied("root-a.age".to_owned()));
    std::fs::remove_file(&path).unwrap();
    assert!(store.restore(&whole, &mut Says("another")).is_err());
    assert_eq!(names(folder.path()), ["root-a.pub"]);
    assert_eq!(store.restore(&whole, &mut Says("the one")).unwrap(), made.public);
    assert_eq!(std::fs::read(&path).unwrap(), whole);

    std::fs::remove_file(&path).unwrap();
    let other = SoftwareKey::generate(Algorithm::P256).unwrap();
    std::fs::write(folder.path().join("root-a.pub"), other.public_key().to_pem()).unwrap();
    let error = store.restore(&whole, &mut Says("the one")).unwrap_err();
    assert!(error.to_string().contains("another key"), "{error}");
    assert_eq!(names(folder.path()), ["root-a.pub"]);
}

/// A file of ours, armoured and not, under the passphrase `the one`.
fn sealed() -> (Vec<u8>, Vec<u8>) {
    let key = SoftwareKey::generate(Algorithm::Ed25519).unwrap();
    let secret = Secret::new(Zeroizing::new("the one".to_owned()));
    let armoured = encrypt(&key.to_pkcs8_pem().unwrap(), &secret, 4).unwrap();
    let mut binary = Vec::new();
    age::armor::ArmoredReader::new(&armoured[..]).read_to_end(&mut binary).unwrap();
    (armoured, binary)
}

fn opened(bytes: &[u8]) -> Result<SoftwareKey, TokenError> {
    decrypt(bytes, &Secret::new(Zeroizing::new("the one".to_owned())))
}

#[test]
fn armoured_and_bare_files_are_read_and_cut_ones_never_at_any_length() {
    let (armoured, binary) = sealed();
    assert!(opened(&armoured).is_ok() && opened(&binary).is_ok());
    for length in 0..binary.len() {
        assert!(opened(&binary[..length]).is_err(), "{length}");
    }
    // The last line feed may go.
    for length in (0..armoured.len() - 1).step_by(7).chain([armoured.len() - 2]) {
        assert!(opened(&armoured[..length]).is_err(), "{length}");
    }
}

#[test]
fn every_changed_byte_is_found_and_no_error_is_ages_own() {
    let (armoured, binary) = sealed();
    for at in 0..binary.len() {
        let mut changed = binary.clone();
        changed[at] ^= 1;
        let error = opened(&changed).unwrap_err().to_string();
        assert!(!error.contains('\u{2068}') && error.len() < 120, "{at}: {error}");
    }
    let says = |bytes: &[u8]| opened(bytes).unwrap_err().to_string();
    for trailing in [&b"x"[..], b"\0"] {
        assert!(says(&[&binary[..], trailing].concat()).contains("damaged"));
        assert!(says(&[&armoured[..], trailing].concat()).contains("something else"));
    }
    assert!(says(&[&armoured[..], &armoured].concat()).contains("something else"));
    assert!(says(&[b"hello\n", &armoured[..]].concat()).contains("no age file"));
    // Foreign line ends are armour's own affair.
    let foreign = String::from_utf8(armoured).unwrap().replace('\n', "\r\n");
    assert!(opened(foreign.as_bytes()).is_ok());
}

#[test]
fn recipients_and_passphrases_are_told_apart_and_identities_open() {
    let key = SoftwareKey::generate(Algorithm::Ed25519).unwrap();
    let identity = age::x25519::Identity::generate();
    let other = age::x25519::Identity::generate();
    let to = [identity.to_public().to_string(), other.to_public().to_string()];
    let file = encrypt_for(&to, &key.to_pkcs8_pem().unwrap()).unwrap();
    assert_eq!(opened_by(&file), Ok(OpensWith::Recipients(2)));
    assert!(opened(&file).unwrap_err().to_string().contains("recipients instead"));
    let text = |identity: &age::x25519::Identity| {
        use age::secrecy::ExposeSecret as _;
        Secret::of(&format!("# created\n{}\n", identity.to_string().expose_secret()))
    };
    let again = decrypt_with(&file, &text(&other)).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    assert_eq!(recipients_in(text(&identity).expose()), [to[0].clone()]);
    let stranger = age::x25519::Identity::generate();
    let error = decrypt_with(&file, &text(&stranger)).unwrap_err();
    assert!(error.to_string().contains("none of the identities"), "{error}");
    assert!(decrypt_with(&file, &Secret::of("# nothing\n")).is_err());
    let (ours, _) = sealed();
    assert_eq!(opened_by(&ours), Ok(OpensWith::Passphrase { work_factor: 4 }));
    assert!(decrypt_with(&ours, &text(&identity)).is_err());
    assert!(age::x25519::Recipient::from_str(&to[0]).is_ok());
}

#[test]
fn a_file_that_holds_something_else_than_a_key_is_refused_after_it_opened() {
    let secret = Secret::new(Zeroizing::new("the one".to_owned()));
    let file = encrypt("a love letter", &secret, 4).unwrap();
    let error = opened(&file).unwrap_err();
    assert!(error.to_string().contains("no private key"), "{error}");
}

#[test]
fn a_copy_in_a_second_folder_is_renewed_only_where_it_is_of_the_same_key() {
    let (home, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let name: KeyName = "root-a".parse().unwrap();
    let renew = || renew_copy(home.path(), second.path(), &name);
    let copy = |file: &str| std::fs::copy(home.path().join(file), second.path().join(file));
    assert_eq!(renew().unwrap_err(), TokenError::Absent);
    store(home.path()).make(&SPEC, &mut Says("one")).unwrap();
    // A folder without the file stays without it.
    renew().unwrap();
    assert_eq!(names(second.path()), Vec::<String>::new());
    for file in ["root-a.age", "root-a.pub"] {
        copy(file).unwrap();
    }
    store(home.path()).change_passphrase(&mut Changes("one", "two")).unwrap();
    renew().unwrap();
    let read = |folder: &Path| std::fs::read(folder.join("root-a.age")).unwrap();
    assert_eq!(read(second.path()), read(home.path()));
    assert_eq!(names(second.path()), ["root-a.age", "root-a.pub"]);

    // Another key under the same name is nobody's old file.
    for file in names(home.path()) {
        std::fs::remove_file(home.path().join(file)).unwrap();
    }
    let before = read(second.path());
    store(home.path()).make(&SPEC, &mut Says("three")).unwrap();
    assert!(renew().unwrap_err().to_string().contains("another key"));
    assert_eq!(read(second.path()), before);
}
