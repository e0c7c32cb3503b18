//! The shipped plans of these kinds, each with the repository that it starts from. `ANCHORITE_WRITE_SAMPLES=1` writes them
//! anew; without it they must be what it would write.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anchorite::ceremony::ask::{Answer, Ask, AskKind, Form, People};
use anchorite::ceremony::check::{Ground, base};
use anchorite::ceremony::event::{Mode, Opening, Outcome, SessionId, ToolId, Wanted};
use anchorite::ceremony::model::Room;
use anchorite::ceremony::plan::Store;
use anchorite::front::script::Script;
use anchorite::front::secrets::Secrets;

use super::grown::names as of;
use super::{delegations, tagging, tags, *};

/// A plan as it is shipped.
struct Shipped {
    grown: Grown,
    text: Text,
    about: &'static str,
}

impl Shipped {
    fn all(dialect: Dialect) -> Vec<Self> {
        let of = of(dialect);
        let grown = || Grown::with_delegations(dialect);
        let mut all = Vec::new();
        let mut ship = |grown: Grown, text: Text, about| all.push(Self { grown, text, about });
        let stolen = grown().attacked();
        let text = tagging::since_good(&stolen, tagging::rotate(&stolen, ""));
        ship(stolen, text, "The tagging key leaked. Somebody moved a tag, added one, and added a delegation for themselves. Root\nand targets are signed anew with another key, from the last targets document that is known to be good; what came\nafter it is shown, delegations first, and dropped.");
        let young = Grown::new(dialect);
        let text = delegations::add(&young, "");
        ship(young, text, "Alice will sign releases. Targets hands them to two delegations, as docker does it: `releases`, and one of\nher own. All three documents are signed here, her first release among them.");
        let old = grown();
        let text = delegations::rotate(&old);
        ship(old, text, "The key of the delegation `releases` leaked. Targets names another one, and the delegation's own document is\nsigned again with it, its content unchanged: both are published together. No root key is needed.");
        let old = grown();
        let text = delegations::remove(&old, of.alice);
        ship(old, text, "Alice signs no more. Targets is signed without her delegation; the plan's check says which targets nobody finds\nany more.");
        let old = grown();
        let text = tags::sign_below(&old, &delegations::signed_target(of.bad, of.releases));
        ship(old, text, "One more target is signed through the delegation `releases`. Neither the root's nor the targets' keys come to\nthe room.");
        all
    }

    fn folder(&self) -> PathBuf {
        Path::new("ceremonies").join(format!("{}-{}", self.text.kind, self.grown.sample.dialect))
    }

    fn plan(&self) -> Plan {
        Plan::parse(plan(&self.grown.sample, &self.text).as_bytes()).unwrap()
    }

    fn report(&self) -> CheckReport {
        check(&self.grown.sample, &self.text)
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let sample = &self.grown.sample;
        let folder = self.folder();
        let folder = folder.to_str().unwrap();
        let mut files = BTreeMap::new();
        let mut put = |name: &str, bytes: &[u8]| files.insert(name.to_owned(), bytes.to_vec());
        put("plan.toml", plan(sample, &self.text).as_bytes());
        put("answers.toml", self.answers().as_bytes());
        put("rehearsal-secrets", self.secrets().as_bytes());
        let readme = format!(
            "# {}\n\n{}\n\n```\nanchorite plan check {folder}/plan.toml\nanchorite rehearse   {folder}/plan.toml\n\
             anchorite rehearse   {folder}/plan.toml --script {folder}/answers.toml \\\n    --passphrase-fd 3 3<{folder}/rehearsal-secrets\n```\n\n\
             The repository that it changes lies in `IN/before`. A rehearsal plays it with stand-ins for every key. The answers\n\
             name the digest of `plan.toml`, so a changed plan needs changed answers. `docs/changes/{}.md` says when\n\
             this ceremony is held, what to bring, and what to do online before and afterwards.\n",
            self.text.title, self.about, self.text.kind
        );
        put("README.md", readme.as_bytes());
        for (name, bytes) in &sample.files {
            put(&format!("IN/before/{name}"), bytes);
        }
        for (name, bytes) in &self.text.inputs {
            put(&format!("IN/{name}"), bytes);
        }
        files
    }

    fn secrets(&self) -> String {
        let mut text = String::new();
        for key in self.plan().keys.iter().filter(|key| key.is_here()) {
            let secret = match &key.store {
                Some(Store::Age { .. }) | None => "stale-Otter-77-lamp-crossing",
                Some(_) => "123456",
            };
            let _ = writeln!(text, "{}\t{secret}", key.name);
        }
        text
    }

    /// Every question of the rehearsal with its answer, as a script says them.
    fn answers(&self) -> String {
        let digest = self.plan().digest;
        let mut text =
            "# The answers of a rehearsal without a terminal. The digest is that of plan.toml.\n".to_owned();
        self.play(|engine, room, ask| {
            let mut said = room.answer(ask, engine);
            if let (AskKind::Source, People::Answer { say, .. }) = (ask.id.kind, &mut said) {
                *say = Answer::Chose("written-down".to_owned());
            }
            let People::Answer { say, .. } = &said else { panic!("{said:?}") };
            let line = match (&ask.form, say) {
                (Form::Words(_), _) => format!("digest = \"{digest}\""),
                (_, Answer::Pressed) => "say = true".to_owned(),
                (_, Answer::Chose(word)) => format!("say = {word:?}"),
                (_, Answer::Ticked(words) | Answer::Typed(words)) => format!("say = {words:?}"),
                (_, Answer::Differ) => panic!("{ask:?}"),
            };
            let name = ask.id.to_string();
            let name = name.split_once(" #").map_or(name.as_str(), |(name, _)| name);
            let _ = write!(text, "\n[[answer]]\nask = \"{name}\"\n{line}\n");
            said
        });
        text
    }

    fn play(&self, mut answer: impl FnMut(&Engine, &Room, &Ask) -> People) {
        let plan = self.plan();
        let extra: Vec<(&str, &[u8])> =
            self.text.inputs.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        let before = Before::of(&plan, &self.grown.sample.at_hand(&extra)).unwrap();
        let twin = Twin::new(&plan, &before, Purpose::Rehearse);
        let checked = self.report().clear(twin.plan(), Mode::Rehearsal).unwrap();
        let ground = Ground::new(checked, twin.before().clone());
        let opening = Opening {
            mode: Mode::Rehearsal,
            session: SessionId::new([7; 16]),
            tool: ToolId { name: "anchorite".to_owned(), version: String::new() },
            plan: plan.digest,
            base: base(&plan, noon()),
            at: noon(),
            check: None,
            unattended: false,
        };
        let mut room = Room::new(twin);
        let (mut engine, mut next) = Engine::open(ground, opening);
        loop {
            next = match next.wanted {
                Wanted::Close(outcome) => return assert_eq!(outcome, Outcome::Done),
                Wanted::Act(id, act) => {
                    let what = room.act(&id, &act);
                    engine.happened(noon(), id, what)
                }
                Wanted::Ask(ask) => {
                    assert_eq!(engine.trouble(), None, "before {}", ask.id);
                    let said = answer(&engine, &room, &ask);
                    engine.people(noon(), said).unwrap()
                }
            };
        }
    }
}

#[test]
fn the_shipped_plans_are_what_these_tests_write() {
    for shipped in BOTH.into_iter().flat_map(Shipped::all) {
        let folder = shipped.folder();
        for (name, bytes) in shipped.files() {
            let path = folder.join(&name);
            if std::env::var_os("ANCHORITE_WRITE_SAMPLES").is_some() {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, &bytes).unwrap();
            }
            let found = fs::read(&path).unwrap_or_default();
            assert!(found == bytes, "{}: write it anew with ANCHORITE_WRITE_SAMPLES=1", path.display());
        }
    }
}

#[test]
fn the_shipped_plans_pass_and_their_scripts_answer_every_question_and_no_other() {
    for shipped in BOTH.into_iter().flat_map(Shipped::all) {
        passes(&shipped.report());
        assert!(shipped.report().verdict(Mode::Real) == Verdict::Fail, "it has no window");
        let file = fs::read_to_string(shipped.folder().join("answers.toml")).unwrap();
        let mut script = Script::parse(&file, Secrets::default()).unwrap();
        shipped.play(|_, _, ask| {
            use anchorite::driver::ports::Front as _;
            script.ask(ask).unwrap()
        });
        script.finish().unwrap();
    }
}
