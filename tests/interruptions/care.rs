//! Ceremonies about keys alone that are cut off before or after any line of their record.

use std::collections::BTreeMap;
use std::fs;

use anchorite::ceremony::ask::{Answer, Ask, AskKind, Form, People, Wish};
use anchorite::ceremony::check::CheckReport;
use anchorite::ceremony::event::{Event, Refusal};
use anchorite::ceremony::scene::Scene;
use anchorite::driver::bench::Stores as _;
use anchorite::driver::ports::{Company, Front, FrontFailed, Progress};
use anchorite::driver::session::Ended;
use anchorite::keystore::{Label, Rules, Secret, SecretKind, TokenError, Unlock};

use crate::stage::{self, GoodPeople, Stage, said};
use crate::{Cut, cut_off};

const OLD: &str = "731946";
const NEW: &str = "852047";

/// Holders with the old and the new secret of each key on paper.
struct Holders {
    good: GoodPeople,
    /// What they choose where a new secret may be set already.
    choose: &'static str,
    /// What opens each key, as they believe.
    opens: BTreeMap<String, &'static str>,
    /// The key whose new secret they took as set.
    adopted: Option<String>,
}

impl Holders {
    fn of(stage: &Stage, choose: &'static str) -> Self {
        let good = GoodPeople { plan: stage.plan.digest, change: None, asked: 0 };
        Self { good, choose, opens: BTreeMap::new(), adopted: None }
    }
}

impl Unlock for Holders {
    fn secret(&mut self, label: &Label, _: Option<u8>) -> Option<Secret> {
        Some(Secret::of(self.opens.get(label.key.as_str()).copied().unwrap_or(OLD)))
    }
    fn new_secret(&mut self, label: &Label, _: &Rules) -> Option<Secret> {
        if label.kind == SecretKind::Puk {
            return Some(Secret::of("58204713"));
        }
        self.opens.insert(label.key.to_string(), NEW);
        Some(Secret::of(NEW))
    }
    fn touch(&mut self, _: &Label) {}
}

impl Company for Holders {
    fn progress(&mut self, _: &Progress) {}
    fn wish(&mut self) -> Option<Wish> {
        None
    }
}

impl Front for Holders {
    fn show(&mut self, scene: Scene) {
        self.good.show(scene);
    }
    fn ask(&mut self, ask: &Ask) -> Result<People, FrontFailed> {
        if let (AskKind::Trouble, Form::Choose(choices)) = (ask.id.kind, &ask.form) {
            let (act, key) = ask.id.about.split_once(' ').unwrap();
            if act == "change-secret" && choices.iter().any(|choice| choice.word == "adopt") {
                if self.choose == "adopt" {
                    self.opens.insert(key.to_owned(), NEW);
                    self.adopted = Some(key.to_owned());
                }
                return Ok(said(ask, Answer::Chose(self.choose.to_owned())));
            }
            if act == "prove" && self.adopted.take().as_deref() == Some(key) {
                // The new paper opened nothing: the old one does.
                self.opens.insert(key.to_owned(), OLD);
            }
        }
        self.good.ask(ask)
    }
    fn refused(&mut self, refusal: &Refusal) {
        self.good.refused(refusal);
    }
}

/// How many lines the record of a ceremony has that nothing interrupts.
fn length(name: &str, report: &CheckReport) -> u64 {
    let stage = Stage::set(name);
    let mut people = Holders::of(&stage, "again");
    stage.begin(report).hold(&mut people, &mut stage.bench()).unwrap();
    u64::try_from(stage.entries().len()).unwrap()
}

/// Cuts a shipped ceremony before and after each line; `check` looks at what came of it.
fn cut_anywhere(name: &str, choose: &'static str, check: fn(&Stage, &Ended, Cut)) {
    let report = stage::report(name);
    let entries = length(name, &report);
    assert!(entries > 15, "{entries}");
    std::thread::scope(|scope| {
        for cut in [Cut::Before, Cut::After] {
            let report = &report;
            scope.spawn(move || {
                for cut in (1..=entries).map(cut) {
                    let stage = Stage::set(name);
                    let mut people = Holders::of(&stage, choose);
                    if name == "change-pin" {
                        under_old_secrets(&stage);
                    }
                    let ended = cut_off(&stage, report, cut, &mut people, |_, _| {});
                    if let Some(ended) = ended {
                        check(&stage, &ended, cut);
                    }
                }
            });
        }
    });
}

/// A key of a rehearsal opens with any secret until it has one.
fn under_old_secrets(stage: &Stage) {
    struct Before;
    impl Unlock for Before {
        fn secret(&mut self, _: &Label, _: Option<u8>) -> Option<Secret> {
            Some(Secret::of(OLD))
        }
        fn new_secret(&mut self, _: &Label, _: &Rules) -> Option<Secret> {
            Some(Secret::of(OLD))
        }
        fn touch(&mut self, _: &Label) {}
    }
    for key in &stage.plan.keys {
        stage.stores().change_secret(key, &mut Before).unwrap();
    }
}

fn certificate(ended: &Ended) -> serde_json::Value {
    serde_json::from_slice(&fs::read(ended.folder.join("care.json")).unwrap()).unwrap()
}

/// Whether the token that plays a key's store opens with a secret.
fn opens(stage: &Stage, ended: &Ended, name: &str, secret: &'static str) -> bool {
    let name = name.parse().unwrap();
    let key = ended.engine.plan().key(&name).unwrap();
    let public = ended.engine.roster().keys[&name].key().fingerprint();
    let mut people = Holders::of(stage, "again");
    people.opens.insert(name.to_string(), secret);
    let mut store = stage.stores().store(key).unwrap();
    let signed = store
        .signer(&public, &mut people)
        .and_then(|mut signer| signer.sign(b"message", &mut people));
    assert!(matches!(signed, Ok(_) | Err(TokenError::WrongSecret { .. })), "{signed:?}");
    signed.is_ok()
}

#[test]
fn a_provisioning_that_is_cut_off_anywhere_ends_with_one_key_under_its_holders_pin() {
    cut_anywhere("provision-token", "again", |stage, ended, cut| {
        let said = certificate(ended);
        assert_eq!(said["provisioned"], serde_json::json!(["root-d"]), "{cut:?}");
        assert_eq!(said["bags"][0]["bag"], "A-1041", "{cut:?}");
        assert_eq!(crate::made(&stage.entries()), crate::roster(&ended.engine), "{cut:?}");
        assert_eq!(ended.engine.roster().proofs.len(), 1, "{cut:?}");
        assert!(opens(stage, ended, "root-d", NEW), "{cut:?}");
        assert!(!opens(stage, ended, "root-d", OLD), "{cut:?}");
    });
}

fn the_new_secrets_open_and_the_old_ones_do_not(stage: &Stage, ended: &Ended, cut: Cut) {
    let said = certificate(ended);
    assert_eq!(said["secrets_changed"], serde_json::json!(["release", "root-a"]), "{cut:?}");
    for key in ["root-a", "release"] {
        assert!(opens(stage, ended, key, NEW), "{cut:?}: {key}");
        assert!(!opens(stage, ended, key, OLD), "{cut:?}: {key}");
    }
}

#[test]
fn a_change_of_secrets_that_is_cut_off_anywhere_is_made_again() {
    cut_anywhere("change-pin", "again", the_new_secrets_open_and_the_old_ones_do_not);
}

#[test]
fn a_change_of_secrets_that_is_cut_off_anywhere_is_taken_as_made_only_where_it_was() {
    cut_anywhere("change-pin", "adopt", the_new_secrets_open_and_the_old_ones_do_not);
}

#[test]
fn a_back_up_that_is_cut_off_anywhere_is_written_whole_and_nothing_is_written_over() {
    cut_anywhere("back-up", "again", |stage, ended, cut| {
        assert_eq!(certificate(ended)["back_ups"].as_array().unwrap().len(), 2, "{cut:?}");
        for (medium, file) in [("KEYS", "release.recovery.age"), ("PRINT", "release.paper.txt")] {
            let folder = stage.medium(medium);
            let whole = "REHEARSAL: a stand-in for the encrypted key release\n";
            assert_eq!(fs::read_to_string(folder.join(file)).unwrap(), whole, "{cut:?}");
            // What was never proven is kept beside it.
            let aside = folder.join(format!("{file}.unproven-1"));
            let count = fs::read_dir(&folder).unwrap().count();
            assert_eq!(count, 2 + usize::from(aside.exists()), "{cut:?}: {medium}");
        }
    });
}

#[test]
fn a_drill_that_is_cut_off_anywhere_is_held_to_its_end_and_writes_nothing() {
    cut_anywhere("restore-drill", "again", |stage, ended, cut| {
        assert!(certificate(ended)["drills"]["release"]["seconds"].is_number(), "{cut:?}");
        for medium in ["KEYS", "IDENTITY"] {
            assert_eq!(fs::read_dir(stage.medium(medium)).unwrap().count(), 2, "{cut:?}");
        }
    });
}

#[test]
fn keys_that_are_given_up_stay_so_wherever_the_power_goes() {
    cut_anywhere("retire-token", "again", |stage, ended, cut| {
        assert_eq!(certificate(ended)["retired"].as_array().unwrap().len(), 2, "{cut:?}");
        assert_eq!(ended.engine.retired().count(), 2, "{cut:?}");
        // Each was pressed by people, once.
        let pressed = stage.entries().into_iter().filter(|entry| match &entry.event {
            Event::People(People::Answer { ask, .. }) => ask.about.starts_with("retired/"),
            _ => false,
        });
        assert_eq!(pressed.count(), 2, "{cut:?}");
    });
}
