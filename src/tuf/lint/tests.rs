//! For every rule a document that breaks it; the documents that they are made from break none.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use super::*;
use crate::tuf::tests::{
    Doc, GUN, NOTARY, TUF, certificate, forged, hash, listed, object, role, root, root_of,
    snapshot, targets, text, timestamp, x509,
};
use crate::tuf::wire::json::{Json, MAX_INTEGER};

const AT: &str = "2028-01-01T00:00:00Z";

fn asked() -> Asked {
    Asked {
        at: AT.parse().unwrap(),
        clients: BTreeSet::new(),
        ours: None,
        gun: Some(GUN.to_owned()),
    }
}

fn found(docs: &[Doc], asked: &Asked) -> Vec<Finding> {
    let read: Vec<_> =
        docs.iter().map(|doc| (doc, doc.role.parse().unwrap(), doc.read())).collect();
    let subjects: Vec<_> = read
        .iter()
        .map(|(doc, role, document)| Subject {
            name: doc.role,
            repository: doc.repository,
            role,
            document,
        })
        .collect();
    lint(&subjects, asked)
}

fn names(docs: &[Doc], asked: &Asked) -> BTreeSet<&'static str> {
    found(docs, asked).iter().map(|finding| finding.rule.name).collect()
}

/// An RSA key of so many bits; nobody holds its private half.
fn rsa(bits: usize) -> (String, Json) {
    rsa_of(&vec![0xff; bits / 8])
}

/// An RSA key with this modulus, whose first bit is set.
fn rsa_of(number: &[u8]) -> (String, Json) {
    let tlv = |tag: u8, content: &[u8]| -> Vec<u8> {
        let header = if let Ok(short) = u8::try_from(content.len()) {
            vec![tag, 0x81, short]
        } else {
            let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
            vec![tag, 0x82, high, low]
        };
        [header.as_slice(), content].concat()
    };
    let modulus = [&[0], number].concat();
    let numbers = [tlv(2, &modulus), vec![2, 3, 1, 0, 1]].concat();
    let bits = [vec![0], tlv(0x30, &numbers)].concat();
    let oid = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
    let spki = tlv(0x30, &[oid.to_vec(), tlv(3, &bits)].concat());
    let pem = der::pem::encode_string("PUBLIC KEY", der::pem::LineEnding::LF, &spki).unwrap();
    keyed(&pem, "rsa", "rsassa-pss-sha256")
}

fn keyed(public: &str, keytype: &str, scheme: &str) -> (String, Json) {
    let key = Json::object([
        ("keytype", text(keytype)),
        ("scheme", text(scheme)),
        ("keyval", Json::object([("public", text(public))])),
    ]);
    (TUF.key_id(&key).to_string(), key)
}

fn p256_pem() -> String {
    forged("p", NOTARY).public_key().to_pem()
}

fn hex_point() -> String {
    let key = forged("p", NOTARY);
    let spki = key.public_key().spki_der();
    data_encoding::HEXLOWER.encode(spki.get(spki.len() - 65..).unwrap())
}

fn with_member(name: &str) -> (String, Json) {
    let (_, mut key) = listed("r1", TUF);
    if let Json::Object(members) = &mut key {
        members.insert(name.to_owned(), Json::Array(vec![text("sha256")]));
    }
    (TUF.key_id(&key).to_string(), key)
}

const DELEGATION: &str = "delegations|roles|0";

fn second_delegation(doc: Doc) -> Doc {
    let mut doc = doc;
    if let Json::Array(roles) = doc.at("delegations|roles") {
        let again = roles.first().unwrap().clone();
        roles.push(again);
    }
    doc
}

/// The delegation to `releases` and one to `other`, each with a path.
fn two_delegations(dialect: Dialect, paths: [&str; 2], terminating: bool) -> Doc {
    let mut doc = second_delegation(targets(dialect));
    for (nth, path) in paths.into_iter().enumerate() {
        doc = doc.set(&format!("delegations|roles|{nth}|paths"), Json::Array(vec![text(path)]));
    }
    let name = if dialect == TUF { "other" } else { "targets/other" };
    doc = doc.set("delegations|roles|1|name", name);
    if dialect == TUF { doc.set(&format!("{DELEGATION}|terminating"), terminating) } else { doc }
}

fn bins(bits: i64) -> Json {
    Json::object([
        ("bit_length", Json::Integer(bits)),
        ("name_prefix", text("bin")),
        ("keyids", Json::Array(vec![text(&listed("d", TUF).0)])),
        ("threshold", Json::Integer(1)),
    ])
}

fn expect(rule: &'static str, doc: Doc) -> (&'static str, Vec<Doc>) {
    (rule, vec![doc])
}

/// Every rule with a document, or several, that break it.
fn cases() -> Vec<(&'static str, Vec<Doc>)> {
    let mut cases = of_roots();
    cases.extend(of_keys());
    cases.extend(of_certificates());
    cases.extend(of_bytes_and_signatures());
    cases.extend(of_targets());
    cases.extend(of_several());
    cases.extend(of_clients());
    cases
}

fn of_roots() -> Vec<(&'static str, Vec<Doc>)> {
    let (t, r1) = (listed("t", TUF).0, listed("r1", TUF));
    let one = role(std::slice::from_ref(&r1.0), 1);
    let twice = |path: &str| root(TUF).key(path, ("second".to_owned(), r1.1.clone()));
    let mut repeated = root(TUF);
    if let Json::Array(ids) = repeated.at("roles|root|keyids") {
        ids.push(text(&r1.0));
    }
    vec![
        expect("threshold-zero", root(TUF).set("roles|root|threshold", 0)),
        expect("threshold-zero", root(TUF).set("roles|snapshot|threshold", -1)),
        expect("threshold-above-keys", root(TUF).set("roles|root|threshold", 4)),
        expect("threshold-one", root(NOTARY).set("roles|root|threshold", 1)),
        expect("threshold-all-of-n", root(TUF).set("roles|root|threshold", 3)),
        expect("threshold-one-below-root", root(TUF)),
        expect("same-key-twice", twice("root")),
        expect("key-id-repeated", repeated),
        expect("key-id-not-listed", root(TUF).without("keys", &t)),
        expect("key-unused", root(TUF).set("keys|other", listed("x", TUF).1)),
        expect("key-in-several-roles", root(TUF).set("roles|targets", one)),
        expect("role-missing", root(TUF).without("roles", "snapshot")),
        expect("role-extra", root(TUF).set("roles|mirrors", role(&[t], 1))),
        expect("expires-in-the-past", root(TUF).set("expires", AT)),
        expect("expires-soon", root(TUF).set("expires", "2028-06-28T00:00:00Z")),
        expect("expires-soon", targets(TUF).set("expires", "2028-01-30T00:00:00Z")),
        expect("expiry-beyond-policy", root(NOTARY).set("expires", "2048-01-01T00:00:01Z")),
        expect("date-with-fraction", root(TUF).set("expires", "2030-01-01T00:00:00.5Z")),
        expect("date-with-offset", root(TUF).set("expires", "2030-01-01T00:00:00+02:00")),
        expect("date-in-other-form", root(TUF).set("expires", "2030-01-01T00:00:00.100Z")),
        expect("date-in-other-form", root(NOTARY).set("expires", "2030-01-01T00:00:00+00:00")),
        expect("version-zero", root(TUF).set("version", 0)),
        expect("version-near-the-end", targets(TUF).set("version", MAX_INTEGER)),
        expect("version-near-the-end", timestamp(NOTARY).set("version", MAX_INTEGER - 999_999)),
        expect("version-beyond-32-bits", snapshot(TUF).set("version", i64::from(i32::MAX))),
        expect("spec-version", root(TUF).set("spec_version", "2.0")),
        expect("consistent-snapshot-off", root(TUF).set("consistent_snapshot", false)),
        expect("consistent-snapshot-on", root(NOTARY).set("consistent_snapshot", true)),
    ]
}

fn of_keys() -> Vec<(&'static str, Vec<Doc>)> {
    let r1 = listed("r1", TUF);
    let upper = |(_, key): (String, Json)| {
        let text = String::from_utf8(key.canonical()).unwrap();
        let public = text.split("\"public\":\"").nth(1).unwrap().split('"').next().unwrap();
        keyed(&public.to_uppercase(), "ed25519", "ed25519")
    };
    let add = |key| root(TUF).key("root", key);
    vec![
        expect("key-id-not-the-hash", root(TUF).rekey(("mine".to_owned(), r1.1.clone()))),
        expect(
            "keytype-obsolete",
            add(keyed(&p256_pem(), "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256")),
        ),
        expect("keyid-hash-algorithms", root(TUF).rekey(with_member("keyid_hash_algorithms"))),
        expect("hex-point", add(keyed(&hex_point(), "ecdsa", "ecdsa-sha2-nistp256"))),
        expect("key-in-other-form", root(TUF).rekey(upper(r1.clone()))),
        expect("scheme-does-not-fit", add(keyed(&p256_pem(), "ecdsa", "ed25519"))),
        expect("scheme-uncommon", {
            let (_, key) = rsa(3072);
            let mut doc = add(("rsa".to_owned(), key));
            doc = doc.set("keys|rsa|scheme", "rsa-pkcs1v15-sha256");
            doc
        }),
        expect("weak-rsa", add(rsa(1024))),
        expect("rsa-below-3072", add(rsa(2048))),
        expect("rsa-roca", {
            let weak = include_str!("../../../tests/data/keys/roca-modulus.hex").trim_end();
            add(rsa_of(&data_encoding::HEXLOWER.decode(weak.as_bytes()).unwrap()))
        }),
        expect("private-material", {
            let id = listed("t", NOTARY).0;
            root(NOTARY).set(&format!("keys|{id}|keyval|private"), "AAAA")
        }),
        expect("private-material", root(TUF).set("note", "-----BEGIN PRIVATE KEY-----")),
    ]
}

fn of_certificates() -> Vec<(&'static str, Vec<Doc>)> {
    let authority = include_str!("../../../tests/data/certificates/authority.pem");
    let sha1 = include_str!("../../../tests/data/certificates/sha1.pem");
    let with = |pem: &str| root(NOTARY).rekey(x509(pem));
    let made = |name: &str, from: &str| with(&certificate("r1", name, from));
    let early = "2027-01-01T00:00:00Z";
    // The keys r1, r11 and r21 end in one year.
    let together = root_of(NOTARY, ["r1", "r11", "r21"], "t");
    vec![
        expect("certificate-missing", root(NOTARY).key("root", listed("x", NOTARY))),
        expect("certificate-ended", root(NOTARY)),
        expect("certificate-ends-soon", root(NOTARY)),
        expect("certificate-before-root", root(NOTARY).set("expires", "2055-01-01T00:00:00Z")),
        expect("certificates-end-together", together),
        expect("certificate-not-yet-valid", made(GUN, "2028-01-02T00:00:01Z")),
        expect("certificate-name", made("", early)),
        expect("certificate-name", made("example.com/b", early)),
        expect("certificate-is-ca", with(authority)),
        expect("certificate-form", with(&certificate("r1", GUN, early).replace('\n', "\r\n"))),
        expect("certificate-sha1", with(sha1)),
        expect("certificate-eku", with(sha1)),
        expect("certificate-not-self-signed", with(sha1)),
        expect(
            "certificate-bundle",
            with(&format!("{}{authority}", certificate("r1", GUN, early))),
        ),
    ]
}

fn of_bytes_and_signatures() -> Vec<(&'static str, Vec<Doc>)> {
    let (r1, r2) = (listed("r1", TUF), listed("r2", TUF));
    let (id1, id2) = (r1.0.as_str(), r2.0.as_str());
    let by = |signers: &[(&str, &'static str)]| root(TUF).signed_by(signers);
    let three = |last: (&str, &'static str)| by(&[(id1, "r1"), (id2, "r2"), last]);
    let again = root(TUF).key("root", ("second".to_owned(), r1.1.clone()));
    let capitals = |text: String| text.replace("\"method\":\"ecdsa\"", "\"method\":\"ECDSA\"");
    let upper = hash(TUF);
    let upper = String::from_utf8(upper.canonical()).unwrap().replace('"', "").replace('7', "A");
    vec![
        expect("silent-brick", root(NOTARY).bytes(|text| text + "\n")),
        expect("silent-brick", root(NOTARY).bytes(capitals)),
        expect("silent-brick", targets(NOTARY).without("", "delegations")),
        expect(
            "written-differently",
            snapshot(TUF).set(
                "meta|targets.json|hashes",
                Json::object([("sha256", Json::text(upper.as_str()))]),
            ),
        ),
        expect("unsigned-member", root(TUF).bytes(|text| text.replacen('{', "{\"note\":1,", 1))),
        expect("unknown-member", root(TUF).set("x-mine", true)),
        expect("unknown-member", root(NOTARY).set("roles|root|x-mine", true)),
        expect("signature-empty", three(("x", "x")).bytes(empty_last)),
        expect("signature-foreign", three((&listed("x", TUF).0, "x"))),
        expect("signature-wrong", three((&listed("r3", TUF).0, "x"))),
        expect("signature-again", again.signed_by(&[(id1, "r1"), (id2, "r2"), ("second", "r1")])),
        expect("signature-key-id-twice", three((id1, "r1"))),
        expect(
            "signature-member",
            root(TUF).bytes(|text| text.replacen("{\"keyid\"", "{\"at\":1,\"keyid\"", 1)),
        ),
        expect("threshold-not-reached", by(&[(id1, "r1")])),
    ]
}

/// Takes the last signature out of its quotes.
#[expect(clippy::needless_pass_by_value, reason = "a change of bytes takes and gives text")]
fn empty_last(text: String) -> String {
    let (before, after) = text.rsplit_once("\"sig\":\"").unwrap();
    let (_, rest) = after.split_once('"').unwrap();
    format!("{before}\"sig\":\"\"{rest}")
}

fn of_targets() -> Vec<(&'static str, Vec<Doc>)> {
    let named = |dialect, name: &str| targets(dialect).set(&format!("{DELEGATION}|name"), name);
    let paths = || Json::Array(Vec::new());
    let with_bins = |bits| targets(TUF).set("delegations|succinct_roles", bins(bits));
    vec![
        expect("target-without-hash", targets(NOTARY).set("targets|v1|hashes", object([]))),
        expect("hash-length", targets(TUF).set("targets|v1|hashes|sha256", "abcd")),
        expect("hash-unknown", targets(TUF).set("targets|v1|hashes|md5", "abcd")),
        expect("meta-without-sha256", snapshot(NOTARY).without("meta|root|hashes", "sha256")),
        expect("meta-missing", snapshot(NOTARY).without("meta", "root")),
        expect("meta-missing", timestamp(TUF).without("meta", "snapshot.json")),
        expect("meta-extra", {
            let entry = Json::object([("version", Json::Integer(1))]);
            timestamp(TUF).set("meta|other.json", entry)
        }),
        expect("delegation-name", named(TUF, "a/b")),
        expect("delegation-name", named(NOTARY, "targets/Bad")),
        expect("delegation-name", named(NOTARY, "releases")),
        expect("delegation-name-reserved", named(TUF, "snapshot")),
        expect("delegation-name-twice", second_delegation(targets(TUF))),
        expect(
            "delegation-without-paths",
            targets(NOTARY).set(&format!("{DELEGATION}|paths"), paths()),
        ),
        expect("delegation-without-paths", targets(TUF).without(DELEGATION, "paths")),
        expect(
            "delegation-paths-and-prefixes",
            targets(TUF).set(&format!("{DELEGATION}|path_hash_prefixes"), paths()),
        ),
        expect("delegations-overlap", two_delegations(TUF, ["v*", "*1"], false)),
        expect("delegations-overlap", two_delegations(NOTARY, ["v", "v1"], false)),
        expect("delegation-never-asked", two_delegations(TUF, ["v*", "v1"], true)),
        expect("succinct-roles", with_bins(4)),
        expect("succinct-roles", with_bins(0).without("delegations", "roles")),
        expect("deceptive-name", targets(TUF).set("targets|v\u{202e}1", file())),
        expect("deceptive-name", named(TUF, "re\u{200b}leases")),
    ]
}

fn file() -> Json {
    Json::object([("length", Json::Integer(7)), ("hashes", Json::object([("sha256", hash(TUF))]))])
}

fn elsewhere(mut doc: Doc) -> Doc {
    doc.repository = "b";
    doc
}

fn of_several() -> Vec<(&'static str, Vec<Doc>)> {
    let second = |version| root(TUF).set("version", version);
    let other = root_of(TUF, ["q1", "q2", "q3"], "u").set("version", 2);
    vec![
        ("no-authority", vec![targets(TUF), snapshot(TUF)]),
        ("root-not-followed", vec![root(TUF), other.clone()]),
        ("key-returned", vec![root(TUF), other.clone(), second(3)]),
        ("version-jump", vec![root(TUF), targets(TUF), targets(TUF).set("version", 100_002)]),
        ("root-version-gap", vec![root(TUF), second(3)]),
        ("historical-root-outside-control", vec![root(TUF), other]),
        ("key-in-several-repositories", vec![root(TUF), elsewhere(root(TUF))]),
        ("valid-elsewhere", vec![root(TUF), targets(TUF), elsewhere(root(TUF))]),
        ("threshold-not-reached", vec![root(TUF), targets(TUF).signed_by(&[("x", "x")])]),
    ]
}

fn of_clients() -> Vec<(&'static str, Vec<Doc>)> {
    let only_sha512 = |dialect| {
        let digest = match dialect {
            Dialect::Tuf1 => data_encoding::HEXLOWER.encode(&[7; 64]),
            Dialect::Notary1 => data_encoding::BASE64.encode(&[7; 64]),
        };
        let doc = targets(dialect).set("targets|v1|hashes|sha512", digest.as_str());
        doc.without("targets|v1|hashes", "sha256")
    };
    let prefixes = Json::Array(vec![text("ab")]);
    vec![
        expect("client-hash-prefixes", {
            let path = format!("{DELEGATION}|path_hash_prefixes");
            targets(TUF).set(&path, prefixes).without(DELEGATION, "paths")
        }),
        expect("client-succinct-roles", targets(TUF).set("delegations|succinct_roles", bins(4))),
        expect("client-sub-directories", targets(TUF).set("targets|a/b", file())),
        expect("client-key-ids", root(TUF).rekey(("mine".to_owned(), listed("r1", TUF).1))),
        expect("client-spec-version", root(TUF).set("spec_version", "1.0.31")),
        expect(
            "client-key-type",
            root(TUF).key("root", keyed(&p256_pem(), "ecdsa", "ecdsa-sha2-nistp256")),
        ),
        expect("client-p384", root(TUF).key("root", listed("p384", TUF))),
        expect(
            "client-hex-keys",
            root(TUF).key("root", keyed(&hex_point(), "ecdsa", "ecdsa-sha2-nistp256")),
        ),
        expect("client-dates", root(TUF).set("expires", "2030-01-01T00:00:00.5Z")),
        expect("client-size", root(TUF).set("x-filler", "x".repeat(512_000).as_str())),
        expect("client-sha256", only_sha512(TUF)),
        expect("client-sha256-docker", only_sha512(NOTARY)),
        expect(
            "client-tag",
            targets(NOTARY).set("targets|a/b", {
                Json::object([
                    ("length", Json::Integer(7)),
                    ("hashes", Json::object([("sha256", hash(NOTARY))])),
                ])
            }),
        ),
    ]
}

/// The time for which a case is judged, where it is another one.
fn asked_for(rule: &str) -> Asked {
    let at = match rule {
        "certificate-ended" => "2055-01-01T00:00:00Z",
        "certificate-ends-soon" => "2050-01-02T00:00:00Z",
        _ => AT,
    };
    Asked { at: at.parse().unwrap(), ..asked() }
}

#[test]
fn every_rule_finds_what_it_is_for() {
    for (nth, (rule, docs)) in cases().into_iter().enumerate() {
        let names = names(&docs, &asked_for(rule));
        assert!(names.contains(rule), "case {nth}: expected {rule}, found {names:?}");
    }
}

/// Each with the one bad thing put right.
#[test]
fn versions_keys_and_paths_as_they_should_be_are_not_told() {
    let at = |version: i64| targets(TUF).set("version", version);
    let second = |version| root(TUF).set("version", version);
    let other = root_of(TUF, ["q1", "q2", "q3"], "u");
    let last = i64::from(i32::MAX) - 1_000_000;
    for (rule, docs) in [
        ("version-near-the-end", vec![at(MAX_INTEGER - 1_000_000)]),
        ("version-beyond-32-bits", vec![at(last)]),
        ("version-jump", vec![root(TUF), at(1), at(100_001)]),
        ("version-jump", vec![root(TUF), at(1), at(60_000), at(120_000)]),
        ("key-returned", vec![root(TUF), second(2), other.set("version", 3)]),
        ("rsa-roca", vec![root(TUF).key("root", rsa(2048))]),
        ("delegations-overlap", vec![two_delegations(TUF, ["v*", "w*"], true)]),
        ("delegations-overlap", vec![two_delegations(NOTARY, ["v", "w"], false)]),
        ("delegation-never-asked", vec![two_delegations(TUF, ["v*", "v1"], false)]),
        ("delegation-never-asked", vec![two_delegations(TUF, ["v*", "*1"], true)]),
    ] {
        assert!(!names(&docs, &asked()).contains(rule), "{rule}");
    }
}

#[test]
fn every_rule_has_a_case() {
    let tried: BTreeSet<_> = cases().into_iter().map(|(rule, _)| rule).collect();
    // These two need no document, or a client that was named: they have tests of their own.
    let own = ["not-a-document", "client-dialect"];
    let missing: Vec<_> = RULES
        .iter()
        .map(|rule| rule.name)
        .filter(|name| !tried.contains(name) && !own.contains(name))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn documents_that_break_no_rule_raise_nothing_but_the_usual() {
    for dialect in [TUF, NOTARY] {
        let docs = [root(dialect), targets(dialect), snapshot(dialect), timestamp(dialect)];
        // Ed25519 keys, 1.0.0, no folders: no client objects either.
        let usual = BTreeSet::from(["threshold-one-below-root"]);
        assert_eq!(names(&docs, &asked()), usual, "{dialect}");
        for doc in docs {
            let alone = names(std::slice::from_ref(&doc), &asked());
            assert!(alone.is_subset(&usual), "{dialect} {}: {alone:?}", doc.role);
        }
    }
}

#[test]
fn a_rule_about_clients_is_a_note_unless_its_client_was_named() {
    let docs = [root(TUF).set("spec_version", "1.0.31")];
    let severity = |clients: &[Client]| {
        let asked = Asked { clients: clients.iter().copied().collect(), ..asked() };
        let found = found(&docs, &asked);
        found.iter().find(|f| f.rule.name == "client-spec-version").map(|f| f.severity)
    };
    assert_eq!(severity(&[]), Some(Severity::Note));
    assert_eq!(severity(&[Client::RustTuf]), Some(Severity::Fail));
    assert_eq!(severity(&[Client::GoTuf]), None);
}

#[test]
fn a_client_of_the_other_dialect_is_named() {
    let asked = Asked { clients: [Client::Docker, Client::GoTuf].into(), ..asked() };
    let found = found(&[root(TUF)], &asked);
    let dialects: Vec<_> = found.iter().filter(|f| f.rule.name == "client-dialect").collect();
    assert_eq!(dialects.len(), 1);
    assert_eq!(dialects.first().unwrap().clients, [Client::Docker]);
}

#[test]
fn an_earlier_root_may_have_expired_and_its_keys_may_be_ours() {
    let first = root(TUF).set("expires", "2027-01-01T00:00:00Z");
    let second = root(TUF).set("version", 2);
    let docs = [first.clone(), second];
    assert!(!names(&docs, &asked()).contains("expires-in-the-past"));
    assert!(!names(&docs, &asked()).contains("historical-root-outside-control"));
    assert!(names(&[first], &asked()).contains("expires-in-the-past"));
    // By a list of ours that has none of them, both roots are out of our hands.
    let nobody = Asked { ours: Some(BTreeSet::new()), ..asked() };
    let outside = found(&docs, &nobody);
    let outside = outside.iter().filter(|f| f.rule.name == "historical-root-outside-control");
    assert_eq!(outside.count(), 2);
}

#[test]
fn lists_are_counted_and_only_their_beginning_is_shown() {
    let mut doc = targets(NOTARY);
    for nth in 0..31 {
        let file = Json::object([("length", Json::Integer(nth)), ("hashes", object([]))]);
        doc = doc.set(&format!("targets|tag{nth}"), file);
    }
    let found = found(&[doc], &asked());
    let bare: Vec<_> = found.iter().filter(|f| f.rule.name == "target-without-hash").collect();
    assert_eq!(bare.len(), 1);
    assert!(bare.first().unwrap().found.starts_with("31, showing 5: tag0, "));
}

#[test]
fn names_of_rules_are_unique_and_plain() {
    let names: BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), RULES.len());
    for rule in RULES {
        assert!(
            rule.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        );
        assert!(rule.reason.ends_with('.') && rule.fix.ends_with('.'), "{}", rule.name);
        assert!(rule.tuf1.is_some() || rule.notary1.is_some(), "{}", rule.name);
    }
}
