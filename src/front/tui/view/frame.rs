//! What stays where it is: header, tallies, rules, notice, footer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use crate::ceremony::ask::Form;
use crate::ceremony::event::Mode;
use crate::front::page::{Line, Tone};
use crate::front::tui::keymap::HINTS;
use crate::front::tui::layout::Layout;
use crate::front::tui::model::{Model, Turn, View};
use crate::front::words::{Charset, clip, counted, escape_for, mode_word, width};

/// Draws everything from the header to the footer.
pub(super) fn draw(model: &Model, layout: &Layout, area: Rect, buffer: &mut Buffer) {
    header(model, area, buffer);
    let mut rows = area.y + 1..area.bottom();
    let mut put = |lines: &mut dyn Iterator<Item = &Line>, buffer: &mut Buffer| {
        for line in lines {
            if let Some(row) = rows.next() {
                super::line(line, model.looks, area, row, buffer);
            }
        }
    };
    let view_title = model.view.map(|view| format!(" {} ", view_word(view)));
    let rule = |text: &str| Line::of(Tone::Plain, ruled(text, area.width, model.looks.charset));
    let top = if model.view.is_some() { model.view_top } else { model.top };
    let empty = Line::default();
    let body = layout.body.iter().skip(top).chain(std::iter::repeat(&empty));
    let form = layout.form.lines.iter().skip(layout.form_top);
    put(&mut layout.tallies.iter(), buffer);
    put(&mut std::iter::once(&rule(view_title.as_deref().unwrap_or(""))), buffer);
    put(&mut body.take(layout.body_rows), buffer);
    put(&mut std::iter::once(&rule(&more(layout, top))), buffer);
    put(&mut form.take(layout.form_rows), buffer);
    put(&mut layout.notice.iter(), buffer);
    put(&mut std::iter::repeat_n(&rule(""), usize::from(layout.has_form)), buffer);
    for text in footer(model) {
        put(&mut std::iter::once(&Line::of(Tone::Plain, clip(&text, layout.columns))), buffer);
    }
}

/// Mode, codename, step, title and the minute.
fn header(model: &Model, area: Rect, buffer: &mut Buffer) {
    let Some(scene) = &model.scene else { return };
    let safe = |text: &str| escape_for(text, model.looks.charset);
    let right = area.right().saturating_sub(1);
    let minute = right.saturating_sub(u16::try_from(width(&model.minute)).unwrap_or(0));
    buffer.set_string(minute, area.y, &model.minute, Style::new());
    let mode = format!(" {} ", mode_word(scene.mode));
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let colour = match scene.mode {
        Mode::Real => Color::Red,
        Mode::Rehearsal => Color::Green,
        Mode::Check => Color::Blue,
    };
    let badge = bold.add_modifier(Modifier::REVERSED);
    let badge = if model.looks.colour { badge.fg(colour) } else { badge };
    let (next, _) = buffer.set_stringn(area.x, area.y, mode, usize::from(area.width), badge);
    let (step, steps) = scene.step;
    let rest =
        format!("  {}   step {step}/{steps}   {}", safe(&scene.codename), safe(&scene.title));
    let room = usize::from(minute.saturating_sub(next + 2));
    buffer.set_stringn(next, area.y, clip(&rest, room), room, bold);
}

/// A rule with a text near its left end.
fn ruled(text: &str, columns: u16, charset: Charset) -> String {
    let dash = match charset {
        Charset::Unicode => "─",
        Charset::Ascii => "-",
    };
    let rest = usize::from(columns).saturating_sub(4 + width(text));
    format!("{}{text}{}", dash.repeat(2), dash.repeat(rest))
}

/// How many lines of the body are out of sight.
fn more(layout: &Layout, top: usize) -> String {
    let below = layout.body.len().saturating_sub(top + layout.body_rows);
    match (top, below) {
        (0, 0) => String::new(),
        (0, below) => format!(" {} below: PgDn ", counted(below, "more line")),
        (above, 0) => format!(" end; {} above: PgUp ", counted(above, "line")),
        (above, below) => {
            format!(" {} below: PgDn; {above} above: PgUp ", counted(below, "more line"))
        }
    }
}

/// The two lines of key hints.
fn footer(model: &Model) -> [String; 2] {
    if model.view.is_some() {
        return ["Esc back to the ceremony   PgUp PgDn scroll".to_owned(), hints(|_| true)];
    }
    match &model.turn {
        Turn::Machine(_) => {
            ["Nothing to answer now.   PgUp PgDn scroll".to_owned(), hints(|_| true)]
        }
        Turn::Secret(_) => ["Enter takes it   Ctrl-U starts it again".to_owned(), hints(|_| false)],
        Turn::People(sheet) => {
            let charset = model.looks.charset;
            let keys = match &sheet.ask.form {
                Form::Press { key, .. } => format!("Only {key} goes on."),
                Form::Choose(choices) => {
                    let keys: Vec<String> =
                        choices.iter().map(|choice| choice.key.to_string()).collect();
                    format!("Press one of: {}   Nothing else answers.", keys.join(" "))
                }
                Form::Tick { key, label, .. } => format!(
                    "Up Down move   Space ticks   {key} {}   ({} of {})",
                    escape_for(label, charset),
                    sheet.ticked.len(),
                    sheet.items().len()
                ),
                Form::Fill(fields) if sheet.focus >= fields.len() => {
                    "Enter says this   Esc back".to_owned()
                }
                Form::Fill(_) => "Enter next field   Esc back".to_owned(),
                Form::Words(fields) if sheet.focus >= fields.len() => {
                    "Enter says this   Ctrl-N they differ   Esc back".to_owned()
                }
                Form::Words(_) => {
                    "Enter next word   Ctrl-N, or n and Enter: they differ   Esc back".to_owned()
                }
            };
            [keys, hints(|letter| !sheet.is_text() && !sheet.names(letter))]
        }
    }
}

/// Wishes and views with their letters, or with their function keys where `free` says that the letter is taken.
fn hints(free: impl Fn(char) -> bool) -> String {
    HINTS
        .iter()
        .map(
            |(letter, function, what)| {
                if free(*letter) {
                    format!("{letter} {what}")
                } else {
                    format!("{function} {what}")
                }
            },
        )
        .collect::<Vec<_>>()
        .join("   ")
}

const fn view_word(view: View) -> &'static str {
    match view {
        View::Help => "HELP",
        View::Log => "LOG",
        View::Details => "DETAILS",
    }
}
