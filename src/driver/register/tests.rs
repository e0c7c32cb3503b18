//! Tests of the register.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use super::*;
use crate::tuf::digest::Digest;

fn print(of: &str) -> Fingerprint {
    Digest::of(of.as_bytes()).into()
}

fn line(of: &str, state: KeyState) -> Line {
    let at = "2026-12-01T08:00:00Z".parse().unwrap();
    let mut line = Line::new(at, "root-a".parse().unwrap(), print(of), What::State(state));
    "first-root HERON".clone_into(&mut line.reason);
    line
}

fn book() -> (tempfile::TempDir, Workspace) {
    let outer = tempfile::tempdir().unwrap();
    let book = Workspace::create(&outer.path().join("book")).unwrap();
    (outer, book)
}

#[test]
fn a_key_stands_where_its_last_transition_put_it() {
    let (_outer, book) = book();
    assert!(Register::read(&book).unwrap().of(&print("a")).is_none());
    let mut bagged = line("a", KeyState::Active);
    bagged.location = Some("safe 1".to_owned());
    bagged.seal = Some("A-1001".to_owned());
    Register::add(&book, &[line("a", KeyState::PreActivation), bagged]).unwrap();
    let mut stolen = line("a", KeyState::Compromised);
    stolen.at = "2027-03-01T08:00:00Z".parse().unwrap();
    stolen.by = Some("Administrator".to_owned());
    "the bag was open".clone_into(&mut stolen.reason);
    let mut moved = line("a", KeyState::Compromised);
    moved.location = Some("safe 2".to_owned());
    Register::add(&book, &[stolen, moved]).unwrap();
    let register = Register::read(&book).unwrap();
    let now = register.of(&print("a")).unwrap();
    assert_eq!(now.state, KeyState::Compromised);
    assert_eq!(
        (now.since.to_string(), now.by.as_deref()),
        ("2027-03-01T08:00:00Z".to_owned(), Some("Administrator"))
    );
    assert_eq!((now.location.as_deref(), now.seal.as_deref()), (Some("safe 2"), Some("A-1001")));
    assert_eq!(now.reason, "the bag was open");
}

#[test]
fn a_way_that_the_standard_does_not_know_is_refused_and_nothing_is_written() {
    let (_outer, book) = book();
    Register::add(&book, &[line("a", KeyState::Deactivated)]).unwrap();
    let before = std::fs::read(book.folder().join(FILE)).unwrap();
    let again = [line("b", KeyState::Active), line("a", KeyState::Active)];
    let error = Register::add(&book, &again).unwrap_err();
    assert_eq!(error.to_string(), "root-a is deactivated and cannot become active");
    assert_eq!(std::fs::read(book.folder().join(FILE)).unwrap(), before);
    // Nor is it believed when somebody wrote it there by hand.
    let mut forged = before;
    forged.extend(serde_json::to_vec(&line("a", KeyState::Active)).unwrap());
    forged.push(b'\n');
    let error = Register::parse(&forged).unwrap_err();
    assert!(error.to_string().contains("line 2: root-a is deactivated"), "{error}");
}

#[test]
fn a_key_that_is_dead_is_never_authorised_again_and_others_are() {
    for (state, may) in [
        (KeyState::PreActivation, true),
        (KeyState::Active, true),
        (KeyState::Suspended, false),
        (KeyState::Deactivated, false),
        (KeyState::Compromised, false),
        (KeyState::NotRecovered, false),
        (KeyState::Destroyed, false),
    ] {
        let mut bytes = serde_json::to_vec(&line("a", state)).unwrap();
        bytes.push(b'\n');
        let register = Register::parse(&bytes).unwrap();
        let found = register.may_be_authorised(&print("a"));
        assert_eq!(found.is_ok(), may, "{state}");
        if let Err(why) = found {
            assert_eq!(
                why.to_string(),
                format!("the key root-a is {state} since 2026-12-01T08:00:00Z (first-root HERON)")
            );
        }
        assert!(register.may_be_authorised(&print("b")).is_ok());
    }
}

#[test]
fn lines_of_earlier_releases_still_read() {
    let print = print("a");
    let old = format!(
        "{{\"at\":\"2026-11-01T08:00:00Z\",\"fingerprint\":\"{print}\",\"holder\":\"Custodian A\",\
         \"key\":\"root-a\",\"reason\":\"first-root HERON\",\
         \"session\":\"000102030405060708090a0b0c0d0e0f\",\"state\":\"generated\",\"store\":null}}\n\
         {{\"at\":\"2026-11-01T09:00:00Z\",\"fingerprint\":\"{print}\",\"key\":\"root-a\",\
         \"reason\":\"back-up\",\"state\":\"backed up\",\"store\":\"age\"}}\n"
    );
    let register = Register::parse(old.as_bytes()).unwrap();
    let now = register.of(&print).unwrap();
    assert_eq!((now.state, now.store.as_deref()), (KeyState::PreActivation, Some("age")));
    let old = old.replace("backed up", "authorised");
    assert_eq!(
        Register::parse(old.as_bytes()).unwrap().of(&print).unwrap().state,
        KeyState::Active
    );
}

#[test]
fn a_line_that_is_not_ours_is_told_by_its_number() {
    let good = serde_json::to_string(&line("a", KeyState::Active)).unwrap();
    assert!(Register::parse(format!("{good}\n").as_bytes()).is_ok());
    for bad in [
        good.replace("active", "lively"),
        good.replace("\"reason\"", "\"why\""),
        good.replace("{\"at\"", "{\"at\":\"2026-12-01T08:00:00Z\",\"at\""),
        good.replace("root-a", "../root"),
        format!("{good}{good}"),
        String::new(),
    ] {
        let error = Register::parse(format!("{good}\n{bad}\n").as_bytes()).unwrap_err();
        assert!(matches!(error, BadRegister::Malformed { line: 2, .. }), "{bad}: {error}");
    }
}

#[test]
fn a_line_that_a_power_cut_tore_never_counted_and_is_set_aside() {
    let (_outer, book) = book();
    Register::add(&book, &[line("a", KeyState::Active)]).unwrap();
    let path = book.folder().join(FILE);
    let whole = std::fs::read(&path).unwrap();
    let torn = [whole.as_slice(), b"{\"at\":\"2026"].concat();
    std::fs::write(&path, torn).unwrap();
    assert_eq!(Register::read(&book).unwrap().keys().count(), 1);
    Register::add(&book, &[line("b", KeyState::Active)]).unwrap();
    assert_eq!(Register::read(&book).unwrap().keys().count(), 2);
    let aside = book.folder().join(format!("register-torn-{}", whole.len()));
    assert_eq!(std::fs::read(aside).unwrap(), b"{\"at\":\"2026");
}
