//! What stands on a terminal that is too small: what is needed, and that nothing is lost.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::front::page::{Line, Tone};
use crate::front::tui::layout::SMALLEST;
use crate::front::tui::model::Model;
use crate::front::words::wrap;

/// Draws it as well as the room allows.
pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    let (columns, rows) = SMALLEST;
    let text = format!(
        "The terminal is too small: it is {}x{}, and {columns}x{rows} is needed. Nothing is lost and nothing is \
         accepted. Make it larger, or choose a smaller font, and the ceremony goes on.",
        area.width, area.height
    );
    let lines = wrap(&text, usize::from(area.width.saturating_sub(2)));
    for (text, row) in lines.into_iter().zip(area.y..area.bottom()) {
        super::line(&Line::of(Tone::Strong, text), model.looks, area, row, buffer);
    }
}
