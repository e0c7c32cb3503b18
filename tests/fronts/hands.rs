//! Hands: what somebody presses on the screen, or types in plain text, to give an answer.

use anchorite::ceremony::ask::{Answer, Ask, Form};
use anchorite::front::tui::keymap::Key;

/// The keys that give this answer.
pub(crate) fn keys(ask: &Ask, answer: &Answer) -> Vec<Key> {
    let mut keys = vec![Key::PageDown; 60];
    match (&ask.form, answer) {
        (Form::Press { key, .. }, Answer::Pressed) => keys.push(Key::Char(*key)),
        (Form::Choose(choices), Answer::Chose(word)) => {
            keys.push(Key::Char(choices.iter().find(|choice| choice.word == *word).unwrap().key));
        }
        (Form::Tick { items, key, .. }, Answer::Ticked(words)) => {
            let ticked = items.iter().filter(|item| words.contains(&item.word));
            keys.extend(ticked.map(|item| Key::Char(item.key)));
            keys.extend(items.iter().map(|_| Key::Down));
            keys.push(Key::Char(*key));
        }
        (Form::Fill(_) | Form::Words(_), Answer::Typed(texts)) => {
            for text in texts {
                keys.extend(text.chars().map(Key::Char));
                keys.push(Key::Enter);
            }
            keys.push(Key::Enter);
        }
        (form, answer) => panic!("{form:?} {answer:?}"),
    }
    keys
}

/// The lines that give this answer.
pub(crate) fn lines(ask: &Ask, answer: &Answer) -> String {
    let key = match &ask.form {
        Form::Press { key, .. } | Form::Tick { key, .. } => key.to_string(),
        Form::Choose(_) | Form::Fill(_) | Form::Words(_) => String::new(),
    };
    match answer {
        Answer::Pressed => format!("{key}\n"),
        Answer::Chose(word) => format!("{word}\n"),
        Answer::Ticked(words) => {
            let Form::Tick { items, .. } = &ask.form else { panic!("{:?}", ask.form) };
            let items = items.iter().filter(|item| words.contains(&item.word));
            let letters: Vec<String> = items.map(|item| item.key.to_string()).collect();
            format!("{}\n{key}\n", letters.join(" "))
        }
        Answer::Typed(texts) => format!("{}\n", texts.join("\n")),
        Answer::Differ => "n\n".to_owned(),
    }
}
