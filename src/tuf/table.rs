//! What a targets document signs, as a table: a document may have a million targets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::document::Dialect;
use super::targets::TargetFile;
use super::wire::WireError;
use super::wire::canonical::{Out, Style};
use super::wire::reader::{Reader, Strays};
use super::wire::target;

/// Targets by path, sorted by the bytes of the paths; in Notary a path is an image tag.
///
/// A table that was read shares the bytes of its document and holds eight bytes for an entry; each entry was checked when
/// the document was read, and is put together when somebody asks for it. A table for a draft is made from entries.
#[derive(Clone)]
pub struct TargetTable(Rows);

#[derive(Clone)]
enum Rows {
    Held(BTreeMap<String, TargetFile>),
    Read(Arc<Stretch>),
}

/// The object of targets inside the text of a document.
struct Stretch {
    dialect: Dialect,
    document: Arc<String>,
    object: Range<usize>,
    entries: Vec<usize>,
    strays: Strays,
}

impl TargetTable {
    /// Reads the object that begins here, strictly, every entry of it.
    pub(super) fn read(
        dialect: Dialect,
        path: &str,
        document: &Arc<String>,
        reader: &mut Reader<'_>,
    ) -> Result<Self, WireError> {
        let before = reader.mark();
        let begin = reader.at();
        let entries = target::entries(dialect, path, reader);
        let strays = reader.strays();
        reader.recall(before);
        let (object, document) = (begin..reader.at(), Arc::clone(document));
        let stretch = Stretch { dialect, document, object, entries: entries?, strays };
        Ok(Self(Rows::Read(Arc::new(stretch))))
    }

    /// How many targets there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Rows::Held(files) => files.len(),
            Rows::Read(stretch) => stretch.entries.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The target at a path.
    pub fn get(&self, path: &str) -> Option<TargetFile> {
        match &self.0 {
            Rows::Held(files) => files.get(path).cloned(),
            Rows::Read(stretch) => {
                let at = stretch.find(path)?;
                Some(target::entry(stretch.dialect, &stretch.document, at).1)
            }
        }
    }

    /// Whether there is a target at a path.
    pub fn contains_key(&self, path: &str) -> bool {
        match &self.0 {
            Rows::Held(files) => files.contains_key(path),
            Rows::Read(stretch) => stretch.find(path).is_some(),
        }
    }

    /// The paths, in the order of their bytes.
    pub fn keys(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let (held, read) = self.rows();
        let held = held.map(|(path, _)| Cow::Borrowed(path.as_str()));
        held.chain(read.map(|(stretch, at)| target::name(&stretch.document, at)))
    }

    /// The targets, in the order of the bytes of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, TargetFile)> {
        let (held, read) = self.rows();
        let held = held.map(|(path, file)| (Cow::Borrowed(path.as_str()), file.clone()));
        held.chain(read.map(|(stretch, at)| target::entry(stretch.dialect, &stretch.document, at)))
    }

    /// All of it in memory, to be edited.
    pub fn to_map(&self) -> BTreeMap<String, TargetFile> {
        self.iter().map(|(path, file)| (path.into_owned(), file)).collect()
    }

    /// Both kinds of rows, one of which is empty.
    fn rows(
        &self,
    ) -> (impl Iterator<Item = (&String, &TargetFile)>, impl Iterator<Item = (&Stretch, usize)>)
    {
        let (held, read) = match &self.0 {
            Rows::Held(files) => (Some(files), None),
            Rows::Read(stretch) => (None, Some(&**stretch)),
        };
        let read = read.into_iter().flat_map(|s| s.entries.iter().map(move |at| (s, *at)));
        (held.into_iter().flatten(), read)
    }

    /// Writes the object. Entries that were read in the same dialect are written as they were read.
    pub(super) fn write(&self, dialect: Dialect, style: Style, out: &mut impl Out) {
        match &self.0 {
            Rows::Read(stretch) if stretch.dialect == dialect => stretch.write(style, out),
            Rows::Read(_) | Rows::Held(_) => {
                out.put(b"{");
                for (nth, (path, file)) in self.iter().enumerate() {
                    if nth > 0 {
                        out.put(b",");
                    }
                    style.string(&path, out);
                    out.put(b":");
                    target::write(dialect, &file).write(style, out);
                }
                out.put(b"}");
            }
        }
    }
}

impl Stretch {
    fn find(&self, path: &str) -> Option<usize> {
        let nth =
            self.entries.binary_search_by(|at| (*target::name(&self.document, *at)).cmp(path));
        self.entries.get(nth.ok()?).copied()
    }

    fn write(&self, style: Style, out: &mut impl Out) {
        if self.strays.none(style) {
            return out.put(self.document.as_bytes().get(self.object.clone()).unwrap_or_default());
        }
        let mut written = Vec::new();
        Reader::again(&self.document, self.object.start)
            .transcribe(style, &mut written)
            .expect("the object was read before, when the document was");
        out.put(&written);
    }
}

impl Default for TargetTable {
    fn default() -> Self {
        Self(Rows::Held(BTreeMap::new()))
    }
}

impl From<BTreeMap<String, TargetFile>> for TargetTable {
    fn from(files: BTreeMap<String, TargetFile>) -> Self {
        Self(Rows::Held(files))
    }
}

impl FromIterator<(String, TargetFile)> for TargetTable {
    fn from_iter<I: IntoIterator<Item = (String, TargetFile)>>(files: I) -> Self {
        Self(Rows::Held(files.into_iter().collect()))
    }
}

impl PartialEq for TargetTable {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for TargetTable {}

impl std::fmt::Debug for TargetTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
