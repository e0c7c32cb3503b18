//! The plans of the changes of a root, as texts.

use anchorite::ceremony::roster::carried_challenge;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::Dialect;
use anchorite::tuf::forge::ForgedKey;
use anchorite::tuf::key::Algorithm;

use super::sample::*;

const YUBI_A2: &str = "{ yubikey = { serial = 18158911, slot = \"9c\" } }";
const YUBI_B2: &str = "{ yubikey = { serial = 18158922, slot = \"9c\" } }";
const YUBI_C2: &str = "{ yubikey = { serial = 18158933, slot = \"9c\" } }";

/// The line of a certificate, in the dialect that has them.
pub(crate) fn certificate(sample: &Sample, valid_for: &str) -> String {
    match sample.dialect {
        Dialect::Notary1 => format!("certificate = {{ valid_for = \"{valid_for}\" }}\n"),
        Dialect::Tuf1 => String::new(),
    }
}

fn text(
    kind: &'static str,
    codename: &'static str,
    title: &'static str,
    before: &str,
    body: String,
) -> Text {
    Text { kind, codename, title, before: before.to_owned(), body, ..Text::default() }
}

/// A file is the home of a root key in the sample of the TUF dialect.
fn waived(sample: &Sample) -> &'static str {
    match sample.dialect {
        Dialect::Notary1 => "",
        Dialect::Tuf1 => WAIVE_FILE_ROOT,
    }
}

/// The name of the key of targets.
pub(crate) fn signer(sample: &Sample) -> &'static str {
    match sample.dialect {
        Dialect::Notary1 => "tagging",
        Dialect::Tuf1 => "release",
    }
}

pub(crate) fn three() -> &'static str {
    "\"root-a\", \"root-b\", \"root-c\""
}

/// Root and targets once more, with later dates.
pub(crate) fn refresh(sample: &Sample) -> Text {
    let signer = signer(sample);
    let mut body = root_keys(sample);
    body += &here(sample, signer, "Releaser", AGE);
    body += &role("root", three(), 2, Some("10 years"));
    let years = match sample.dialect {
        Dialect::Notary1 => "3 years",
        Dialect::Tuf1 => "5 years",
    };
    body += &role("targets", &format!("\"{signer}\""), 1, Some(years));
    body += waived(sample);
    text("refresh", "STARLING", "Root and targets once more, with later dates", "", body)
}

/// Everybody gets another token.
pub(crate) fn rotate_root(sample: &Sample) -> Text {
    let mut body = root_keys(sample);
    for (key, holder, store, years) in [
        ("root-a2", "Custodian A", YUBI_A2, "25 years"),
        ("root-b2", "Custodian B", YUBI_B2, "26 years"),
        ("root-c2", "Custodian C", YUBI_C2, "27 years"),
    ] {
        body += &made(key, holder, store, "p256", &certificate(sample, years));
    }
    body += &role("root", "\"root-a2\", \"root-b2\", \"root-c2\"", 2, Some("10 years"));
    let before = "also_sign    = [\"root-a\", \"root-b\", \"root-c\"]\n";
    text("rotate-root", "KESTREL", "Every root key moves to another token", before, body)
}

/// Custodian C leaves, and is not there; Custodian D comes.
pub(crate) fn replace_custodian(sample: &Sample) -> Text {
    let body = c_becomes_d(sample);
    text("replace-custodian", "PLOVER", "Custodian D in the place of Custodian C", "", body)
}

pub(crate) fn c_becomes_d(sample: &Sample) -> String {
    let mut body = here(sample, "root-a", "Custodian A", YUBI_A);
    body += &here(sample, "root-b", "Custodian B", YUBI_B);
    body += &made("root-d", "Custodian D", YUBI_D, "p256", &certificate(sample, "28 years"));
    body + &role("root", "\"root-a\", \"root-b\", \"root-d\"", 2, Some("10 years"))
}

/// The keys of what is signed online are replaced.
pub(crate) fn rotate_online(sample: &Sample) -> Text {
    let mut body = root_keys(sample);
    let mut inputs = Vec::new();
    let key = match sample.dialect {
        Dialect::Notary1 => {
            let forged = new_online_key("server-snapshot-2");
            let (id, listed) = Dialect::Notary1.list_key(forged.public_key()).unwrap();
            inputs.push(("new/snapshot.key".to_owned(), listed.wire.canonical()));
            body += &format!(
                "\n[[keys]]\nname      = \"server-snapshot-2\"\nalgorithm = \"ed25519\"\n\
                 server    = {{ medium = \"IN\", file = \"new/snapshot.key\", id = \"{id}\" }}\n"
            );
            "server-snapshot-2"
        }
        Dialect::Tuf1 => {
            let forged = new_online_key("online-2");
            let public = forged.public_key();
            let name = "online-2".parse().unwrap();
            let message = carried_challenge(&"updates.example.com".parse().unwrap(), &name, public);
            let proof = format!("{}\n", String::from(forged.sign(&message)));
            inputs.push(("new/online-2.pub".to_owned(), public.to_pem().into_bytes()));
            inputs.push(("new/online-2.proof".to_owned(), proof.into_bytes()));
            body += &format!(
                "\n[[keys]]\nname      = \"online-2\"\nholder    = \"Releaser\"\n\
                 algorithm = \"ed25519\"\nenrol     = {{ medium = \"IN\", public = \"new/online-2.pub\", \
                 proof = \"new/online-2.proof\", fingerprint = \"{}\", confirmed_by = \"Releaser\", \
                 source = \"read over the phone\" }}\n",
                public.fingerprint()
            );
            "online-2"
        }
    };
    body += &role("root", three(), 2, Some("10 years"));
    body +=
        &format!("\n[roles.snapshot]\nkeys = [\"{key}\"]\nthreshold = 1\nsigned = \"online\"\n");
    if sample.dialect == Dialect::Tuf1 {
        body += &format!(
            "\n[roles.timestamp]\nkeys = [\"{key}\"]\nthreshold = 1\nsigned = \"online\"\n"
        );
    }
    body += waived(sample);
    let title = "Another key for what is signed online";
    Text { inputs, ..text("rotate-online", "SWIFT", title, "", body) }
}

fn new_online_key(name: &str) -> ForgedKey {
    ForgedKey::new(&Digest::of(b"the online side of the samples"), name, Algorithm::Ed25519)
        .unwrap()
}

/// The key of Custodian C may be somebody else's.
pub(crate) fn root_compromise(sample: &Sample) -> Text {
    let body = c_becomes_d(sample) + &compromised(sample, "root-c");
    let title = "The token of Custodian C is lost";
    text("root-compromise", "HARRIER", title, "", body)
}

pub(crate) fn compromised(sample: &Sample, key: &str) -> String {
    format!(
        "\n[[compromised]]\nfingerprint = \"{}\"\nsince       = 2026-11-20T00:00:00Z\n\
         reason      = \"a bag with the token in it was stolen\"\n",
        sample.fingerprint(key)
    )
}

/// The repository is taken over as it is.
pub(crate) fn adopt(_: &Sample) -> Text {
    text("adopt", "CURLEW", "A repository that exists is taken over", "", String::new())
}

/// Every change of a root, by kind.
pub(crate) fn all(sample: &Sample) -> Vec<Text> {
    vec![
        refresh(sample),
        rotate_root(sample),
        replace_custodian(sample),
        rotate_online(sample),
        root_compromise(sample),
        adopt(sample),
    ]
}
