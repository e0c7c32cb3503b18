//! Hand-made scenes, one for each screen that people meet.

use anchorite::ceremony::ask::{Ask, AskId, AskKind, Choice, Field, Form};
use anchorite::ceremony::event::Mode;
use anchorite::ceremony::scene::{Block, Scene, TallyLine, Verdict};
use anchorite::tuf::digest::Digest;

/// All scenes with their names.
pub(crate) fn all() -> Vec<(&'static str, Scene)> {
    vec![
        ("roll-call", roll_call()),
        ("clock", clock()),
        ("compare", compare()),
        ("head", head()),
        ("sign", sign()),
        ("wrong-token", wrong_token()),
        ("review", review()),
        ("trouble", trouble()),
        ("statement", statement()),
        ("exception", exception()),
        ("pause", pause()),
        ("abort", abort()),
    ]
}

fn scene(nth: usize, title: &str, blocks: Vec<Block>, ask: Ask) -> Scene {
    Scene {
        mode: Mode::Rehearsal,
        codename: "HERON".to_owned(),
        step: (nth, 14),
        title: title.to_owned(),
        tallies: Vec::new(),
        blocks,
        ask: Some(ask),
        details: vec![
            Block::Heading("root.json, exactly these bytes".to_owned()),
            Block::Text(
                "{\"_type\":\"Root\",\"consistent_snapshot\":false,\"version\":1}".to_owned(),
            ),
        ],
        log: (1..=30).map(|n| format!("21:{n:02} UTC  something happened, number {n}")).collect(),
        help: vec![
            "The operator types; the administrator reads aloud; the witness watches.".to_owned(),
            "If anything differs from the paper script, file an exception.".to_owned(),
        ],
    }
}

fn ask(kind: AskKind, about: &str, form: Form) -> Ask {
    Ask { id: AskId { kind, about: about.to_owned(), nth: 1 }, form }
}

fn text(text: &str) -> Block {
    Block::Text(text.to_owned())
}

fn row(label: &str, value: &str) -> (String, String) {
    (label.to_owned(), value.to_owned())
}

fn choice(key: char, word: &str, label: &str) -> Choice {
    Choice { key, word: word.to_owned(), label: label.to_owned() }
}

fn field(label: &str, max: usize, optional: bool) -> Field {
    Field { label: label.to_owned(), max, optional }
}

fn press(key: char, label: &str) -> Form {
    Form::Press { key, label: label.to_owned() }
}

/// Who is in the room.
pub(crate) fn roll_call() -> Scene {
    let people =
        [("a", "Custodian A"), ("b", "Custodian B"), ("c", "Custodian C"), ("w", "Witness 1")];
    let items = people.map(|(key, name)| choice(key.chars().next().unwrap_or('?'), name, name));
    let form =
        Form::Tick { items: items.to_vec(), key: 'g', label: "everybody is here".to_owned() };
    let blocks = vec![
        Block::ReadAloud("Please say your name and what you do today.".to_owned()),
        Block::Gap,
        text("Tick everybody who is in the room and has shown an identity document."),
    ];
    scene(1, "ROLL CALL", blocks, ask(AskKind::RollCall, "", form))
}

/// Does the clock agree.
pub(crate) fn clock() -> Scene {
    let blocks = vec![
        Block::Rows(vec![row("This machine", "2026-11-27 21:42 UTC")]),
        Block::Gap,
        text("Compare with a watch that was set by radio or telephone today."),
    ];
    let choices = vec![
        choice('a', "agrees", "it agrees within a minute"),
        choice('e', "differs", "it differs: an exception follows"),
    ];
    scene(2, "CLOCK", blocks, ask(AskKind::Clock, "", Form::Choose(choices)))
}

/// Words that the screen does not show.
pub(crate) fn compare() -> Scene {
    let blocks = vec![
        text("Is this machine about to follow the plan that was approved in the office?"),
        Block::Gap,
        text("The answer is NOT on this screen. Use a source that this machine did not make."),
        Block::Rows(vec![row("Witness 1", "paper script, page 1, box D")]),
        Block::Gap,
        Block::ReadAloud("Witness 1, from your paper: words 7 and 20, please.".to_owned()),
        Block::Gap,
        text("If a word differs, nothing has been signed and no token has been unlocked."),
    ];
    let fields = vec![field("word  7", 14, false), field("word 20", 14, false)];
    scene(
        3,
        "COMPARE THE PLAN",
        blocks,
        ask(AskKind::ComparePlan, "Witness 1", Form::Words(fields)),
    )
}

/// A digest to write down.
pub(crate) fn head() -> Scene {
    let digest = Digest::of(b"the head of a transcript");
    let blocks = vec![
        text("Write the head of the transcript on the paper script, box H, and sign beside it."),
        Block::Gap,
        Block::Digest { label: "Head of the transcript".to_owned(), digest },
    ];
    scene(
        4,
        "HEAD ON PAPER",
        blocks,
        ask(AskKind::Head, "", press('w', "all have written it down")),
    )
}

/// A key's holder is ready.
pub(crate) fn sign() -> Scene {
    let blocks = vec![
        Block::ReadAloud("Custodian B, please insert your YubiKey, serial 18158861.".to_owned()),
        Block::Gap,
        Block::Rows(vec![
            row("Expected", "18158861, key root-b, slot 9c"),
            row("Inserted", "18158861, key root-b, slot 9c"),
        ]),
        Block::Gap,
        Block::Mark(Verdict::Pass, "serial and public key are those of the plan".to_owned()),
        text("PIN asked once; 3 tries left; one touch."),
    ];
    let mut scene = scene(
        11,
        "SIGN - Custodian B",
        blocks,
        ask(AskKind::Ready, "root-b", press('s', "Custodian B is ready: sign")),
    );
    scene.tallies = vec![TallyLine {
        what: "root".to_owned(),
        have: 1,
        need: 2,
        signed: vec!["root-a".to_owned()],
        open: vec!["root-b".to_owned(), "root-c".to_owned()],
    }];
    scene
}

/// The wrong token is in.
pub(crate) fn wrong_token() -> Scene {
    let mut scene = sign();
    scene.mode = Mode::Real;
    scene.blocks = vec![
        Block::Rows(vec![
            row("Expected", "18158861, key root-b, holder Custodian B"),
            row("Inserted", "18158855, key root-a, holder Custodian A"),
        ]),
        Block::Gap,
        Block::Banner("WRONG TOKEN. Take it out. No PIN was asked, no try was used.".to_owned()),
    ];
    scene.ask = None;
    scene
}

/// The change, item by item, longer than a screen.
pub(crate) fn review() -> Scene {
    let items =
        vec![choice('1', "expiry", "root expires 2036-11-27: ten years from the opening day")];
    let form = Form::Tick { items, key: 'g', label: "go to the comparison".to_owned() };
    let mut blocks = vec![
        text("Custodians sign one root document and one targets document. Nothing else today."),
        Block::Gap,
        Block::Heading("ROOT version 1, new".to_owned()),
        Block::Rows(vec![
            row("repository", "registry.example.com/team/app"),
            row("threshold", "2 of 3"),
            row("expires", "2036-11-27T00:00:00Z"),
        ]),
        Block::Heading("CHECKED HERE".to_owned()),
        Block::Mark(Verdict::Pass, "a new client accepts what will be signed".to_owned()),
        Block::Mark(Verdict::Warn, "root-c is held by somebody who holds another key".to_owned()),
        Block::Mark(
            Verdict::Unknown,
            "the tags were not compared with the builds (no list on IN)".to_owned(),
        ),
        Block::Mark(Verdict::Fail, "the second copy of the BOOK is not level".to_owned()),
        Block::Gap,
    ];
    let tags =
        (1..=20).map(|n| format!("v1.{n}")).chain(["[ok] not ours".to_owned(), "東京".to_owned()]);
    blocks.push(Block::List { title: "Tags".to_owned(), items: tags.collect() });
    scene(9, "REVIEW", blocks, ask(AskKind::Review, "", form))
}

/// Something did not work.
pub(crate) fn trouble() -> Scene {
    let blocks = vec![
        Block::Mark(Verdict::Fail, "root-b: no touch in time".to_owned()),
        text("Nothing was signed. The key is as it was."),
    ];
    let choices = vec![
        choice('r', "again", "try again; the attempt counts"),
        choice('e', "exception", "file an exception"),
        choice('s', "stop", "stop the ceremony"),
    ];
    scene(11, "SIGN - Custodian B", blocks, ask(AskKind::Trouble, "root-b", Form::Choose(choices)))
}

/// Agree or disagree.
pub(crate) fn statement() -> Scene {
    let blocks =
        vec![Block::ReadAloud("Witness 1, do you agree with what was done, and why?".to_owned())];
    let fields = vec![field("agree or disagree", 10, false), field("why", 200, true)];
    scene(13, "STATEMENTS", blocks, ask(AskKind::Statement, "Witness 1", Form::Fill(fields)))
}

/// The exception sheet.
pub(crate) fn exception() -> Scene {
    let blocks =
        vec![text("What happened, in your own words? It goes on record as exception no. 1.")];
    let fields =
        vec![field("what happened", 400, false), field("what was done about it", 400, true)];
    scene(11, "EXCEPTION no. 1", blocks, ask(AskKind::Exception, "", Form::Fill(fields)))
}

/// The ceremony rests.
pub(crate) fn pause() -> Scene {
    let blocks = vec![text("The ceremony rests. Nobody leaves the room alone with the laptop.")];
    scene(11, "PAUSE", blocks, ask(AskKind::Pause, "", press('c', "everybody is back: continue")))
}

/// Whether to stop for good.
pub(crate) fn abort() -> Scene {
    let blocks = vec![Block::Banner("STOP FOR GOOD? A new plan will be needed.".to_owned())];
    let choices =
        vec![choice('S', "stop", "stop for good"), choice('b', "back", "back to the ceremony")];
    scene(11, "STOP", blocks, ask(AskKind::Abort, "", Form::Choose(choices)))
}

/// Foreign text wherever a scene may hold it.
pub(crate) fn foreign(deceit: &str) -> Vec<Block> {
    let deceit = deceit.to_owned();
    vec![
        Block::Rows(vec![(deceit.clone(), deceit.clone())]),
        Block::List { title: deceit.clone(), items: vec![deceit.clone()] },
        Block::Mark(Verdict::Warn, deceit.clone()),
        Block::Text(deceit),
    ]
}

/// A question whose only choice has foreign text.
pub(crate) fn choice_of(deceit: &str) -> Ask {
    let id = AskId { kind: AskKind::Source, about: String::new(), nth: 1 };
    Ask { id, form: Form::Choose(vec![choice('a', "a", deceit)]) }
}
