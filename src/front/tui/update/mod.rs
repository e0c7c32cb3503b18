//! How the model changes: one input after the other, without a terminal.

#![expect(clippy::wildcard_enum_match_arm, reason = "a key that is not named means nothing")]

mod named;
mod secret;
mod text;

use crate::ceremony::ask::{Ask, Wish};
use crate::ceremony::scene::{Block, Scene};
use crate::front::page::Page;
use crate::front::secrets::NewSecret;

use super::keymap::{self, Key, Meaning};
use super::layout::{Layout, is_too_small};
use super::model::{Effect, Input, Model, Round, Sheet, Turn, View, Work};
use super::view::form;

use named::named_key;
use secret::{ask_secret, secret_key};
use text::{paste, text_key};

/// Takes an input into the model, and says what the terminal should do about it.
pub fn update(model: &mut Model, input: Input) -> Option<Effect> {
    let effect = match input {
        Input::Scene(scene) => show(model, *scene),
        Input::Ask(round, ask) => {
            open(model, round, *ask);
            None
        }
        Input::Refused(why) => {
            model.notice = Some(why);
            None
        }
        Input::Progress(progress) => {
            let work = work(model);
            work.progress = Some(progress);
            work.touch = None;
            None
        }
        Input::Touch(label) => {
            work(model).touch = Some(label);
            rewind(model);
            Some(Effect::Bell)
        }
        Input::Secret(round, label, tries_left) => {
            ask_secret(model, round, label, tries_left, None);
            None
        }
        Input::NewSecret(round, label, rules) => {
            let dialog = NewSecret::new(&label, &rules);
            ask_secret(model, round, label, None, Some(dialog));
            None
        }
        Input::Key(_) | Input::Early | Input::Paste(_) if is_too_small(model.size) => None,
        Input::Key(key) => {
            model.notice = None;
            press(model, key)
        }
        Input::Early => {
            model.notice = Some(
                "That key came before the question could be read. Read it, then press again."
                    .into(),
            );
            None
        }
        Input::Paste(text) => {
            paste(model, &text);
            None
        }
        Input::Resize(columns, rows) => {
            // Lines break elsewhere now, so what had not been read to its end counts as unread.
            let was_read = unread(model) == 0;
            model.size = (columns, rows);
            model.seen = if was_read { usize::MAX } else { 0 };
            None
        }
        Input::Clock(now) => {
            let minute = now.to_minute();
            minute.get(11..).unwrap_or_default().clone_into(&mut model.minute);
            None
        }
    };
    settle(model);
    effect
}

/// Shows another scene; the same body stays where it was scrolled to.
fn show(model: &mut Model, scene: Scene) -> Option<Effect> {
    let is_new = model.scene.as_ref().is_none_or(|shown| shown.blocks != scene.blocks);
    let rings = is_new && scene.blocks.iter().any(|block| matches!(block, Block::Banner(_)));
    if is_new {
        rewind(model);
    }
    // The same question again, after an answer that was not taken, keeps what was put in.
    let goes_on =
        matches!(&model.turn, Turn::People(sheet) if scene.ask.as_ref() == Some(&sheet.ask));
    if !goes_on {
        model.turn = Turn::Machine(Work::default());
    }
    model.scene = Some(scene);
    rings.then_some(Effect::Bell)
}

/// Opens a question. One that comes again because its answer was refused keeps what was put in.
fn open(model: &mut Model, round: Round, ask: Ask) {
    model.view = None;
    if let Turn::People(sheet) = &mut model.turn
        && sheet.ask == ask
    {
        sheet.round = round;
        return;
    }
    if model.scene.is_some() && matches!(model.turn, Turn::Secret(_)) {
        rewind(model);
    }
    model.turn = Turn::People(Sheet::new(round, ask));
}

/// The machine's turn, which begins if it was not the machine's.
fn work(model: &mut Model) -> &mut Work {
    if !matches!(model.turn, Turn::Machine(_)) {
        model.turn = Turn::Machine(Work::default());
        rewind(model);
    }
    match &mut model.turn {
        Turn::Machine(work) => work,
        Turn::People(_) | Turn::Secret(_) => {
            unreachable!("the turn was given to the machine above")
        }
    }
}

fn rewind(model: &mut Model) {
    model.top = 0;
    model.seen = 0;
}

/// Keeps the scrolling within its bounds and notes what has been in sight.
fn settle(model: &mut Model) {
    if is_too_small(model.size) {
        return;
    }
    let layout = Layout::of(model, model.size);
    if model.view.is_some() {
        model.view_top = model.view_top.min(layout.last_top());
        return;
    }
    model.top = model.top.min(layout.last_top());
    if model.top <= model.seen {
        model.seen = model.seen.max(model.top + layout.body_rows);
    }
    let page = Page { width: layout.columns, charset: model.looks.charset, whole_lists: false };
    if let Turn::People(sheet) = &mut model.turn {
        let shown = form::items_above(sheet, &page, layout.form_top + layout.form_rows);
        sheet.seen_items = sheet.seen_items.max(shown);
    }
}

/// How many lines of the body have not been in sight yet.
fn unread(model: &Model) -> usize {
    Layout::of(model, model.size).body.len().saturating_sub(model.seen)
}

/// What a key does: first what it means everywhere, then in a view, then what the turn makes of it.
fn press(model: &mut Model, key: Key) -> Option<Effect> {
    if let Some(meaning) = keymap::anywhere(key) {
        return carry_out(model, meaning);
    }
    if model.view.is_some() {
        return match key {
            Key::Esc => {
                model.view = None;
                None
            }
            key => match keymap::letter(key) {
                Some(meaning) => carry_out(model, meaning),
                None => scroll(model, key),
            },
        };
    }
    match &model.turn {
        Turn::Secret(_) => secret_key(model, key),
        Turn::People(sheet) if sheet.is_text() => match key {
            Key::PageUp | Key::PageDown => scroll(model, key),
            key => text_key(model, key),
        },
        Turn::People(_) => named_key(model, key),
        Turn::Machine(_) => match keymap::letter(key) {
            Some(meaning) => carry_out(model, meaning),
            None => scroll(model, key),
        },
    }
}

fn carry_out(model: &mut Model, meaning: Meaning) -> Option<Effect> {
    match meaning {
        Meaning::Redraw => Some(Effect::Redraw),
        Meaning::View(view) => {
            model.view = if model.view == Some(view) { None } else { Some(view) };
            // A log is read from its end.
            model.view_top = if view == View::Log { usize::MAX } else { 0 };
            None
        }
        Meaning::Wish(wish) => Some(wished(model, wish)),
    }
}

/// A wish; a second one while the machine still works is that it gives up.
fn wished(model: &mut Model, wish: Wish) -> Effect {
    model.view = None;
    match &mut model.turn {
        Turn::Machine(work) if work.noted.is_some() => return Effect::GiveUp,
        Turn::Machine(work) => work.noted = Some(wish),
        Turn::People(_) | Turn::Secret(_) => {
            model.turn = Turn::Machine(Work { noted: Some(wish), ..Work::default() });
        }
    }
    Effect::Wish(wish)
}

fn scroll(model: &mut Model, key: Key) -> Option<Effect> {
    let page = Layout::of(model, model.size).body_rows.saturating_sub(1).max(1);
    let top = if model.view.is_some() { &mut model.view_top } else { &mut model.top };
    *top = match key {
        Key::Up => top.saturating_sub(1),
        Key::Down => top.saturating_add(1),
        Key::PageUp => top.saturating_sub(page),
        Key::PageDown => top.saturating_add(page),
        Key::Home => 0,
        Key::End => usize::MAX,
        _ => *top,
    };
    None
}
