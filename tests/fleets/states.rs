//! Fleets whose repositories begin from known-good states, and fleets of delegations.

use std::collections::BTreeMap;
use std::fs;

use anchorite::ceremony::event::Outcome;
use anchorite::ceremony::fleet::Line;
use anchorite::ceremony::fleet::list::documents_digest;
use anchorite::ceremony::plan::Plan;
use anchorite::tuf::any::AnyDocument;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::{Dialect, DocId, DocRole};
use anchorite::tuf::payload::Draft;
use anchorite::tuf::root::{RoleKeys, StatedThreshold};
use anchorite::tuf::signed::Signed;
use anchorite::tuf::targets::{DelegatedRole, Delegations, TargetFile, Targets};
use anchorite::tuf::verify::RootDigest;

use super::sample::*;
use super::{Rehearsal, check, worst};

fn targets(dialect: Dialect, bytes: &[u8]) -> Targets {
    Signed::<Targets>::read(dialect, bytes).unwrap().peek().clone()
}

fn file_of(dialect: Dialect, version: u64) -> String {
    match dialect {
        Dialect::Notary1 => "targets.json".to_owned(),
        Dialect::Tuf1 => format!("{version}.targets.json"),
    }
}

/// A repository's targets as somebody who has the tagging key leaves them: a tag stands for other content, and there is a
/// delegation to themselves.
fn attacked(name: &str, dialect: Dialect, files: &mut Files) {
    let twin = named(dialect, name);
    let old = file_of(dialect, 1);
    let mut body = targets(dialect, &files[&old]);
    body.version = 2;
    let evil = TargetFile {
        length: 666,
        hashes: BTreeMap::from([("sha256".to_owned(), vec![6; 32])]),
        custom: None,
        unknown: BTreeMap::new(),
    };
    body.targets = BTreeMap::from([("latest".to_owned(), evil)]).into();
    let (id, key) =
        dialect.list_key(twin.key(&"root-a".parse().unwrap()).unwrap().public_key()).unwrap();
    let keys = RoleKeys {
        keyids: vec![id.clone()],
        threshold: StatedThreshold(1),
        unknown: BTreeMap::new(),
    };
    body.delegations = Some(Delegations {
        keys: BTreeMap::from([(id, key)]),
        roles: vec![DelegatedRole {
            name: match dialect {
                Dialect::Notary1 => "targets/mine".parse().unwrap(),
                Dialect::Tuf1 => "mine".parse().unwrap(),
            },
            keys,
            paths: Some(vec![String::new()]),
            path_hash_prefixes: None,
            terminating: (dialect == Dialect::Tuf1).then_some(false),
        }],
        ..Delegations::default()
    });
    let signed = by_leaked_key(name, dialect, body);
    // What was there before the leak is known to be good, and lies beside the documents.
    let good = files.remove(&old).unwrap();
    files.insert("known-good".to_owned(), good);
    files.insert(file_of(dialect, 2), signed);
    files.retain(|name, _| !name.ends_with("snapshot.json") && name != "timestamp.json");
}

/// Targets that the leaked key signed.
fn by_leaked_key(name: &str, dialect: Dialect, body: Targets) -> Vec<u8> {
    let version = body.version;
    let id = DocId { repository: name.parse().unwrap(), role: DocRole::Targets, version };
    let payload = Draft::new(id, dialect, body).payload().unwrap();
    let leaked = if dialect == Dialect::Notary1 { "tagging" } else { "release" };
    let twin = named(dialect, name);
    let leaked = twin.key(&leaked.parse().unwrap()).unwrap();
    let (id, _) = dialect.list_key(leaked.public_key()).unwrap();
    payload.envelope(&[(id, leaked.sign(payload.to_sign()))])
}

/// The same somebody took a delegation out, which was there in the known-good state.
fn robbed(name: &str, dialect: Dialect, files: &mut Files) {
    attacked(name, dialect, files);
    let with = files.remove(&file_of(dialect, 2)).unwrap();
    let mut body = targets(dialect, &with);
    body.version = 3;
    body.delegations = None;
    files.insert("known-good".to_owned(), with);
    files.insert(file_of(dialect, 3), by_leaked_key(name, dialect, body));
}

fn dialect_of(name: &str) -> Dialect {
    three().into_iter().find(|(known, _)| known == name).unwrap().1
}

/// The plan of the sample with a known-good state in each folder.
fn with_good(list: &str) -> String {
    plan(list).replace(UNREAD, "").replace(
        "list = \"fleet.tsv\"\n",
        "list = \"fleet.tsv\"\nknown_good = { file = \"known-good\", form = \"targets\" }\n",
    )
}

#[test]
fn what_was_signed_since_the_known_good_state_of_each_repository_is_undone() {
    let source = tempfile::tempdir().unwrap();
    let list = lay_changed(source.path(), &three(), |name, files| {
        attacked(name, dialect_of(name), files);
    });
    let (_, report) = check(source.path(), &list, &with_good(&list));
    let rehearsal = Rehearsal::of(source.path(), with_good(&list), report);
    let ended = rehearsal.hold();
    assert_eq!(ended.outcome, Outcome::Done);
    for (name, dialect) in three() {
        let folder = format!("rehearsal.invalid/{name}").replace('/', "%2F");
        let out = rehearsal.stage.medium("OUT").join("fleet").join(folder);
        let new = targets(dialect, &fs::read(out.join(file_of(dialect, 3))).unwrap());
        let place = source.path().join("r").join(name.replace('/', "-"));
        let good = targets(dialect, &fs::read(place.join("known-good")).unwrap());
        assert_eq!(new.version, 3);
        assert_eq!(new.targets.to_map(), good.targets.to_map(), "{name}");
        assert!(new.delegations.is_none_or(|all| all.roles.is_empty()), "{name}");
    }
    // People read it once for each shape, and the table names what each repository loses.
    let evidence = rehearsal.stage.evidence();
    let read = |name: &str| fs::read_to_string(evidence.join(name)).unwrap();
    let members = read("fleet/members.tsv");
    assert_eq!(members.matches("targets are taken out: \"latest\"").count(), 3, "{members}");
    assert!(members.contains("delegations are taken out: \"targets/mine\""), "{members}");
    let report = read("report.txt");
    assert!(report.contains("by targets") && !report.contains("NO STATE"), "{report}");
    let claims = rehearsal.audited(&ended);
    assert!(worst(&claims) < anchorite::ceremony::scene::Verdict::Fail, "{claims:#?}");
}

#[test]
fn a_delegation_that_comes_back_is_told_with_its_keys() {
    let source = tempfile::tempdir().unwrap();
    let list = lay_changed(source.path(), &three(), |name, files| {
        robbed(name, dialect_of(name), files);
    });
    let (plan, _) = check(source.path(), &list, &with_good(&list));
    let mut told = 0;
    let survey = anchorite::driver::fleet::walk_for_check(&plan, source.path(), noon()).unwrap().0;
    for shape in survey.shapes {
        assert!(shape.lines.iter().any(|line| line.contains("delegations come back")), "{shape:?}");
        for member in shape.members {
            let (name, own) = member.split_once(": ").unwrap();
            // In the check a stand-in plays the key: what is told is how many there are, one of them in full, and for what.
            assert!(own.contains("mine added: 1 of 1 keys; "), "{name}: {own}");
            let back = own.split("delegations come back").nth(1).unwrap();
            assert!(back.split([';', ' ']).filter(|word| word.len() == 4).count() >= 16, "{back}");
            told += 1;
        }
    }
    assert_eq!(told, 3);
}

#[test]
fn a_repository_without_its_known_good_state_is_refused() {
    let source = tempfile::tempdir().unwrap();
    let list = lay_changed(source.path(), &three(), |name, files| {
        attacked(name, dialect_of(name), files);
        if name.ends_with("/a") {
            files.remove("known-good");
        }
    });
    let (_, report) = check(source.path(), &list, &with_good(&list));
    let refused = report.findings.iter().find(|found| found.name == "fleet-refused").unwrap();
    assert!(refused.text.starts_with("1 of 3"), "{refused:?}");
    assert!(refused.text.contains("known-good"), "{refused:?}");
}

#[test]
fn a_fleet_whose_leaked_key_signed_what_nobody_reads_is_refused() {
    let source = tempfile::tempdir().unwrap();
    let list = lay(source.path(), &three());
    let (_, report) = check(source.path(), &list, &plan(&list).replace(UNREAD, ""));
    let found = report.findings.iter().find(|found| found.name == "fleet-unread").unwrap();
    assert_eq!(found.verdict, anchorite::ceremony::scene::Verdict::Fail);
    let (_, waived) = check(source.path(), &list, &plan(&list));
    let found = waived.findings.iter().find(|found| found.name == "fleet-unread").unwrap();
    assert_eq!(found.waived_by.as_deref(), Some("Administrator"));
}

/// The shipped plan of a kind of delegations, as that of a fleet.
fn of_delegations(kind: &str, list: &str) -> String {
    let shipped = fs::read_to_string(format!("ceremonies/{kind}-notary1/plan.toml")).unwrap();
    let (head, rest) = shipped.split_once("[repository]").unwrap();
    let (_, rest) = rest.split_once("[[people]]").unwrap();
    let (middle, rest) = rest.split_once("[before]").unwrap();
    let (_, rest) = rest.split_once("[[keys]]").unwrap();
    format!(
        "{head}[fleet]\nname = \"fleet.example.com\"\nmedium = \"IN\"\nlist = \"fleet.tsv\"\n\n[[people]]{middle}\
         [[inputs]]\nmedium = \"IN\"\npath = \"fleet.tsv\"\nsha256 = \"{}\"\nconfirmed_by = \"Releaser\"\n\n\
         [[keys]]{rest}",
        Digest::of(list.as_bytes())
    )
}

/// Copies the shipped sample of a kind onto a medium, and gives its line.
fn lay_shipped(medium: &std::path::Path, kind: &str, name: &str, dialect: Dialect) -> String {
    let from = format!("ceremonies/{kind}-{dialect}/IN/before");
    let mut files = Files::new();
    for path in anchorite::driver::file::list(from.as_ref()).unwrap() {
        files.insert(path.clone(), fs::read(format!("{from}/{path}")).unwrap());
    }
    let folder = format!("r/{dialect}");
    for (path, bytes) in &files {
        let at = medium.join(&folder).join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, bytes).unwrap();
    }
    let root = files.iter().find(|(name, _)| name.ends_with("root.json")).unwrap().1;
    let line = Line {
        name: name.parse().unwrap(),
        dialect,
        root: RootDigest::new(AnyDocument::read(root).unwrap().digest()),
        documents: documents_digest(&files),
        folder,
        set: None,
    };
    line.to_text()
}

#[test]
fn a_delegation_is_rotated_over_a_fleet_and_one_of_the_other_dialect_is_refused() {
    let kind = "rotate-delegation";
    let source = tempfile::tempdir().unwrap();
    let list = lay_shipped(source.path(), kind, "registry.example.com/team/app", Dialect::Notary1)
        + &lay_shipped(source.path(), kind, "updates.example.com", Dialect::Tuf1);
    let toml = of_delegations(kind, &list);
    let plan = Plan::parse(toml.as_bytes()).unwrap_or_else(|why| panic!("{why}\n{toml}"));
    assert_eq!(plan.delegations.len(), 1);
    let (_, report) = check(source.path(), &list, &toml);
    let refused = report.findings.iter().find(|found| found.name == "fleet-refused").unwrap();
    assert!(
        refused.text.contains("a tuf1 repository has no delegation called targets/releases"),
        "{refused:?}"
    );
    let rehearsal = Rehearsal::of(source.path(), toml, report);
    let ended = rehearsal.hold();
    assert_eq!(ended.outcome, Outcome::Done);
    let results = rehearsal.results();
    let (_, files) = results.first_key_value().unwrap();
    assert_eq!(
        (results.len(), files.as_slice()),
        (1, &["targets".into(), "targets.json".into()][..])
    );
    let folder = "fleet/rehearsal.invalid%2Fregistry.example.com%2Fteam%2Fapp";
    let out = rehearsal.stage.medium("OUT").join(folder);
    let top = targets(Dialect::Notary1, &fs::read(out.join("targets.json")).unwrap());
    let below = fs::read(out.join("targets/releases.json")).unwrap();
    let below = Signed::<Targets>::read(Dialect::Notary1, &below).unwrap();
    let delegations = top.delegations.unwrap();
    let role = delegations.roles.iter().find(|role| role.name.as_str() == "targets/releases");
    let by = anchorite::tuf::verify::Authority::delegated(&delegations, role.unwrap()).unwrap();
    assert!(by.tally(&below).reached());
    let claims = rehearsal.audited(&ended);
    assert!(worst(&claims) < anchorite::ceremony::scene::Verdict::Fail, "{claims:#?}");
}

/// Holds a plan over one repository of a kind's shipped sample, and gives the documents of OUT by their names.
fn held_over_shipped(kind: &str, plan: impl Fn(String) -> String) -> Files {
    let source = tempfile::tempdir().unwrap();
    let list = lay_shipped(source.path(), kind, "registry.example.com/team/app", Dialect::Notary1);
    let toml = plan(of_delegations(kind, &list));
    let (_, report) = check(source.path(), &list, &toml);
    let bad: Vec<_> = report.findings.iter().filter(|f| f.name == "fleet-refused").collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let rehearsal = Rehearsal::of(source.path(), toml, report);
    let ended = rehearsal.hold();
    assert_eq!(ended.outcome, Outcome::Done);
    let claims = rehearsal.audited(&ended);
    assert!(worst(&claims) < anchorite::ceremony::scene::Verdict::Fail, "{claims:#?}");
    let folder = "fleet/rehearsal.invalid%2Fregistry.example.com%2Fteam%2Fapp";
    let out = rehearsal.stage.medium("OUT").join(folder);
    let names = anchorite::driver::file::list(&out).unwrap();
    names.into_iter().map(|name| (name.clone(), fs::read(out.join(name)).unwrap())).collect()
}

fn delegated(files: &Files) -> Vec<String> {
    let top = targets(Dialect::Notary1, &files["targets.json"]);
    let roles = top.delegations.map(|delegations| delegations.roles).unwrap_or_default();
    roles.iter().map(|role| role.name.to_string()).collect()
}

#[test]
fn a_delegation_is_made_and_taken_away_over_a_fleet() {
    let made = held_over_shipped("add-delegation", |toml| {
        let (before, rest) = toml.split_once("\n[[targets]]").unwrap();
        let waivers = rest.find("\n[[waivers]]").map(|at| &rest[at..]).unwrap_or_default();
        format!("{before}{waivers}")
    });
    let names: Vec<_> = made.keys().map(String::as_str).collect();
    assert_eq!(names, ["targets.json", "targets/alice.json", "targets/releases.json"]);
    assert_eq!(delegated(&made), ["targets/releases", "targets/alice"]);

    let gone = held_over_shipped("remove-delegation", |toml| toml);
    let names: Vec<_> = gone.keys().map(String::as_str).collect();
    assert_eq!(names, ["targets.json"]);
    assert_eq!(delegated(&gone), ["targets/releases"]);
}

/// The sample's plan without what is about tagging keys.
fn of_roots(kind: &str, list: &str) -> String {
    let text = plan(list).replace("rotate-tagging", kind).replace(UNREAD, "");
    let cut = |text: &str, from: &str, to: &str| {
        let start = text.find(from).unwrap();
        let end = start + text[start..].find(to).unwrap();
        text[..start].to_owned() + &text[end..]
    };
    let text = cut(&text, "\n[[keys]]\nname = \"tagging-2\"", "\n[roles.root]");
    cut(&text, "\n[roles.targets]", "\n[[waivers]]")
}

/// Holds a fleet of roots alone, and gives how many keys of the old root each new one lists.
fn roots_of(repositories: &[(String, Dialect)], plan: impl Fn(&str) -> String) -> Vec<usize> {
    let source = tempfile::tempdir().unwrap();
    let list = lay(source.path(), repositories);
    let text = plan(&list);
    let (_, report) = check(source.path(), &list, &text);
    let bad: Vec<_> = report.findings.iter().filter(|f| f.name == "fleet-refused").collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let rehearsal = Rehearsal::of(source.path(), text, report);
    let ended = rehearsal.hold();
    assert_eq!(ended.outcome, Outcome::Done);
    let claims = rehearsal.audited(&ended);
    assert!(worst(&claims) < anchorite::ceremony::scene::Verdict::Fail, "{claims:#?}");
    let results = rehearsal.results();
    assert_eq!(results.len(), repositories.len());
    let each = repositories.iter().map(|(name, dialect)| {
        let folder = format!("rehearsal.invalid/{name}").replace('/', "%2F");
        let file = if *dialect == Dialect::Notary1 { "root.json" } else { "2.root.json" };
        assert_eq!(results[&folder], [file], "{name}");
        let out = rehearsal.stage.medium("OUT").join("fleet").join(&folder);
        let AnyDocument::Root(new) = AnyDocument::read(&fs::read(out.join(file)).unwrap()).unwrap()
        else {
            panic!("{name}: no root")
        };
        assert_eq!(new.peek().version, 2);
        let signed: Vec<_> = new.signatures().iter().map(|entry| &entry.keyid).collect();
        let listed = &new.peek().roles[&"root".parse().unwrap()].keyids;
        listed.iter().filter(|id| signed.contains(id)).count()
    });
    each.collect()
}

#[test]
fn the_roots_of_a_fleet_of_both_dialects_are_refreshed() {
    let refresh = |list: &str| of_roots("refresh", list).replace("10 years", "11 years");
    assert_eq!(roots_of(&three(), refresh), [3, 3, 3]);
}

/// A plan that puts the new key root-d in the place of root-c in every root.
fn with_root_d(list: &str, certificate: &str) -> String {
    of_roots("replace-custodian", list)
        .replace("\"root-a\", \"root-b\", \"root-c\"", "\"root-a\", \"root-b\", \"root-d\"")
        .replace(
            "\n[roles.root]",
            &format!(
                "\n[[keys]]\nname = \"root-d\"\nholder = \"Custodian C\"\nalgorithm = \"p256\"\n\
                 store = {{ yubikey = {{ serial = 18158999, slot = \"9c\" }} }}\n\
                 make = {{ pin = \"always\", touch = \"always\" }}\n{certificate}\n[roles.root]"
            ),
        )
}

const FOR_ALL: &str =
    "certificate = { valid_for = \"25 years\", common_name = \"registry.example.com/*\" }\n";

#[test]
fn a_custodian_of_every_root_of_a_fleet_is_replaced() {
    let both = ["one.example.com", "two.example.com"].map(|name| (name.to_owned(), Dialect::Tuf1));
    assert_eq!(roots_of(&both, |list| with_root_d(list, "")), [3, 3]);
    // One certificate of the new key serves every Notary repository whose name begins as it says.
    assert_eq!(roots_of(&three(), |list| with_root_d(list, FOR_ALL)), [3, 3, 3]);
}

#[test]
fn a_notary_root_that_the_certificate_of_a_new_key_is_not_for_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut fleet = three();
    fleet.insert(0, ("other.example.com/app".to_owned(), Dialect::Notary1));
    let list = lay(folder.path(), &fleet);
    let refused = |certificate: &str| -> Vec<String> {
        let (_, report) = check(folder.path(), &list, &with_root_d(&list, certificate));
        let refused = report.findings.iter().filter(|f| f.name == "fleet-refused");
        refused.map(|found| found.text.clone()).collect()
    };
    let found = refused(FOR_ALL);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("is for \"registry.example.com/*\", not for it"), "{found:#?}");
    // Without one, no Notary root can list the key; and one that ends before the root would break each of them.
    let without = refused("");
    assert!(without[0].contains("root-d has no certificate yet"), "{without:#?}");
    let short = refused(&FOR_ALL.replace("25 years", "9 years"));
    assert!(short.iter().any(|why| why.contains("certificate-before-root")), "{short:#?}");
    // A certificate of one name is for one repository.
    let one = with_root_d(&list, &FOR_ALL.replace("/*", "/team/a"));
    let said = Plan::parse(one.as_bytes()).unwrap_err().to_string();
    assert!(said.contains("share, and *, found"), "{said}");
    // And one of another key is for nothing.
    let tagging = super::sample::plan(&list);
    let tagging = tagging.replace("make = {}\n", &format!("make = {{}}\n{FOR_ALL}"));
    let said = Plan::parse(tagging.as_bytes()).unwrap_err().to_string();
    assert!(said.contains("certificates for root keys only"), "{said}");
}
