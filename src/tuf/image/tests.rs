use super::*;

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn index(entries: &[(&str, &str)]) -> Vec<Descriptor> {
    let entries: Vec<String> = entries
        .iter()
        .map(|(digest, annotations)| {
            format!(r#"{{"digest":"{digest}","size":7,"annotations":{{{annotations}}}}}"#)
        })
        .collect();
    let text = format!(r#"{{"manifests":[{}]}}"#, entries.join(","));
    match Content::read(text.as_bytes(), "").unwrap() {
        Content::Index(entries) => entries,
        Content::Manifest(_) => panic!("{text}"),
    }
}

fn short(tag: &str) -> String {
    format!(r#""org.opencontainers.image.ref.name":"{tag}""#)
}

fn whole(name: &str) -> String {
    format!(r#""io.containerd.image.name":"{name}""#)
}

#[test]
fn a_tag_is_found_by_its_short_and_by_its_whole_name() {
    for name in [short("v1"), short("example.com:5000/app:v1"), whole("docker.io/library/app:v1")] {
        let index = index(&[(A, &name), (B, &short("v2"))]);
        assert_eq!(choose(&index, "v1", None), Chosen::Named(&index[0]), "{name}");
    }
    let port = index(&[(A, &whole("example.com:5000/app"))]);
    assert_eq!(choose(&port, "5000/app", None), Chosen::Only(&port[0]));
}

#[test]
fn the_only_image_without_a_name_is_taken_and_one_with_another_name_is_not() {
    let bare = index(&[(A, "")]);
    assert_eq!(choose(&bare, "v1", None), Chosen::Only(&bare[0]));
    let other = index(&[(A, &short("v2"))]);
    assert_eq!(choose(&other, "v1", None), Chosen::Absent(vec!["v2".to_owned()]));
    assert_eq!(choose(&index(&[(A, ""), (B, "")]), "v1", None), Chosen::Absent(Vec::new()));
}

#[test]
fn two_images_under_one_tag_are_told_apart_by_the_repository_only() {
    let (one, two) = (whole("example.com/a:v1"), whole("example.com/b:v1"));
    let both = index(&[(A, &one), (B, &two)]);
    assert!(matches!(choose(&both, "v1", None), Chosen::Several(found) if found.len() == 2));
    assert_eq!(choose(&both, "v1", Some("example.com/b")), Chosen::Named(&both[1]));
    assert!(matches!(choose(&both, "v1", Some("example.com/c")), Chosen::Several(_)));
    let same = index(&[(A, &one), (A, &two)]);
    assert_eq!(choose(&same, "v1", None), Chosen::Named(&same[0]));
}

#[test]
fn digests_follow_their_grammar() {
    let long = format!("sha512:{}", "0".repeat(128));
    for good in [A, &long] {
        assert!(matches!(good.parse(), Ok(Named::Known(known)) if known.to_string() == good));
    }
    assert_eq!("blake3:Ab_-=".parse(), Ok(Named::Unknown("blake3:Ab_-=".to_owned())));
    let upper = A.replace("aaaa", "AAAA");
    for bad in
        ["", "sha256", "sha256:", ":a", "sha256:../../x", "../x:a", "a:b/c", "sha256:abc", &upper]
    {
        assert!(bad.parse::<Named>().is_err(), "{bad:?}");
    }
}

#[test]
fn what_two_readers_would_take_for_two_things_is_refused() {
    let both = br#"{"manifests":[],"layers":[]}"#;
    assert!(Content::read(both, "").is_err());
    assert!(Content::read(br#"{"manifests":[]}"#, "").is_ok());
    let own = br#"{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    assert!(Content::read(own, "application/vnd.oci.image.index.v1+json").is_ok());
    assert!(Content::read(own, "application/vnd.oci.image.manifest.v1+json").is_err());
    for bad in ["[]", "{}", r#"{"layers":{}}"#, r#"{"manifests":[{"digest":"x","size":1}]}"#] {
        assert!(Content::read(bad.as_bytes(), "").is_err(), "{bad}");
    }
    let negative = format!(r#"{{"manifests":[{{"digest":"{A}","size":-1}}]}}"#);
    let error = Content::read(negative.as_bytes(), "").unwrap_err();
    assert_eq!(error.to_string(), "manifests[0].size: expected a length in bytes, found none");
}

#[test]
fn a_hundred_thousand_manifests_are_chosen_from() {
    let names: Vec<String> = (0..100_000).map(|nth| short(&format!("v{nth}"))).collect();
    let entries: Vec<(&str, &str)> = names.iter().map(|name| (A, name.as_str())).collect();
    let index = index(&entries);
    assert_eq!(choose(&index, "v99999", None), Chosen::Named(&index[99_999]));
}
