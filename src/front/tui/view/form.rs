//! What stands below the body: the keys that answer, the fields, or what the machine does.

use crate::ceremony::ask::{Choice, Form};
use crate::front::page::{Line, Page, Piece, Tone};
use crate::front::tui::model::{Model, SecretSheet, Sheet, Turn, Work};
use crate::front::words::{escape_for, width, wish_noted};

use super::fields;

/// A form as lines, with its cursor.
#[derive(Debug, Default)]
pub struct Drawn {
    /// All lines.
    pub lines: Vec<Line>,
    /// Column and line of the cursor.
    pub cursor: Option<(usize, usize)>,
    /// The line that must be in sight.
    pub focus: usize,
}

/// Draws the form of whoever has the turn.
pub fn draw(model: &Model, page: &Page) -> Drawn {
    match &model.turn {
        Turn::Machine(work) => machine(work, page),
        Turn::Secret(sheet) => secret(sheet, page),
        Turn::People(sheet) => match &sheet.ask.form {
            Form::Press { key, label } => keys([(*key, label.as_str())].into_iter(), page),
            Form::Choose(choices) => {
                keys(choices.iter().map(|choice| (choice.key, choice.label.as_str())), page)
            }
            Form::Tick { items, .. } => tick(sheet, items, page),
            Form::Fill(fields) => fields::draw(sheet, fields, "these lines are right", page),
            Form::Words(fields) => fields::draw(sheet, fields, "these words were read out", page),
        },
    }
}

/// The keys that answer, one or more lines each.
fn keys<'a>(keys: impl Iterator<Item = (char, &'a str)>, page: &Page) -> Drawn {
    let lines = keys.flat_map(|(key, label)| {
        let label = escape_for(label, page.charset);
        page.labelled(&format!("{key}   "), Tone::Strong, &label, Tone::Plain)
    });
    Drawn { lines: lines.collect(), cursor: Some((0, 0)), focus: 0 }
}

/// Items with their ticks; the focused one in reverse.
fn tick(sheet: &Sheet, items: &[Choice], page: &Page) -> Drawn {
    let mut drawn = Drawn::default();
    for (nth, item) in items.iter().enumerate() {
        let ticked = if sheet.ticked.contains(&nth) { "[x]" } else { "[ ]" };
        let lead = format!("{ticked} {}   ", item.key);
        let focused = sheet.focus == nth;
        let tone = if focused { Tone::Banner } else { Tone::Strong };
        let label = escape_for(&item.label, page.charset);
        if focused {
            drawn.cursor = Some((1, drawn.lines.len()));
            drawn.focus = drawn.lines.len();
        }
        drawn.lines.extend(page.labelled(&lead, tone, &label, Tone::Plain));
    }
    drawn
}

/// How many of the items are in sight from the first on, when the form shows lines up to `bottom`.
pub fn items_above(sheet: &Sheet, page: &Page, bottom: usize) -> usize {
    let mut lines = 0;
    let whole = sheet.items().iter().take_while(|item| {
        let label = escape_for(&item.label, page.charset);
        lines += page.labelled("[x] k   ", Tone::Plain, &label, Tone::Plain).len();
        lines <= bottom
    });
    whole.count()
}

/// What a machine does.
fn machine(work: &Work, page: &Page) -> Drawn {
    let doing = work.progress.as_ref().map_or_else(
        || "The machine works.".to_owned(),
        |progress| {
            let doing = escape_for(&progress.doing, page.charset);
            match progress.done {
                Some((done, of)) => format!("The machine works: {doing} ({done} of {of})"),
                None => format!("The machine works: {doing}"),
            }
        },
    );
    let mut lines = page.labelled("", Tone::Plain, &doing, Tone::Strong);
    if let Some(wish) = work.noted {
        lines.extend(page.labelled("", Tone::Plain, &wish_noted(wish), Tone::Plain));
    }
    Drawn { lines, cursor: Some((0, 0)), focus: 0 }
}

/// The prompt for a secret: neither its characters nor their number are shown.
fn secret(sheet: &SecretSheet, page: &Page) -> Drawn {
    let (prompt, shown) = match &sheet.dialog {
        None => (format!("{} of {}", sheet.label.kind, sheet.label.key), false),
        Some(dialog) => (dialog.prompt(), dialog.is_shown()),
    };
    let prompt = format!("{prompt} > ");
    let text = if shown { escape_for(sheet.typed.expose(), page.charset) } else { String::new() };
    let text = crate::front::words::clip(&text, page.width.saturating_sub(width(&prompt) + 1));
    let column = width(&prompt) + width(&text);
    let line =
        Line(vec![Piece { tone: Tone::Strong, text: prompt }, Piece { tone: Tone::Plain, text }]);
    Drawn { lines: vec![line], cursor: Some((column, 0)), focus: 0 }
}
