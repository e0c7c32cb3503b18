//! Fleets of both dialects for tests: first roots of the shipped plans under many names, with the same keys in each.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anchorite::ceremony::before::Before;
use anchorite::ceremony::check::play;
use anchorite::ceremony::fleet::Line;
use anchorite::ceremony::fleet::list::documents_digest;
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::twin::{Purpose, Twin};
use anchorite::tuf::any::AnyDocument;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::Dialect;
use anchorite::tuf::time::Timestamp;
use anchorite::tuf::verify::RootDigest;

pub(crate) fn noon() -> Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

/// The first-root plan of a dialect under another name; its digest and so its stand-ins stay.
pub(crate) fn named(dialect: Dialect, name: &str) -> Twin {
    let file = format!("ceremonies/first-root-{dialect}/plan.toml");
    let mut plan = Plan::parse(&fs::read(file).unwrap()).unwrap();
    plan.repository.name = name.parse().unwrap();
    Twin::new(&plan, &Before::none(), Purpose::Check)
}

/// Puts repositories of these names and dialects on a medium, and gives the list.
pub(crate) fn lay(medium: &Path, repositories: &[(String, Dialect)]) -> String {
    lay_changed(medium, repositories, |_, _| {})
}

/// Documents by the names that clients ask for.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The same, with each repository's files changed.
pub(crate) fn lay_changed(
    medium: &Path,
    repositories: &[(String, Dialect)],
    change: impl Fn(&str, &mut Files),
) -> String {
    let mut list = String::new();
    for (name, dialect) in repositories {
        let mut files = play(&named(*dialect, name), noon()).unwrap().served().clone();
        change(name, &mut files);
        let folder = format!("r/{}", name.replace('/', "-"));
        for (path, bytes) in &files {
            let at = medium.join(&folder).join(path);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::write(at, bytes).unwrap();
        }
        let root = files.get("root.json").or_else(|| files.get("1.root.json")).unwrap();
        let line = Line {
            name: name.parse().unwrap(),
            dialect: *dialect,
            root: RootDigest::new(AnyDocument::read(root).unwrap().digest()),
            documents: documents_digest(&files),
            folder,
            set: (*dialect == Dialect::Notary1).then(|| "notary".parse().unwrap()),
        };
        list += &line.to_text();
    }
    list
}

/// Three repositories of both dialects, in the order of their names.
pub(crate) fn three() -> Vec<(String, Dialect)> {
    vec![
        ("registry.example.com/team/a".to_owned(), Dialect::Notary1),
        ("registry.example.com/team/b".to_owned(), Dialect::Notary1),
        ("updates.example.com".to_owned(), Dialect::Tuf1),
    ]
}

/// The waiver of a fleet that begins from no known-good state.
pub(crate) const UNREAD: &str = "\n[[waivers]]\nfinding = \"fleet-unread\"\nreason = \"its tags are in the change record\"\n\
                                 by = \"Administrator\"\n";

/// The plan that replaces the leaked tagging keys of a fleet with one new key.
pub(crate) fn plan(list: &str) -> String {
    let mut out = "anchorite = 1\nkind = \"rotate-tagging\"\ntitle = \"The tagging keys leaked\"\n\
                   codename = \"GANNET\"\n\n[fleet]\nname = \"fleet.example.com\"\nmedium = \"IN\"\n\
                   list = \"fleet.tsv\"\n\n[fleet.sets.notary]\nroot-a = \"n-root-a\"\n\
                   root-b = \"n-root-b\"\nroot-c = \"n-root-c\"\n"
        .to_owned();
    for (name, role) in [
        ("Administrator", "administrator"),
        ("Operator", "operator"),
        ("Custodian A", "custodian"),
        ("Custodian B", "custodian"),
        ("Custodian C", "custodian"),
        ("Releaser", "releaser"),
        ("Witness 1", "witness"),
    ] {
        let _ = write!(out, "\n[[people]]\nname = \"{name}\"\nroles = [\"{role}\"]\n");
    }
    for (name, role) in [("IN", "in"), ("OUT", "out")] {
        let _ = write!(out, "\n[[media]]\nname = \"{name}\"\nrole = \"{role}\"\n");
    }
    let _ = write!(
        out,
        "\n[[inputs]]\nmedium = \"IN\"\npath = \"fleet.tsv\"\nsha256 = \"{}\"\n\
         confirmed_by = \"Releaser\"\nsource = \"fetched from the servers, compared on a second machine\"\n",
        Digest::of(list.as_bytes())
    );
    let twins = [
        (named(Dialect::Tuf1, "x"), "", 18_158_855_u32),
        (named(Dialect::Notary1, "x"), "n-", 18_158_900),
    ];
    for (twin, prefix, serial) in &twins {
        for (key, holder, nth) in [
            ("root-a", "Custodian A", 0),
            ("root-b", "Custodian B", 1),
            ("root-c", "Custodian C", 2),
        ] {
            let name = key.parse().unwrap();
            let planned = twin.plan().key(&name).unwrap();
            let public = twin.key(&name).unwrap().public_key().clone();
            let algorithm = public.algorithm().to_string().to_lowercase().replace("ecdsa p-", "p");
            assert_eq!(planned.algorithm, public.algorithm());
            let store = if nth == 2 {
                "{ age = {} }".to_owned()
            } else {
                format!("{{ yubikey = {{ serial = {}, slot = \"9c\" }} }}", serial + nth)
            };
            let _ = write!(
                out,
                "\n[[keys]]\nname = \"{prefix}{key}\"\nholder = \"{holder}\"\nstore = {store}\n\
                 algorithm = \"{algorithm}\"\nfingerprint = \"{}\"\nconfirmed_by = \"{holder}\"\n\
                 source = \"the label\"\n",
                public.fingerprint()
            );
        }
    }
    out += "\n[[keys]]\nname = \"tagging-2\"\nholder = \"Releaser\"\nstore = { age = {} }\n\
            algorithm = \"p256\"\nmake = {}\n\
            \n[roles.root]\nkeys = [\"root-a\", \"root-b\", \"root-c\"]\nthreshold = 2\nvalid_for = \"10 years\"\n\
            \n[roles.targets]\nkeys = [\"tagging-2\"]\nthreshold = 1\nvalid_for = \"3 years\"\n";
    for (twin, key) in [(&twins[0].0, "release"), (&twins[1].0, "tagging")] {
        let public = twin.key(&key.parse().unwrap()).unwrap().public_key().clone();
        let _ = write!(
            out,
            "\n[[compromised]]\nfingerprint = \"{}\"\nreason = \"seen in a build log\"\n",
            public.fingerprint()
        );
    }
    out += "\n[[waivers]]\nfinding = \"file-root-key\"\nreason = \"until its token arrives\"\nby = \"Administrator\"\n";
    out += UNREAD;
    out
}
