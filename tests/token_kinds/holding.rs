//! A PIN that is held for an exact count of signatures.

use std::cell::Cell;
use std::rc::Rc;

use anchorite::ceremony::event::Outcome;
use anchorite::ceremony::plan::Plan;

use crate::stage::Stage;
use crate::{Holders, nothing};

/// The shipped first root, where one token signs targets, snapshot and timestamp. How often its PIN is typed, its proof
/// left out, and what the log says of it.
fn typed(hold: &str) -> (u32, Vec<String>) {
    let text = std::fs::read_to_string("ceremonies/first-root-tuf1/plan.toml").unwrap();
    let start = text.find("name      = \"online\"").unwrap();
    let end = start + text[start..].find("\n\n").unwrap();
    let online = format!(
        "name = \"online\"\nholder = \"Releaser\"\nstore = {{ virtual = {{ serial = 7 }} }}\n\
         algorithm = \"p256\"\nmake = {{ pin = \"always\", touch = \"never\" }}\n{hold}"
    );
    let text = format!("{}{online}{}", &text[..start], &text[end..]);
    let text = text.replace("keys      = [\"release\"]", "keys      = [\"online\"]");
    let stage = Stage::of(text.into_bytes());
    let report = anchorite::ceremony::check::CheckReport::of(
        &stage.plan,
        crate::stage::noon(),
        &std::collections::BTreeMap::new(),
    );
    let session = stage.begin(&report);
    let mut people = Holders::new(&session, &stage, nothing);
    people.only = Some("online");
    people.typed = Rc::new(Cell::new(0));
    let typed = Rc::clone(&people.typed);
    let ended = session.hold(&mut people, &mut stage.bench()).unwrap();
    assert_eq!(ended.outcome, Outcome::Done);
    let log = ended.engine.record().log.iter().filter(|line| line.contains("the PIN of")).cloned();
    (typed.get() - 1, log.map(|line| line.get(7..).unwrap().to_owned()).collect())
}

#[test]
fn the_signature_after_the_last_asks_again() {
    assert_eq!(typed(""), (3, Vec::new()));
    let (asked, log) = typed("hold_pin = 2\n");
    assert_eq!(asked, 2);
    let said = [
        "the PIN of online is held for 1 more signature of this turn",
        "the PIN of online is wiped: the last signature for which it was held",
        "the PIN of online is held for 1 more signature of this turn",
    ];
    assert_eq!(log, said);
    assert_eq!(typed("hold_pin = 3\n").0, 1);
}

#[test]
fn only_a_token_that_asks_for_a_pin_may_have_it_held() {
    let text = std::fs::read_to_string("ceremonies/first-root-tuf1/plan.toml").unwrap();
    let made = "make      = { pin = \"always\", touch = \"always\" }";
    for (from, to, sentence) in [
        (made, format!("{made}\nhold_pin = 1"), "expected 2 to 1000000 signatures"),
        (
            made,
            "make = { pin = \"never\" }\nhold_pin = 9".to_owned(),
            "a key that asks for its PIN",
        ),
        ("make      = {}", "make = {}\nhold_pin = 9".to_owned(), "beside a token's store only"),
    ] {
        let refused = Plan::parse(text.replacen(from, &to, 1).as_bytes()).unwrap_err().to_string();
        assert!(refused.contains(sentence), "{refused}");
    }
}
