//! Keys, and what they mean whatever is on the screen.

#![expect(clippy::wildcard_enum_match_arm, reason = "a key that is not named means nothing")]

use crate::ceremony::ask::Wish;

use super::model::View;

/// A key that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// A letter, digit, sign or space.
    Char(char),
    /// A lower-case letter with Ctrl.
    Ctrl(char),
    /// A function key, from 1.
    F(u8),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Up.
    Up,
    /// Down.
    Down,
    /// Left.
    Left,
    /// Right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
}

/// What a key means outside the open question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A wish of the people.
    Wish(Wish),
    /// Another view of the same matter.
    View(View),
    /// The screen is to be drawn anew.
    Redraw,
}

/// What function keys and Ctrl mean; they mean it everywhere, in text too.
pub const fn anywhere(key: Key) -> Option<Meaning> {
    match key {
        Key::F(1) => Some(Meaning::View(View::Help)),
        Key::F(2) => Some(Meaning::View(View::Details)),
        Key::F(3) => Some(Meaning::View(View::Log)),
        Key::F(5) | Key::Ctrl('x') => Some(Meaning::Wish(Wish::Exception)),
        Key::F(6) | Key::Ctrl('p' | 'c') => Some(Meaning::Wish(Wish::Pause)),
        Key::F(10) | Key::Ctrl('q') => Some(Meaning::Wish(Wish::Abort)),
        Key::Ctrl('l') => Some(Meaning::Redraw),
        _ => None,
    }
}

/// What letters mean where they are not text and the open question does not name them.
pub const fn letter(key: Key) -> Option<Meaning> {
    match key {
        Key::Char('?') => Some(Meaning::View(View::Help)),
        Key::Char('d') => Some(Meaning::View(View::Details)),
        Key::Char('l') => Some(Meaning::View(View::Log)),
        Key::Char('x') => Some(Meaning::Wish(Wish::Exception)),
        Key::Char('p') => Some(Meaning::Wish(Wish::Pause)),
        Key::Char('q') => Some(Meaning::Wish(Wish::Abort)),
        _ => None,
    }
}

/// The wishes and views of the footer: letter, function key, and what they do.
pub const HINTS: [(char, &str, &str); 6] = [
    ('x', "F5", "exception"),
    ('p', "F6", "pause"),
    ('q', "F10", "stop"),
    ('d', "F2", "details"),
    ('l', "F3", "log"),
    ('?', "F1", "help"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hint_has_a_letter_and_a_function_key_that_mean_the_same() {
        for (char, function, what) in HINTS {
            let number = function.trim_start_matches('F').parse().unwrap_or(0);
            assert_eq!(letter(Key::Char(char)), anywhere(Key::F(number)), "{what}");
            assert!(letter(Key::Char(char)).is_some(), "{what}");
        }
    }
}
