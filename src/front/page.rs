//! From a scene's blocks to lines of text with a tone, for every front alike.

use crate::ceremony::scene::{Block, TallyLine, Verdict};
use crate::tuf::digest::Digest;

use super::words::{
    Charset, counted, escape_for, foreign, hex_lines, pad, width, word_lines, wrap,
};

/// How many items of a list the body shows before it refers to the details.
const SHORT_LIST: usize = 40;
/// The widest that a column of labels becomes.
const LABEL_COLUMNS: usize = 24;

/// The paper on which blocks are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many columns there are.
    pub width: usize,
    /// Which characters can be drawn.
    pub charset: Charset,
    /// Whether lists are shown whole, however long.
    pub whole_lists: bool,
}

/// How a piece of text is meant. Nothing is said by tone alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// What matters most in its line.
    Strong,
    /// A heading.
    Heading,
    /// Words to read aloud.
    Aloud,
    /// A judgement.
    Mark(Verdict),
    /// What everybody must notice.
    Banner,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// How it is meant.
    pub tone: Tone,
    /// What it says, escaped.
    pub text: String,
}

/// One line, at most as wide as its page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line(pub Vec<Piece>);

impl Line {
    /// A line in one tone.
    pub fn of(tone: Tone, text: impl Into<String>) -> Self {
        Self(vec![Piece { tone, text: text.into() }])
    }

    /// The line's words without their tones.
    pub fn text(&self) -> String {
        self.0.iter().map(|piece| piece.text.as_str()).collect()
    }

    fn and(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.0.push(Piece { tone, text: text.into() });
        self
    }
}

impl Page {
    /// Sets blocks as lines, from top to bottom.
    pub fn set(&self, blocks: &[Block]) -> Vec<Line> {
        blocks.iter().flat_map(|block| self.block(block)).collect()
    }

    /// The lists among these blocks that [`Page::set`] shortens, to be shown whole elsewhere.
    pub fn shortened(blocks: &[Block]) -> Vec<Block> {
        blocks
            .iter()
            .filter(|block| matches!(block, Block::List { items, .. } if items.len() > SHORT_LIST))
            .cloned()
            .collect()
    }

    /// A paragraph after a label, with the following lines below its first word.
    pub fn labelled(&self, label: &str, tone: Tone, text: &str, text_tone: Tone) -> Vec<Line> {
        let indent = width(label);
        let lines = wrap(text, self.width.saturating_sub(indent));
        lines
            .into_iter()
            .enumerate()
            .map(|(nth, line)| {
                let lead = if nth == 0 { label.to_owned() } else { " ".repeat(indent) };
                Line::of(if nth == 0 { tone } else { Tone::Plain }, lead).and(text_tone, line)
            })
            .collect()
    }

    /// Three lines that nobody overlooks, the full width of the page.
    pub fn banner(&self, text: &str) -> Vec<Line> {
        let edge = Line::of(Tone::Banner, "#".repeat(self.width));
        let inner = self.width.saturating_sub(8);
        let mut lines = vec![edge.clone()];
        for line in wrap(&self.ours(text), inner) {
            lines.push(Line::of(Tone::Banner, format!("##  {}  ##", pad(&line, inner))));
        }
        lines.push(edge);
        lines
    }

    /// Signatures so far, one line a document and authority.
    pub fn tallies(&self, tallies: &[TallyLine]) -> Vec<Line> {
        let names =
            |keys: &[String]| keys.iter().map(|key| self.ours(key)).collect::<Vec<_>>().join(", ");
        let lines = tallies.iter().map(|tally| {
            let what = self.ours(&tally.what);
            let mut text = format!("{what}: {} good, {} needed", tally.have, tally.need);
            if !tally.signed.is_empty() {
                text = format!("{text}  signed {}", names(&tally.signed));
            }
            if !tally.open.is_empty() {
                text = format!("{text}  open {}", names(&tally.open));
            }
            let tone = if tally.have >= tally.need { Tone::Strong } else { Tone::Plain };
            Line::of(tone, super::words::clip(&text, self.width))
        });
        lines.collect()
    }

    /// A sentence about the last key or answer.
    pub fn notice(&self, text: &str) -> Vec<Line> {
        self.labelled("!  ", Tone::Strong, &self.ours(text), Tone::Strong)
    }

    fn ours(&self, text: &str) -> String {
        escape_for(text, self.charset)
    }

    fn block(&self, block: &Block) -> Vec<Line> {
        match block {
            Block::ReadAloud(text) => {
                let said = format!("\"{}\"", self.ours(text));
                self.labelled("READ ALOUD   ", Tone::Heading, &said, Tone::Aloud)
            }
            Block::Text(text) => self.labelled("", Tone::Plain, &self.ours(text), Tone::Plain),
            Block::Heading(text) => self.labelled("", Tone::Plain, &self.ours(text), Tone::Heading),
            Block::Rows(rows) => self.rows(rows),
            Block::Mark(verdict, text) => {
                let mark = format!("{} ", verdict.mark());
                self.labelled(&mark, Tone::Mark(*verdict), &self.ours(text), Tone::Plain)
            }
            Block::Digest { label, digest } => self.digest(label, digest),
            Block::List { title, items } => self.list(title, items),
            Block::Banner(text) => self.banner(text),
            Block::Gap => vec![Line::default()],
        }
    }

    fn rows(&self, rows: &[(String, String)]) -> Vec<Line> {
        let labels: Vec<String> = rows.iter().map(|(label, _)| self.ours(label)).collect();
        let column = labels.iter().map(|label| width(label)).max().unwrap_or(0).min(LABEL_COLUMNS);
        let mut lines = Vec::new();
        for (label, (_, value)) in labels.iter().zip(rows) {
            let label = super::words::clip(label, column);
            let lead = format!("  {}  ", pad(&label, column));
            let value = foreign(value, self.charset);
            lines.extend(self.labelled(&lead, Tone::Plain, &value, Tone::Strong));
        }
        lines
    }

    fn digest(&self, label: &str, digest: &Digest) -> Vec<Line> {
        let mut lines = self.labelled("", Tone::Plain, &self.ours(label), Tone::Heading);
        lines.extend(
            hex_lines(digest).into_iter().map(|hex| Line::of(Tone::Strong, format!("  {hex}"))),
        );
        lines.extend(
            word_lines(digest).into_iter().map(|row| Line::of(Tone::Plain, format!("  {row}"))),
        );
        lines
    }

    fn list(&self, title: &str, items: &[String]) -> Vec<Line> {
        let shown = if self.whole_lists { items.len() } else { items.len().min(SHORT_LIST) };
        let title = self.ours(title);
        let heading = if shown < items.len() {
            format!("{title} ({}, showing {shown}; d shows all)", items.len())
        } else {
            format!("{title} ({})", items.len())
        };
        let mut lines = self.labelled("", Tone::Plain, &heading, Tone::Heading);
        for item in items.iter().take(shown) {
            let item = foreign(item, self.charset);
            lines.extend(self.labelled("  - ", Tone::Plain, &item, Tone::Plain));
        }
        if shown < items.len() {
            let more = counted(items.len() - shown, "more item");
            lines.push(Line::of(Tone::Plain, format!("    ... {more}")));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Page = Page { width: 40, charset: Charset::Unicode, whole_lists: false };

    fn texts(blocks: &[Block]) -> Vec<String> {
        PAGE.set(blocks).iter().map(Line::text).collect()
    }

    #[test]
    fn lists_are_counted_and_say_what_they_hide() {
        let items = (1..=42).map(|n| format!("name-{n}")).collect();
        let lines = texts(&[Block::List { title: "Repositories".to_owned(), items }]);
        assert_eq!(
            lines.first().map(String::as_str),
            Some("Repositories (42, showing 40; d shows")
        );
        assert_eq!(lines.last().map(String::as_str), Some("    ... 2 more items"));
    }

    #[test]
    fn foreign_text_never_leaves_its_column() {
        let deceit = "x\n[ok] all is well\u{202e}\u{1b}[2J".to_owned();
        let lines = texts(&[Block::Rows(vec![("name".to_owned(), deceit)])]);
        assert_eq!(lines, ["  name  \"x\\u{a}[ok] all is", "        well\\u{202e}\\u{1b}[2J\""]);
    }

    #[test]
    fn no_line_is_wider_than_its_page() {
        let long = "東京 word ".repeat(30);
        let blocks = [
            Block::ReadAloud(long.clone()),
            Block::Text(long.clone()),
            Block::Mark(Verdict::Warn, long.clone()),
            Block::Rows(vec![(long.clone(), long.clone())]),
            Block::List { title: long.clone(), items: vec![long.clone()] },
            Block::Banner(long.clone()),
            Block::Heading(long),
        ];
        for line in texts(&blocks) {
            assert!(width(&line) <= 40, "{line}");
        }
    }
}
