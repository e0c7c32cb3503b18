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

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests {
    use proptest::prelude::*;

    use super::super::signed::Signed;
    use super::super::targets::Targets;
    use super::super::wire::json::{Json, Limits, parse};
    use super::*;

    /// What one document says, by way of the tree: its canonical bytes, and its targets.
    fn by_tree(
        dialect: Dialect,
        bytes: &[u8],
    ) -> Result<(Vec<u8>, BTreeMap<String, TargetFile>), WireError> {
        let value = parse(bytes, Limits::default())?;
        let signed = value.member("signed").unwrap();
        let Some(Json::Object(stated)) = signed.member("targets") else { unreachable!() };
        let mut files = BTreeMap::new();
        for (name, file) in stated {
            let path = format!("signed.targets.{name}");
            files.insert(name.clone(), target::read(dialect, &path, file.clone())?);
        }
        Ok((signed.canonical(), files))
    }

    fn both_ways_agree(dialect: Dialect, text: &[u8]) -> bool {
        let tree = by_tree(dialect, text);
        let table = Signed::<Targets>::read(dialect, text);
        match (tree, table) {
            (Ok((canonical, files)), Ok(signed)) => {
                assert_eq!(signed.signing_bytes(), canonical);
                let table = &signed.peek().targets;
                assert_eq!(table.to_map(), files);
                assert_eq!(*table, TargetTable::from(files.clone()));
                assert!(table.keys().eq(files.keys().map(|name| Cow::Borrowed(name.as_str()))));
                for (name, file) in &files {
                    assert_eq!(table.get(name).as_ref(), Some(file));
                    assert!(!table.contains_key(&format!("{name}\0")) && table.contains_key(name));
                }
                let mut written = Vec::new();
                signed.peek().targets.write(dialect, Style::Compact, &mut written);
                let again = parse(&written, Limits::default()).unwrap();
                let stated = parse(text, Limits::default()).unwrap();
                assert_eq!(Some(&again), stated.member("signed").unwrap().member("targets"));
                assert_eq!(again.compact(), written);
                true
            }
            (Err(WireError::Json(tree)), Err(found)) => {
                assert_eq!(WireError::Json(tree), found, "{}", String::from_utf8_lossy(text));
                false
            }
            // Of several faulty entries the tree tells the first by name, the table the first in the document.
            (Err(WireError::Member { .. }), Err(WireError::Member { .. })) => false,
            (tree, table) => panic!("{tree:?} {table:?} {}", String::from_utf8_lossy(text)),
        }
    }

    fn document(dialect: Dialect, space: &str, entries: &[String]) -> String {
        let (kind, spec) = match dialect {
            Dialect::Tuf1 => ("targets", "\"spec_version\":\"1.0.0\","),
            Dialect::Notary1 => ("Targets", ""),
        };
        let entries = entries.join(&format!("{space},{space}"));
        format!(
            "{{{space}\"signatures\":[],\"signed\":{space}{{\"_type\":\"{kind}\",\
             \"expires\":\"2030-01-01T00:00:00Z\",{spec}{space}\"targets\":{{{space}{entries}}},\"version\":1}}{space}}}"
        )
    }

    fn entry() -> impl Strategy<Value = String> {
        let name = prop_oneof![
            4 => "[a-d]{1,3}",
            1 => r#"[a-c<>&é\u{2028}\u{7f}]{0,3}(\\u0061|\\n|\\"|\\\\|\\/|\\u003c|\\u003C|\\ud83d\\ude00)?"#,
        ];
        let hash = prop_oneof![
            6 => Just(r#""sha256":"00ff""#.to_owned()),
            1 => Just(r#""sha256":"AAEC","sha512":"00FF""#.to_owned()),
            1 => Just(r#""sha512":"0a","sha256":"0b""#.to_owned()),
            1 => Just(String::new()),
            1 => prop::sample::select(vec![
                r#""sha256":"0""#, r#""sha256":"0g""#, r#""sha256":7"#, r#""a":"00","a":"00""#, r#""a":null"#,
            ]).prop_map(str::to_owned),
        ];
        let length = prop_oneof![
            8 => (0_u32..5000).prop_map(|n| n.to_string()),
            1 => prop::sample::select(vec!["-1", "1.5", "01", "1e400", "9007199254740992", "null", "\"1\"", "-0"])
                .prop_map(str::to_owned),
        ];
        let more = prop_oneof![
            6 => Just(String::new()),
            1 => prop::sample::select(vec![
                r#","length":3"#, r#","custom":{"b":1,"a":[null,true]}"#, r#","custom":{"a":1,"a":2}"#,
                r#","x":1,"x":1"#, r#","hashes":{}"#, r#", "z" : [ ]"#, r#","z":[1.5]"#, r#","z":"\ud800""#,
            ]).prop_map(str::to_owned),
        ];
        (name, hash, length, more, 0..12_u8).prop_map(|(name, hash, length, more, shape)| {
            match shape {
                0 => format!("\"{name}\":null"),
                1 => format!("\"{name}\":{{\"length\":{length},\"hashes\":{{{hash}}}{more}}}"),
                2 => format!(
                    "\"{name}\" : {{\n\"hashes\" : {{ {hash} }} ,\"length\":\t{length}{more} }}"
                ),
                _ => format!("\"{name}\":{{\"hashes\":{{{hash}}},\"length\":{length}{more}}}"),
            }
        })
    }

    fn dialects() -> impl Strategy<Value = Dialect> {
        prop_oneof![Just(Dialect::Tuf1), Just(Dialect::Notary1)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        #[test]
        fn the_table_says_what_the_tree_says(
            dialect in dialects(),
            space in prop_oneof![3 => Just(""), 1 => Just("\n ")],
            entries in prop::collection::vec(entry(), 0..6),
        ) {
            both_ways_agree(dialect, document(dialect, space, &entries).as_bytes());
        }

        #[test]
        fn a_damaged_document_is_refused_at_the_same_place(
            dialect in dialects(),
            entries in prop::collection::vec(entry(), 1..4),
            at in any::<prop::sample::Index>(),
            byte in prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\ 0\x00\xe2".to_vec())],
            cut in any::<bool>(),
        ) {
            let mut text = document(dialect, "", &entries).into_bytes();
            // The members around the targets are for other tests.
            let from = text.windows(11).position(|found| found == b"\"targets\":{").unwrap() + 11;
            let at = from + at.index(text.len() - 14 - from);
            if cut { text.truncate(at) } else { text[at] = byte }
            let outside = parse(&text, Limits::default()).is_ok_and(|value| {
                let signed = value.member("signed");
                !matches!(signed.and_then(|signed| signed.member("targets")), Some(Json::Object(_)))
            });
            if !outside {
                both_ways_agree(dialect, &text);
            }
        }
    }

    #[test]
    fn a_name_that_is_there_twice_is_told_where_it_comes_again() {
        let entry = |name: &str| format!("\"{name}\":{{\"hashes\":{{}},\"length\":1}}");
        for names in [&["a", "a"][..], &["b", "a", "c", "a", "b"], &["a", "\\u0061"]] {
            let entries: Vec<_> = names.iter().map(|name| entry(name)).collect();
            assert!(!both_ways_agree(
                Dialect::Tuf1,
                document(Dialect::Tuf1, "\n", &entries).as_bytes()
            ));
        }
    }

    #[test]
    fn canonical_text_is_signed_where_it_lies() {
        let entry = "\"a\":{\"hashes\":{\"sha256\":\"00\"},\"length\":1}".to_owned();
        let text = document(Dialect::Tuf1, "", &[entry]);
        let signed = Signed::<Targets>::read(Dialect::Tuf1, text.as_bytes()).unwrap();
        let received = signed.received().as_ptr_range();
        assert!(received.contains(&signed.signing_bytes().as_ptr()));
    }
}
