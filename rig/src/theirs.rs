//! The peer's side of the comparison: the same jobs, by the public functions of `tough`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::SystemRandom;
use sha2::{Digest as _, Sha256};
use tough::schema::{Role, Root, Signature, Signed, Targets};
use tough::sign::{Sign, parse_keypair};
use tough::{ExpirationEnforcement, FilesystemTransport, Limits, RepositoryLoader, TargetName};
use url::Url;

type Done = Result<(), Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let path = |nth: usize| PathBuf::from(words.get(nth).map_or("", String::as_str));
    match words.first().map(String::as_str) {
        Some("update") => update(&path(1), &words[2]).await,
        Some("verify-targets") => verify_targets(&path(1)),
        Some("sign-targets") => sign_targets(&path(1), &path(2)).await,
        Some("edit-roots") => edit_roots(&path(1), &path(2)).await,
        Some("chain") => chain(&path(1), &words[2]),
        _ => Err("theirs update|verify-targets|sign-targets|edit-roots|chain …".into()),
    }
}

fn key(name: &str) -> Result<impl Sign, Box<dyn Error>> {
    // PrivateKeyInfo of RFC 8410 section 7.
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend_from_slice(&Sha256::digest(name.as_bytes()));
    Ok(parse_keypair(&der)?)
}

fn root(path: &Path) -> Result<Signed<Root>, Box<dyn Error>> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

async fn update(repository: &Path, target: &str) -> Done {
    let folder = Url::from_directory_path(fs::canonicalize(repository)?).map_err(|()| "path")?;
    let root = fs::read(repository.join("1.root.json"))?;
    let loaded = RepositoryLoader::new(&root, folder.clone(), folder)
        .transport(FilesystemTransport)
        .limits(Limits { max_targets_size: 256 << 20, ..Limits::default() })
        .expiration_enforcement(ExpirationEnforcement::Safe)
        .load()
        .await?;
    let name = TargetName::new(target)?;
    let found = loaded.targets().signed.find_target(&name, false)?;
    println!("{target}: {} bytes", found.length);
    Ok(())
}

fn verify_targets(repository: &Path) -> Done {
    let root = root(&repository.join("1.root.json"))?;
    let bytes = fs::read(repository.join("1.targets.json"))?;
    let targets: Signed<Targets> = serde_json::from_slice(&bytes)?;
    root.signed.verify_role(&targets)?;
    println!("{} targets", targets.signed.targets.len());
    Ok(())
}

async fn signature(
    name: &str,
    key: &impl Sign,
    message: &[u8],
) -> Result<Signature, Box<dyn Error>> {
    let made =
        key.sign(message, &SystemRandom::new()).await.map_err(|why| format!("{name}: {why}"))?;
    Ok(Signature { keyid: key.tuf_key().key_id()?, sig: made.into() })
}

async fn sign_targets(repository: &Path, to: &Path) -> Done {
    let bytes = fs::read(repository.join("1.targets.json"))?;
    let mut targets: Signed<Targets> = serde_json::from_slice(&bytes)?;
    targets.signed.version = targets.signed.version.checked_add(1).ok_or("version")?;
    let message = targets.signed.canonical_form()?;
    targets.signatures = vec![signature("targets", &key("targets")?, &message).await?];
    fs::write(to, serde_json::to_vec(&targets)?)?;
    Ok(())
}

async fn edit_roots(from: &Path, to: &Path) -> Done {
    fs::create_dir_all(to)?;
    let (old, new) = (key("root-3")?.tuf_key().key_id()?, key("root-4")?.tuf_key());
    let signers = [key("root-1")?, key("root-2")?];
    let id = new.key_id()?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let mut root = root(&entry.path())?;
        root.signed.version = root.signed.version.checked_add(1).ok_or("version")?;
        root.signed.keys.remove(&old);
        root.signed.keys.insert(id.clone(), new.clone());
        for keyid in root.signed.roles.values_mut().flat_map(|role| &mut role.keyids) {
            if *keyid == old {
                *keyid = id.clone();
            }
        }
        let message = root.signed.canonical_form()?;
        root.signatures.clear();
        for signer in &signers {
            root.signatures.push(signature("root", signer, &message).await?);
        }
        fs::write(to.join(entry.file_name()), serde_json::to_vec(&root)?)?;
    }
    Ok(())
}

fn chain(folder: &Path, first: &str) -> Done {
    let mut trusted = root(&folder.join(format!("{first}.root.json")))?;
    trusted.signed.verify_role(&trusted)?;
    loop {
        let path = folder.join(format!("{}.root.json", trusted.signed.version.get() + 1));
        if !path.is_file() {
            break;
        }
        let next = root(&path)?;
        trusted.signed.verify_role(&next)?;
        next.signed.verify_role(&next)?;
        trusted = next;
    }
    println!("root {}", trusted.signed.version);
    Ok(())
}
