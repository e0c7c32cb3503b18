//! Hash bins: added, with another key, taken out.

use std::fs;
use std::process::Command;

use anchorite::ceremony::before::Before;
use anchorite::ceremony::twin::{Purpose, Twin};
use anchorite::tuf::bins::Bins;
use anchorite::tuf::document::{DocId, DocRole};
use anchorite::tuf::payload::Draft;

use super::delegations::{stated, targets_role};
use super::*;

fn bins(key: &str, bits: u32) -> String {
    made(key, "Custodian D", AGE, "p256", "")
        + &format!(
            "\n[bins]\nname_prefix = \"bin\"\nbit_length  = {bits}\nkeys        = [\"{key}\"]\nthreshold   = 1\n"
        )
}

/// The sample's plan names a client that cannot read hash bins, and the check says so.
const WITHOUT_TOUGH: &str = "\n[[waivers]]\nfinding = \"client-succinct-roles\"\nreason = \"nobody uses it any more\"\n\
                             by = \"Administrator\"\n";

fn text(kind: &'static str, grown: &Grown, more: &str) -> Text {
    Text {
        kind,
        codename: "DIPPER",
        title: "Targets in hash bins",
        body: targets_role(grown)
            + more
            + if kind == "remove-delegation" { "" } else { WITHOUT_TOUGH },
        ..Text::default()
    }
}

/// The repository with sixteen bins, and the ceremony that gave it those.
fn binned() -> (Grown, Engine) {
    let mut grown = Grown::new(Dialect::Tuf1);
    let engine = played(&grown.sample, &text("add-delegation", &grown, &bins("bins", 4)));
    let made = targets(&engine, "targets").delegations;
    grown.targets(|body| body.delegations = made);
    grown.seal();
    (grown, engine)
}

fn bins_of(targets: &Targets) -> Option<Bins> {
    Bins::of(targets.delegations.as_ref().unwrap())
}

#[test]
fn targets_are_handed_to_hash_bins_and_python_tuf_finds_the_bin_of_a_path() {
    let (grown, engine) = binned();
    let new = targets(&engine, "targets");
    let made = bins_of(&new).unwrap();
    assert_eq!((made.bits, made.prefix.as_str(), made.keys.threshold.0), (4, "bin", 1));
    assert_eq!(new.delegations.as_ref().unwrap().keys.len(), 1);
    let read = reviewed(&engine);
    line(&read, "16 bins, by the first 4 bits of SHA-256 of a path");

    // The holder of the bins' key signs the bin of a path, and another program follows.
    let folder = tempfile::tempdir().unwrap();
    let path = "app/app-3.0.tar.gz";
    let number = u64::from(anchorite::tuf::digest::Digest::of(path.as_bytes()).as_bytes()[0] >> 4);
    let role: anchorite::tuf::name::RoleName = format!("bin-{number:x}").parse().unwrap();
    let mut body = new.clone();
    body.version = 1;
    body.delegations = None;
    body.targets = BTreeMap::from([(path.to_owned(), new.targets.iter().next().unwrap().1)]).into();
    let plan = engine.plan().clone();
    let at_hand = grown.sample.at_hand(&[]);
    let twin = Twin::new(
        &plan,
        &Before::of(&plan, &at_hand).unwrap_or_else(|_| Before::none()),
        Purpose::Check,
    );
    let key = twin.key(&"bins".parse().unwrap()).unwrap();
    let id = DocId {
        repository: plan.repository.name.clone(),
        role: DocRole::Delegated(role.clone()),
        version: 1,
    };
    let payload = Draft::new(id, Dialect::Tuf1, body).payload().unwrap();
    let signed = payload.envelope(&[(made.keys.keyids[0].clone(), key.sign(payload.to_sign()))]);
    fs::write(folder.path().join(format!("{role}.json")), signed).unwrap();
    let (_, bytes) =
        engine.served().iter().find(|(name, _)| name.ends_with("targets.json")).unwrap();
    fs::write(folder.path().join("targets.json"), bytes).unwrap();
    let said = Command::new("target/peers/venv/bin/python")
        .arg("tests/support/judge_bins.py")
        .args([&folder.path().join("targets.json"), folder.path()])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(text.trim(), format!("{role} 4 True"), "{}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn bins_get_another_key_and_their_number_changes_with_a_warning_only() {
    let (grown, engine) = binned();
    let old = bins_of(&targets(&engine, "targets")).unwrap();
    let rotated = text("rotate-delegation", &grown, &bins("bins-2", 4));
    let engine = played(&grown.sample, &rotated);
    let new = bins_of(&targets(&engine, "targets")).unwrap();
    assert_eq!((new.bits, &new.prefix), (old.bits, &old.prefix));
    assert_ne!(new.keys.keyids, old.keys.keyids);
    assert_eq!(targets(&engine, "targets").delegations.unwrap().keys.len(), 1);
    let moved = check(&grown.sample, &text("rotate-delegation", &grown, &bins("bins-2", 8)));
    assert_eq!(verdict(&moved, "bins-move"), Some(Verdict::Warn));
    assert_eq!(verdict(&moved, "bins-signed-elsewhere"), Some(Verdict::Warn));
}

#[test]
fn bins_are_taken_out_by_the_beginning_of_their_names() {
    let (grown, _) = binned();
    let more = "\n[[remove]]\ndelegation = \"bin\"\nreason = \"too few targets\"\n";
    let engine = played(&grown.sample, &text("remove-delegation", &grown, more));
    let new = targets(&engine, "targets");
    assert!(new.delegations.is_none_or(|all| all.keys.is_empty() && Bins::of(&all).is_none()));
}

#[test]
fn bins_stand_alone_and_once() {
    let (grown, _) = binned();
    refused(&grown.sample, &text("add-delegation", &grown, &bins("bins-2", 4)), "delegation-name");
    let named = made("alice", "Custodian D", AGE, "p256", "")
        + &stated("alice", "\"alice\"", "paths = [\"app/*\"]\nvalid_for = \"1 year\"\n");
    refused(&grown.sample, &text("add-delegation", &grown, &named), "bins-beside-roles");
    let other = Grown::with_delegations(Dialect::Tuf1);
    refused(&other.sample, &text("add-delegation", &other, &bins("bins", 4)), "bins-beside-roles");
    let other = Grown::new(Dialect::Tuf1);
    refused(&other.sample, &text("rotate-delegation", &other, &bins("bins", 4)), "delegation-name");
}

#[test]
fn a_compromised_key_of_bins_does_not_stay() {
    let (grown, engine) = binned();
    let now = targets(&engine, "targets").delegations.unwrap();
    let (_, leaked) = now.keys.first_key_value().unwrap();
    let compromised = format!(
        "\n[[compromised]]\nfingerprint = \"{}\"\nreason = \"lost\"\n",
        leaked.public.fingerprint()
    );
    let named = "\n[[remove]]\ndelegation = \"other\"\nreason = \"gone\"\n".to_owned();
    refused(
        &grown.sample,
        &text("remove-delegation", &grown, &(named + &compromised)),
        "compromised-key-elsewhere",
    );
}

#[test]
fn bins_are_of_tuf_and_of_one_to_sixteen_bits() {
    let grown = Grown::new(Dialect::Notary1);
    let toml = plan(&grown.sample, &text("add-delegation", &grown, &bins("bins", 4)));
    let why = Plan::parse(toml.as_bytes()).unwrap_err().to_string();
    assert!(why.contains("one tuf1 repository"), "{why}");
    let grown = Grown::new(Dialect::Tuf1);
    for bits in [0, 17] {
        let toml = plan(&grown.sample, &text("add-delegation", &grown, &bins("bins", bits)));
        let why = Plan::parse(toml.as_bytes()).unwrap_err().to_string();
        assert!(why.contains("1 to 16"), "{why}");
    }
}
