//! Keys are given up in a real ceremony, and the register never lets them be authorised again.

use std::fs;

use anchorite::driver::register::{KeyState, Register};
use anchorite::driver::workspace::Workspace;
use anchorite::tuf::digest::Digest;

use crate::support::ceremony::{Ceremony, window};

#[test]
fn what_is_given_up_is_destroyed_or_not_recovered_in_the_register_for_good() {
    let plan = fs::read_to_string("ceremonies/retire-token/plan.toml").unwrap();
    let shipped = Digest::of(plan.as_bytes()).to_string();
    let mut plan = plan.replacen("\n[repository]", &format!("\n{}\n[repository]", window()), 1);
    for finding in ["unattended", "room-network-interface", "room-default-route", "room-swap"] {
        plan += &format!(
            "\n[[waivers]]\nfinding = \"{finding}\"\nreason = \"a test\"\nby = \"Administrator\"\n"
        );
    }
    let ceremony = Ceremony::with(plan.clone());
    fs::create_dir(ceremony.at("IN/before")).unwrap();
    for file in fs::read_dir("ceremonies/retire-token/IN/before").unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), ceremony.at("IN/before").join(file.file_name())).unwrap();
    }
    let answers = fs::read_to_string("ceremonies/retire-token/answers.toml").unwrap();
    let answers = answers.replace(&shipped, &Digest::of(plan.as_bytes()).to_string());
    fs::write(ceremony.at("answers.toml"), answers).unwrap();
    ceremony.plan();
    let run = [
        "run",
        "plan.toml",
        "--workspace",
        "BOOK",
        "--medium",
        "IN=IN",
        "--script",
        "answers.toml",
    ];
    ceremony.program(&run).success();

    let register = Register::read(&Workspace::open(&ceremony.at("BOOK")).unwrap()).unwrap();
    let mut states: Vec<(String, KeyState)> =
        register.keys().map(|(_, standing)| (standing.key.to_string(), standing.state)).collect();
    states.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [("root-e", KeyState::Destroyed), ("root-f", KeyState::NotRecovered)];
    assert_eq!(states, expected.map(|(key, state)| (key.to_owned(), state)));
    for (key, _) in register.keys() {
        register.may_be_authorised(key).unwrap_err();
    }
}
