//! A change of a repository with so many tags that its documents are larger than a plan or a key file ever is.

use std::collections::BTreeMap;
use std::fs;

use anchorite::ceremony::check::CheckReport;
use anchorite::ceremony::plan::Plan;
use anchorite::driver::media::{Media, beside};
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::{Dialect, DocId, DocRole};
use anchorite::tuf::payload::Draft;
use anchorite::tuf::signed::Signed;
use anchorite::tuf::targets::{TargetFile, Targets};

use super::sample::{Sample, plan};
use super::{passes, root_kinds};

/// The sample with 20,000 tags, signed by the stand-in of its tagging key.
fn large() -> Sample {
    let mut sample = Sample::new(Dialect::Notary1);
    let bytes = &sample.files["targets.json"];
    let mut targets = Signed::<Targets>::read(Dialect::Notary1, bytes).unwrap().peek().clone();
    let tag = |n: u32| {
        let hash = Digest::of(&n.to_be_bytes()).as_bytes().to_vec();
        let file = TargetFile {
            length: 1000,
            hashes: BTreeMap::from([("sha256".to_owned(), hash)]),
            custom: None,
            unknown: BTreeMap::new(),
        };
        (format!("v{n}"), file)
    };
    targets.targets = (0..20_000).map(tag).collect();
    let id = DocId {
        repository: sample.twin.plan().repository.name.clone(),
        role: DocRole::Targets,
        version: 1,
    };
    let payload = Draft::new(id, Dialect::Notary1, targets).payload().unwrap();
    let key = sample.twin.key(&"tagging".parse().unwrap()).unwrap();
    let (id, _) = Dialect::Notary1.list_key(key.public_key()).unwrap();
    let signed = payload.envelope(&[(id, key.sign(payload.to_sign()))]);
    assert!(signed.len() > 1 << 20, "{}", signed.len());
    sample.files.insert("targets.json".to_owned(), signed);
    sample
}

#[test]
fn a_repository_of_twenty_thousand_tags_is_read_checked_and_walked() {
    let sample = large();
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in &sample.files {
        let file = folder.path().join("IN/before").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    let file = folder.path().join("plan.toml");
    let toml = plan(&sample, &root_kinds::refresh(&sample));
    fs::write(&file, &toml).unwrap();
    let plan = Plan::parse(toml.as_bytes()).unwrap();
    let at_hand = beside(&file, &plan);
    assert_eq!(at_hand.len(), sample.files.len());
    passes(&CheckReport::of(&plan, super::noon(), &at_hand));
    // So are files on a medium, as a ceremony reads them.
    let medium = folder.path().join("IN");
    let id = anchorite::ceremony::mounted::MediumId::new(&[1; 16]);
    let name = "IN".parse().unwrap();
    let role = anchorite::ceremony::plan::MediumRole::In;
    anchorite::driver::media::enrol(&medium, &name, role, id, false).unwrap();
    let media = Media::new(BTreeMap::from([(name, medium)]), false);
    assert_eq!(media.at_hand(&plan), at_hand);
}
