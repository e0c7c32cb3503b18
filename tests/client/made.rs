//! Repositories made by chance, always the same for the same number: who signs, what is delegated and how, and what an
//! attacker or an accident did to it.

use serde_json::{Value, json};

use super::against_python::Case;
use super::repository::{Repository, envelope, ids, key, signature, targets};

/// The targets that may be signed and are asked for.
pub(crate) const PATHS: [&str; 8] =
    ["a", "b.txt", "dir/c.txt", "dir/d", "dir/sub/e.txt", "F", "ü.txt", "file with spaces"];

const PATTERNS: [&str; 9] =
    ["*", "*.txt", "?", "dir/*", "dir/?.txt", "*/*/*", "[!a-f]*", "F", "dir"];

/// Pseudo-random numbers (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(count).unwrap()).unwrap()
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

pub(crate) fn made(number: u64) -> Case {
    let mut dice = Dice(number);
    let mut repository = Repository::new();
    repository.hashes = dice.one_in(2);
    repository.body("root")["consistent_snapshot"] = json!(!dice.one_in(3));
    for role in ["root", "timestamp", "snapshot", "targets"] {
        authorize(&mut dice, &mut repository, role, "");
    }
    // The first root vouches for its successor.
    let mut first = repository.signers["root"].clone();
    first.push("root".to_owned());
    repository.sign_with("root", &first.iter().map(String::as_str).collect::<Vec<_>>());
    delegate(&mut dice, &mut repository);
    for path in PATHS {
        for _ in 0..=dice.below(2) {
            let roles: Vec<String> = targets_roles(&repository);
            let role = dice.of(&roles);
            add_target(&mut repository, &role, path, &format!("{path} by {role}"));
        }
    }
    publish(&mut repository, true);
    let mut phases = vec![repository.clone()];
    let mut name = format!("{number:03}");
    if dice.one_in(3) {
        phases[0] = tampered(&mut dice, repository.clone(), &mut name);
    } else {
        let role = dice.of(&targets_roles(&repository));
        add_target(&mut repository, &role, PATHS[0], "newer content");
        if dice.one_in(3) {
            let role = dice.of(&["root", "timestamp", "snapshot", "targets"]);
            let before = repository.signers["root"].clone();
            authorize(&mut dice, &mut repository, role, "new ");
            let mut signers = repository.signers["root"].clone();
            signers.extend(before.into_iter().filter(|_| role == "root"));
            signers.sort();
            signers.dedup();
            repository.sign_with("root", &signers.iter().map(String::as_str).collect::<Vec<_>>());
            name.push_str(&format!("-new-{role}"));
            publish(&mut repository, true);
        } else {
            publish(&mut repository, false);
        }
        phases.push(if dice.one_in(4) {
            repository
        } else {
            tampered(&mut dice, repository, &mut name)
        });
    }
    Case { name, phases, asks: PATHS.map(str::to_owned).to_vec() }
}

/// Gives a top-level role one to three keys, some of which must sign.
fn authorize(dice: &mut Dice, repository: &mut Repository, role: &str, new: &str) {
    let names: Vec<String> = (0..=dice.below(3)).map(|nth| format!("{new}{role}{nth}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let threshold = 1 + dice.below(names.len());
    repository.authorize(role, &names, i64::try_from(threshold).unwrap());
}

fn targets_roles(repository: &Repository) -> Vec<String> {
    let top = ["root", "timestamp", "snapshot"];
    repository.bodies.keys().filter(|role| !top.contains(&role.as_str())).cloned().collect()
}

fn delegate(dice: &mut Dice, repository: &mut Repository) {
    let mut delegators = vec!["targets".to_owned()];
    for to in ["A", "B", "team/x", "ö", "E"] {
        if dice.one_in(5) {
            continue;
        }
        let by = dice.of(&delegators);
        let mut more = if dice.one_in(4) {
            let digits: Vec<String> = "02468ace13".chars().map(String::from).collect();
            let prefixes: Vec<String> = (0..4).map(|_| dice.of(&digits)).collect();
            json!({"path_hash_prefixes": prefixes})
        } else {
            json!({"paths": [dice.of(&PATTERNS), dice.of(&PATTERNS)]})
        };
        more["terminating"] = json!(dice.one_in(4));
        let keys: Vec<String> = (0..=dice.below(2)).map(|nth| format!("{to}{nth}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let threshold = i64::try_from(1 + dice.below(keys.len())).unwrap();
        repository.delegate_with(&by, to, &keys, threshold, &more);
        // Somebody else delegates to it as well, in a cycle perhaps, and perhaps to another key, which does not sign.
        let other = dice.of(&delegators);
        if other != by && dice.one_in(3) {
            let keys = if dice.one_in(3) { &["other"][..] } else { &keys };
            let threshold = threshold.min(i64::try_from(keys.len()).unwrap());
            repository.delegate_with(&other, to, keys, threshold, &more);
        }
        delegators.push(to.to_owned());
    }
    let last = delegators.last().unwrap().clone();
    if repository.bodies[&last]["delegations"].is_null() && dice.one_in(3) {
        let bits = 1 + dice.below(3);
        let (id, listed) = key("bins");
        repository.body(&last)["delegations"] = json!({
            "keys": {id: listed},
            "succinct_roles": {
                "keyids": ids(&["bins"]), "threshold": 1, "bit_length": bits, "name_prefix": "bin",
            },
        });
        for nth in 0..1 << bits {
            let name = format!("bin-{nth:x}");
            repository.bodies.insert(name.clone(), targets());
            repository.sign_with(&name, &["bins"]);
        }
    }
}

fn add_target(repository: &mut Repository, role: &str, path: &str, content: &str) {
    repository.add_target(role, path, content);
    repository.served.insert(path.to_owned(), content.as_bytes().to_vec());
}

fn publish(repository: &mut Repository, root: bool) {
    for body in repository.bodies.values_mut() {
        body["expires"] = json!("2099-01-01T00:00:00Z");
    }
    if root {
        repository.publish(&["root"]);
    }
    repository.publish_all();
}

/// One thing that is not as it should be, or only looks so.
fn tampered(dice: &mut Dice, mut repository: Repository, name: &mut String) -> Repository {
    let mut roles = targets_roles(&repository);
    roles.extend(["root", "timestamp", "snapshot", "targets"].map(str::to_owned));
    let role = dice.of(&roles);
    let file = repository.name(&role, repository.version(&role));
    let body = repository.bodies[&role].clone();
    let sign = |names: &[String]| names.iter().map(|name| signature(name, &body)).collect();
    let mut signatures: Vec<Value> = sign(&repository.signers[&role]);
    let kind = dice.below(15);
    match kind {
        0 => drop(signatures.pop()),
        1 => signatures[0]["sig"] = json!("00".repeat(64)),
        2 => signatures[0]["sig"] = json!(""),
        3 => signatures.push(signature("stranger", &body)),
        4 => signatures.insert(0, json!({"keyid": "f".repeat(64), "sig": ""})),
        5 => signatures.push(signatures[0].clone()),
        6 => {
            // Expired, and well signed.
            repository.body(&role)["expires"] = json!("2020-01-01T00:00:00Z");
            publish_above(&mut repository, &role);
        }
        7 => {
            repository.body(&role)["version"] = json!(repository.version(&role) + 1);
            signatures = vec![];
            let bytes = repository.signed(&role);
            repository.served.insert(file.clone(), bytes);
        }
        8 => drop(repository.served.remove(&file)),
        9 => {
            let other = dice.of(&roles);
            let bytes =
                repository.served[&repository.name(&other, repository.version(&other))].clone();
            repository.served.insert(file.clone(), bytes);
        }
        10 => {
            // Back to version 1, well signed.
            repository.body(&role)["version"] = json!(1);
            repository.publish_as_it_is(&role);
            publish_above(&mut repository, "");
        }
        11 => {
            let meta = &mut repository.body("snapshot")["meta"];
            meta.as_object_mut().unwrap().remove(&format!("{role}.json"));
            publish_above(&mut repository, "");
        }
        12 => {
            let meta = &mut repository.body("snapshot")["meta"][format!("{role}.json")];
            if meta.is_object() {
                meta["hashes"] = json!({"sha256": "0".repeat(64)});
            }
            publish_above(&mut repository, "");
        }
        13 => {
            for (name, bytes) in &mut repository.served {
                if name.ends_with('a') || name.contains(".txt") {
                    bytes.push(b'!');
                }
            }
        }
        _ => {
            let threshold = dice.of(&[0, -1, 9]);
            let roles = &mut repository.body("targets")["delegations"]["roles"];
            if roles.is_array() {
                roles[0]["threshold"] = json!(threshold);
            }
            publish_above(&mut repository, "targets");
        }
    }
    if kind < 6 {
        repository.served.insert(file, envelope(&body, &signatures));
    }
    name.push_str(&format!("-{kind}-of-{}", role.replace('/', "-")));
    repository
}

/// Publishes a role, if there is one, and what names it.
fn publish_above(repository: &mut Repository, role: &str) {
    let top = ["", "snapshot", "timestamp"];
    if !top.contains(&role) {
        repository.publish(&[role]);
    }
    match role {
        "root" => {}
        "timestamp" => repository.publish(&["timestamp"]),
        _ => repository.publish(&["snapshot", "timestamp"]),
    }
}
