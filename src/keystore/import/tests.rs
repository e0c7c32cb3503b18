//! Key files of the real programs, and what is wrong with others.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::process::{Command, Stdio};

use crate::tuf::key::PublicKey;
use crate::tuf::wire::notary1;

use super::*;

const DATA: &str = "tests/data/keys";

fn secret(text: &str) -> Secret {
    Secret::new(Zeroizing::new(text.to_owned()))
}

fn file(path: &str) -> KeyFile {
    let path = Path::new(DATA).join(path);
    KeyFile::read(&path, &read_file(&path).unwrap().bytes).unwrap()
}

fn key(file: &KeyFile, passphrase: &str) -> Result<SoftwareKey, BadImport> {
    let mut keys = file.open(Some(&secret(passphrase)))?;
    assert_eq!(keys.len(), 1);
    Ok(keys.remove(0))
}

fn ed25519(name: &str) -> PublicKey {
    let all = std::fs::read_to_string(format!("{DATA}/ed25519.txt")).unwrap();
    let hex = all.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap();
    let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
    PublicKey::from_ed25519(&bytes.try_into().unwrap()).unwrap()
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "openssl {arguments:?}");
    out.stdout
}

fn read(bytes: &[u8]) -> Result<KeyFile, BadImport> {
    KeyFile::read(Path::new("some.pem"), bytes)
}

fn public_of(pem: &[u8]) -> PublicKey {
    let out = openssl(&["pkey", "-pubout"], pem);
    PublicKey::from_pem(std::str::from_utf8(&out).unwrap()).unwrap()
}

#[test]
fn every_key_of_a_real_notary_client_has_the_id_that_names_its_file() {
    let passphrase = |role: &str| match role {
        "root" => "rootpass123",
        "targets" => "targetspass123",
        "snapshot" => "snappass123",
        _ => "delegpass123",
    };
    let mut count = 0;
    for folder in ["notary", "notary-legacy"] {
        for entry in std::fs::read_dir(format!("{DATA}/{folder}")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let file = file(&format!("{folder}/{name}"));
            assert_eq!(file.form(), Form::Notary);
            let role = file.role().unwrap();
            let key = key(&file, passphrase(role)).unwrap();
            let id = notary1::canonical_id(key.public_key());
            assert_eq!(name, format!("{id}.key"));
            let gun =
                if folder == "notary" { "example.com/team/app" } else { "example.com/legacy" };
            assert_eq!(file.gun(), (role == "targets").then_some(gun));
            let wrong = super::tests::key(&file, "another passphrase").unwrap_err();
            assert_eq!(wrong, BadImport::WrongPassphrase);
            count += 1;
        }
    }
    assert_eq!(count, 7);
}

#[test]
fn before_notary_0_4_the_path_says_role_and_repository() {
    let name = "540042d071c53c5565b5764876c9d6f977301d365815b96bbb81e0d6f8221b32";
    let text = std::fs::read_to_string(format!("{DATA}/notary-legacy/{name}.key")).unwrap();
    let bare: String = text
        .lines()
        .filter(|line| !line.starts_with("role:") && !line.starts_with("gun:"))
        .map(|line| format!("{line}\n"))
        .collect();
    let at = |path: &str| KeyFile::read(Path::new(path), bare.as_bytes()).unwrap();
    let file = at(&format!("private/tuf_keys/example.com/legacy/{name}_targets.key"));
    assert_eq!((file.role(), file.gun()), (Some("targets"), Some("example.com/legacy")));
    assert!(key(&file, "targetspass123").is_ok());
    let file = at(&format!("private/root_keys/{name}.key"));
    assert_eq!((file.role(), file.gun()), (Some("root"), None));
    // Another name is another id: the file was renamed, or is another's.
    let other = name.replace("540042", "540043");
    let error = key(&at(&format!("private/{other}.key")), "targetspass123").unwrap_err();
    assert!(matches!(&error, BadImport::OtherId { found, .. } if found.as_str() == name));
}

#[test]
fn an_exported_key_says_its_id_in_its_path_header() {
    let name = "540042d071c53c5565b5764876c9d6f977301d365815b96bbb81e0d6f8221b32";
    let text = std::fs::read_to_string(format!("{DATA}/notary-legacy/{name}.key")).unwrap();
    let exported = |id: &str| text.replace("role: targets", &format!("role: bob\npath: {id}"));
    let file = read(exported(name).as_bytes()).unwrap();
    assert_eq!(file.role(), Some("bob"));
    assert!(key(&file, "targetspass123").is_ok());
    let other = exported(&name.replace("540042", "540043"));
    let error = key(&read(other.as_bytes()).unwrap(), "targetspass123").unwrap_err();
    assert!(matches!(error, BadImport::OtherId { .. }));
}

#[test]
fn notarys_own_form_of_an_ed25519_key_is_read_in_both_wrappings() {
    let seed = [7; 32];
    let own = SoftwareKey::from_ed25519_seed(&seed).unwrap();
    let public = own.public_key().ed25519_bytes().unwrap();
    let body = [public, seed, public].concat();
    let head = [0x30, 0x72, 0x02, 0x01, 0x01, 0x30, 0x0b, 0x06, 0x09];
    let name = [0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
    let pkcs8 = [&head[..], &name, &[0x04, 0x60], &body].concat();
    let pem = |label: &str, der: &[u8]| {
        let base64 = data_encoding::BASE64.encode(der);
        format!("-----BEGIN {label}-----\nrole: targets\n\n{base64}\n-----END {label}-----\n")
    };
    for text in [pem("PRIVATE KEY", &pkcs8), pem("ED25519 PRIVATE KEY", &body)] {
        let file = read(text.as_bytes()).unwrap();
        assert_eq!(key(&file, "").unwrap().public_key(), own.public_key());
    }
    let mut other = body;
    *other.last_mut().unwrap() ^= 1;
    let file = read(pem("ED25519 PRIVATE KEY", &other).as_bytes()).unwrap();
    assert_eq!(key(&file, "").unwrap_err(), BadImport::OtherPublic);
}

#[test]
fn what_openssl_writes_is_read_plain_and_encrypted() {
    let pass = ["-passout", "pass:some pass phrase"];
    for algorithm in [&["ed25519"][..], &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]] {
        let plain = openssl(&[&["genpkey", "-algorithm"], algorithm].concat(), b"");
        let public = public_of(&plain);
        let file = read(&plain).unwrap();
        assert!(!file.is_encrypted() && file.form() == Form::Pkcs8);
        assert_eq!(*key(&file, "").unwrap().public_key(), public);
        for how in [
            &["-v2", "aes-256-cbc"][..],
            &["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1", "-iter", "3000"],
            &["-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512"],
            &["-scrypt", "-scrypt_N", "1024"],
        ] {
            let sealed = openssl(&[&["pkcs8", "-topk8"], how, &pass].concat(), &plain);
            let file = read(&sealed).unwrap();
            assert!(file.is_encrypted());
            assert_eq!(*key(&file, "some pass phrase").unwrap().public_key(), public, "{how:?}");
            assert_eq!(key(&file, "another").unwrap_err(), BadImport::WrongPassphrase);
            assert_eq!(file.open(None).unwrap_err(), BadImport::NoPassphrase);
        }
    }
    // The old form, with parameters before it, plain and encrypted.
    for curve in ["prime256v1", "secp384r1"] {
        let plain = openssl(&["ecparam", "-name", curve, "-genkey"], b"");
        let public = public_of(&plain);
        assert_eq!(*key(&read(&plain).unwrap(), "").unwrap().public_key(), public);
        let sealed = openssl(&[&["ec", "-aes128"], &pass[..]].concat(), &plain);
        assert_eq!(*key(&read(&sealed).unwrap(), "some pass phrase").unwrap().public_key(), public);
    }
}

#[test]
fn what_cannot_sign_here_or_is_no_key_is_named() {
    let rsa = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], b"");
    let error = |bytes: &[u8]| read(bytes).and_then(|file| key(&file, "pass")).unwrap_err();
    assert_eq!(error(&rsa), BadImport::Rsa);
    assert_eq!(error(&openssl(&["rsa", "-traditional"], &rsa)), BadImport::Rsa);
    let sealed = openssl(&["pkcs8", "-topk8", "-passout", "pass:pass"], &rsa);
    assert_eq!(error(&sealed), BadImport::Rsa);
    let k1 =
        openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], b"");
    assert_eq!(error(&k1), BadImport::Algorithm("1.3.132.0.10".to_owned()));
    let triple = openssl(&["pkcs8", "-topk8", "-v2", "des3", "-passout", "pass:pass"], &k1);
    assert!(matches!(error(&triple), BadImport::Encryption(_)));
    assert_eq!(error(&openssl(&["pkey", "-pubout"], &k1)), BadImport::Label("PUBLIC KEY".into()));
    assert_eq!(error(&[k1.clone(), k1.clone()].concat()), BadImport::Several(2));
    assert_eq!(
        error(b"-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----\n"),
        BadImport::OpenSsh
    );
    assert_eq!(error(b"age-encryption.org/v1\n"), BadImport::AgeFile);
    for none in [&b""[..], b"hello", b"{}", b"\xff\xfe", b"{\"keytype\": \"ed25519\"}"] {
        assert_eq!(error(none), BadImport::NoKey);
    }
    let half = k1.get(..k1.len() / 2).unwrap();
    assert!(matches!(error(half), BadImport::Damaged(_)));
}

#[test]
fn a_derivation_that_would_never_end_is_refused_before_it_begins() {
    let key = openssl(&["genpkey", "-algorithm", "ed25519"], b"");
    let args = ["pkcs8", "-topk8", "-outform", "DER", "-iter", "100000", "-passout", "pass:pass"];
    let mut der = openssl(&args, &key);
    let at = der.windows(3).position(|bytes| bytes == [0x01, 0x86, 0xa0]).unwrap();
    der.splice(at..at + 3, [0x7f, 0xff, 0xff]);
    let error = pbes2::Sealed::read(&der).err();
    assert_eq!(error, Some(BadImport::TooMuchWork("8388607 rounds of PBKDF2".to_owned())));
    assert!(matches!(pbes2::scrypt_params(1 << 30, 8, 1), Err(BadImport::TooMuchWork(_))));
    assert!(matches!(pbes2::scrypt_params(1 << 14, 8, 99), Err(BadImport::TooMuchWork(_))));
    assert!(matches!(pbes2::scrypt_params(1000, 8, 1), Err(BadImport::Encryption(_))));
    let text = "00@@@@4000000000@@@@00@@@@00@@@@00";
    assert!(matches!(read(text.as_bytes()), Err(BadImport::TooMuchWork(_))));
}

#[test]
fn what_securesystemslib_wrote_is_read() {
    for name in ["sslib-ed25519", "sslib-plain"] {
        let file = file(name);
        assert_eq!(file.form(), Form::Securesystemslib);
        assert_eq!(file.is_encrypted(), name != "sslib-plain");
        assert_eq!(*key(&file, "foreign-passphrase").unwrap().public_key(), ed25519(name));
    }
    let ecdsa = file("sslib-ecdsa");
    let pem = std::fs::read_to_string(format!("{DATA}/sslib-ecdsa.pub")).unwrap();
    let public = PublicKey::from_pem(&pem).unwrap();
    assert_eq!(*key(&ecdsa, "foreign-passphrase").unwrap().public_key(), public);
    assert_eq!(key(&ecdsa, "foreign").unwrap_err(), BadImport::WrongPassphrase);
    // One changed digit of what is encrypted is found before anything is deciphered.
    let mut text = std::fs::read_to_string(format!("{DATA}/sslib-ed25519")).unwrap();
    let last = if text.pop() == Some('0') { '1' } else { '0' };
    text.push(last);
    let error = key(&read(text.as_bytes()).unwrap(), "foreign-passphrase").unwrap_err();
    assert_eq!(error, BadImport::WrongPassphrase);
}

#[test]
fn what_go_tuf_keeps_is_read_and_may_be_more_than_one_key() {
    let root = file("go-tuf-root.json");
    assert!(root.is_encrypted() && root.form() == Form::GoTuf);
    let own = key(&root, "foreign-passphrase").unwrap();
    assert_eq!(*own.public_key(), ed25519("go-tuf-root.json"));
    assert_eq!(key(&root, "foreign").unwrap_err(), BadImport::WrongPassphrase);
    let two = file("go-tuf-two.json");
    assert!(!two.is_encrypted());
    let keys = two.open(None).unwrap();
    let pem = std::fs::read_to_string(format!("{DATA}/go-tuf-two.pub")).unwrap();
    let public: Vec<&PublicKey> = keys.iter().map(SoftwareKey::public_key).collect();
    assert_eq!(public, [&ed25519("go-tuf-two.json"), &PublicKey::from_pem(&pem).unwrap()]);
}

#[test]
fn a_public_half_that_is_anothers_is_refused() {
    let text = std::fs::read_to_string(format!("{DATA}/sslib-plain")).unwrap();
    let own = data_encoding::HEXLOWER.encode(&ed25519("sslib-plain").ed25519_bytes().unwrap());
    let other = data_encoding::HEXLOWER.encode(&ed25519("sslib-ed25519").ed25519_bytes().unwrap());
    let error = key(&read(text.replace(&own, &other).as_bytes()).unwrap(), "").unwrap_err();
    assert_eq!(error, BadImport::OtherPublic);
}

#[test]
fn files_that_are_cut_or_changed_are_answered_and_never_panic() {
    let ec = openssl(&["ecparam", "-name", "prime256v1", "-genkey"], b"");
    let p8 = openssl(&["pkcs8", "-topk8", "-nocrypt"], &ec);
    let sealed = openssl(&["pkcs8", "-topk8", "-passout", "pass:pass"], &ec);
    let data = ["sslib-ed25519", "sslib-plain", "go-tuf-root.json", "go-tuf-two.json"]
        .map(|name| std::fs::read(format!("{DATA}/{name}")).unwrap());
    for bytes in data.into_iter().chain([ec, p8, sealed]) {
        for at in (0..bytes.len()).step_by(7) {
            let mut changed = bytes.clone();
            for new in [b'0', b'"', b'/', 0xff] {
                *changed.get_mut(at).unwrap() = new;
                for tried in [changed.as_slice(), changed.get(..at).unwrap()] {
                    // Encrypted ones are not opened: that would take its time.
                    let _ = read(tried).map(|file| file.is_encrypted() || file.open(None).is_ok());
                }
            }
        }
    }
}
