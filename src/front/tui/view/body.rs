//! What stands in the scrolling middle: the scene's body, a secret's dialog, or a view.

use crate::ceremony::scene::{Block, Scene};
use crate::front::page::{Line, Page};
use crate::front::secrets::{NewSecret, asked, mode_caution};
use crate::front::tui::model::{Model, SecretSheet, Turn, View, Work};
use crate::front::words::touch_now;

/// The keys that mean the same everywhere, for the help view.
const KEYS: [(&str, &str); 9] = [
    ("x, F5, Ctrl-X", "file an exception"),
    ("p, F6, Ctrl-P, Ctrl-C", "pause the ceremony"),
    ("q, F10, Ctrl-Q", "stop for good; asks first"),
    ("d, F2", "details: exact bytes, whole lists"),
    ("l, F3", "log: what has happened so far"),
    ("?, F1", "this help"),
    ("PgUp, PgDn", "scroll"),
    ("Esc", "back to the field before, or out of a view"),
    ("Ctrl-L", "draw the screen anew"),
];

/// The lines of the middle, all of them.
pub fn lines(model: &Model, page: &Page) -> Vec<Line> {
    let Some(scene) = &model.scene else {
        return page.set(&[Block::Text("The ceremony begins.".to_owned())]);
    };
    match model.view {
        Some(view) => covered(view, scene, page),
        None => match &model.turn {
            Turn::Secret(sheet) => page.set(&secret(sheet, scene)),
            Turn::Machine(Work { touch: Some(label), .. }) => {
                let mut lines = page.banner(&touch_now(label));
                lines.push(Line::default());
                lines.extend(page.set(&scene.blocks));
                lines
            }
            Turn::Machine(_) | Turn::People(_) => page.set(&scene.blocks),
        },
    }
}

/// The lines of a view that covers the scene.
fn covered(view: View, scene: &Scene, page: &Page) -> Vec<Line> {
    let texts =
        |texts: &[String]| -> Vec<Block> { texts.iter().cloned().map(Block::Text).collect() };
    match view {
        View::Help => {
            let mut blocks = texts(&scene.help);
            blocks.extend([Block::Gap, Block::Heading("Keys".to_owned())]);
            let keys = KEYS.map(|(key, what)| (key.to_owned(), what.to_owned()));
            blocks.push(Block::Rows(keys.to_vec()));
            blocks.push(Block::Text(
                "Where letters are text, only the F and Ctrl keys; Ctrl-U empties a line."
                    .to_owned(),
            ));
            page.set(&blocks)
        }
        View::Log => page.set(&texts(&scene.log)),
        View::Details => {
            let mut blocks = scene.details.clone();
            blocks.extend(Page::shortened(&scene.blocks));
            if blocks.is_empty() {
                blocks.push(Block::Text("There are no details here.".to_owned()));
            }
            Page { whole_lists: true, ..*page }.set(&blocks)
        }
    }
}

/// The dialog in which a secret is typed.
fn secret(sheet: &SecretSheet, scene: &Scene) -> Vec<Block> {
    let kind = sheet.label.kind;
    let heading = if sheet.dialog.is_some() {
        format!("A new {kind} is chosen")
    } else {
        format!("The {kind} is needed")
    };
    let mut rows = asked(&sheet.label, sheet.tries_left);
    // A holder who is asked twice in a row must see that it is for another document.
    let act =
        scene.blocks.iter().filter(|_| scene.ask.is_none()).find_map(|block| {
            if let Block::Text(text) = block { Some(text.clone()) } else { None }
        });
    rows.extend(act.map(|act| ("For".to_owned(), act)));
    let mut blocks = vec![Block::Heading(heading), Block::Gap, Block::Rows(rows), Block::Gap];
    match &sheet.dialog {
        Some(dialog) => {
            if let Some(caution) = mode_caution(scene.mode) {
                blocks.extend([Block::Text(caution.to_owned()), Block::Gap]);
            }
            blocks.extend(dialog.says().into_iter().map(Block::Text));
        }
        None if sheet.tries_left.is_some() => {
            blocks.push(Block::Text("Each Enter uses one try.".to_owned()));
        }
        None => {}
    }
    if !sheet.dialog.as_ref().is_some_and(NewSecret::is_shown) {
        let covered = "Cover the keyboard. What is typed is not shown, nor how much of it.";
        blocks.push(Block::Text(covered.to_owned()));
    }
    blocks
}
