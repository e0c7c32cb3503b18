//! One question as a sequence of typed lines: what is printed, and what each line means.

use std::collections::BTreeSet;

use crate::ceremony::ask::{Answer, Choice, Field, Form, Wish};
use crate::front::words::{Charset, escape_for, field_trouble};

/// One open question.
pub(super) struct Sheet<'a> {
    form: &'a Form,
    charset: Charset,
    ticked: BTreeSet<usize>,
    lines: Vec<String>,
    fresh: bool,
}

/// What a typed line meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Ask on, after a sentence where one is needed.
    More(Option<String>),
    /// Show help (`?`), log (`l`) or details (`d`).
    View(char),
    /// A wish.
    Wish(Wish),
    /// The answer.
    Said(Answer),
}

/// The wish that a line is, where nothing else was asked.
pub(super) fn wish_of(line: &str) -> Option<Wish> {
    match line.strip_prefix('!').unwrap_or(line) {
        "x" => Some(Wish::Exception),
        "p" => Some(Wish::Pause),
        "q" => Some(Wish::Abort),
        _ => None,
    }
}

impl<'a> Sheet<'a> {
    pub(super) const fn new(form: &'a Form, charset: Charset) -> Self {
        Self { form, charset, ticked: BTreeSet::new(), lines: Vec::new(), fresh: true }
    }

    /// What is printed above the prompt: the choices, once, and what else can be typed.
    pub(super) fn says(&mut self) -> Vec<String> {
        let mut says = Vec::new();
        if std::mem::take(&mut self.fresh) {
            says.push(String::new());
            match self.form {
                Form::Press { key, label } => says.push(format!("  {key}  {}", self.safe(label))),
                Form::Choose(choices) => {
                    says.extend(choices.iter().map(|choice| self.choice(choice)));
                }
                Form::Tick { items, key, label } => {
                    says.extend(items.iter().map(|choice| self.choice(choice)));
                    says.push("Type the letters of what applies, with spaces between; again takes one back.".into());
                    says.push(format!("  {key}  {}", self.safe(label)));
                }
                Form::Fill(fields) if fields.len() > 1 => {
                    says.push(format!("{} answers; < goes back to the one before.", fields.len()));
                }
                Form::Fill(_) => {}
                Form::Words(_) => {
                    says.push(
                        "Type the words as they are read out; n if one differs, < goes back."
                            .into(),
                    );
                }
            }
            says.push(
                "(x exception, p pause, q stop, ? help, l log, d details; !x and so on always)"
                    .into(),
            );
        }
        if let Form::Tick { items, .. } = self.form {
            let ticked = items.iter().enumerate().filter(|(nth, _)| self.ticked.contains(nth));
            let keys: Vec<String> = ticked.map(|(_, item)| item.key.to_string()).collect();
            let keys = if keys.is_empty() { "none".to_owned() } else { keys.join(" ") };
            says.push(format!("Ticked: {keys} ({} of {})", self.ticked.len(), items.len()));
        }
        says
    }

    /// What stands before the cursor.
    pub(super) fn prompt(&self) -> String {
        match self.form {
            Form::Press { key, .. } => format!("{key}"),
            Form::Choose(choices) => {
                choices.iter().map(|choice| choice.key.to_string()).collect::<Vec<_>>().join("/")
            }
            Form::Tick { key, .. } => format!("letters, or {key}"),
            Form::Fill(fields) | Form::Words(fields) => {
                fields.get(self.lines.len()).map_or(String::new(), |field| {
                    let label = self.safe(&field.label);
                    if field.optional { format!("{label} (may stay empty)") } else { label }
                })
            }
        }
    }

    /// Takes a line.
    pub(super) fn hear(&mut self, line: &str) -> Reply {
        if let Some(forced) = line.strip_prefix('!') {
            if let Some(other) = outside(forced) {
                return other;
            }
        } else if let Some(other) = outside(line).filter(|other| !self.takes(line, other)) {
            return other;
        }
        match self.form {
            Form::Press { key, .. } if is_key(line, *key) => Reply::Said(Answer::Pressed),
            Form::Press { key, .. } => again(&format!("Only {key} goes on.")),
            Form::Choose(choices) => {
                let chosen = choices.iter().find(|choice| is_choice(line, choice));
                chosen.map_or_else(
                    || again("Type one of the letters above."),
                    |choice| Reply::Said(Answer::Chose(choice.word.clone())),
                )
            }
            Form::Tick { items, key, .. } => self.tick(line, items, *key),
            Form::Fill(fields) => self.fill(line, fields, false),
            Form::Words(fields) => self.fill(line, fields, true),
        }
    }

    /// Whether the open form itself takes this line, so that it is neither a wish nor a view.
    fn takes(&self, line: &str, other: &Reply) -> bool {
        match self.form {
            Form::Press { key, .. } => is_key(line, *key),
            Form::Choose(choices) => choices.iter().any(|choice| is_key(line, choice.key)),
            Form::Tick { items, key, .. } => {
                is_key(line, *key) || items.iter().any(|item| is_key(line, item.key))
            }
            // Where letters are text, the views need their exclamation mark, but for help.
            Form::Fill(_) | Form::Words(_) => matches!(other, Reply::View('l' | 'd')),
        }
    }

    fn tick(&mut self, line: &str, items: &[Choice], key: char) -> Reply {
        if is_key(line, key) {
            let words = items.iter().enumerate().filter(|(nth, _)| self.ticked.contains(nth));
            return Reply::Said(Answer::Ticked(words.map(|(_, item)| item.word.clone()).collect()));
        }
        let mut chosen = Vec::new();
        for token in line.split_whitespace() {
            match items.iter().position(|item| is_choice(token, item)) {
                Some(nth) => chosen.push(nth),
                None => return again(&format!("{} is none of the items.", self.safe(token))),
            }
        }
        for nth in chosen {
            if !self.ticked.remove(&nth) {
                self.ticked.insert(nth);
            }
        }
        Reply::More(None)
    }

    fn fill(&mut self, line: &str, fields: &[Field], words: bool) -> Reply {
        let text = line.trim();
        if text == "<" {
            self.lines.pop();
            return Reply::More(None);
        }
        if words && text == "n" {
            return Reply::Said(Answer::Differ);
        }
        let Some(field) = fields.get(self.lines.len()) else {
            return Reply::Said(Answer::Typed(self.lines.clone()));
        };
        if let Some(why) = field_trouble(field, text, words) {
            return again(&why);
        }
        self.lines.push(text.to_owned());
        if self.lines.len() < fields.len() {
            return Reply::More(None);
        }
        Reply::Said(Answer::Typed(self.lines.clone()))
    }

    fn choice(&self, choice: &Choice) -> String {
        format!("  {}  {}", choice.key, self.safe(&choice.label))
    }

    fn safe(&self, text: &str) -> String {
        escape_for(text, self.charset)
    }
}

/// What a line means outside the form.
fn outside(line: &str) -> Option<Reply> {
    match line {
        "?" => Some(Reply::View('?')),
        "l" => Some(Reply::View('l')),
        "d" => Some(Reply::View('d')),
        _ => wish_of(line).map(Reply::Wish),
    }
}

fn is_key(line: &str, key: char) -> bool {
    let mut chars = line.trim().chars();
    chars.next() == Some(key) && chars.next().is_none()
}

fn is_choice(line: &str, choice: &Choice) -> bool {
    is_key(line, choice.key) || line.trim() == choice.word
}

fn again(why: &str) -> Reply {
    Reply::More(Some(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(key: char, word: &str) -> Choice {
        Choice { key, word: word.to_owned(), label: word.to_owned() }
    }

    fn field(label: &str, optional: bool) -> Field {
        Field { label: label.to_owned(), max: 20, optional }
    }

    fn heard(form: &Form, lines: &[&str]) -> Reply {
        let mut sheet = Sheet::new(form, Charset::Unicode);
        lines.iter().map(|line| sheet.hear(line)).last().unwrap_or(Reply::More(None))
    }

    #[test]
    fn only_the_named_key_goes_on() {
        let form = Form::Press { key: 'g', label: "go on".to_owned() };
        for line in ["", "G", "gg", "y", "yes"] {
            assert!(matches!(heard(&form, &[line]), Reply::More(Some(_))), "{line}");
        }
        assert_eq!(heard(&form, &["g"]), Reply::Said(Answer::Pressed));
    }

    #[test]
    fn a_wish_is_heard_at_every_form() {
        let forms = [
            Form::Press { key: 'g', label: String::new() },
            Form::Choose(vec![choice('a', "agree")]),
            Form::Tick { items: vec![choice('1', "one")], key: 'g', label: String::new() },
            Form::Fill(vec![field("what", false)]),
            Form::Words(vec![field("word 7", false)]),
        ];
        for form in &forms {
            assert_eq!(heard(form, &["x"]), Reply::Wish(Wish::Exception));
            assert_eq!(heard(form, &["p"]), Reply::Wish(Wish::Pause));
            assert_eq!(heard(form, &["!q"]), Reply::Wish(Wish::Abort));
            assert_eq!(heard(form, &["?"]), Reply::View('?'));
            assert_eq!(heard(form, &["!d"]), Reply::View('d'));
        }
    }

    #[test]
    fn a_named_key_goes_before_a_wish_that_has_the_same_letter() {
        let form = Form::Choose(vec![choice('p', "proceed")]);
        assert_eq!(heard(&form, &["p"]), Reply::Said(Answer::Chose("proceed".to_owned())));
        assert_eq!(heard(&form, &["!p"]), Reply::Wish(Wish::Pause));
    }

    #[test]
    fn ticks_come_in_the_order_of_the_items() {
        let items = vec![choice('a', "one"), choice('b', "two"), choice('c', "three")];
        let form = Form::Tick { items, key: 'g', label: String::new() };
        let words = vec!["one".to_owned(), "three".to_owned()];
        assert_eq!(heard(&form, &["c b a", "b", "g"]), Reply::Said(Answer::Ticked(words)));
        assert!(matches!(heard(&form, &["a z"]), Reply::More(Some(_))));
    }

    #[test]
    fn fields_are_filled_in_order_and_back() {
        let form = Form::Fill(vec![field("what", false), field("more", true)]);
        let lines = vec!["second".to_owned(), String::new()];
        assert_eq!(heard(&form, &["first", "<", "second", ""]), Reply::Said(Answer::Typed(lines)));
        assert!(matches!(heard(&form, &[""]), Reply::More(Some(_))));
        assert!(matches!(
            heard(&form, &["a line that is longer than twenty"]),
            Reply::More(Some(_))
        ));
    }

    #[test]
    fn a_typing_mistake_is_no_comparison_and_n_says_that_they_differ() {
        let form = Form::Words(vec![field("word 7", false)]);
        assert!(matches!(heard(&form, &["st4gehand"]), Reply::More(Some(_))));
        assert_eq!(heard(&form, &["n"]), Reply::Said(Answer::Differ));
        assert_eq!(
            heard(&form, &["stagehand"]),
            Reply::Said(Answer::Typed(vec!["stagehand".to_owned()]))
        );
    }
}
