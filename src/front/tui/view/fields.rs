//! Lines to fill in, and the button behind them.

use crate::ceremony::ask::Field;
use crate::front::page::{Line, Page, Piece, Tone};
use crate::front::tui::model::{Sheet, TypedLine};
use crate::front::words::{clip, escape_for, pad, width};

use super::form::Drawn;

/// The widest that a field's label becomes.
const LABEL_COLUMNS: usize = 40;

/// Draws the fields and the button that says `done`.
pub(super) fn draw(sheet: &Sheet, fields: &[Field], done: &str, page: &Page) -> Drawn {
    let label = |field: &Field| {
        let label = escape_for(&field.label, page.charset);
        if field.optional { format!("{label} (may stay empty)") } else { label }
    };
    let labels: Vec<String> = fields.iter().map(label).collect();
    let column = labels.iter().map(|label| width(label)).max().unwrap_or(0).min(LABEL_COLUMNS);
    let mut drawn = Drawn { lines: Vec::new(), cursor: None, focus: sheet.focus };
    for ((nth, label), (line, field)) in
        labels.iter().enumerate().zip(sheet.lines.iter().zip(fields))
    {
        let focused = sheet.focus == nth;
        let lead =
            format!("{} {} ", pad(&clip(label, column), column), if focused { ">" } else { " " });
        let room = page.width.saturating_sub(width(&lead));
        let (text, cursor) = window(line, room, page);
        if focused {
            drawn.cursor = Some((width(&lead) + cursor, nth));
        }
        let blank = "_".repeat(field.max.min(room).saturating_sub(width(&text)));
        drawn.lines.push(Line(vec![
            Piece { tone: if focused { Tone::Strong } else { Tone::Plain }, text: lead },
            Piece { tone: Tone::Strong, text },
            Piece { tone: Tone::Plain, text: blank },
        ]));
    }
    let button = format!("[ {done} ]");
    if sheet.focus >= fields.len() {
        drawn.cursor = Some((2, fields.len()));
        drawn.lines.push(Line::of(Tone::Banner, button));
    } else {
        drawn.lines.push(Line::of(Tone::Plain, button));
    }
    drawn
}

/// The part of a line around its cursor that fits into `room` columns, and the cursor's column in it.
fn window(line: &TypedLine, room: usize, page: &Page) -> (String, usize) {
    let mut before = escape_for(&line.before, page.charset);
    while width(&before) + 1 > room && !before.is_empty() {
        before.remove(0);
    }
    let cursor = width(&before);
    let mut text = before;
    for c in escape_for(&line.after, page.charset).chars() {
        let mut longer = text.clone();
        longer.push(c);
        if width(&longer) > room {
            break;
        }
        text = longer;
    }
    (text, cursor)
}
