//! Tells a ceremony as text that is only ever added to, for people who listen and for records of a script's run.

use std::io::{self, Write};

use crate::ceremony::scene::{Block, Scene, TallyLine};
use crate::driver::ports::Progress;
use crate::front::Clock;
use crate::front::page::Page;
use crate::front::words::{Charset, escape_for, mode_word};

/// How wide the text is set.
const COLUMNS: usize = 79;

/// Writes scenes as text. What has not changed since the last scene is not said again.
pub struct Teller<W> {
    out: W,
    clock: Clock,
    page: Page,
    told: Option<Told>,
    doing: String,
    failed: Option<io::Error>,
    rings: bool,
}

/// What was told last.
struct Told {
    step: (usize, usize),
    title: String,
    tallies: Vec<TallyLine>,
    blocks: Vec<Block>,
}

impl<W: Write> Teller<W> {
    /// Tells to `out`.
    pub const fn new(out: W, clock: Clock, charset: Charset) -> Self {
        let page = Page { width: COLUMNS, charset, whole_lists: false };
        Self { out, clock, page, told: None, doing: String::new(), failed: None, rings: true }
    }

    /// Never rings the bell: for a record that is read later.
    #[must_use]
    pub fn silent(self) -> Self {
        Self { rings: false, ..self }
    }

    /// Which characters can be drawn.
    pub const fn charset(&self) -> Charset {
        self.page.charset
    }

    /// Tells a scene: its header where the step is new, its body where the body is new.
    pub fn scene(&mut self, scene: &Scene) {
        let step_is_new = self
            .told
            .as_ref()
            .is_none_or(|told| told.step != scene.step || told.title != scene.title);
        if step_is_new {
            let minute = (self.clock)().to_minute();
            let (nth, of) = scene.step;
            let codename = escape_for(&scene.codename, self.page.charset);
            let title = escape_for(&scene.title, self.page.charset);
            let mode = mode_word(scene.mode);
            self.line("");
            self.line(&format!("== {mode}  {codename}  step {nth}/{of}  {title}  {minute}"));
        }
        if self.told.as_ref().is_none_or(|told| told.tallies != scene.tallies) {
            for line in self.page.tallies(&scene.tallies) {
                self.line(&line.text());
            }
        }
        if step_is_new || self.told.as_ref().is_none_or(|told| told.blocks != scene.blocks) {
            self.blocks(&scene.blocks);
        }
        self.doing.clear();
        self.told = Some(Told {
            step: scene.step,
            title: scene.title.clone(),
            tallies: scene.tallies.clone(),
            blocks: scene.blocks.clone(),
        });
    }

    /// Tells blocks outside a scene's body.
    pub fn blocks(&mut self, blocks: &[Block]) {
        if blocks.iter().any(|block| matches!(block, Block::Banner(_))) {
            self.bell();
        }
        for line in self.page.set(blocks) {
            self.line(&line.text());
        }
    }

    /// Tells the details whole, with the lists that the body shortens.
    pub fn details(&mut self, scene: &Scene) {
        self.line("-- details");
        let whole = Page { whole_lists: true, ..self.page };
        let mut lines = whole.set(&scene.details);
        lines.extend(whole.set(&Page::shortened(&scene.blocks)));
        if lines.is_empty() {
            self.line("There are no details here.");
        }
        for line in lines {
            self.line(&line.text());
        }
        self.line("-- end of details");
    }

    /// Tells what has happened so far.
    pub fn log(&mut self, scene: &Scene) {
        self.line("-- log");
        for entry in &scene.log {
            self.sentence(entry);
        }
        self.line("-- end of log");
    }

    /// Tells what the screen is for.
    pub fn help(&mut self, scene: &Scene) {
        self.line("-- help");
        for entry in &scene.help {
            self.sentence(entry);
        }
        self.line("-- end of help");
    }

    /// Tells what a machine does, once for each thing that it does.
    pub fn progress(&mut self, progress: &Progress) {
        if self.doing != progress.doing {
            self.doing.clone_from(&progress.doing);
            let doing = escape_for(&progress.doing, self.page.charset);
            match progress.done {
                Some((_, of)) => self.line(&format!("... {doing} ({of} in all)")),
                None => self.line(&format!("... {doing}")),
            }
        }
    }

    /// Tells a sentence that may hold foreign text.
    pub fn sentence(&mut self, text: &str) {
        self.blocks(&[Block::Text(text.to_owned())]);
    }

    /// Tells a line of our own as it is.
    pub fn line(&mut self, text: &str) {
        self.write(text.trim_end());
        self.write("\n");
    }

    /// Writes a prompt and leaves the cursor behind it.
    pub fn prompt(&mut self, text: &str) {
        self.write(&format!("{text}> "));
    }

    /// Rings the bell.
    pub fn bell(&mut self) {
        if self.rings {
            self.write("\u{7}");
        }
    }

    /// Brings everything out; a failure is kept for [`Teller::flush`].
    pub fn bring_out(&mut self) {
        if self.failed.is_none() {
            self.failed = self.out.flush().err();
        }
    }

    /// Brings everything out; the first failure of writing comes back, once.
    pub fn flush(&mut self) -> io::Result<()> {
        self.bring_out();
        self.failed.take().map_or(Ok(()), Err)
    }

    fn write(&mut self, text: &str) {
        if self.failed.is_none() {
            self.failed = self.out.write_all(text.as_bytes()).err();
        }
    }
}
