//! The real client and our own judge the same Notary repositories, and say the same; where we are stricter, it is by name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anchorite::driver::bench::system_time;
use anchorite::tuf::client::Walk;
use anchorite::tuf::client::notary1::is_hidden;
use tempfile::TempDir;

use crate::support::command::{Ran, run};
use crate::support::loopback::{certificate, start_script};
use crate::support::notary_variants::{Says, Variant, judged, variants};

/// Where we refuse what the real client takes; `docs/dialects.md` says why of each.
const STRICTER: [&str; 4] = [
    "one-key-two-certificates",
    "target-without-hash",
    "two-roots-of-one-version",
    "version-skipped",
];

#[test]
fn the_real_client_and_ours_judge_the_same_repositories_alike() {
    let now = system_time();
    let folder = TempDir::new().unwrap();
    certificate(folder.path());
    let served = folder.path().join("served");
    let all = variants(now);
    for variant in &all {
        for (name, bytes) in &variant.files {
            let path = served.join(&variant.gun).join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    let (port, _running) = start_script("trust_folder.py", folder.path(), &["served"]);

    let mut wrong = Vec::new();
    for variant in &all {
        let (ours, walk) = judged(variant, now);
        let ran = ask(variant, folder.path(), port);
        let real = match (ran.code, ran.stderr.contains("Error getting targets/")) {
            (Some(0), false) => Says::Accepts,
            (Some(0), true) => Says::Drops,
            _ => Says::Refuses,
        };
        if (ours, real) != (variant.ours, variant.real) {
            wrong.push(format!(
                "{}: ours {ours:?}, real {real:?}: {}{:#?}",
                variant.name, ran.stderr, walk
            ));
        } else if real != Says::Refuses && ours != Says::Refuses {
            let (seen, shown) = (listed(&ran.stdout), walk.as_ref().map(shown).unwrap_or_default());
            if seen != shown {
                wrong.push(format!("{}: ours shows {shown:?}, real {seen:?}", variant.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let stricter: BTreeSet<_> =
        all.iter().filter(|variant| variant.ours != variant.real).map(|v| v.name).collect();
    assert_eq!(stricter, STRICTER.into());
    let documented = fs::read_to_string("docs/dialects.md").unwrap();
    for name in STRICTER {
        assert!(documented.contains(&format!("`{name}`")), "{name} is not in docs/dialects.md");
    }
}

/// `notary list` with an empty trust directory, or one that holds a root, and with pins.
fn ask(variant: &Variant, folder: &Path, port: u16) -> Ran {
    let home = TempDir::new().unwrap();
    if let Some(held) = &variant.held {
        let cache = home.path().join("tuf").join(&variant.gun).join("metadata");
        fs::create_dir_all(&cache).unwrap();
        fs::write(cache.join("root.json"), held).unwrap();
    }
    let authority = home.path().join("authority.pem");
    let pinning = if let Some(pem) = &variant.authority {
        fs::write(&authority, pem).unwrap();
        serde_json::json!({ "ca": { &variant.gun: authority }, "disable_tofu": true })
    } else if variant.pins.is_empty() {
        serde_json::json!({})
    } else {
        serde_json::json!({ "certs": { &variant.gun: variant.pins }, "disable_tofu": true })
    };
    let config = home.path().join("config.json");
    fs::write(&config, serde_json::json!({ "trust_pinning": pinning }).to_string()).unwrap();
    let mut command = Command::new("notary");
    command.arg("-c").arg(&config).args(["-s", &format!("https://127.0.0.1:{port}")]);
    command.arg("--tlscacert").arg(folder.join("cert.pem")).arg("-d").arg(home.path());
    run(command.args(["list", &variant.gun]))
}

/// The names that the client lists, under two lines of heading.
fn listed(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter(|line| line.contains("targets"));
    rows.filter_map(|row| row.split_whitespace().next().map(str::to_owned)).collect()
}

/// The names that our walk shows.
fn shown(walk: &Walk) -> BTreeSet<String> {
    let all = walk
        .targets
        .iter()
        .flat_map(|(role, files)| files.iter().map(move |(name, _)| (role, name)));
    all.filter(|(role, name)| !is_hidden(walk, role, name))
        .map(|(_, name)| name.to_string())
        .collect()
}
