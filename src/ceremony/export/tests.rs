use super::*;

const PLAN: &str = include_str!("../../../ceremonies/first-root-notary1/plan.toml");
const HISTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/notary-v1/meta");

type Files = BTreeMap<String, Vec<u8>>;

fn plan() -> Plan {
    Plan::parse(PLAN.replace("registry.example.com/team/app", "example.com/team/app").as_bytes())
        .unwrap()
}

/// Documents that the real client made, after one of its steps.
fn made(step: &str, roles: &[&str]) -> Files {
    let read = |role: &&str| {
        let name = format!("{role}.json");
        (name.clone(), std::fs::read(format!("{HISTORY}/{step}/{name}")).unwrap())
    };
    roles.iter().map(read).collect()
}

/// The export of a change from one step to another, that signs these roles.
fn changed(from: &str, to: &str, signed: &[&str]) -> Files {
    let start = Start {
        before: made(from, &["root", "targets", "targets/releases", "snapshot", "timestamp"]),
        base: Some("2026-12-01T00:00:00Z".parse().unwrap()),
    };
    files_from(&plan(), &Roster::default(), &made(to, signed), &start)
}

fn text(files: &Files, path: &str) -> String {
    String::from_utf8(files.get(path).unwrap_or_else(|| panic!("{path}")).clone()).unwrap()
}

#[test]
fn a_replaced_tagging_key_is_explained_role_by_role() {
    let files = changed("04-releases", "05-rotate-targets", &["root", "targets"]);
    let readme = text(&files, "README");
    assert!(readme.contains("Keys that come to targets: "), "{readme}");
    assert!(readme.contains("Keys that leave targets: "));
    assert!(!readme.contains("leave root") && !readme.contains("leave snapshot"));
    assert!(readme.contains("root and targets belong together"));
    assert!(readme.contains("can deceive that client until"));
    let same = changed("08-rotate-root", "08-rotate-root", &["root"]);
    assert!(!text(&same, "README").contains("can deceive"));
    // The delegation is left as it is, and its end is told.
    assert!(
        text(&files, "calendar.txt")
            .contains("of example.com/team/app (not signed in this ceremony)")
    );
    let before = text(&files, "publish/BEFORE");
    let roles: Vec<_> = before.lines().filter_map(|line| line.split('\t').nth(1)).collect();
    assert_eq!(roles, ["root", "targets", "targets/releases"]);
}

#[test]
fn pins_hold_the_old_and_the_new_certificate() {
    let ids = |files: &Files| {
        let pins: serde_json::Value =
            serde_json::from_slice(files.get("anchors/notary-trust-pinning.json").unwrap())
                .unwrap();
        let ids = pins.pointer("/trust_pinning/certs/example.com~1team~1app").unwrap().clone();
        serde_json::from_value::<Vec<KeyId>>(ids).unwrap()
    };
    let files = changed("07-timestamp", "08-rotate-root", &["root"]);
    let root = |step| Documents::read(&made(step, &["root"]));
    let (old, new) = (root("07-timestamp"), root("08-rotate-root"));
    let [old, new] = [old, new].map(|root| root.keys(&RoleName::root())[0].0.clone());
    assert_ne!(old, new);
    assert_eq!(ids(&files), [old.clone(), new.clone()]);
    let same = changed("04-releases", "05-rotate-targets", &["root", "targets"]);
    assert_eq!(ids(&same), [old]);

    let pem = text(&files, &format!("anchors/{}.pem", &new.as_str()[..16]));
    let id = notary1::list_certificate(&pem).unwrap().0;
    assert_eq!(id, new);
    let rule = text(&files, "anchors/admission.yaml");
    let key = Certificate::from_pem(&pem).unwrap().public.to_pem();
    let indented: String = key.lines().map(|line| format!("            {line}\n")).collect();
    assert!(rule.contains(&indented), "{rule}");
    assert!(rule.contains("pattern: \"example.com/team/app:*\""));
}

#[test]
fn the_card_says_the_digest_in_groups_words_and_a_code() {
    let files = changed("07-timestamp", "08-rotate-root", &["root"]);
    let card = text(&files, "anchors/root-digest.txt");
    let after = Documents::read(&made("08-rotate-root", &["root"]));
    let digest = after.root_digest().unwrap();
    assert!(card.contains(&digest.groups()[..4].join(" ")));
    assert!(card.contains(&digest.words()[24..].join(" ")));
    assert!(card.contains("The root before had the digest"));
    assert!(card.lines().all(|line| line.chars().count() <= 100), "{card}");
    let start = card.find("QR code:").unwrap();
    let lines: Vec<&str> =
        card[start..].lines().skip(2).take_while(|line| !line.starts_with("SHA")).collect();
    assert_eq!(read_code(&lines), digest.to_string());
    assert_eq!(files["anchors/root.json"], made("08-rotate-root", &["root"])["root.json"]);

    let left = changed("04-releases", "05-rotate-targets", &["targets"]);
    assert!(text(&left, "anchors/root-digest.txt").contains("left the root as it is"));
}

/// Reads a drawn code with a scanner's library.
fn read_code(lines: &[&str]) -> String {
    const SCALE: usize = 4;
    let rows: Vec<Vec<char>> = lines.iter().map(|line| line.chars().collect()).collect();
    let width = rows.iter().map(Vec::len).max().unwrap() + 4;
    let dark = |x: usize, y: usize| {
        let half = rows.get(y / 2).and_then(|row| row.get(x)).copied().unwrap_or(' ');
        half == '█' || half == if y.is_multiple_of(2) { '▀' } else { '▄' }
    };
    let shade = |x: usize, y: usize| if dark(x / SCALE, y / SCALE) { 0 } else { 255 };
    let (w, h) = (width * SCALE, rows.len() * 2 * SCALE);
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(w, h, shade);
    image.detect_grids().first().unwrap().decode().unwrap().1
}

#[test]
fn a_refreshed_document_that_says_the_same_is_told_as_that() {
    let files = changed("08-rotate-root", "08-rotate-root", &["targets"]);
    let readme = text(&files, "README");
    assert!(readme.contains("Nothing but version and date changed"), "{readme}");
    assert!(!readme.contains("belong together"));
}

#[test]
fn a_snapshot_that_is_signed_here_pins_the_one_it_replaces() {
    let signed = ["root", "targets", "snapshot"];
    let files = changed("04-releases", "05-rotate-targets", &signed);
    assert!(text(&files, "publish/BEFORE").contains("\tsnapshot\t"));
    let row = text(&files, "publish/REPOSITORIES");
    assert_eq!(row.split('\t').nth(3).unwrap(), "-");
}

#[test]
fn what_is_no_document_makes_no_scripts_and_no_fall() {
    let garbage = BTreeMap::from([("root.json".to_owned(), b"{}".to_vec())]);
    let files = files_from(&plan(), &Roster::default(), &garbage, &Start::default());
    assert!(text(&files, "publish/REPOSITORIES").is_empty());
    assert!(!files.contains_key("anchors/root-digest.txt"));
}
