//! The Python reference client of TUF.

use std::path::Path;

use super::command::{Ran, python, run};

/// Lets python-tuf's client, which knows `root` alone, download `target` into the folder `out`. `metadata` and `targets`
/// are read as a file server would serve them. Ends 0 with the file there, or 1 with the client's own words.
pub(crate) fn ngclient(
    root: &Path,
    metadata: &Path,
    targets: &Path,
    target: &str,
    out: &Path,
) -> Ran {
    run(python("ngclient.py").arg(root).arg(metadata).arg(targets).arg(target).arg(out))
}

/// Makes `folder/metadata` and `folder/targets` with python-tuf itself: one target, a 2-of-2 root.
pub(crate) fn make_repository(folder: &Path, target: &str, content: &str) {
    run(python("make_tuf.py").arg(folder).args([target, content])).success();
}
