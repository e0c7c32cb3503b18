//! Images against what trust metadata signs for their tags: the program as people and pipelines run it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "image/forge.rs"]
mod forge;
#[path = "image/layout.rs"]
mod layout;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anchorite::tuf::document::Dialect;
use anchorite::tuf::verify::Candidate;
use anchorite::tuf::wire::json::Json;
use tempfile::TempDir;

use forge::{DAY, Delegation, GUN, Repository, entry};
use layout::{BARE_LAYER, INDEX, LAYER, Layout, MANIFEST, descriptor, named, one, sha256, sha512};
use support::clients;
use support::command::{Ran, run};
use support::notary::NotaryServer;

const BOTH: [Dialect; 2] = [Dialect::Notary1, Dialect::Tuf1];

/// A folder with a layout `image` and trust metadata `trust`.
struct Case {
    folder: TempDir,
    root: String,
}

impl Case {
    /// An image under the tag v1, and a repository that signs it.
    fn signed(dialect: Dialect) -> Self {
        Self::with(|manifest| Repository::signing(dialect, "v1", manifest))
    }

    fn with(repository: impl FnOnce(&[u8]) -> Repository) -> Self {
        let folder = TempDir::new().unwrap();
        let manifest = one(&folder.path().join("image"), "v1", "app");
        let root = repository(&manifest).write(&folder.path().join("trust"));
        Self { folder, root }
    }

    /// A layout of its own, and a repository that signs what the closure gives.
    fn of(dialect: Dialect, layout: impl FnOnce(&mut Layout<'_>) -> Vec<u8>) -> Self {
        let folder = TempDir::new().unwrap();
        let image = folder.path().join("image");
        let content = layout(&mut Layout::new(&image));
        let repository = Repository::signing(dialect, "v1", &content);
        let root = repository.write(&folder.path().join("trust"));
        Self { folder, root }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn verify(&self, more: &[&str]) -> Ran {
        self.verify_at("image", more)
    }

    fn verify_at(&self, image: &str, more: &[&str]) -> Ran {
        let arguments = ["--tag", "v1", "--trust", "trust", "--at", DAY];
        let pin = ["--root-digest", &self.root];
        let own_pin = more.iter().any(|one| one.contains("root") || *one == "--trust-on-first-use");
        let pin = if own_pin { &pin[..0] } else { &pin[..] };
        program(
            self.folder.path(),
            &[&["image", "verify", image], &arguments[..], pin, more].concat(),
        )
    }

    /// The blob of the image's only layer.
    fn layer(&self) -> PathBuf {
        let digest = sha256(b"layer of app");
        self.at("image/blobs").join(digest.replace(':', "/"))
    }
}

fn program(folder: &Path, arguments: &[&str]) -> Ran {
    run(Command::new(env!("CARGO_BIN_EXE_anchorite")).args(arguments).current_dir(folder))
}

#[track_caller]
fn says(ran: Ran, code: i32, words: &[&str]) {
    let text = ran.failure(code);
    for word in words {
        assert!(text.contains(word), "expected {word:?} in:\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn an_image_that_is_signed_passes_and_the_chain_is_shown() {
    for dialect in BOTH {
        let case = Case::signed(dialect);
        let words = [
            "[ok] what it lists and is here is what its digests say: 2",
            "pinned by --root-digest",
            &case.root,
            "version 5, expires 2030-01-01",
            "tag          v1 is signed by targets",
            "RESULT       PASS",
        ];
        says(case.verify(&[]), 0, &words);
        says(case.verify(&["--gun", GUN]), 0, &["PASS"]);
        says(case.verify(&["--root", "trust/root.json"]), 0, &["pinned by --root"]);
        let told: serde_json::Value =
            serde_json::from_str(&case.verify(&["--json"]).success()).unwrap();
        assert_eq!((&told["result"], &told["exit"]), (&"PASS".into(), &0.into()));
        assert_eq!(told["signed"]["role"], "targets");
        assert_eq!(told["trust"]["chain"].as_array().unwrap().len(), 4);
        assert_eq!(told["image"]["blobs"]["checked"], 2);
    }
}

#[test]
fn a_tar_archive_of_a_layout_is_the_same_as_the_layout() {
    let case = Case::signed(Dialect::Notary1);
    for (format, name) in [("--format=gnu", "gnu.tar"), ("--format=pax", "pax.tar")] {
        run(Command::new("tar")
            .args([format, "-C", "image", "-cf", name, "."])
            .current_dir(case.folder.path()))
        .success();
        says(case.verify_at(name, &[]), 0, &["digests say: 2", "PASS"]);
    }
    run(Command::new("gzip").args(["-k", "gnu.tar"]).current_dir(case.folder.path())).success();
    says(case.verify_at("gnu.tar.gz", &[]), 2, &["compressed with gzip", "gunzip"]);
    let whole = fs::read(case.at("gnu.tar")).unwrap();
    fs::write(case.at("cut.tar"), &whole[..whole.len() / 2]).unwrap();
    says(case.verify_at("cut.tar", &[]), 2, &["cut off"]);
    fs::write(case.at("evil"), "x").unwrap();
    let evil = ["-P", "-C", "image", "-cf", "evil.tar", ".", "../evil"];
    run(Command::new("tar").args(evil).current_dir(case.folder.path())).success();
    says(case.verify_at("evil.tar", &[]), 2, &["outside of its folder"]);
    let twice =
        ["-C", "image", "--hard-dereference", "-cf", "twice.tar", "index.json", "index.json"];
    run(Command::new("tar").args(twice).current_dir(case.folder.path())).success();
    says(case.verify_at("twice.tar", &[]), 2, &["index.json", "twice"]);
}

#[test]
fn another_image_under_the_tag_fails_with_both_digests() {
    for dialect in BOTH {
        let case = Case::with(|_| Repository::signing(dialect, "v1", b"another"));
        let expected = sha256(b"another").replace(':', " ");
        says(
            case.verify(&[]),
            3,
            &["targets signs another image", &expected, "FAIL", "Do not use"],
        );
        let case = Case::with(|manifest| {
            let Json::Object(mut signed) = entry(dialect, manifest) else { unreachable!() };
            signed.insert("length".to_owned(), Json::Integer(7));
            let targets = vec![("v1".to_owned(), Json::Object(signed))];
            Repository { dialect, targets, delegations: Vec::new() }
        });
        says(case.verify(&[]), 3, &["targets signs 7 bytes for v1"]);
        let case = Case::with(|manifest| Repository::signing(dialect, "v2", manifest));
        says(case.verify(&[]), 3, &["nobody signs the tag v1"]);
        let told: serde_json::Value =
            serde_json::from_str(&case.verify(&["--json"]).stdout).unwrap();
        assert_eq!((&told["result"], &told["exit"]), (&"FAIL".into(), &3.into()));
    }
}

#[test]
fn a_root_that_nobody_compared_proves_nothing() {
    let case = Case::signed(Dialect::Notary1);
    let arguments = ["image", "verify", "image", "--tag", "v1", "--trust", "trust", "--at", DAY];
    let unpinned = program(case.folder.path(), &arguments);
    says(unpinned, 5, &["CANNOT TELL", "nobody has compared", &case.root, "--trust-on-first-use"]);
    says(case.verify(&["--trust-on-first-use"]), 0, &["believed on first use", "PASS"]);
    let stranger = "1".repeat(64);
    says(case.verify(&["--root-digest", &stranger]), 3, &["expected the root 1111", &case.root]);
    // Wrong beats cannot tell.
    let wrong = Case::with(|_| Repository::signing(Dialect::Notary1, "v1", b"another"));
    says(program(wrong.folder.path(), &arguments), 3, &["signs another image"]);
}

#[test]
fn a_chain_that_a_client_refuses_fails() {
    for dialect in BOTH {
        let case = Case::signed(dialect);
        let late = program(
            case.folder.path(),
            &[
                "image",
                "verify",
                "image",
                "--tag",
                "v1",
                "--trust",
                "trust",
                "--root-digest",
                &case.root,
                "--at",
                "2031-01-01T00:00:00Z",
            ],
        );
        says(late, 3, &["a client refuses the trust metadata", "expired"]);
        let targets = case.at("trust/targets.json");
        let text = fs::read_to_string(&targets).unwrap();
        fs::write(&targets, text.replace("\"v1\"", "\"v9\"")).unwrap();
        says(case.verify(&[]), 3, &["a client refuses the trust metadata: targets.json"]);
        fs::remove_file(targets).unwrap();
        says(case.verify(&[]), 3, &["targets.json: it is not there"]);
    }
    let case = Case::signed(Dialect::Notary1);
    says(case.verify(&["--gun", "example.com/other"]), 3, &["common name", GUN]);
    fs::remove_dir_all(case.at("trust")).unwrap();
    says(case.verify(&[]), 2, &["no trust metadata in trust", "~/.docker/trust"]);
}

#[test]
fn docker_asks_releases_before_targets_and_nobody_else() {
    let releases = |paths, manifest: &[u8], targets: &[u8]| Repository {
        dialect: Dialect::Notary1,
        targets: vec![("v1".to_owned(), entry(Dialect::Notary1, targets))],
        delegations: vec![Delegation {
            name: "targets/releases",
            paths,
            terminating: false,
            targets: vec![("v1".to_owned(), entry(Dialect::Notary1, manifest))],
        }],
    };
    let first = Case::with(|manifest| releases(&[""], manifest, b"another"));
    says(first.verify(&[]), 0, &["v1 is signed by targets/releases", "PASS"]);
    let shadowed = Case::with(|manifest| releases(&[""], b"another", manifest));
    says(shadowed.verify(&[]), 3, &["targets/releases signs another image"]);
    // Releases may not speak of this tag: what it says of it does not count.
    let elsewhere = Case::with(|manifest| releases(&["prod-"], b"another", manifest));
    says(elsewhere.verify(&[]), 0, &["v1 is signed by targets\n"]);
    let nobody = Case::with(|manifest| Repository {
        dialect: Dialect::Notary1,
        targets: Vec::new(),
        delegations: vec![Delegation {
            name: "targets/alice",
            paths: &[""],
            terminating: false,
            targets: vec![("v1".to_owned(), entry(Dialect::Notary1, manifest))],
        }],
    });
    says(nobody.verify(&[]), 3, &["nobody signs the tag v1", "targets/alice lists it"]);
}

#[test]
fn tuf_asks_targets_and_then_delegations_in_their_order() {
    let repository = |terminating, paths, manifest: &[u8]| {
        let of = |name, paths, terminating, content: &[u8]| Delegation {
            name,
            paths,
            terminating,
            targets: vec![("v1".to_owned(), entry(Dialect::Tuf1, content))],
        };
        let mut none = of("none", paths, terminating, b"");
        none.targets.clear();
        let delegations =
            vec![none, of("app", &["v?"], false, manifest), of("late", &["*"], false, b"x")];
        Repository { dialect: Dialect::Tuf1, targets: Vec::new(), delegations }
    };
    let case = Case::with(|manifest| repository(false, &["v*"], manifest));
    says(case.verify(&[]), 0, &["v1 is signed by app"]);
    let ended = Case::with(|manifest| repository(true, &["v*"], manifest));
    says(ended.verify(&[]), 3, &["nobody signs the tag v1", "app, late lists it"]);
    let other = Case::with(|manifest| repository(true, &["x*"], manifest));
    says(other.verify(&[]), 0, &["v1 is signed by app"]);
    let set = Case::with(|manifest| repository(true, &["[uv]1"], manifest));
    says(set.verify(&[]), 3, &["nobody signs the tag v1"]);
}

#[test]
fn bytes_that_are_not_what_names_them_fail() {
    let case = Case::signed(Dialect::Notary1);
    let layer = fs::read(case.layer()).unwrap();
    fs::write(case.layer(), layer.to_ascii_uppercase()).unwrap();
    says(case.verify(&[]), 3, &["its bytes hash to", "Copy or build the image again"]);
    fs::write(case.layer(), [&layer[..], b" and more"].concat()).unwrap();
    says(case.verify(&[]), 3, &["expected 12 bytes, found 21"]);
    fs::remove_file(case.layer()).unwrap();
    says(case.verify(&[]), 0, &["[??] not here, and not checked: 1 of the image", "PASS"]);

    let case = Case::of(Dialect::Notary1, |layout| {
        let manifest = layout.manifest("app", LAYER);
        layout.name(MANIFEST, &manifest, &named("v1"));
        let damaged = String::from_utf8(manifest.clone()).unwrap().replace("layers", "LAYERS");
        layout.blob(&sha256(&manifest), damaged.as_bytes());
        manifest
    });
    says(case.verify(&[]), 3, &["is not what the index says: its bytes hash to"]);
    fs::remove_dir_all(case.at("image/blobs")).unwrap();
    says(case.verify(&[]), 2, &["there is no such blob"]);
}

/// An index of two platforms, of which the second is not there, under the tag v1.
fn platforms(layout: &mut Layout<'_>) -> (Vec<u8>, Vec<u8>) {
    let (here, away) = (layout.manifest("app", LAYER), b"{\"layers\":[]}");
    let of = |name: &str| format!(r#","platform":{{"os":"linux","architecture":"{name}"}}"#);
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{},{}]}}"#,
        descriptor(MANIFEST, &sha256(&here), here.len(), &of("amd64")),
        descriptor(MANIFEST, &sha256(away), away.len(), &of("arm64"))
    );
    layout.blob(&sha256(index.as_bytes()), index.as_bytes());
    layout.name(INDEX, index.as_bytes(), &named("v1"));
    (index.into_bytes(), here)
}

#[test]
fn an_image_for_several_platforms_is_signed_by_its_index() {
    let case = Case::of(Dialect::Notary1, |layout| platforms(layout).0);
    says(
        case.verify(&[]),
        0,
        &["digests say: 3", "[??] not here, and not checked: 1 of linux/arm64", "PASS"],
    );
    let case = Case::of(Dialect::Notary1, |layout| platforms(layout).1);
    says(case.verify(&[]), 3, &["signs another image", "the manifest of linux/amd64 inside"]);
}

#[test]
fn indexes_within_indexes_end() {
    let case = Case::of(Dialect::Notary1, |layout| {
        let mut inner = layout.manifest("app", LAYER);
        let mut media_type = MANIFEST;
        for _ in 0..40 {
            let entry = descriptor(media_type, &sha256(&inner), inner.len(), "");
            inner = format!(r#"{{"manifests":[{entry},{entry}]}}"#).into_bytes();
            layout.blob(&sha256(&inner), &inner);
            media_type = INDEX;
        }
        layout.name(INDEX, &inner, &named("v1"));
        inner
    });
    says(case.verify(&[]), 0, &["[??] not checked: 1:", "PASS"]);
    // A blob that names itself cannot have the digest that it names.
    let case = Case::of(Dialect::Notary1, |layout| {
        let digest = sha256(b"loop");
        let own = format!(r#"{{"manifests":[{}]}}"#, descriptor(INDEX, &digest, 100, ""));
        layout.blob(&digest, own.as_bytes());
        layout.entry(descriptor(INDEX, &digest, own.len(), &named("v1")));
        own.into_bytes()
    });
    says(case.verify(&[]), 3, &["its bytes hash to"]);
}

#[test]
fn an_archive_of_docker_counts_only_with_the_manifest_of_the_registry() {
    let docker = |layer_type: &'static str, signed: &'static [u8]| {
        Case::of(Dialect::Notary1, |layout| {
            let manifest = layout.manifest("app", layer_type);
            layout.name(MANIFEST, &manifest, &named("v1"));
            if signed.is_empty() { manifest } else { signed.to_vec() }
        })
    };
    let mark = |case: &Case| fs::write(case.at("image/manifest.json"), "[]").unwrap();
    let original = docker(LAYER, b"");
    mark(&original);
    says(original.verify(&[]), 0, &["PASS"]);
    let rebuilt = docker(BARE_LAYER, b"another");
    says(rebuilt.verify(&[]), 3, &["signs another image"]);
    mark(&rebuilt);
    let command = format!("skopeo copy --all --preserve-digests docker://{GUN}:v1 oci:DIR:v1");
    says(rebuilt.verify(&["--gun", GUN]), 5, &["docker save", &command]);
    says(program(rebuilt.folder.path(), &["image", "digest", "image"]), 5, &["docker save"]);
    fs::remove_file(rebuilt.at("image/index.json")).unwrap();
    says(rebuilt.verify(&["--gun", GUN]), 5, &["docker save", &command]);
    fs::remove_file(rebuilt.at("image/manifest.json")).unwrap();
    says(rebuilt.verify(&[]), 2, &["not an OCI image layout", "no index.json"]);
}

#[test]
fn tags_that_are_not_there_or_there_twice_are_told() {
    let case = Case::signed(Dialect::Notary1);
    let other = ["image", "verify", "image", "--tag", "v2", "--trust", "trust", "--at", DAY];
    says(program(case.folder.path(), &other), 2, &["no image with the tag v2", "It has v1."]);
    let name = |name: &str| format!(r#","annotations":{{"io.containerd.image.name":"{name}:v1"}}"#);
    let case = Case::of(Dialect::Notary1, |layout| {
        let (one, two) = (layout.manifest("one", LAYER), layout.manifest("two", LAYER));
        layout.name(MANIFEST, &one, &name("example.com/other"));
        layout.name(MANIFEST, &two, &name(GUN));
        two
    });
    says(case.verify(&[]), 5, &["different images with the tag v1", "example.com/other:v1"]);
    says(case.verify(&["--gun", GUN]), 0, &["PASS"]);
}

#[test]
fn links_and_pipes_are_not_read() {
    let case = Case::signed(Dialect::Notary1);
    let away = case.at("layer");
    fs::rename(case.layer(), &away).unwrap();
    std::os::unix::fs::symlink(&away, case.layer()).unwrap();
    says(case.verify(&[]), 2, &["is not a plain file", "links are not followed"]);
    fs::remove_file(case.layer()).unwrap();
    run(Command::new("mkfifo").arg(case.layer())).success();
    says(case.verify(&[]), 2, &["is not a plain file"]);
    says(case.verify_at("image/blobs/sha256", &[]), 2, &["not an OCI image layout"]);
    let pipe = case.at("pipe");
    run(Command::new("mkfifo").arg(&pipe)).success();
    says(case.verify_at("pipe", &[]), 2, &["neither a folder nor a plain file"]);
    fs::remove_file(case.layer()).unwrap();
    fs::rename(&away, case.layer()).unwrap();
    case.verify(&[]).success();
}

#[test]
fn other_hashes_are_computed_or_told() {
    let case = Case::of(Dialect::Notary1, |layout| {
        let manifest = layout.manifest("app", LAYER);
        layout.blob(&sha512(&manifest), &manifest);
        layout.entry(descriptor(MANIFEST, &sha512(&manifest), manifest.len(), &named("v1")));
        manifest
    });
    says(case.verify(&[]), 0, &["sha512:", "PASS"]);
    let case = Case::of(Dialect::Notary1, |layout| {
        layout.entry(descriptor(MANIFEST, "blake3:abc", 7, &named("v1")));
        b"x".to_vec()
    });
    says(case.verify(&[]), 5, &["blake3:abc", "sha256 or sha512"]);
    // A bad entry elsewhere is a bad index.
    let case = Case::of(Dialect::Notary1, |layout| {
        let manifest = layout.manifest("app", LAYER);
        layout.name(MANIFEST, &manifest, &named("v1"));
        layout.entry(descriptor(MANIFEST, "sha256:../../../etc/passwd", 7, ""));
        manifest
    });
    says(case.verify(&[]), 2, &["manifests[1].digest"]);
}

#[test]
fn the_digest_is_what_a_plan_takes() {
    let folder = TempDir::new().unwrap();
    let manifest = one(&folder.path().join("image"), "v1", "app");
    let text = program(folder.path(), &["image", "digest", "image", "--tag", "v1"]).success();
    assert!(text.starts_with(&format!("# {}, {MANIFEST}\n", sha256(&manifest))), "{text}");
    let plan = fs::read_to_string("ceremonies/first-root-notary1/plan.toml").unwrap();
    let before = plan.find("[[targets]]").unwrap();
    let after = plan[before..].find("\n\n").map_or(plan.len(), |length| before + length);
    let plan = format!("{}{text}{}", &plan[..before], &plan[after..]);
    let plan = anchorite::ceremony::plan::Plan::parse(plan.as_bytes()).unwrap();
    let target = plan.targets.first().unwrap();
    assert_eq!(target.name, "v1");
    assert_eq!(target.length, u64::try_from(manifest.len()).unwrap());
    assert_eq!(format!("sha256:{}", target.sha256), sha256(&manifest));
    let was = "0".repeat(64);
    let more = ["--tag", "v1", "--role", "targets/releases", "--was", &was];
    let line = program(folder.path(), &[&["image", "digest", "image"][..], &more[..]].concat());
    let line = line.success();
    assert!(line.contains("role      = \"targets/releases\"") && line.contains(&was), "{line}");
    let json = program(folder.path(), &["image", "digest", "image", "--json"]).success();
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(told[0]["digest"], sha256(&manifest));
    says(program(folder.path(), &["image", "digest", "nowhere"]), 2, &["nowhere is not there"]);
}

#[test]
fn documents_of_the_real_client_say_which_image_they_want() {
    let folder = TempDir::new().unwrap();
    one(folder.path(), "v3", "app");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/notary-v1/meta/10-witness");
    let root =
        Candidate::read(Dialect::Notary1, &fs::read(data.join("root.json")).unwrap()).unwrap();
    let arguments = ["image", "verify", ".", "--tag", "v3", "--gun", "example.com/team/app"];
    let digest = root.digest().to_string();
    let trust = ["--trust", data.to_str().unwrap(), "--root-digest", &digest];
    let ran = program(
        folder.path(),
        &[&arguments[..], &trust, &["--at", "2026-11-24T00:00:00Z"]].concat(),
    );
    says(ran, 3, &["targets/releases signs another image for v3", &"bb".repeat(32)]);
}

#[test]
fn an_older_root_is_a_pin_if_the_roots_between_are_there() {
    let folder = TempDir::new().unwrap();
    one(&folder.path().join("image"), "v3", "app");
    let (data, trust) = (Path::new("tests/data/notary-v1/meta"), folder.path().join("trust"));
    run(Command::new("cp").arg("-r").arg(data.join("10-witness")).arg(&trust)).success();
    let first = fs::read(data.join("1.root.json")).unwrap();
    let digest = Candidate::read(Dialect::Notary1, &first).unwrap().digest().to_string();
    let verify = |pin: &[&str]| {
        let arguments = ["image", "verify", "image", "--tag", "v3", "--trust", "trust"];
        let at = ["--at", "2026-11-24T00:00:00Z"];
        program(folder.path(), &[&arguments[..], &at, pin].concat())
    };
    fs::write(folder.path().join("first.json"), first).unwrap();
    let behind = ["expected root version 2, found 6", "2.root.json"];
    says(verify(&["--root", "first.json"]), 3, &behind);
    says(verify(&["--root-digest", &digest]), 3, &["expected the root", &digest]);
    for version in 1..=6 {
        let name = format!("{version}.root.json");
        fs::copy(data.join(&name), trust.join(name)).unwrap();
    }
    says(verify(&["--root-digest", &digest]), 3, &[&digest, "targets/releases signs another"]);
}

#[test]
fn what_the_real_client_signs_is_what_passes() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let manifest = one(&folder.path().join("image"), "v1", "app");
    fs::write(folder.path().join("manifest"), &manifest).unwrap();
    let trust = folder.path().join("trust");
    let file = folder.path().join("manifest");
    clients::notary(&server, &trust, &["init", "-p", GUN]).success();
    let add = ["add", "-p", GUN, "v1", file.to_str().unwrap()];
    clients::notary(&server, &trust, &add).success();
    let listed = clients::notary(&server, &trust, &["list", GUN]).success();
    assert!(listed.contains(sha256(&manifest).split_once(':').unwrap().1), "{listed}");

    let metadata = trust.join("tuf").join(GUN).join("metadata");
    let root = fs::read(metadata.join("root.json")).unwrap();
    let digest = Candidate::read(Dialect::Notary1, &root).unwrap().digest().to_string();
    let arguments = |image: &'static str| {
        let all = ["image", "verify", image, "--tag", "v1", "--gun", GUN, "--root-digest", &digest];
        program(folder.path(), &[&all[..], &["--trust", metadata.to_str().unwrap()]].concat())
    };
    says(arguments("image"), 0, &["v1 is signed by targets", "PASS"]);
    one(&folder.path().join("other"), "v1", "exchanged");
    says(arguments("other"), 3, &["targets signs another image"]);
}
