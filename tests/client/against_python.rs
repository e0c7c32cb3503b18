//! The same repositories, put to python-tuf's client and to ours: both must say the same, but where ours is known to say
//! otherwise, and for what reason.

use std::collections::BTreeMap;
use std::fs;

use anchorite::driver::bench::system_time;
use anchorite::tuf::client::{check_target, target_name};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::made::{PATHS, made};
use super::repository::{Repository, ids, key, signature};
use super::support::command::{python, run};
use super::user::User;

/// A repository as it is published again and again.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) phases: Vec<Repository>,
    pub(crate) asks: Vec<String>,
}

/// What a client said: for each phase, yes or no for each target, and the versions that it trusts.
type Said = Vec<(Vec<Option<String>>, [u64; 4])>;

const TIMESTAMP: usize = 1;
const SNAPSHOT: usize = 2;

/// What our client says of a case.
fn ours(case: &Case) -> Said {
    let mut user = User::of(&case.phases[0]);
    user.now = system_time().to_string();
    let said = case.phases.iter().map(|repository| {
        let (verdicts, _) = user.with(repository, |client| {
            let refreshed = client.refresh().is_ok();
            let consistent = client.root().root().body().consistent_snapshot;
            let mut ask = |path: &String| {
                let found = client.find(path).ok()??;
                let bytes = repository.served.get(&target_name(path, &found.file, consistent)?)?;
                check_target(&found.file, bytes).ok()?;
                Some(HEXLOWER.encode(&Sha256::digest(bytes)))
            };
            case.asks.iter().map(|path| if refreshed { ask(path) } else { None }).collect()
        });
        (verdicts, user.versions())
    });
    said.collect()
}

/// What python-tuf's client says of all cases, in one process.
fn pythons(cases: &[Case]) -> BTreeMap<String, Said> {
    let folder = TempDir::new().unwrap();
    for case in cases {
        let at = folder.path().join(&case.name);
        for (nth, repository) in case.phases.iter().enumerate() {
            for (name, bytes) in &repository.served {
                // A file server undoes the percent signs.
                let path = at.join(nth.to_string()).join(decoded(name));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            fs::write(at.join(format!("{nth}/asks")), case.asks.join("\n")).unwrap();
        }
        fs::write(at.join("root.json"), &case.phases[0].served["1.root.json"]).unwrap();
    }
    let said = run(python("judge_tuf.py").arg(folder.path())).success();
    let said: BTreeMap<String, Vec<Value>> = serde_json::from_str(&said).unwrap();
    let verdict = |said: &Value| said.as_str().unwrap().strip_prefix("yes ").map(str::to_owned);
    let phase = |said: Value| {
        let verdicts = said["verdicts"].as_array().unwrap().iter().map(verdict).collect();
        (verdicts, serde_json::from_value(said["versions"].clone()).unwrap())
    };
    said.into_iter().map(|(name, phases)| (name, phases.into_iter().map(phase).collect())).collect()
}

fn decoded(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = if *first == b'%' { byte(after) } else { None };
        bytes.push(digits.unwrap_or(*first));
        rest = if digits.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap()
}

/// The byte that two hex digits say.
fn byte(text: &[u8]) -> Option<u8> {
    let two = text.get(..2)?;
    data_encoding::HEXLOWER_PERMISSIVE.decode(two).ok().map(|bytes| bytes[0])
}

#[test]
fn both_clients_say_the_same_of_repositories_made_by_chance() {
    let cases: Vec<Case> = (0..120).map(made).collect();
    let python = pythons(&cases);
    let (mut yes, mut no) = (0, 0);
    for case in &cases {
        let mut said = ours(case);
        for (said, python) in said.iter_mut().zip(&python[&case.name]) {
            // What was kept of both is let go when a key of either left; python-tuf keeps what it will not use.
            for nth in [TIMESTAMP, SNAPSHOT] {
                if said.1[nth] == 0 && case.name.contains("-new-") {
                    said.1[nth] = python.1[nth];
                }
            }
        }
        assert_eq!(said, python[&case.name], "{}", case.name);
        let verdicts = said.iter().flat_map(|(verdicts, _)| verdicts);
        let good = verdicts.clone().filter(|verdict| verdict.is_some()).count();
        (yes, no) = (yes + good, no + verdicts.count() - good);
    }
    // Neither answer is rare, or the comparison would be worth little.
    assert!(yes > 200 && no > 200, "{yes} yes, {no} no");
}

/// A case where the two differ, by name: what each says of the targets that are asked for in the last phase.
struct Different {
    case: Case,
    ours: &'static [bool],
    python: &'static [bool],
}

fn different(
    name: &str,
    phases: Vec<Repository>,
    asks: &[&str],
    ours: &'static [bool],
    python: &'static [bool],
) -> Different {
    let asks = asks.iter().map(|path| (*path).to_owned()).collect();
    Different { case: Case { name: name.to_owned(), phases, asks }, ours, python }
}

/// A repository that lasts, with one target.
fn lasting() -> Repository {
    let mut repository = Repository::new();
    for body in repository.bodies.values_mut() {
        body["expires"] = json!("2099-01-01T00:00:00Z");
    }
    repository.add_target("targets", "one", "one");
    repository.publish(&["root", "targets", "snapshot", "timestamp"]);
    repository
}

/// Where our client says otherwise; `docs/dialects.md` lists the same, with the reasons.
fn all_different() -> Vec<Different> {
    let mut all = Vec::new();

    let mut repository = lasting();
    repository.authorize("targets", &["a", "a'"], 2);
    repository.publish(&["root", "targets", "snapshot", "timestamp"]);
    all.push(different("one-key-under-two-ids", vec![repository], &["one"], &[false], &[true]));

    let mut repository = lasting();
    let name = repository.name("targets", 2);
    let mut bytes = repository.served[&name].clone();
    bytes.pop();
    bytes.extend_from_slice(br#","x":1,"x":2}"#);
    repository.served.insert(name, bytes);
    all.push(different("two-members-of-one-name", vec![repository], &["one"], &[false], &[true]));

    let mut repository = lasting();
    repository.body("targets")["x"] = json!(1_u64 << 60);
    repository.publish(&["targets", "snapshot", "timestamp"]);
    all.push(different("integer-above-2-53", vec![repository], &["one"], &[false], &[true]));

    let mut repository = lasting();
    let (id, listed) = key("bins");
    let bins =
        json!({"keyids": ids(&["bins"]), "threshold": 1, "bit_length": 1, "name_prefix": ""});
    repository.body("targets")["delegations"] =
        json!({"keys": {id: listed}, "succinct_roles": bins});
    repository.publish(&["targets", "snapshot", "timestamp"]);
    all.push(different("bins-without-a-prefix", vec![repository], &["one"], &[false], &[true]));

    let mut repository = lasting();
    repository.body("targets")["expires"] = json!("2099-01-01T02:00:00.5+02:00");
    repository.publish(&["targets", "snapshot", "timestamp"]);
    let name = "date-with-fraction-and-offset";
    all.push(different(name, vec![repository], &["one"], &[true], &[false]));

    let mut before = lasting();
    before.authorize("timestamp", &["stays", "leaves"], 1);
    before.publish(&["root", "timestamp", "timestamp", "timestamp"]);
    let mut after = before.clone();
    after.authorize("timestamp", &["stays"], 1);
    after.publish(&["root"]);
    after.body("timestamp")["version"] = json!(2);
    after.publish_as_it_is("timestamp");
    let name = "versions-begin-again-when-a-key-left";
    all.push(different(name, vec![before, after], &["one"], &[true], &[false]));
    all
}

#[test]
fn the_clients_differ_where_the_documentation_says_so_and_how() {
    let (all, mut cases) = (all_different(), Vec::new());
    let said: Vec<_> = all.iter().map(|different| ours(&different.case)).collect();
    let expected: Vec<_> = all
        .into_iter()
        .map(|different| {
            let name = different.case.name.clone();
            cases.push(different.case);
            (name, different.ours, different.python)
        })
        .collect();
    let python = pythons(&cases);
    let page = fs::read_to_string("docs/dialects.md").unwrap();
    let last =
        |said: &Said| -> Vec<bool> { said.last().unwrap().0.iter().map(Option::is_some).collect() };
    for ((name, ours, pythons), said) in expected.iter().zip(&said) {
        assert_eq!(last(said), *ours, "{name}");
        assert_eq!(last(&python[name]), *pythons, "{name}");
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_comparison_itself_notices_a_difference() {
    let mut case = Case {
        name: "control".to_owned(),
        phases: vec![lasting()],
        asks: vec!["one".to_owned(), PATHS[0].to_owned()],
    };
    let good = ours(&case);
    assert_eq!(pythons(std::slice::from_ref(&case))["control"], good);
    assert_eq!(good[0].0.iter().filter(|verdict| verdict.is_some()).count(), 1);
    let body = case.phases[0].bodies["targets"].clone();
    let strange = super::repository::envelope(&body, &[signature("stranger", &body)]);
    case.phases[0].served.insert("2.targets.json".to_owned(), strange);
    assert_ne!(ours(&case), good);
    assert_eq!(pythons(std::slice::from_ref(&case))["control"], ours(&case));
}
