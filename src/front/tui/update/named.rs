//! Keys where letters are not text: the named keys of a question, and its items.

#![expect(clippy::wildcard_enum_match_arm, reason = "a key that is not named means nothing")]

use crate::ceremony::ask::{Answer, Form};
use crate::front::tui::keymap::{self, Key};
use crate::front::tui::model::{Effect, Model, Sheet, Turn};
use crate::front::words::counted;

use super::{carry_out, scroll, unread};

/// A key where letters are not text: the named keys of the question, else wishes, views, scrolling.
pub(super) fn named_key(model: &mut Model, key: Key) -> Option<Effect> {
    let unread = unread(model);
    let Turn::People(sheet) = &mut model.turn else { return None };
    if let Key::Char(letter) = key
        && sheet.names(letter)
    {
        if let Some(nth) = sheet.items().iter().position(|item| item.key == letter) {
            sheet.focus = nth;
            toggle(sheet, nth);
            return None;
        }
        if unread > 0 {
            let lines = counted(unread, "line");
            model.notice =
                Some(format!("{lines} of this screen not seen yet: PgDn, then {letter}."));
            return None;
        }
        if sheet.seen_items < sheet.items().len() {
            model.notice = Some(format!("Not all items were seen yet: move down, then {letter}."));
            return None;
        }
        return Some(sheet.said(named_answer(sheet, letter)?));
    }
    let items = sheet.items().len();
    match key {
        Key::Down | Key::Tab if items > 0 => sheet.focus = (sheet.focus + 1).min(items - 1),
        Key::Up | Key::BackTab if items > 0 => sheet.focus = sheet.focus.saturating_sub(1),
        Key::Char(' ') if items > 0 => toggle(sheet, sheet.focus),
        key => {
            return match keymap::letter(key) {
                Some(meaning) => carry_out(model, meaning),
                None => scroll(model, key),
            };
        }
    }
    None
}

fn toggle(sheet: &mut Sheet, nth: usize) {
    if !sheet.ticked.remove(&nth) {
        sheet.ticked.insert(nth);
    }
}

/// The answer that a named key gives.
fn named_answer(sheet: &Sheet, letter: char) -> Option<Answer> {
    match &sheet.ask.form {
        Form::Press { .. } => Some(Answer::Pressed),
        Form::Choose(choices) => {
            let choice = choices.iter().find(|choice| choice.key == letter)?;
            Some(Answer::Chose(choice.word.clone()))
        }
        Form::Tick { items, .. } => {
            let ticked = items.iter().enumerate().filter(|(nth, _)| sheet.ticked.contains(nth));
            Some(Answer::Ticked(ticked.map(|(_, item)| item.word.clone()).collect()))
        }
        Form::Fill(_) | Form::Words(_) => None,
    }
}
