//! Our side of the comparison: the same jobs that the peers do, by the public functions of the library.

mod fixtures;
mod fleet;
mod keys;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use anchorite::driver::folder::Folder;
use anchorite::tuf::client::walk;
use anchorite::tuf::document::Dialect;
use anchorite::tuf::name::RoleName;
use anchorite::tuf::payload::Draft;
use anchorite::tuf::signed::Signed;
use anchorite::tuf::targets::{DelegatedRole, Targets};
use anchorite::tuf::verify::{Authority, Candidate, TrustedRoot, verify};
use anchorite::tuf::wire::json::Limits;

use keys::{Key, document};

type Done = Result<(), Box<dyn Error>>;

const LIMITS: Limits = Limits { bytes: 256 << 20, depth: 64 };

fn main() -> Done {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let path = |nth: usize| PathBuf::from(words.get(nth).map_or("", String::as_str));
    match words.first().map(String::as_str) {
        Some("make") => fixtures::make(&path(1)),
        Some("make-roots") => fixtures::roots(&path(1), words[2].parse()?),
        Some("update") => update(&path(1), &words[2]),
        Some("verify-targets") => verify_targets(&path(1)),
        Some("sign-targets") => sign_targets(&path(1), &path(2)),
        Some("edit-roots") => edit_roots(&path(1), &path(2), false),
        Some("edit-roots-checked") => edit_roots(&path(1), &path(2), true),
        Some("make-fleet") => fleet::make(&path(1), &words[2], words[3].parse()?),
        Some("change-fleet") => fleet::change(&path(1), &path(2)),
        Some("hold-fleet") => fleet::hold(&path(1), &path(2)),
        Some("audit-fleet") => fleet::audit(&path(1), &path(2)),
        Some("sign-bins") => fixtures::bins(&path(1)),
        Some("verify-bins") => verify_bins(&path(1)),
        Some("chain") => chain(&path(1), &words[2]),
        _ => Err("ours make|make-roots|update|verify-targets|sign-targets|edit-roots|edit-roots-checked|make-fleet|change-fleet|hold-fleet|audit-fleet|sign-bins|verify-bins|chain …".into()),
    }
}

fn trusted(path: &Path) -> Result<TrustedRoot, Box<dyn Error>> {
    Ok(Candidate::read(Dialect::Tuf1, &fs::read(path)?)?.trusted_on_first_use()?)
}

/// A client that knows the first root looks up one target.
fn update(repository: &Path, target: &str) -> Done {
    let root = trusted(&repository.join("1.root.json"))?;
    let at = "2026-01-01T00:00:00Z".parse()?;
    let walked = walk(Dialect::Tuf1, root, &mut Folder::new(repository), at, &BTreeSet::new());
    if !walked.accepted() {
        return Err(format!("{:?}", walked.steps).into());
    }
    let found = walked.targets.values().find_map(|signed| signed.body().targets.get(target));
    println!("{target}: {} bytes", found.ok_or("nobody signs it")?.length);
    Ok(())
}

fn verify_targets(repository: &Path) -> Done {
    let root = trusted(&repository.join("1.root.json"))?;
    let authority = root.authority(&RoleName::targets())?;
    let bytes = fs::read(repository.join("1.targets.json"))?;
    let signed = Signed::<Targets>::take(Dialect::Tuf1, bytes, LIMITS)?;
    let verified = verify(&authority, signed, "2026-01-01T00:00:00Z".parse()?)?;
    println!("{} targets", verified.body().targets.len());
    Ok(())
}

fn sign_targets(repository: &Path, to: &Path) -> Done {
    let bytes = fs::read(repository.join("1.targets.json"))?;
    let signed = Signed::<Targets>::take(Dialect::Tuf1, bytes, LIMITS)?;
    let mut body = signed.peek().clone();
    drop(signed);
    body.version += 1;
    let payload = Draft::new(document("targets", body.version), Dialect::Tuf1, body).payload()?;
    let key = Key::named("targets");
    let signature = key.sign(payload.to_sign());
    fs::write(to, payload.envelope(&[signature]))?;
    println!("{}", payload.digest());
    Ok(())
}

/// Swaps one key of every root, raises its version, and signs with both keys that stay.
fn edit_roots(from: &Path, to: &Path, checked: bool) -> Done {
    fs::create_dir_all(to)?;
    let (old, new) = (Key::named("root-3"), Key::named("root-4"));
    let signers = [Key::named("root-1"), Key::named("root-2")];
    let (old, _) = old.listed();
    let (id, listed) = new.listed();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let candidate = Candidate::read(Dialect::Tuf1, &fs::read(entry.path())?)?;
        let mut root = candidate.peek().clone();
        let before = if checked { Some(candidate.trusted_on_first_use()?) } else { None };
        root.version += 1;
        root.keys.remove(&old);
        root.keys.insert(id.clone(), listed.clone());
        for keyid in root.roles.values_mut().flat_map(|role| &mut role.keyids) {
            if *keyid == old {
                *keyid = id.clone();
            }
        }
        let payload = Draft::new(document("root", root.version), Dialect::Tuf1, root).payload()?;
        let signatures: Vec<_> = signers.iter().map(|key| key.sign(payload.to_sign())).collect();
        let written = payload.envelope(&signatures);
        if let Some(before) = before {
            before.succeed(Signed::take(Dialect::Tuf1, written.clone(), LIMITS)?)?;
        }
        fs::write(to.join(entry.file_name()), written)?;
    }
    Ok(())
}

fn verify_bins(repository: &Path) -> Done {
    let root = trusted(&repository.join("1.root.json"))?;
    let authority = root.authority(&RoleName::targets())?;
    let bytes = fs::read(repository.join("1.targets.json"))?;
    let at = "2026-01-01T00:00:00Z".parse()?;
    let signed = Signed::<Targets>::take(Dialect::Tuf1, bytes, LIMITS)?;
    let targets = verify(&authority, signed, at)?;
    let mut delegations = targets.body().delegations.clone().ok_or("no delegations")?;
    let (id, _) = Key::named("bins").listed();
    let role = DelegatedRole {
        name: "bins".parse()?,
        keys: anchorite::tuf::root::RoleKeys {
            keyids: vec![id],
            threshold: anchorite::tuf::root::StatedThreshold(1),
            unknown: BTreeMap::new(),
        },
        paths: None,
        path_hash_prefixes: None,
        terminating: Some(false),
    };
    delegations.roles.push(role);
    let role = delegations.roles.last().ok_or("no role")?;
    let authority = Authority::delegated(&delegations, role)?;
    let mut count = 0;
    for bin in 0..fixtures::BINS {
        let bytes = fs::read(repository.join(fixtures::bin_file(bin)))?;
        let signed = Signed::<Targets>::take(Dialect::Tuf1, bytes, LIMITS)?;
        count += verify(&authority, signed, at)?.body().targets.len();
    }
    println!("{count} targets");
    Ok(())
}

/// Follows the roots in a folder from the one that is named.
fn chain(folder: &Path, first: &str) -> Done {
    let mut root = trusted(&folder.join(format!("{first}.root.json")))?;
    loop {
        let name = format!("{}.root.json", root.root().body().version + 1);
        let Ok(bytes) = fs::read(folder.join(name)) else { break };
        root = root.succeed(Signed::take(Dialect::Tuf1, bytes, LIMITS)?)?;
    }
    println!("root {} {}", root.root().body().version, root.digest());
    Ok(())
}
