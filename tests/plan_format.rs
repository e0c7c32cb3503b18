//! `docs/plan-format.md` is complete, and its commands do what it says.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::process::Command;

use anchorite::ceremony::roster::carried_challenge;
use anchorite::tuf::key::{Algorithm, PublicKey};
use anchorite::tuf::signature::{Hash, Signature};

fn page() -> String {
    fs::read_to_string("docs/plan-format.md").unwrap()
}

#[test]
fn every_member_of_a_plan_has_its_place_on_the_page() {
    let page = page();
    let source = fs::read_to_string("src/ceremony/plan/file.rs").unwrap();
    let members = source.lines().filter_map(|line| line.strip_prefix("    pub(super) "));
    let mut count = 0;
    for line in members.filter(|line| !line.starts_with("fn ")) {
        let (name, _) = line.split_once(':').unwrap();
        let name = if name == "form" { "as" } else { name };
        let said = [format!("`{name}`"), format!("[{name}]"), format!("[roles.{name}]")]
            .iter()
            .any(|form| page.contains(form.as_str()));
        let listed = ["{ ", ", "].iter().any(|before| page.contains(&format!("{before}{name} = ")));
        assert!(said || listed, "{name}");
        count += 1;
    }
    assert!(count > 50, "{count}");
}

/// The text of the block that begins with this fence.
fn block(page: &str, fence: &str) -> String {
    let (_, after) = page.split_once(&format!("\n```{fence}\n")).unwrap();
    after.split_once("```").unwrap().0.to_owned()
}

fn proof(algorithm: &str, kind: &str) -> (PublicKey, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let page = page();
    let script = format!(
        "set -eu\nopenssl genpkey {algorithm} -out key.pem 2>/dev/null\n{}{}",
        block(&page, "sh"),
        block(&page, &format!("sh {kind}"))
    );
    let done = Command::new("sh")
        .args(["-c", &script])
        .env("KEY", "key.pem")
        .env("NAME", "tagging")
        .env("REPOSITORY", "registry.example.com/team/app")
        .current_dir(folder.path())
        .status()
        .unwrap();
    assert!(done.success());
    let public = fs::read_to_string(folder.path().join("tagging.pub")).unwrap();
    let proof = fs::read(folder.path().join("tagging.proof")).unwrap();
    (PublicKey::from_pem(&public).unwrap(), proof)
}

fn challenge(key: &PublicKey) -> Vec<u8> {
    let repository = "registry.example.com/team/app".parse().unwrap();
    carried_challenge(&repository, &"tagging".parse().unwrap(), key)
}

#[test]
fn the_commands_of_the_page_make_a_proof_that_holds() {
    let (key, proof) = proof("-algorithm ed25519", "ed25519");
    let signature = Signature::Ed25519(proof.try_into().unwrap());
    assert!(key.verifies(&challenge(&key), &signature));
    for (curve, algorithm) in [("P-256", Algorithm::P256), ("P-384", Algorithm::P384)] {
        let options = format!("-algorithm EC -pkeyopt ec_paramgen_curve:{curve}");
        let (key, proof) = self::proof(&options, "ecdsa");
        let signature = Signature::from_ecdsa_der(algorithm, Hash::Sha256, &proof).unwrap();
        assert!(key.verifies(&challenge(&key), &signature), "{curve}");
    }
    let (key, proof) = self::proof("-algorithm RSA -pkeyopt rsa_keygen_bits:3072", "rsa");
    assert!(key.verifies(&challenge(&key), &Signature::RsaPss(proof)));
}
