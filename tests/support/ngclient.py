"""Downloads one target with python-tuf's client, as a client that knows nothing but a root would.

usage: ngclient.py ROOT METADATA-DIR TARGETS-DIR TARGET OUT-DIR

Reads the two folders instead of a server. Ends 0 with the file in OUT-DIR, or 1 with the client's own words.
"""

import pathlib
import sys
import tempfile
import urllib.parse

from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.ngclient import FetcherInterface, Updater


class FolderFetcher(FetcherInterface):
    """Answers as a plain file server would, 404 included."""

    def _fetch(self, url):
        path = pathlib.Path(urllib.parse.unquote(urllib.parse.urlparse(url).path))
        if not path.is_file():
            raise DownloadHTTPError(f"{path} is not there", 404)
        yield path.read_bytes()


def main(root, metadata, targets, name, out):
    with tempfile.TemporaryDirectory() as cache:
        updater = Updater(
            cache,
            pathlib.Path(metadata).resolve().as_uri(),
            out,
            pathlib.Path(targets).resolve().as_uri(),
            fetcher=FolderFetcher(),
            bootstrap=pathlib.Path(root).read_bytes(),
        )
        updater.refresh()
        info = updater.get_targetinfo(name)
        if info is None:
            sys.exit(f"the client finds no target {name}")
        print(updater.download_target(info))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (RepositoryError, DownloadError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
