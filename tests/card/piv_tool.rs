//! The same card under somebody else's program: yubico-piv-tool, and openssl for what it wrote.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::yubikey::{Algorithm, Card, Chain, Firmware, Pcscd, PinPolicy, TouchPolicy};

/// A card in a daemon, and a folder for files.
struct Bench {
    pcscd: Pcscd,
    card: Card,
    folder: TempDir,
}

impl Bench {
    fn new(chain: Chain) -> Self {
        let card = Card::with_chain(1001, Firmware::V5_4_3, chain);
        let pcscd = Pcscd::with_cards(&[&card]);
        Self { pcscd, card, folder: TempDir::new().unwrap() }
    }

    /// What the tool said, and whether it was content.
    fn run(&self, arguments: &str) -> (bool, String) {
        let (name, socket) = self.pcscd.variable();
        let mut tool = Command::new("yubico-piv-tool");
        tool.args(arguments.split(' ')).env(name, socket);
        output(tool.current_dir(self.folder.path()))
    }

    fn done(&self, arguments: &str) -> String {
        let (content, said) = self.run(arguments);
        assert!(content, "{arguments}: {said}");
        said
    }

    fn refused(&self, arguments: &str) -> String {
        let (content, said) = self.run(arguments);
        assert!(!content, "{arguments}: {said}");
        said
    }

    fn openssl(&self, arguments: &str) -> String {
        let mut openssl = Command::new("openssl");
        let (content, said) =
            output(openssl.args(arguments.split(' ')).current_dir(self.folder.path()));
        assert!(content, "{arguments}: {said}");
        said
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn output(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn it_makes_keys_and_openssl_verifies_their_attestation() {
    for chain in [Chain::Rsa, Chain::LongRsa, Chain::P256] {
        let bench = Bench::new(chain);
        assert!(bench.done("-a version").contains("version 5.4.3"));
        let status = bench.done("-a status");
        assert!(status.contains("Serial Number:\t1001"), "{status}");
        assert!(status.contains("PIN tries left:\t3"), "{status}");
        fs::write(bench.path().join("root.pem"), chain.root_pem()).unwrap();
        bench.done("-a read-certificate -s f9 -o f9.pem");
        let held = fs::read_to_string(bench.path().join("f9.pem")).unwrap();
        fs::write(bench.path().join("between.pem"), chain.between_pem().concat() + &held).unwrap();
        for (slot, algorithm) in [("9c", "ECCP256"), ("82", "ECCP384")] {
            bench.done(&format!(
                "-a generate -s {slot} -A {algorithm} --pin-policy=once --touch-policy=always -o public.pem"
            ));
            bench.done(&format!("-a attest -s {slot} -o leaf.pem"));
            let said = bench.openssl("verify -CAfile root.pem -untrusted between.pem leaf.pem");
            assert_eq!(said, "leaf.pem: OK\n");
            let attested = bench.openssl("x509 -in leaf.pem -noout -pubkey");
            assert_eq!(attested, fs::read_to_string(bench.path().join("public.pem")).unwrap());
            bench.card.forget();
            bench.done(&format!("-a verify-pin -P 123456 -a test-signature -s {slot} -i leaf.pem"));
            assert_eq!(bench.card.counts().touches, 1);
        }
    }
}

#[test]
fn it_changes_pins_and_keys_and_resets() {
    let bench = Bench::new(Chain::Rsa);
    bench.done("-a set-chuid -a set-ccc");
    bench.refused("-a verify-pin -P 000000");
    bench.done("-a verify-pin -P 123456");
    bench.done("-a change-pin -P 123456 -N 654321");
    bench.done("-a change-puk -P 12345678 -N 87654321");
    bench.done("-a unblock-pin -P 87654321 -N 123456");
    bench.done("-a set-mgm-key -n 0102030405060708090a0b0c0d0e0f101112131415161718");
    bench.refused("-a generate -s 9c -A ECCP256");
    bench.done(
        "--key=0102030405060708090a0b0c0d0e0f101112131415161718 -a verify-pin -P 123456 -a pin-retries --pin-retries=5 --puk-retries=4",
    );
    assert_eq!((bench.card.pin_tries().left, bench.card.puk_tries().left), (5, 4));
    bench.refused("-a reset");
    bench.card.set_pin_tries(0);
    bench.card.set_puk_tries(0);
    bench.done("-a reset");
    bench.done("-a generate -s 9c -A ECCP256");
}

#[test]
fn it_imports_a_key_and_its_certificate() {
    let bench = Bench::new(Chain::Rsa);
    bench.openssl("ecparam -name prime256v1 -genkey -noout -out key.pem");
    bench.openssl("req -x509 -new -key key.pem -subj /CN=root -days 30 -out cert.pem");
    bench.done("-a import-key -s 9c --pin-policy=once --touch-policy=always -i key.pem");
    bench.done("-a import-certificate -s 9c -i cert.pem");
    bench.done("-a read-certificate -s 9c -o read.pem");
    assert_eq!(
        fs::read(bench.path().join("read.pem")).unwrap(),
        fs::read(bench.path().join("cert.pem")).unwrap()
    );
    bench.done("-a verify-pin -P 123456 -a test-signature -s 9c -i cert.pem");
    bench.refused("-a attest -s 9c");
    let said = bench.done("-a status");
    assert!(said.contains("Subject DN:\tCN=root"), "{said}");
    bench.done("-a delete-certificate -s 9c");
    bench.card.make_key(0x9a, Algorithm::P384, PinPolicy::Once, TouchPolicy::Never);
    bench.done("-a attest -s 9a");
}
