//! Keys where letters are text: fields, the button behind them, and what is pasted.

#![expect(clippy::wildcard_enum_match_arm, reason = "a key that is not named means nothing")]

use crate::ceremony::ask::{Answer, Form};
use crate::front::tui::keymap::Key;
use crate::front::tui::model::{Effect, Model, Turn, TypedLine};
use crate::front::words::{counted, field_trouble};

use super::unread;

/// A key where letters are text.
pub(super) fn text_key(model: &mut Model, key: Key) -> Option<Effect> {
    let Turn::People(sheet) = &mut model.turn else { return None };
    let words = matches!(sheet.ask.form, Form::Words(_));
    let last = sheet.lines.len();
    if words && key == Key::Ctrl('n') {
        return Some(sheet.said(Answer::Differ));
    }
    match key {
        Key::Enter => return enter(model),
        Key::Tab | Key::Down => sheet.focus = (sheet.focus + 1).min(last),
        Key::BackTab | Key::Up | Key::Esc => sheet.focus = sheet.focus.saturating_sub(1),
        key => {
            let max = sheet.fields().get(sheet.focus).map_or(0, |field| field.max);
            if let Some(line) = sheet.lines.get_mut(sheet.focus) {
                edit(line, key, max);
            }
        }
    }
    None
}

/// Enter in a field goes on to the next; on the button it says what the fields hold.
fn enter(model: &mut Model) -> Option<Effect> {
    let unread = unread(model);
    let Turn::People(sheet) = &mut model.turn else { return None };
    let words = matches!(sheet.ask.form, Form::Words(_));
    let texts: Vec<String> = sheet.lines.iter().map(|line| line.text().trim().to_owned()).collect();
    if words && texts.get(sheet.focus).is_some_and(|text| text == "n") {
        return Some(sheet.said(Answer::Differ));
    }
    let on_button = sheet.focus >= texts.len();
    let troubles = sheet.fields().iter().zip(&texts).enumerate();
    let wrong = troubles
        .filter(|(nth, _)| on_button || *nth == sheet.focus)
        .find_map(|(nth, (field, text))| field_trouble(field, text, words).map(|why| (nth, why)));
    if let Some((nth, why)) = wrong {
        sheet.focus = nth;
        model.notice = Some(why);
        return None;
    }
    if !on_button {
        sheet.focus += 1;
        return None;
    }
    if unread > 0 {
        let lines = counted(unread, "line");
        model.notice = Some(format!("{lines} of this screen not seen yet: PgDn, then Enter."));
        return None;
    }
    Some(sheet.said(Answer::Typed(texts)))
}

/// Edits a line of at most `max` characters.
fn edit(line: &mut TypedLine, key: Key, max: usize) {
    match key {
        Key::Char(c) if !c.is_control() && line.chars() < max => line.before.push(c),
        Key::Backspace => {
            line.before.pop();
        }
        Key::Delete => line.after = line.after.chars().skip(1).collect(),
        Key::Left => {
            if let Some(c) = line.before.pop() {
                line.after.insert(0, c);
            }
        }
        Key::Right => {
            if let Some(c) = line.after.chars().next() {
                line.before.push(c);
                line.after = line.after.chars().skip(1).collect();
            }
        }
        Key::Home => line.after = format!("{}{}", std::mem::take(&mut line.before), line.after),
        Key::End => line.before.push_str(&std::mem::take(&mut line.after)),
        Key::Ctrl('u') => *line = TypedLine::default(),
        _ => {}
    }
}

/// Pasted text is text: without its control characters, never Enter, and never a secret.
pub(super) fn paste(model: &mut Model, text: &str) {
    if model.view.is_some() {
        return;
    }
    model.notice = match &mut model.turn {
        Turn::Secret(_) => Some("A secret is typed, not pasted. Nothing was taken.".to_owned()),
        Turn::People(sheet) if sheet.is_text() => {
            let max = sheet.fields().get(sheet.focus).map_or(0, |field| field.max);
            let Some(line) = sheet.lines.get_mut(sheet.focus) else { return };
            let before = line.chars();
            for c in text.chars() {
                edit(line, Key::Char(c), max);
            }
            let (taken, of) = (line.chars() - before, text.chars().count());
            Some(format!("{taken} of {of} pasted characters were taken."))
        }
        Turn::People(_) | Turn::Machine(_) => Some("Pasted text means nothing here.".to_owned()),
    };
}
