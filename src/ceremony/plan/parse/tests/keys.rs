//! Where keys come from, where they are, and what goes with them.

use super::super::super::Origin;
use super::*;

const TAGGING: &str = "store     = { age = {} }           # or { age = { recovery = [\"age1...\"] } }\n\
     algorithm = \"p256\"\nmake      = {}\nleaves    = { medium = \"KEYS\", as = \"notary\" }\n";
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
const SERVER_SNAPSHOT: &str = "name      = \"server-snapshot\"\n";

#[test]
fn holders_are_people() {
    let from = "holder      = \"Custodian A\"";
    refused(NOTARY, from, "holder = \"Custodian D\"", "keys.root-a.holder", "one of the people");
    accepted(NOTARY, from, "holder = \"Custodian B\"");
}

#[test]
fn a_key_that_comes_to_the_room_has_a_holder_and_a_store_and_others_have_none() {
    refused(NOTARY, "holder      = \"Custodian A\"\n", "", "keys.root-a", "expected a holder");
    refused(
        NOTARY,
        "store       = { yubikey = { serial = 10000001, slot = \"9c\" } }\n",
        "",
        "keys.root-a",
        "expected a store",
    );
    let with = |line: &str| format!("{SERVER_SNAPSHOT}{line}\n");
    let place = "keys.server-snapshot";
    let store = with("store = { age = {} }");
    refused(NOTARY, SERVER_SNAPSHOT, &store, &format!("{place}.store"), "no store");
    let holder = with("holder = \"Releaser\"");
    refused(NOTARY, SERVER_SNAPSHOT, &holder, &format!("{place}.holder"), "no holder");
    accepted(NOTARY, SERVER_SNAPSHOT, &with(""));
}

#[test]
fn a_key_has_exactly_one_origin() {
    let from = "make        = { pin = \"always\", touch = \"always\" }\n";
    refused(NOTARY, from, "", "keys.root-a", "none of them");
    let both = format!("{from}fingerprint = \"{ZEROS}\"\n");
    refused(NOTARY, from, &both, "keys.root-a", "make and fingerprint");
    let shown = format!("fingerprint = \"{ZEROS}\"\nconfirmed_by = \"Custodian A\"\n");
    let plan = accepted(NOTARY, from, &shown);
    assert!(matches!(plan.keys[0].origin, Origin::Fingerprint(_)));
    let unconfirmed = format!("fingerprint = \"{ZEROS}\"\n");
    refused(NOTARY, from, &unconfirmed, "keys.root-a.fingerprint", "confirmed_by beside it");
    let alone = format!("{from}confirmed_by = \"Custodian A\"\n");
    refused(NOTARY, from, &alone, "keys.root-a.confirmed_by", "beside a fingerprint only");
    let alone = format!("{from}source = \"a letter\"\n");
    refused(NOTARY, from, &alone, "keys.root-a.source", "beside a fingerprint only");
}

#[test]
fn only_a_key_in_a_token_is_made_over_another_one() {
    let over = |make: &str| make.replacen("= {", &format!("= {{ replaces = \"{ZEROS}\","), 1);
    let from = "make        = { pin = \"always\", touch = \"always\" }\n";
    let plan = accepted(NOTARY, from, &over(from));
    assert_eq!(plan.keys[0].replaces().unwrap().to_string(), ZEROS);
    let in_a_file = "make      = {}\n";
    let over = "make      = { replaces = \"".to_owned() + ZEROS + "\" }\n";
    let place = "keys.tagging.make.replaces";
    refused(NOTARY, in_a_file, &over, place, "files are never overwritten");
}

/// The notary1 template with the tagging key enrolled, its files listed, and its targets signed later.
fn enrolled(enrol: &str) -> String {
    let input = |path: &str| {
        format!(
            "[[inputs]]\nmedium = \"IN\"\npath = \"{path}\"\nsha256 = \"{ZEROS}\"\nconfirmed_by = \"Releaser\"\n"
        )
    };
    let plan = changed(NOTARY, TAGGING, &format!("algorithm = \"p256\"\nenrol = {enrol}\n"));
    let plan = plan.replacen("signed    = \"here\" ", "signed = \"online\" ", 1);
    format!("{plan}\n{}{}", input("t.pub"), input("t.proof"))
}

fn enrol(medium: &str, public: &str, proof: &str) -> String {
    format!(
        "{{ medium = \"{medium}\", public = \"{public}\", proof = \"{proof}\", fingerprint = \"{ZEROS}\", confirmed_by = \"Releaser\" }}"
    )
}

#[test]
fn an_enrolled_key_brings_two_listed_files_on_an_in_medium() {
    let plan = Plan::parse(enrolled(&enrol("IN", "t.pub", "t.proof")).as_bytes()).unwrap();
    assert!(matches!(plan.keys[3].origin, Origin::Enrol { .. }));
    assert_eq!(plan.inputs.len(), 4);
    for (bad, says) in [
        (
            enrol("OUT", "t.pub", "t.proof"),
            "keys.tagging.enrol.medium: expected a medium with role",
        ),
        (enrol("USB", "t.pub", "t.proof"), "keys.tagging.enrol.medium: expected one of the media"),
        (enrol("IN", "t.pub", "t.pub"), "keys.tagging.enrol.proof: expected another file"),
        (enrol("IN", "t.pub", "other"), "keys.tagging.enrol.proof: expected a file that is listed"),
        (enrol("IN", "../t.pub", "t.proof"), "keys.tagging.enrol.public: expected a relative path"),
    ] {
        let found = Plan::parse(enrolled(&bad).as_bytes()).unwrap_err().to_string();
        assert!(found.contains(says), "{found}");
    }
}

#[test]
fn a_document_signed_here_needs_keys_that_are_here() {
    let plan = enrolled(&enrol("IN", "t.pub", "t.proof"));
    let here = plan.replacen("signed = \"online\" ", "signed = \"here\" ", 1);
    let found = Plan::parse(here.as_bytes()).unwrap_err().to_string();
    assert!(found.contains("roles.targets.keys: expected keys that come to the room"), "{found}");
}

#[test]
fn a_server_key_has_a_listed_file_and_a_full_id_and_signs_snapshot_or_timestamp() {
    let id = "id = \"0000000000000000000000000000000000000000000000000000000000000001\"";
    let place = "keys.server-snapshot.server";
    refused(NOTARY, id, "id = \"01\"", &format!("{place}.id"), "64 lower-case hex digits");
    accepted(NOTARY, id, &format!("id = \"{}\"", "ab".repeat(32)));
    refused(
        NOTARY,
        "file = \"snapshot.key\"",
        "file = \"snap.key\"",
        &format!("{place}.file"),
        "listed under [[inputs]]",
    );
    refused(
        NOTARY,
        "keys      = [\"tagging\"]",
        "keys      = [\"server-snapshot\"]",
        "roles.targets.keys",
        "come to the room",
    );
    let online = changed(NOTARY, "signed    = \"here\" ", "signed = \"online\" ");
    assert!(Plan::parse(online.as_bytes()).is_ok());
    let bad = online.replacen("keys      = [\"tagging\"]", "keys = [\"server-snapshot\"]", 1);
    let found = Plan::parse(bad.as_bytes()).unwrap_err().to_string();
    assert!(found.contains("roles.targets.keys: expected server keys for snapshot"), "{found}");
}

#[test]
fn certificates_are_for_root_keys_of_notary1_which_all_have_one() {
    let certificate = "certificate = { valid_for = \"25 years\" }\n";
    refused(NOTARY, certificate, "", "keys.root-a", "certificate = {");
    let tagging = format!("{TAGGING}{certificate}");
    refused(NOTARY, TAGGING, &tagging, "keys.tagging.certificate", "root keys only");
    let root_a = "[[keys]]\nname      = \"root-a\"\n";
    let with = format!("{root_a}{certificate}");
    refused(TUF, root_a, &with, "keys.root-a.certificate", "notary1 plans only");
    accepted(TUF, root_a, root_a);
}

#[test]
fn a_notary1_root_key_is_ecdsa_and_an_rsa_key_is_in_a_pkcs11_token() {
    let from = "algorithm   = \"p256\" ";
    let place = "keys.root-a.algorithm";
    refused(NOTARY, from, "algorithm = \"ed25519\" ", place, "p256 or p384");
    accepted(NOTARY, from, "algorithm = \"p384\" ");
    let from = "algorithm = \"p256\"\n";
    refused(TUF, from, "algorithm = \"rsa\"\n", place, "rsa signs here only in a PKCS#11 token");
    accepted(TUF, from, "algorithm = \"ed25519\"\n");
}

#[test]
fn only_an_age_key_made_here_leaves_and_only_onto_keys() {
    let from = "leaves    = { medium = \"KEYS\", as = \"notary\" }";
    let place = "keys.tagging.leaves";
    let to = |text: &str| format!("leaves = {{ {text} }}");
    let out = to("medium = \"OUT\", as = \"notary\"");
    refused(NOTARY, from, &out, &format!("{place}.medium"), "a medium with role \"keys\"");
    refused(
        NOTARY,
        from,
        &to("medium = \"KEYS\", as = \"age\""),
        &format!("{place}.to"),
        "at least",
    );
    let short = to("medium = \"KEYS\", as = \"age\", to = [\"age1abc\"]");
    refused(NOTARY, from, &short, &format!("{place}.to"), "an age recipient");
    let idle = to(&format!("medium = \"KEYS\", as = \"notary\", to = [\"{RECIPIENT}\"]"));
    refused(NOTARY, from, &idle, &format!("{place}.to"), "beside as = \"age\"");
    accepted(
        NOTARY,
        from,
        &to(&format!("medium = \"KEYS\", as = \"age\", to = [\"{RECIPIENT}\"]")),
    );
    let root = format!("{ROOT_A}leaves = {{ medium = \"KEYS\", as = \"notary\" }}\n");
    refused(NOTARY, ROOT_A, &root, "keys.root-a.leaves", "an age store only");
}

#[test]
fn stores_name_a_place_that_can_exist() {
    let from = "{ yubikey = { serial = 10000001, slot = \"9c\" } }";
    for good in ["9a", "9e", "82", "95"] {
        accepted(TUF, from, &from.replace("9c", good));
    }
    for bad in ["9b", "81", "96", "9C", ""] {
        let to = from.replace("9c", bad);
        refused(TUF, from, &to, "keys.root-a.store.yubikey.slot", "9a, 9c, 9d, 9e or 82 to 95");
    }
    let token = |module: &str, serial: &str, id: &str| {
        format!("{{ pkcs11 = {{ module = \"{module}\", serial = \"{serial}\", id = \"{id}\" }} }}")
    };
    accepted(TUF, from, &token("/usr/lib/p11.so", "A1", "0a"));
    for (bad, field) in [
        (token("p11.so", "A1", "0a"), "module"),
        (token("/p11.so", "", "0a"), "serial"),
        (token("/p11.so", "A1", "0"), "id"),
        (token("/p11.so", "A1", ""), "id"),
    ] {
        refused(TUF, from, &bad, &format!("keys.root-a.store.pkcs11.{field}"), "expected");
    }
    accepted(TUF, from, "{ pkcs11 = \"pkcs11:serial=A1;id=%0a?module-path=/usr/lib/p11.so\" }");
    for (uri, says) in [
        ("pkcs11:serial=A1;id=%0a", "the attribute module-path is missing"),
        ("pkcs11:serial=A1;id=%0a?module-path=/p11.so&pin-value=1", "pin-value is not taken"),
        ("https://example.com", "expected a PKCS#11 URI"),
    ] {
        let text = changed(TUF, from, &format!("{{ pkcs11 = \"{uri}\" }}"));
        let why = Plan::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(why.contains(says), "{why}");
    }
    let recovery = |to: &str| format!("{{ age = {{ recovery = [\"{to}\"] }} }}");
    accepted(TUF, from, &recovery(RECIPIENT));
    refused(
        TUF,
        from,
        &recovery("ssh-ed25519 A"),
        "keys.root-a.store.age.recovery",
        "an age recip",
    );
}
