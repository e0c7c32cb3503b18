//! Every screen as a picture, drawn straight on a buffer from hand-made scenes, and what keys do on it.

use crate::scenes;
use anchorite::ceremony::ask::{Answer, Ask, People, Wish};
use anchorite::ceremony::scene::Scene;
use anchorite::driver::ports::Progress;
use anchorite::front::secrets::KEYBOARD_LINE;
use anchorite::front::tui::keymap::Key;
use anchorite::front::tui::{Effect, Input, Looks, Model, Round, cursor, update, view};
use anchorite::front::words::Charset;
use anchorite::keystore::{Label, Rules, SecretKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

pub(crate) const LOOKS: Looks = Looks { charset: Charset::Unicode, colour: true, bell: true };
pub(crate) const SMALL: (u16, u16) = (80, 24);

/// A screen on which a scene was shown and its question asked.
fn screen(scene: &Scene, size: (u16, u16), looks: Looks) -> Model {
    let mut model = Model::new(looks, size);
    let _ = update(&mut model, Input::Clock("2026-11-27T21:42:10Z".parse().unwrap()));
    let _ = update(&mut model, Input::Scene(Box::new(scene.clone())));
    if let Some(ask) = &scene.ask {
        let _ = update(&mut model, Input::Ask(Round(1), Box::new(ask.clone())));
    }
    model
}

fn small(scene: &Scene) -> Model {
    screen(scene, SMALL, LOOKS)
}

fn buffer(model: &Model) -> Buffer {
    let area = Rect::new(0, 0, model.size.0, model.size.1);
    let mut buffer = Buffer::empty(area);
    view(model, area, &mut buffer);
    buffer
}

/// The picture as text; `@` marks the cursor's place in a line of its own.
pub(crate) fn picture(model: &Model) -> String {
    let buffer = buffer(model);
    let mut text = String::new();
    for row in 0..buffer.area.height {
        let mut hidden = 0;
        let mut line = String::new();
        for column in 0..buffer.area.width {
            let symbol = buffer[(column, row)].symbol();
            if hidden == 0 {
                line.push_str(symbol);
                hidden = anchorite::front::words::width(symbol);
            }
            hidden = hidden.saturating_sub(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    match cursor(model, buffer.area) {
        Some((column, row)) => format!("{text}cursor: column {column}, row {row}\n"),
        None => format!("{text}cursor: none\n"),
    }
}

fn press(model: &mut Model, keys: &[Key]) -> Vec<Effect> {
    keys.iter().filter_map(|key| update(model, Input::Key(*key))).collect()
}

fn write(model: &mut Model, text: &str) -> Vec<Effect> {
    press(model, &text.chars().map(Key::Char).collect::<Vec<_>>())
}

/// The only effect, as an answer.
fn answer(effects: &[Effect]) -> Answer {
    match effects {
        [Effect::Said(_, People::Answer { say, .. })] => say.clone(),
        other => panic!("{other:?}"),
    }
}

fn label(kind: SecretKind) -> Label {
    Label {
        key: "root-b".parse().unwrap(),
        holder: "Custodian B".to_owned(),
        place: "YubiKey 18158861, slot 9c".to_owned(),
        kind,
    }
}

fn rules() -> Rules {
    Rules { min_chars: 12, max_chars: 64, min_bits: 50, digits_only: false }
}

#[test]
fn each_scene_has_its_picture() {
    for (name, scene) in scenes::all() {
        insta::assert_snapshot!(format!("scene-{name}"), picture(&small(&scene)));
    }
}

#[test]
fn no_picture_in_ascii_leaves_ascii() {
    let ascii = Looks { charset: Charset::Ascii, colour: false, bell: true };
    for (name, scene) in scenes::all() {
        let picture = picture(&screen(&scene, SMALL, ascii));
        assert!(picture.is_ascii(), "{name}: {picture}");
    }
    insta::assert_snapshot!("ascii-review", picture(&screen(&scenes::review(), SMALL, ascii)));
}

#[test]
fn a_large_terminal_shows_more_and_a_small_one_accepts_nothing() {
    insta::assert_snapshot!("large-review", picture(&screen(&scenes::review(), (132, 43), LOOKS)));
    let mut model = small(&scenes::compare());
    write(&mut model, "stage");
    let _ = update(&mut model, Input::Resize(40, 12));
    insta::assert_snapshot!("too-small", picture(&model));
    assert!(press(&mut model, &[Key::Char('x'), Key::Ctrl('n'), Key::F(5), Key::Enter]).is_empty());
    let _ = update(&mut model, Input::Paste("hand".to_owned()));
    let _ = update(&mut model, Input::Resize(80, 24));
    write(&mut model, "hand");
    assert!(picture(&model).contains("> stagehand_"), "{}", picture(&model));
}

#[test]
fn a_machine_that_works_says_what_it_does_and_takes_wishes() {
    let mut model = small(&scenes::sign());
    let progress = Progress { doing: "signing with root-b".to_owned(), done: Some((3, 400)) };
    let _ = update(&mut model, Input::Progress(progress));
    insta::assert_snapshot!("machine-works", picture(&model));
    let effect = update(&mut model, Input::Touch(label(SecretKind::Pin)));
    assert!(matches!(effect, Some(Effect::Bell)));
    assert!(
        press(&mut model, &[Key::Enter, Key::Char('g'), Key::Char('s'), Key::Char(' ')]).is_empty()
    );
    // A second wish is none: it gives up a token that does not answer.
    let effects = press(&mut model, &[Key::Char('p'), Key::Char('x')]);
    assert!(
        matches!(effects.as_slice(), [Effect::Wish(Wish::Pause), Effect::GiveUp]),
        "{effects:?}"
    );
    insta::assert_snapshot!("machine-waits-for-a-touch", picture(&model));
}

#[test]
fn a_secret_is_never_shown_nor_counted() {
    let mut model = small(&scenes::sign());
    let _ = update(&mut model, Input::Secret(Round(2), label(SecretKind::Pin), Some(3)));
    let before = picture(&model);
    insta::assert_snapshot!("secret", before);
    write(&mut model, "123456xpq?");
    assert_eq!(picture(&model), before);
    let _ = update(&mut model, Input::Paste("789".to_owned()));
    assert!(picture(&model).contains("typed, not pasted"));
    assert!(!format!("{model:?}").contains("123456"));
    let effects = press(&mut model, &[Key::Backspace, Key::Enter]);
    match effects.as_slice() {
        [Effect::Secret(Round(2), secret)] => assert_eq!(secret.expose(), "123456xpq"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_secret_is_typed_twice_after_the_keyboard_line() {
    let mut model = small(&scenes::sign());
    let _ = update(&mut model, Input::NewSecret(Round(2), label(SecretKind::Passphrase), rules()));
    write(&mut model, "yz");
    insta::assert_snapshot!("new-secret-keyboard", picture(&model));
    press(&mut model, &[Key::Enter]);
    assert!(picture(&model).contains("should be"), "{}", picture(&model));
    write(&mut model, KEYBOARD_LINE);
    press(&mut model, &[Key::Enter]);
    insta::assert_snapshot!("new-secret-first", picture(&model));
    write(&mut model, "lantern orbit quilt 92 fjord");
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    write(&mut model, "lantern orbit quilt 92 fjord");
    assert!(matches!(press(&mut model, &[Key::Enter]).as_slice(), [Effect::Secret(Round(2), _)]));
}

#[test]
fn help_log_and_details_cover_the_scene_and_esc_leaves_them() {
    let mut model = small(&scenes::review());
    let before = picture(&model);
    for (key, name) in [('?', "view-help"), ('l', "view-log"), ('d', "view-details")] {
        assert!(press(&mut model, &[Key::Char(key)]).is_empty());
        insta::assert_snapshot!(name, picture(&model));
        assert!(press(&mut model, &[Key::Char('g'), Key::Esc]).is_empty());
        assert_eq!(picture(&model), before);
    }
}

#[test]
fn a_screen_cannot_be_finished_before_it_was_read_to_its_end() {
    let mut model = small(&scenes::review());
    assert!(press(&mut model, &[Key::Char('g')]).is_empty());
    assert!(picture(&model).contains("not seen yet"), "{}", picture(&model));
    // Jumping to the end does not count as reading what is in between.
    assert!(press(&mut model, &[Key::End, Key::Char('g')]).is_empty());
    press(&mut model, &[Key::Home, Key::PageDown, Key::PageDown, Key::PageDown]);
    insta::assert_snapshot!("review-read", picture(&model));
    assert_eq!(answer(&press(&mut model, &[Key::Char('g')])), Answer::Ticked(Vec::new()));
}

#[test]
fn items_are_ticked_by_letter_or_space_and_said_in_their_order() {
    let mut model = small(&scenes::roll_call());
    press(&mut model, &[Key::Char('c'), Key::Char(' '), Key::Char('a'), Key::Char('c')]);
    press(&mut model, &[Key::Up, Key::Up, Key::Down, Key::Char(' ')]);
    insta::assert_snapshot!("roll-call-ticked", picture(&model));
    let names = vec!["Custodian A".to_owned(), "Custodian B".to_owned(), "Custodian C".to_owned()];
    assert_eq!(answer(&press(&mut model, &[Key::Char('g')])), Answer::Ticked(names));
}

#[test]
fn only_a_named_key_chooses() {
    let mut model = small(&scenes::trouble());
    let others = [
        Key::Enter,
        Key::Esc,
        Key::Char(' '),
        Key::Char('R'),
        Key::Char('y'),
        Key::Tab,
        Key::Delete,
    ];
    assert!(press(&mut model, &others).is_empty());
    assert_eq!(answer(&press(&mut model, &[Key::Char('r')])), Answer::Chose("again".to_owned()));
}

#[test]
fn words_are_said_on_the_button_only_and_esc_goes_back() {
    let mut model = small(&scenes::compare());
    write(&mut model, "stagehand");
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    write(&mut model, "xxpq");
    press(&mut model, &[Key::Esc, Key::Enter, Key::Ctrl('u')]);
    write(&mut model, "adroitness");
    insta::assert_snapshot!("compare-typed", picture(&model));
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    insta::assert_snapshot!("compare-button", picture(&model));
    let words = vec!["stagehand".to_owned(), "adroitness".to_owned()];
    assert_eq!(answer(&press(&mut model, &[Key::Enter])), Answer::Typed(words));
}

#[test]
fn n_says_that_the_words_differ() {
    let mut model = small(&scenes::compare());
    write(&mut model, "n");
    assert_eq!(answer(&press(&mut model, &[Key::Enter])), Answer::Differ);
    let mut model = small(&scenes::compare());
    write(&mut model, "stage");
    assert_eq!(answer(&press(&mut model, &[Key::Ctrl('n')])), Answer::Differ);
}

#[test]
fn random_keys_never_confirm_a_comparison() {
    let keys: Vec<Key> = [
        Key::Enter,
        Key::Enter,
        Key::Tab,
        Key::BackTab,
        Key::Esc,
        Key::Up,
        Key::Down,
        Key::Left,
        Key::Backspace,
        Key::Delete,
        Key::End,
        Key::PageDown,
        Key::F(1),
        Key::F(7),
        Key::Ctrl('u'),
        Key::Ctrl('l'),
    ]
    .into_iter()
    .chain((' '..='~').map(Key::Char))
    .collect();
    let mut state: u64 = 42;
    let mut model = small(&scenes::compare());
    for _ in 0..20_000 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let nth = usize::try_from((state >> 33) % u64::try_from(keys.len()).unwrap()).unwrap();
        match update(&mut model, Input::Key(keys[nth])) {
            Some(Effect::Said(_, People::Answer { say: Answer::Typed(words), .. })) => {
                panic!("confirmed {words:?}")
            }
            Some(Effect::Secret(..) | Effect::Bell) => panic!("nothing here is secret or rings"),
            // Letters are wishes while help covers the question.
            Some(Effect::Wish(_)) => model = small(&scenes::compare()),
            Some(Effect::Said(..) | Effect::GiveUp | Effect::Redraw) | None => {}
        }
    }
}

#[test]
fn a_wish_is_heard_on_every_screen() {
    for (name, scene) in scenes::all() {
        for (key, wish) in [
            (Key::F(5), Wish::Exception),
            (Key::Ctrl('x'), Wish::Exception),
            (Key::F(6), Wish::Pause),
            (Key::Ctrl('c'), Wish::Pause),
            (Key::F(10), Wish::Abort),
        ] {
            let effects = press(&mut small(&scene), &[key]);
            assert!(
                matches!(effects.as_slice(), [Effect::Wish(heard)] if *heard == wish),
                "{name}: {effects:?}"
            );
        }
    }
}

#[test]
fn esc_never_ends_anything() {
    for (name, scene) in scenes::all() {
        let mut model = small(&scene);
        assert!(press(&mut model, &[Key::Esc; 20]).is_empty(), "{name}");
        assert_eq!(picture(&model), picture(&small(&scene)), "{name}");
    }
}

#[test]
fn pasted_text_is_text_and_never_enter() {
    let mut model = small(&scenes::exception());
    let effect = update(&mut model, Input::Paste("touch\nfailed\u{1b}[2J\r\n".to_owned()));
    assert!(effect.is_none());
    insta::assert_snapshot!("exception-pasted", picture(&model));
    for scene in [scenes::head(), scenes::trouble(), scenes::roll_call()] {
        let mut model = small(&scene);
        assert!(update(&mut model, Input::Paste("g\nr\ns\n".to_owned())).is_none());
        assert!(picture(&model).contains("Pasted text means nothing here"));
    }
}

#[test]
fn foreign_text_never_draws_outside_its_cell() {
    let deceit = "\u{202e}\u{1b}[2J\u{7}\n [ok] all is well\u{200b}e\u{301}\u{9b}31m";
    let mut scene = scenes::review();
    scene.codename = deceit.to_owned();
    scene.title = deceit.to_owned();
    scene.log = vec![deceit.to_owned()];
    let mut blocks = scenes::foreign(deceit);
    blocks.extend(scene.blocks);
    scene.blocks = blocks;
    scene.ask = Some(scenes::choice_of(deceit));
    for size in [SMALL, (132, 43), (200, 60)] {
        let model = screen(&scene, size, LOOKS);
        let buffer = buffer(&model);
        let odd = buffer.content().iter().find(|cell| {
            let mut symbol = cell.symbol().chars();
            symbol.next().is_none_or(|c| c.is_control() || c == '\u{202e}')
                || symbol.next().is_some()
        });
        assert_eq!(odd, None);
        assert!(
            !picture(&model).lines().any(|line| line.trim_start().starts_with("[ok] all is well"))
        );
    }
    insta::assert_snapshot!("foreign", picture(&small(&scene)));
}

#[test]
fn only_the_colours_of_a_linux_console_are_used() {
    let allowed = [
        Color::Reset,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
    ];
    let modifiers = Modifier::BOLD | Modifier::REVERSED;
    for (name, scene) in scenes::all() {
        for cell in buffer(&small(&scene)).content() {
            assert!(allowed.contains(&cell.fg) && cell.bg == Color::Reset, "{name}: {cell:?}");
            assert!(modifiers.contains(cell.modifier), "{name}: {cell:?}");
        }
        let plain = Looks { colour: false, ..LOOKS };
        let coloured = buffer(&screen(&scene, SMALL, plain))
            .content()
            .iter()
            .any(|cell| cell.fg != Color::Reset);
        assert!(!coloured, "{name}");
    }
}

#[test]
fn a_refused_answer_can_be_mended_where_it_stands() {
    let scene = scenes::exception();
    let mut model = small(&scene);
    write(&mut model, "the touch failed");
    press(&mut model, &[Key::Enter]);
    let said = press(&mut model, &[Key::Enter, Key::Enter]);
    assert!(matches!(answer(&said), Answer::Typed(_)));
    let _ = update(&mut model, Input::Refused("Not taken: say more".to_owned()));
    let _ = update(&mut model, Input::Scene(Box::new(scene.clone())));
    let ask: Ask = scene.ask.unwrap();
    let _ = update(&mut model, Input::Ask(Round(2), Box::new(ask)));
    insta::assert_snapshot!("exception-refused", picture(&model));
    let effects = press(&mut model, &[Key::Enter]);
    assert!(matches!(effects.as_slice(), [Effect::Said(Round(2), _)]), "{effects:?}");
}
