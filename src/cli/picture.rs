//! What people bring as pictures of QR codes: requests, answers and digests.

use std::path::{Path, PathBuf};

use crate::ceremony::request::codes;
use crate::driver::picture::{self, MAX_PICTURE};
use crate::front::words::escape;
use crate::tuf::digest::Digest;

use super::{Exit, Failure, read};

/// The most pictures of one file.
const MAX_PICTURES: usize = 2 * codes::MAX_CODES;

/// Reads a file that the caller named: as it is, from the QR codes in a picture, or from those in a folder of pictures.
pub(super) fn file_or_codes(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let pictures = if path.is_dir() {
        pictures(path)?
    } else {
        let bytes = read(path, limit)?;
        if !picture::is_picture(&bytes) {
            return Ok(bytes);
        }
        vec![path.to_owned()]
    };
    let mut texts = Vec::new();
    let mut unread = Vec::new();
    for path in &pictures {
        match picture::texts(&read(path, MAX_PICTURE)?) {
            Ok(found) => texts.extend(found),
            Err(why) => unread.push(shown(path, &why.to_string())),
        }
    }
    let failure = match codes::join(&texts) {
        Ok(file) => return Ok(file),
        // Another picture may have held what one does not show.
        Err(why) if !texts.is_empty() => Failure::input(shown(path, &why.to_string())),
        Err(_) => {
            let none = || shown(path, "it holds no picture");
            Failure::input(if unread.is_empty() { none() } else { unread.remove(0) })
        }
    };
    Err(unread.into_iter().fold(failure, Failure::hint))
}

fn shown(path: &Path, why: &str) -> String {
    escape(&format!("{}: {why}", path.display()))
}

/// The files of a folder of pictures, by their names.
fn pictures(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: std::io::Error| Failure::file(folder, &error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        found.extend(path.is_file().then_some(path));
        if found.len() > MAX_PICTURES {
            let why = format!(
                "it holds more than {MAX_PICTURES} files: name the folder of the pictures alone"
            );
            return Err(Failure::input(shown(folder, &why)));
        }
    }
    found.sort();
    Ok(found)
}

/// Reads a digest as an option takes it: 64 hex digits, or a picture of their QR code.
pub(super) fn digest(text: &str) -> Result<Digest, String> {
    let not_hex = match text.parse::<Digest>() {
        Ok(digest) => return Ok(digest),
        Err(why) => why,
    };
    let path = Path::new(text);
    if !path.is_file() {
        return Err(format!("{not_hex}, and no picture of that name is there"));
    }
    let bytes = read(path, MAX_PICTURE).map_err(|failure| failure.what)?;
    let texts = picture::texts(&bytes).map_err(|why| why.to_string())?;
    let mut found: Vec<Digest> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err("its QR codes hold no digest of 64 hex digits".to_owned()),
        several => {
            Err(format!("it shows {} digests: cut it to the one that is meant", several.len()))
        }
    }
}

/// A digest from a picture, where a file of that name is there.
pub(super) fn pictured(text: &str) -> Option<Result<Digest, Failure>> {
    let bad = |why: String| Failure::new(Exit::Input, shown(Path::new(text), &why));
    Path::new(text).is_file().then(|| digest(text).map_err(bad))
}
