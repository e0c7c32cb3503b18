//! Putting a new file in the place of an old one, so that at every moment one of the two is there, whole.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::super::TokenError;
use super::read_plain;

/// What is done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The new file is written beside the old one, under the old name with `.new` after it.
    Write,
    /// It is synced, and its folder.
    Sync,
    /// It is read back past the cache, and must be what was written.
    ReadBack,
    /// It is proven.
    Prove,
    /// It takes the place of the old one.
    Rename,
    /// The folder is synced.
    SyncFolder,
}

/// Replaces a file. `proven` says whether what was read back is right; `before` is called before each step, and its error
/// is the step's. Up to the rename an error leaves the old file as it was, and nothing else.
pub(super) fn replace(
    folder: &Path,
    name: &str,
    bytes: &[u8],
    proven: &dyn Fn(&[u8]) -> Result<(), TokenError>,
    before: &mut dyn FnMut(Step) -> io::Result<()>,
) -> Result<(), TokenError> {
    let aside = format!("{name}.new");
    // A power cut may have left one; the old file is whole, so this one is nobody's only copy.
    let _ = std::fs::remove_file(folder.join(&aside));
    let failed = |error: io::Error| TokenError::File {
        path: aside.clone(),
        what: format!("{error}; {name} is as it was"),
    };
    let made = (|| {
        before(Step::Write).map_err(failed)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(folder.join(&aside))
            .map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        before(Step::Sync).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        sync(folder).map_err(failed)?;
        before(Step::ReadBack).map_err(failed)?;
        let again = read_plain(&folder.join(&aside), &aside)?;
        if again != bytes {
            return Err(failed(io::Error::other("what is there is not what was written")));
        }
        before(Step::Prove).map_err(failed)?;
        proven(&again)?;
        before(Step::Rename).map_err(failed)?;
        std::fs::rename(folder.join(&aside), folder.join(name)).map_err(failed)
    })();
    if let Err(why) = made {
        let _ = std::fs::remove_file(folder.join(&aside));
        return Err(why);
    }
    before(Step::SyncFolder).and_then(|()| sync(folder)).map_err(|error| TokenError::File {
        path: name.to_owned(),
        what: format!("the new file is in place, but the disk does not confirm it: {error}"),
    })
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
