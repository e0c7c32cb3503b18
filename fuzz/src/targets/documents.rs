//! Trust metadata: JSON, documents of both dialects, certificates, keys, and that nothing forged is believed.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use anchorite::tuf::document::Dialect;
use anchorite::tuf::key::{Algorithm, PublicKey};
use anchorite::tuf::name::RoleName;
use anchorite::tuf::root::Root;
use anchorite::tuf::signature::{Hash, Signature};
use anchorite::tuf::signed::{Body, Signed, sniff};
use anchorite::tuf::snapshot::{Snapshot, Timestamped};
use anchorite::tuf::targets::Targets;
use anchorite::tuf::verify::{Authority, Candidate};
use anchorite::tuf::wire::canonical::Style;
use anchorite::tuf::wire::certificate::Certificate;
use anchorite::tuf::wire::json::{Json, Limits, parse};
use anchorite::tuf::wire::notary1;

use crate::forge::{Delegation, Repository, entry};

const REAL: [&[u8]; 8] = [
    include_bytes!("../../../tests/data/notary-v1/meta/1.root.json"),
    include_bytes!("../../../tests/data/notary-v1/meta/5.root.json"),
    include_bytes!("../../../tests/data/notary-v1/meta/6.root.json"),
    include_bytes!("../../../tests/data/notary-v1/meta/10-witness/targets.json"),
    include_bytes!("../../../tests/data/notary-v1/meta/10-witness/targets/releases.json"),
    include_bytes!("../../../tests/data/notary-v1/meta/10-witness/snapshot.json"),
    include_bytes!("../../../tests/data/notary-v1/meta/10-witness/timestamp.json"),
    include_bytes!("../../../tests/data/notary-v1/meta/01-init/targets.json"),
];

/// Documents of a repository made here, in the order root, targets, snapshot, timestamp, delegation.
fn forged(dialect: Dialect) -> Vec<Vec<u8>> {
    let below = Delegation {
        name: "targets/releases",
        paths: &["", "v*"],
        terminating: true,
        targets: vec![("v2".to_owned(), entry(dialect, b"two"))],
    };
    let mut repository = Repository::signing(dialect, "v1 <&> \u{e9}\u{2028}", b"one");
    repository.delegations.push(below);
    let Json::Object(mut members) = entry(dialect, b"three") else { unreachable!() };
    members.insert("custom".to_owned(), Json::object([("a", Json::Integer(-1))]));
    members.insert("x".to_owned(), Json::Array(vec![Json::Null, Json::Bool(true)]));
    repository.targets.push(("three".to_owned(), Json::Object(members)));
    let made = repository.documents().1;
    ["root", "targets", "snapshot", "timestamp", "targets/releases"]
        .iter()
        .map(|name| made[*name].clone())
        .collect()
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let real = REAL.iter().map(|bytes| bytes.to_vec());
    real.chain(forged(Dialect::Notary1)).chain(forged(Dialect::Tuf1)).collect()
}

/// What was read and written again reads the same, in every form.
pub(crate) fn json(bytes: &[u8]) {
    let Ok(value) = parse(bytes, Limits { bytes: 1 << 20, depth: 32 }) else { return };
    let limits = Limits { bytes: 8 << 20, depth: 32 };
    for again in [value.compact(), value.go_compact()] {
        assert_eq!(parse(&again, limits).as_ref(), Ok(&value));
    }
    // Canonical JSON holds control characters raw, so that it may be no JSON; where it is, it is that of the same value.
    let canonical = value.canonical();
    if let Ok(again) = parse(&canonical, limits) {
        assert_eq!(again, value);
    }
}

pub(crate) fn document(bytes: &[u8]) {
    for dialect in [Dialect::Notary1, Dialect::Tuf1] {
        one::<Root>(dialect, bytes);
        one::<Targets>(dialect, bytes);
        one::<Snapshot>(dialect, bytes);
        one::<Timestamped>(dialect, bytes);
    }
}

fn one<T: Body + PartialEq + std::fmt::Debug>(dialect: Dialect, bytes: &[u8]) {
    let read = match Signed::<T>::read(dialect, bytes) {
        Ok(read) => read,
        Err(why) => {
            let _ = why.to_string();
            return;
        }
    };
    assert_eq!(sniff(bytes), Some((dialect, T::KIND.to_owned())));
    let written = read.reemitted();
    let again = Signed::<T>::read(dialect, &written).expect("what we write is read");
    assert_eq!(again.peek(), read.peek());
    assert_eq!(again.signatures(), read.signatures());
    assert_eq!(again.reemitted(), written);
    let mut canonical = Vec::new();
    read.peek().write(dialect, Style::Canonical, &mut canonical);
    assert_eq!(again.signing_bytes(), canonical);
}

/// The authorities of the seeds, and every document that their keys ever signed.
struct Known {
    authorities: Vec<Authority>,
    signed: BTreeSet<Vec<u8>>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let mut known = Known { authorities: Vec::new(), signed: BTreeSet::new() };
    for bytes in seeds() {
        let value = parse(&bytes, Limits::default()).expect("a seed is JSON");
        known.signed.insert(value.member("signed").expect("a seed is a document").canonical());
        let Some((dialect, kind)) = sniff(&bytes) else { continue };
        if kind != "root" {
            continue;
        }
        let root = Candidate::read(dialect, &bytes).expect("a seed is a root");
        for role in
            [RoleName::root(), RoleName::targets(), RoleName::snapshot(), RoleName::timestamp()]
        {
            known.authorities.extend(Authority::stated_by(root.peek(), &role));
        }
    }
    assert!(known.authorities.len() > 15);
    known
});

/// Whatever reaches a threshold of keys that are known was signed by them, byte for byte.
pub(crate) fn forgery(bytes: &[u8]) {
    let Some((dialect, kind)) = sniff(bytes) else { return };
    match kind.as_str() {
        "root" => believed::<Root>(dialect, bytes),
        "targets" => believed::<Targets>(dialect, bytes),
        "snapshot" => believed::<Snapshot>(dialect, bytes),
        _ => believed::<Timestamped>(dialect, bytes),
    }
}

fn believed<T: Body>(dialect: Dialect, bytes: &[u8]) {
    let Ok(read) = Signed::<T>::read(dialect, bytes) else { return };
    for authority in &KNOWN.authorities {
        let tally = authority.tally(&read);
        assert!(tally.good.len() + tally.ignored.len() == read.signatures().len());
        if tally.reached() {
            assert!(KNOWN.signed.contains(read.signing_bytes()), "nobody signed this");
        }
    }
}

pub(crate) fn certificates() -> Vec<Vec<u8>> {
    let roots = seeds().into_iter().filter_map(|bytes| {
        let (dialect, _) = sniff(&bytes)?;
        Signed::<Root>::read(dialect, &bytes).ok()
    });
    roots
        .flat_map(|root| root.peek().keys.values().cloned().collect::<Vec<_>>())
        .filter_map(|key| key.certificate.map(String::into_bytes))
        .collect()
}

/// The input as PEM text, and as DER inside PEM.
pub(crate) fn certificate(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if text.starts_with("-----") {
        pem(&text);
    }
    if let Some(der) = text.split("-----").nth(2).and_then(|body| {
        let body: String = body.split_whitespace().collect();
        data_encoding::BASE64.decode(body.as_bytes()).ok()
    }) {
        // A mutation of the text seldom leaves good base64: mutate what is inside, too.
        for at in 0..der.len().min(4) {
            let place = usize::from(der[der.len() - 1 - at]) * 7919 % der.len();
            let mut other = der.clone();
            other[place] ^= 1 << (at % 8);
            pem(&wrapped(&other));
        }
    }
    pem(&wrapped(bytes));
}

fn wrapped(der: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

fn pem(text: &str) {
    let Ok(read) = Certificate::from_pem(text) else { return };
    let _ = (read.is_self_signed(), read.fits_gun("registry.example.com/team/app"));
    let _ = read.not_after.to_minute();
    assert_eq!(PublicKey::from_spki_der(read.public.spki_der()).as_ref(), Ok(&read.public));
    if let Ok((id, listed)) = notary1::list_certificate(text) {
        assert_eq!(listed.public, read.public);
        assert_eq!(id, Dialect::Notary1.key_id(&listed.wire));
    }
}

pub(crate) fn keys() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for bytes in seeds() {
        let Some((dialect, kind)) = sniff(&bytes) else { continue };
        if kind == "root" {
            let root = Signed::<Root>::read(dialect, &bytes).expect("a seed is a root");
            for key in root.peek().keys.values() {
                all.push(key.public.to_pem().into_bytes());
                all.push(key.public.spki_der().to_vec());
                all.push(key.wire.compact());
            }
            for entry in root.signatures() {
                let signature = Signature::Ecdsa { hash: Hash::Sha256, rs: entry.raw.clone() };
                all.extend(signature.to_ecdsa_der());
            }
        }
    }
    all
}

/// Public keys as PEM, DER, points and the server's JSON; signatures as DER.
pub(crate) fn key(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for key in [
        PublicKey::from_pem(&text),
        PublicKey::from_spki_der(bytes),
        PublicKey::from_sec1_point(bytes),
    ]
    .into_iter()
    .flatten()
    {
        assert_eq!(PublicKey::from_pem(&key.to_pem()).as_ref(), Ok(&key));
        assert_eq!(PublicKey::from_spki_der(key.spki_der()).as_ref(), Ok(&key));
        for dialect in [Dialect::Notary1, Dialect::Tuf1] {
            if let Some((id, listed)) = dialect.list_key(&key) {
                assert_eq!(id, dialect.key_id(&listed.wire));
                assert_eq!(listed.public, key);
            }
        }
    }
    if let Ok((id, listed)) = notary1::read_server_key(bytes) {
        let again = notary1::read_server_key(&listed.wire.compact());
        assert_eq!(again.ok(), Some((id, listed)));
    }
    for algorithm in [Algorithm::P256, Algorithm::P384] {
        if let Some(signature) = Signature::from_ecdsa_der(algorithm, Hash::Sha256, bytes) {
            let der = signature.to_ecdsa_der().expect("it is an ECDSA signature");
            assert_eq!(der, bytes, "two forms of one signature");
        }
    }
}
