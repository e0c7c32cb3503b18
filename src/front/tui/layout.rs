//! Where things stand on the screen.

use crate::front::page::{Line, Page};

use super::model::{Model, Turn};
use super::view::{body, form};

/// The smallest size on which anything is asked: 80 columns and 24 rows.
pub const SMALLEST: (u16, u16) = (80, 24);
/// The fewest rows that the body keeps.
const BODY_ROWS: usize = 4;
/// The widest that text is set.
const TEXT_COLUMNS: u16 = 100;
/// Rows besides tallies, body, form and notice: header, two rules, and two lines of a footer.
const FRAME_ROWS: usize = 5;

/// The rows of one screen, from top to bottom.
#[derive(Debug)]
pub struct Layout {
    /// The width of text.
    pub columns: usize,
    /// The tallies below the header.
    pub tallies: Vec<Line>,
    /// The lines of the body, all of them.
    pub body: Vec<Line>,
    /// How many rows the body has.
    pub body_rows: usize,
    /// The lines of the form, all of them, and its cursor.
    pub form: form::Drawn,
    /// How many rows the form has.
    pub form_rows: usize,
    /// The first line of the form that is shown.
    pub form_top: usize,
    /// The notice, in lines.
    pub notice: Vec<Line>,
    /// Whether anything stands between the body's rule and the footer, which then has a rule of its own.
    pub has_form: bool,
}

impl Layout {
    /// Lays the model out on a screen of this size.
    pub fn of(model: &Model, size: (u16, u16)) -> Self {
        let columns = usize::from(size.0.min(TEXT_COLUMNS).saturating_sub(2));
        let page = Page { width: columns, charset: model.looks.charset, whole_lists: false };
        let covered = model.view.is_some();
        let tallies = model.scene.as_ref().filter(|_| !covered);
        let mut tallies = tallies.map_or_else(Vec::new, |scene| page.tallies(&scene.tallies));
        tallies.truncate(4);
        let form = if covered { form::Drawn::default() } else { form::draw(model, &page) };
        let notice = model.notice.as_deref().map_or_else(Vec::new, |text| page.notice(text));
        let has_form = !form.lines.is_empty() || !notice.is_empty();
        let taken = FRAME_ROWS + tallies.len() + notice.len() + usize::from(has_form);
        let rows = usize::from(size.1).saturating_sub(taken);
        // Items share the room with the body; the other forms are short and stand whole as long as they can.
        let most = match &model.turn {
            Turn::People(sheet) if !sheet.items().is_empty() => (rows / 2).max(3),
            Turn::People(_) | Turn::Machine(_) | Turn::Secret(_) => rows.saturating_sub(BODY_ROWS),
        };
        let form_rows = form.lines.len().min(most);
        let form_top = form.focus.saturating_sub(form_rows.saturating_sub(1));
        Self {
            columns,
            body: body::lines(model, &page),
            body_rows: rows.saturating_sub(form_rows),
            tallies,
            form,
            form_rows,
            form_top,
            notice,
            has_form,
        }
    }

    /// The last first line that still fills the body.
    pub fn last_top(&self) -> usize {
        self.body.len().saturating_sub(self.body_rows)
    }
}

/// Whether a screen of this size is too small to ask anything on it.
pub const fn is_too_small(size: (u16, u16)) -> bool {
    size.0 < SMALLEST.0 || size.1 < SMALLEST.1
}
