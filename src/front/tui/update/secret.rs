//! Keys while a secret is typed.

#![expect(clippy::wildcard_enum_match_arm, reason = "a key that is not named means nothing")]

use zeroize::Zeroizing;

use crate::front::secrets::{Heard, NewSecret};
use crate::front::tui::keymap::Key;
use crate::front::tui::model::{Effect, Model, Round, SecretSheet, Turn, Work};
use crate::keystore::{Label, Secret};

use super::{rewind, scroll};

/// Room for a secret, reserved ahead so that no copy is left behind by growing: 4096 bytes.
const SECRET_BYTES: usize = 4096;

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
    let typed = Zeroizing::new(String::with_capacity(SECRET_BYTES));
    model.turn = Turn::Secret(SecretSheet { round, label, tries_left, dialog, typed });
}

/// A key while a secret is typed.
pub(super) fn secret_key(model: &mut Model, key: Key) -> Option<Effect> {
    let Turn::Secret(sheet) = &mut model.turn else { return None };
    match key {
        Key::Char(c) if !c.is_control() && sheet.typed.len() + c.len_utf8() <= SECRET_BYTES => {
            sheet.typed.push(c);
        }
        Key::Backspace => {
            sheet.typed.pop();
        }
        Key::Ctrl('u') => {
            sheet.typed = Zeroizing::new(String::with_capacity(SECRET_BYTES));
        }
        Key::Enter if sheet.typed.is_empty() => {
            model.notice = Some("Nothing was typed, so no try was used.".to_owned());
        }
        Key::Enter => {
            let empty = Zeroizing::new(String::with_capacity(SECRET_BYTES));
            let typed = std::mem::replace(&mut sheet.typed, empty);
            let heard = match &mut sheet.dialog {
                None => Heard::Done(Secret::new(typed)),
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
