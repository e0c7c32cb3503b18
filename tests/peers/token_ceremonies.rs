//! Real ceremonies whose root keys live in tokens, held by people in this process and judged by real clients.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anchorite::ceremony::ask::{Ask, People, Wish};
use anchorite::ceremony::check::CheckReport;
use anchorite::ceremony::event::{Mode, Outcome, Refusal, SessionId};
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::scene::Scene;
use anchorite::ceremony::twin::forged_fingerprints;
use anchorite::driver::bench::{Bench, Clock, RealStores, Setting, system_time};
use anchorite::driver::media::Media;
use anchorite::driver::ports::{Company, Front, FrontFailed, Progress};
use anchorite::driver::session::{Begin, Ended, Session};
use anchorite::driver::workspace::Workspace;
use anchorite::keystore::{Label, Rules, Secret, SecretKind, Unlock};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::stage::GoodPeople;
use crate::support::ceremony::{Ceremony, PASSPHRASE};
use crate::support::softhsm::{MODULE, PIN, SoftHsm};
use crate::support::{clients, notary::NotaryServer, publishing, tuf};

/// Good people who know the PINs of their tokens; one types a wrong one first, where a test wants that.
struct Holders {
    people: GoodPeople,
    wrong_first: Option<&'static str>,
}

impl Unlock for Holders {
    fn secret(&mut self, label: &Label, _: Option<u8>) -> Option<Secret> {
        let text = match label.kind {
            SecretKind::Pin | SecretKind::Puk => {
                if self.wrong_first.is_some_and(|key| key == label.key.as_str()) {
                    self.wrong_first = None;
                    "271828"
                } else {
                    PIN
                }
            }
            SecretKind::Passphrase => PASSPHRASE,
        };
        Some(Secret::new(Zeroizing::new(text.to_owned())))
    }
    fn new_secret(&mut self, label: &Label, _: &Rules) -> Option<Secret> {
        self.secret(label, None)
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
        self.people.show(scene);
    }
    fn ask(&mut self, ask: &Ask) -> Result<People, FrontFailed> {
        self.people.ask(ask)
    }
    fn refused(&mut self, refusal: &Refusal) {
        self.people.refused(refusal);
    }
}

/// Holds a real ceremony in this process; `program` drives the tokens.
fn hold(ceremony: &Ceremony, program: PathBuf, wrong_first: Option<&'static str>) -> Ended {
    let plan_bytes = fs::read(ceremony.plan()).unwrap();
    let plan = Plan::parse(&plan_bytes).unwrap();
    let mounts = plan.mounted().map(|m| (m.name.clone(), ceremony.at(m.name.as_str())));
    let media = Media::new(mounts.collect::<BTreeMap<_, _>>(), false);
    let at = system_time();
    let report = CheckReport::of(&plan, at, &media.at_hand(&plan));
    let checked = report.clear(&plan, Mode::Real);
    let checked = checked.unwrap_or_else(|| panic!("{report:#?}"));
    let book = Workspace::open(&ceremony.at("BOOK")).unwrap();
    let evidence = book.new_evidence(at, plan.codename.as_str()).unwrap();
    let session = Session::begin(Begin {
        plan_bytes: &plan_bytes,
        plan: &plan,
        twin: None,
        report: &report,
        checked,
        mode: Mode::Real,
        session: SessionId::new([9; 16]),
        at,
        unattended: false,
        folder: &evidence,
    })
    .unwrap();
    let forged = forged_fingerprints(&plan).into_keys().collect();
    let mut bench = Bench::new(Setting {
        plan: plan.clone(),
        stores: RealStores::new(program, book.keys(), &plan, forged),
        media,
        clock: Clock::System,
        room: PathBuf::from("/"),
        rehearsal: false,
        evidence: evidence.clone(),
        book: book.folder().to_owned(),
    });
    let people = GoodPeople::of(session.engine(), plan.digest);
    session.hold(&mut Holders { people, wrong_first }, &mut bench).unwrap()
}

/// Three PKCS#11 tokens in the place of the shipped plan's root keys.
fn three_tokens(ceremony: &mut Ceremony, hsm: &SoftHsm) {
    for (nth, key) in (1..).zip(["root-a", "root-b", "root-c"]) {
        let serial = hsm.token(key);
        let store = format!(
            "{{ pkcs11 = {{ module = \"{MODULE}\", serial = \"{serial}\", id = \"0{nth}\" }} }}"
        );
        ceremony.store(key, &store);
    }
}

#[test]
fn notary_and_docker_accept_a_root_of_three_pkcs11_tokens() {
    let server = NotaryServer::start();
    let hsm = SoftHsm::new();
    let mut ceremony = Ceremony::of("first-root-notary1");
    let gun = "registry.example.com/team/app";
    for (role, nth) in [("snapshot", 1), ("timestamp", 2)] {
        let place_holder = format!("{}{nth}", "0".repeat(63));
        ceremony.server_key(role, &server.key(gun, role), &place_holder);
    }
    three_tokens(&mut ceremony, &hsm);
    let ended = hold(&ceremony, hsm.program(&[]), Some("root-b"));
    assert_eq!(ended.outcome, Outcome::Done);
    let record = fs::read_to_string(ended.folder.join("transcript.jsonl")).unwrap();
    assert!(record.contains("wrong-secret") && record.contains(MODULE));
    assert!(!record.contains(PIN) && !record.contains(PASSPHRASE));

    let out = ceremony.at("OUT");
    publishing::run_script(&out, "publish/publish", &server, &[]).success();
    publishing::run_script(&out, "accept/accept", &server, &[]).success();
    assert!(clients::notary_list(&server, gun).success().contains("v1"));
}

#[test]
fn python_tuf_accepts_a_root_of_three_pkcs11_tokens() {
    let hsm = SoftHsm::new();
    let mut ceremony = Ceremony::of("first-root-tuf1");
    three_tokens(&mut ceremony, &hsm);
    let ended = hold(&ceremony, hsm.program(&[]), None);
    assert_eq!(ended.outcome, Outcome::Done);
    let metadata = ceremony.at("OUT/updates.example.com/metadata");
    let downloads = TempDir::new().unwrap();
    // The client trusts the root and gets as far as the target, which nobody serves here.
    let root = ceremony.at("OUT/anchors/root.json");
    let said = tuf::ngclient(&root, &metadata, downloads.path(), "absent", downloads.path());
    assert!(said.failure(1).contains("finds no target"));
    let verify = ["evidence", "verify", ended.folder.to_str().unwrap(), "--head"];
    let head = ended.engine.head().to_string();
    let verify: Vec<&str> = verify.into_iter().chain([head.as_str()]).collect();
    assert!(ceremony.program(&verify).success().contains("RESULT   PASS"));
}
