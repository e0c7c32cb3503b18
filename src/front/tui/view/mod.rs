//! How the model looks: a pure function onto a buffer.

pub mod body;
mod fields;
pub mod form;
mod frame;
mod too_small;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use crate::ceremony::scene::Verdict;
use crate::front::page::{Line, Tone};

use super::layout::{Layout, is_too_small};
use super::model::{Looks, Model};

/// Draws the whole screen. It cannot fail.
pub fn view(model: &Model, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    if is_too_small((area.width, area.height)) {
        too_small::draw(model, area, buffer);
    } else {
        frame::draw(model, &Layout::of(model, (area.width, area.height)), area, buffer);
    }
}

/// Where the terminal's own cursor stands: on what has the focus.
pub fn cursor(model: &Model, area: Rect) -> Option<(u16, u16)> {
    if is_too_small((area.width, area.height)) {
        return None;
    }
    let layout = Layout::of(model, (area.width, area.height));
    let top = 2 + layout.tallies.len();
    let in_form = layout.form.cursor.and_then(|(column, row)| {
        let row = row.checked_sub(layout.form_top).filter(|row| *row < layout.form_rows)?;
        Some((column, top + layout.body_rows + 1 + row))
    });
    // Where nothing has the focus, the cursor leads whoever listens to the body.
    let (column, row) = in_form.unwrap_or((0, top));
    Some((
        area.x + u16::try_from(column + 1).unwrap_or(0).min(area.width - 1),
        area.y + u16::try_from(row).unwrap_or(0).min(area.height - 1),
    ))
}

/// Draws a line of text, one column from the left.
fn line(line: &Line, looks: Looks, area: Rect, row: u16, buffer: &mut Buffer) {
    if row >= area.bottom() {
        return;
    }
    let mut column = area.x + 1;
    for piece in &line.0 {
        let room = usize::from(area.right().saturating_sub(column));
        let (next, _) =
            buffer.set_stringn(column, row, &piece.text, room, style(piece.tone, looks));
        column = next;
    }
}

/// How a tone looks: the terminal's own colours, eight more where they are wanted, bold and reverse.
pub fn style(tone: Tone, looks: Looks) -> Style {
    let plain = Style::new();
    let bold = plain.add_modifier(Modifier::BOLD);
    let coloured =
        |style: Style, colour: Color| if looks.colour { style.fg(colour) } else { style };
    match tone {
        Tone::Plain => plain,
        Tone::Strong | Tone::Heading => bold,
        Tone::Aloud => coloured(bold, Color::Cyan),
        Tone::Mark(Verdict::Pass) => coloured(bold, Color::Green),
        Tone::Mark(Verdict::Warn) => coloured(bold, Color::Yellow),
        Tone::Mark(Verdict::Unknown) => coloured(bold, Color::Magenta),
        Tone::Mark(Verdict::Fail) => coloured(bold.add_modifier(Modifier::REVERSED), Color::Red),
        Tone::Banner => bold.add_modifier(Modifier::REVERSED),
    }
}
