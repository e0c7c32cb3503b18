//! Images: indexes and manifests, and tar archives.

use std::io::Cursor;

use anchorite::driver::oci::tar::{Entry, table};
use anchorite::tuf::image::{Chosen, Content, Named, choose};

pub(crate) fn indexes() -> Vec<Vec<u8>> {
    let digest = |c: &str| format!("sha256:{}", c.repeat(64));
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":7,"platform":{{"os":"linux","architecture":"arm64","variant":"v8"}},"annotations":{{"org.opencontainers.image.ref.name":"v1","io.containerd.image.name":"example.com:5000/team/app:v1"}}}},{{"mediaType":"x","digest":"sha512:{}","size":0,"annotations":{{"org.opencontainers.image.ref.name":"v1"}}}}]}}"#,
        digest("a"),
        "b".repeat(128),
    );
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"c","digest":"{}","size":1}},"layers":[{{"mediaType":"l","digest":"blake3:c","size":2}}]}}"#,
        digest("c"),
    );
    vec![index.into_bytes(), manifest.into_bytes()]
}

/// Whatever is read names only blobs below its folder, and a choice is one of what is there.
pub(crate) fn index(bytes: &[u8]) {
    let stated = "application/vnd.oci.image.index.v1+json";
    for entries in [Content::read(bytes, ""), Content::read(bytes, stated)].into_iter().flatten() {
        let (Content::Index(entries) | Content::Manifest(entries)) = entries;
        for entry in &entries {
            let again: Named = entry.digest.to_string().parse().expect("a digest is read again");
            assert_eq!(again, entry.digest);
            if let Named::Known(digest) = &entry.digest {
                let path = digest.path();
                assert!(
                    path.starts_with("blobs/sha")
                        && !path.contains("..")
                        && path.split('/').count() == 3
                );
            }
            let _ = (entry.is_bare_layer(), entry.tags().count());
        }
        match choose(&entries, "v1", Some("example.com:5000/team/app")) {
            Chosen::Named(one) => assert!(one.tags().any(|tag| tag == "v1")),
            Chosen::Only(_) => assert_eq!(entries.len(), 1),
            Chosen::Absent(tags) => assert!(!tags.iter().any(|tag| tag == "v1")),
            Chosen::Several(all) => assert!(all.len() > 1),
        }
    }
}

/// A small archive: plain files, a folder, a long name of each kind, a link.
pub(crate) fn archives() -> Vec<Vec<u8>> {
    let long = format!("{}/index.json", "long".repeat(30));
    let record = format!("path={long}\n");
    let record = format!("{} {record}", record.len() + 4);
    let entry = |name: &str, kind: u8, bytes: &[u8]| {
        let mut block = vec![0_u8; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
        block[156] = kind;
        block[257..265].copy_from_slice(b"ustar\x0000");
        seal(&mut block);
        block.extend_from_slice(bytes);
        block.resize(block.len().next_multiple_of(512), 0);
        block
    };
    let end = vec![0; 1024];
    vec![
        // Refused for its names.
        [
            entry("a/../b", b'0', b""),
            entry("/c", b'0', b""),
            entry("d/./e", b'0', b""),
            end.clone(),
        ]
        .concat(),
        [entry("./oci-layout", b'0', b"{}"), entry("blobs/", b'5', b""), end.clone()].concat(),
        [entry("p", b'x', record.as_bytes()), entry("a", b'0', b"pax"), end.clone()].concat(),
        [entry("l", b'L', long.as_bytes()), entry("a", b'0', b"gnu"), entry("b", b'2', b""), end]
            .concat(),
    ]
}

/// Puts the right sum into a header.
fn seal(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block[..512].iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Names stay inside, and no two files share a byte. A header that was mutated gets its right sum, too.
pub(crate) fn archive(bytes: &[u8]) {
    read(bytes);
    let mut sealed = bytes.to_vec();
    for block in sealed.chunks_exact_mut(512) {
        if block[257..].starts_with(b"ustar") {
            seal(block);
        }
    }
    read(&sealed);
}

fn read(bytes: &[u8]) {
    let length = u64::try_from(bytes.len()).expect("a length");
    let found = match table(&mut Cursor::new(bytes), length) {
        Ok(found) => found,
        Err(why) => {
            assert!(!why.to_string().is_empty());
            return;
        }
    };
    let mut ranges = Vec::new();
    for (name, entry) in &found {
        assert!(!name.starts_with('/') && name.split('/').all(|part| part != ".." && part != "."));
        if let Entry::File { offset, length: size } = entry {
            ranges.push((*offset, offset + size));
        }
    }
    ranges.sort_unstable();
    assert!(ranges.iter().all(|(_, end)| *end <= length));
    assert!(ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0));
}
