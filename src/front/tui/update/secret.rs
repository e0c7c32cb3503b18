//! Keys while a secret is typed.

#![expect(clippy::wildcard_enum_match_arm, reason = "a key that is not named means nothing")]

use crate::front::secrets::{Heard, NewSecret};
use crate::front::tui::keymap::Key;
use crate::front::tui::model::{Effect, Model, Round, SecretSheet, Turn, Work};
use crate::keystore::{Label, Secret};

use super::{rewind, scroll};

/// Opens the dialog.
pub(super) fn ask_secret(
    model: &mut Model,
    round: Round,
    label: Label,
    tries_left: Option<u8>,
    dialog: Option<NewSecret>,
) {
    model.view = None;
    model.notice = None;
    rewind(model);
    let typed = Secret::empty();
    model.turn = Turn::Secret(SecretSheet { round, label, tries_left, dialog, typed });
}

/// A key while a secret is typed.
pub(super) fn secret_key(model: &mut Model, key: Key) -> Option<Effect> {
    let Turn::Secret(sheet) = &mut model.turn else { return None };
    match key {
        Key::Char(c) if !c.is_control() => sheet.typed.push(c),
        Key::Backspace => sheet.typed.pop(),
        Key::Ctrl('u') => sheet.typed = Secret::empty(),
        Key::Enter if sheet.typed.is_empty() => {
            model.notice = Some("Nothing was typed, so no try was used.".to_owned());
        }
        Key::Enter => {
            let typed = std::mem::replace(&mut sheet.typed, Secret::empty());
            let heard = match &mut sheet.dialog {
                None => Heard::Done(typed),
                Some(dialog) => dialog.hear(typed),
            };
            return match heard {
                Heard::More(why) => {
                    model.notice = why;
                    None
                }
                Heard::Done(secret) => {
                    let round = sheet.round;
                    model.turn = Turn::Machine(Work::default());
                    Some(Effect::Secret(round, secret))
                }
            };
        }
        Key::PageUp | Key::PageDown => return scroll(model, key),
        _ => {}
    }
    None
}
