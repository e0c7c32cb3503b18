//! The words that the fronts share, and how foreign text is made harmless before anybody sees it.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::ceremony::ask::{Field, Wish};
use crate::ceremony::event::Mode;
use crate::keystore::Label;
use crate::tuf::digest::Digest;
use crate::tuf::words::can_stand;

/// Which characters the people's screen can draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Charset {
    /// Printable Unicode and single-line box drawing.
    #[default]
    Unicode,
    /// Nothing beyond ASCII: a console with a small font, or a locale that is not UTF-8.
    Ascii,
}

/// Makes text harmless: whatever could move the cursor, change the direction of writing, or not be seen, becomes
/// `\u{..}`, and a backslash becomes two, so that nothing can pose as an escape.
pub fn escape(text: &str) -> String {
    escape_for(text, Charset::Unicode)
}

/// As [`escape`]; for [`Charset::Ascii`] everything beyond ASCII is escaped too.
pub fn escape_for(text: &str, charset: Charset) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        let seen = match charset {
            Charset::Unicode => is_visible(c),
            Charset::Ascii => c == ' ' || c.is_ascii_graphic(),
        };
        match c {
            '\\' => safe.push_str("\\\\"),
            c if seen => safe.push(c),
            c => safe.extend(c.escape_unicode()),
        }
    }
    safe
}

/// Escapes foreign text, and quotes it where it could be taken for something else: a mark of ours, other spacing,
/// look-alike letters, nothing at all.
pub fn foreign(text: &str, charset: Charset) -> String {
    let safe = escape_for(text, charset);
    let plain = !text.is_empty()
        && !text.starts_with([' ', '[', '"', '-'])
        && !text.ends_with(' ')
        && !text.contains("  ")
        && text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    if plain { safe } else { format!("\"{safe}\"") }
}

/// Whether a character takes part in a line as something that can be seen, and in its own cell.
fn is_visible(c: char) -> bool {
    // Lines, paragraphs, fillers and the private areas have a width in some tables and draw nothing, or anything.
    let blank = matches!(u32::from(c),
        0x00AD | 0x061C | 0x115F..=0x1160 | 0x180B..=0x180F | 0x2028..=0x202F | 0x2060..=0x206F | 0x2800
        | 0x3164 | 0xE000..=0xF8FF | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
        | 0xE0000..=0x0010_FFFF);
    let space = c.is_whitespace() && c != ' ';
    !blank && !space && c.width().is_some_and(|width| width > 0)
}

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Cuts text to at most `columns`, with `...` where something was cut.
pub fn clip(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let (head, _) = split_at_width(text, columns.saturating_sub(3));
    let dots = ".".repeat(columns.min(3));
    format!("{head}{dots}")
}

/// Fills text with spaces up to `columns`.
pub fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// Breaks text into lines of at most `columns`, at spaces where it can; at least one line comes back.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(4);
    let mut lines = Vec::new();
    let mut line = String::new();
    for token in text.split_inclusive(' ') {
        if width(&line) + width(token.trim_end()) > columns {
            // Spaces alone are no line, and must not push a word over the edge.
            if !line.trim_end().is_empty() {
                lines.push(line.trim_end().to_owned());
            }
            line.clear();
        }
        let mut rest = token;
        loop {
            let (head, tail) = split_at_width(rest, columns);
            if tail.trim_end().is_empty() {
                break;
            }
            lines.push(head.to_owned());
            rest = tail;
        }
        line.push_str(rest);
    }
    if !line.trim_end().is_empty() || lines.is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// Splits text before the first character that no longer fits into `columns`.
fn split_at_width(text: &str, columns: usize) -> (&str, &str) {
    let mut taken = 0;
    for (at, c) in text.char_indices() {
        taken += c.width().unwrap_or(0);
        if taken > columns {
            return text.split_at_checked(at).unwrap_or((text, ""));
        }
    }
    (text, "")
}

/// A digest as hex, eight groups of four digits a line.
pub fn hex_lines(digest: &Digest) -> Vec<String> {
    digest.groups().chunks(8).map(|line| line.join(" ")).collect()
}

/// A digest's words with their numbers from 1, four a line: ` 1 stagehand     2 adroitness`.
pub fn word_lines(digest: &Digest) -> Vec<String> {
    let numbered: Vec<String> = digest
        .words()
        .into_iter()
        .zip(1_usize..)
        .map(|(word, nth)| pad(&format!("{nth:>2} {word}"), 17))
        .collect();
    numbered.chunks(4).map(|line| line.concat().trim_end().to_owned()).collect()
}

/// The place, from 1, of the word that a field asks for: its label ends in a number, as in `word 7`.
pub fn word_place(field: &Field) -> Option<usize> {
    field.label.rsplit(' ').next()?.parse().ok()
}

/// Why a field does not take this text, as a sentence; nothing where it does. Words that are compared must be words of
/// the list: a slip of the fingers is no comparison.
pub fn field_trouble(field: &Field, text: &str, words: bool) -> Option<String> {
    if text.is_empty() {
        return (!field.optional).then(|| "This cannot stay empty.".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Some("There is a control character in it.".to_owned());
    }
    if text.chars().count() > field.max {
        return Some(format!("At most {} characters fit here.", field.max));
    }
    let place = word_place(field).filter(|place| words && !can_stand(text, *place))?;
    Some(format!(
        "\"{}\" is no word that can stand at place {place}, so nothing was compared. Have it read out again.",
        escape(text)
    ))
}

/// The mode in the words of the screen.
pub const fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Check => "CHECK",
        Mode::Rehearsal => "REHEARSAL",
        Mode::Real => "PRODUCTION",
    }
}

/// A wish in the words of key hints.
pub const fn wish_word(wish: Wish) -> &'static str {
    match wish {
        Wish::Exception => "exception",
        Wish::Pause => "pause",
        Wish::Abort => "stop",
    }
}

/// What is said when a wish was heard while a machine works.
pub fn wish_noted(wish: Wish) -> String {
    format!(
        "Heard: {}. It comes as soon as the machine has finished what it is doing. Once more gives \
         up a token that does not answer.",
        wish_word(wish)
    )
}

/// The banner that asks for a touch, not yet escaped.
pub fn touch_now(label: &Label) -> String {
    format!("TOUCH NOW: key {}, {}, {}", label.key, label.place, label.holder)
}

/// How many tries are left, as a sentence; nothing where the store does not count.
pub fn tries(tries_left: Option<u8>) -> Option<String> {
    match tries_left {
        None => None,
        Some(1) => Some("1 try left. A wrong one now blocks it.".to_owned()),
        Some(n) => Some(format!("{n} tries left.")),
    }
}

/// `1 line`, `2 lines`: a counted noun.
pub fn counted(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_deceive_the_eye_is_escaped() {
        assert_eq!(escape("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(escape("\u{1b}[31m\n\u{9b}"), "\\u{1b}[31m\\u{a}\\u{9b}");
        assert_eq!(escape("zero\u{200b}width\u{feff}"), "zero\\u{200b}width\\u{feff}");
        assert_eq!(escape("e\u{301}"), "e\\u{301}");
        assert_eq!(escape("no\u{a0}break\u{2800}"), "no\\u{a0}break\\u{2800}");
        assert_eq!(escape("Zoë 東京 plain"), "Zoë 東京 plain");
    }

    #[test]
    fn nothing_can_pose_as_an_escape() {
        assert_eq!(escape("\\u{202e}"), "\\\\u{202e}");
        assert_ne!(escape("\\u{202e}"), escape("\u{202e}"));
        assert_ne!(escape("\\\\u{202e}"), escape("\\\u{202e}"));
    }

    #[test]
    fn ascii_stays_within_ascii() {
        assert_eq!(escape_for("Zoë 東", Charset::Ascii), "Zo\\u{eb} \\u{6771}");
    }

    #[test]
    fn foreign_text_that_looks_like_ours_is_quoted() {
        assert_eq!(foreign("root-a", Charset::Unicode), "root-a");
        assert_eq!(foreign("[ok] verified", Charset::Unicode), "\"[ok] verified\"");
        assert_eq!(foreign("", Charset::Unicode), "\"\"");
        assert_eq!(foreign("two  spaces", Charset::Unicode), "\"two  spaces\"");
        assert_eq!(foreign("rооt", Charset::Unicode), "\"rооt\"");
    }

    #[test]
    fn lines_break_at_spaces_and_never_exceed_their_width() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("0123456789abc", 8), ["01234567", "89abc"]);
        assert_eq!(wrap("東京東京東京", 5), ["東京", "東京", "東京"]);
        assert_eq!(wrap("", 8), [""]);
        // A space before the first word pushed it over the edge.
        assert_eq!(wrap(" 0123 45", 4), ["0123", "45"]);
        for columns in 4..30 {
            let text = "a bb  ccc dddd 東京東京 eeeeeeeeeeeeeeeeeeeeeeeeee f";
            assert!(wrap(text, columns).iter().all(|line| width(line) <= columns));
        }
    }

    #[test]
    fn what_is_clipped_says_so() {
        assert_eq!(clip("0123456789", 8), "01234...");
        assert_eq!(clip("short", 8), "short");
        assert_eq!(width(&clip("東京東京東京", 8)), 7);
    }

    #[test]
    fn hex_stands_in_groups_of_four_and_eight_a_line() {
        let lines = hex_lines(&Digest::of(b"abc"));
        assert_eq!(
            lines,
            ["ba78 16bf 8f01 cfea 4141 40de 5dae 2223", "b003 61a3 9617 7a9c b410 ff61 f200 15ad"]
        );
    }
}
