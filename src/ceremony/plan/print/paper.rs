//! Paper: pages of 60 lines and 80 columns, plain text that any printer takes.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns of a page.
pub(super) const WIDTH: usize = 80;
/// The lines of a page, its last two for the footer.
const LINES: usize = 60;
const BODY: usize = LINES - 2;

/// A growing pile of pages.
#[derive(Default)]
pub(super) struct Paper {
    done: Vec<Vec<String>>,
    page: Vec<String>,
}

impl Paper {
    /// Puts lines on the page, together if a page can hold them; else they go on overleaf.
    pub(super) fn block<T: Into<String>>(&mut self, lines: impl IntoIterator<Item = T>) {
        let lines: Vec<String> = lines.into_iter().map(Into::into).collect();
        if lines.len() <= BODY && self.page.len() + lines.len() > BODY {
            self.new_page();
        }
        for line in lines {
            if self.page.len() == BODY {
                self.new_page();
            }
            self.page.push(line);
        }
    }

    /// An empty line, unless the page has just begun.
    pub(super) fn gap(&mut self) {
        if !self.page.is_empty() && self.page.len() < BODY {
            self.page.push(String::new());
        }
    }

    /// A heading, with room for something below it on the same page.
    pub(super) fn heading(&mut self, text: &str) {
        self.gap();
        if self.page.len() + 8 > BODY {
            self.new_page();
        }
        self.block([text.to_owned(), "-".repeat(text.width().min(WIDTH))]);
    }

    /// Goes on on a new page.
    pub(super) fn new_page(&mut self) {
        if !self.page.is_empty() {
            self.done.push(std::mem::take(&mut self.page));
        }
    }

    /// All pages, each with a footer that says whose it is and its number; form feeds part them.
    pub(super) fn finish(mut self, whose: &str) -> String {
        self.new_page();
        let count = self.done.len();
        let pages = (1..).zip(self.done).map(|(nth, mut lines): (usize, _)| {
            lines.resize(BODY + 1, String::new());
            let number = format!("page {nth} of {count}");
            let room = WIDTH.saturating_sub(number.len());
            lines.push(format!("{}{number}", padded(whose, room)));
            let mut text = String::new();
            for line in &lines {
                text.push_str(line.trim_end());
                text.push('\n');
            }
            text
        });
        pages.collect::<Vec<_>>().join("\u{c}")
    }
}

/// Text as lines of at most [`WIDTH`] columns: `first` before the first, spaces of the same width before the others.
/// A word that is longer than a line is cut.
pub(super) fn wrapped(first: &str, text: &str) -> Vec<String> {
    let indent = first.width();
    let room = WIDTH.saturating_sub(indent).max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').flat_map(|word| pieces(word, room)) {
        if !line.is_empty() && line.width() + 1 + word.width() > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    lines.push(line);
    let starts = std::iter::once(first.to_owned()).chain(std::iter::repeat(" ".repeat(indent)));
    starts.zip(lines).map(|(start, line)| start + &line).collect()
}

/// A word in pieces of at most `room` columns.
fn pieces(word: &str, room: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut used = 0;
    for c in word.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide > room {
            all.push(String::new());
            used = 0;
        }
        used += wide;
        if let Some(last) = all.last_mut() {
            last.push(c);
        }
    }
    all
}

/// A row `label   value`, the value wrapped below itself.
pub(super) fn row(label: &str, value: &str) -> Vec<String> {
    wrapped(&format!("  {}", padded(label, 14)), value)
}

/// Text followed by spaces up to `columns`; longer text is cut and ends in `~`.
pub(super) fn padded(text: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    let fits = text.width() <= columns;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if !fits && used + wide + 1 > columns {
            out.push('~');
            used += 1;
            break;
        }
        out.push(c);
        used += wide;
    }
    out + &" ".repeat(columns.saturating_sub(used))
}

/// Text from a plan as ink can show it: characters that are invisible or change the direction of writing are written
/// as `\u{…}`.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_control() || super::super::is_format(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// A name that somebody else chose: as [`shown`], between quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", shown(text).replace('"', "\\\""))
}

/// A line to write on, `columns` long.
pub(super) fn blank(columns: usize) -> String {
    "_".repeat(columns)
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_count_as_two_columns() {
        let lines = wrapped("  ", &"漢".repeat(60));
        assert!(lines.iter().all(|line| line.width() <= WIDTH), "{lines:?}");
        assert_eq!(lines.len(), 2);
        assert_eq!(padded("漢字漢字", 5).width(), 5);
    }

    #[test]
    fn wrapped_text_loses_nothing() {
        let text = "one two  three ".repeat(20);
        let lines = wrapped("- ", &text);
        assert!(lines[0].starts_with("- one") && lines[1].starts_with("  "));
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(lines.join(" ").trim_start_matches("- ")), words(&text));
    }

    #[test]
    fn what_fits_on_a_page_stays_together() {
        let mut paper = Paper::default();
        paper.block(vec!["a"; 50]);
        paper.block(vec!["b"; 10]);
        let text = paper.finish("X");
        let pages: Vec<&str> = text.split('\u{c}').collect();
        assert_eq!(pages.len(), 2);
        assert!(!pages[0].contains('b'));
        assert!(pages.iter().all(|page| page.lines().count() == LINES));
    }

    #[test]
    fn ink_shows_what_a_screen_might_hide() {
        assert_eq!(shown("a\u{202e}b\u{1b}"), "a\\u{202e}b\\u{1b}");
    }
}
