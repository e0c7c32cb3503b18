"""Downloads one target with python-tuf's client, as clients that know nothing but a root would.

usage: ngclient.py ROOTS METADATA-DIR TARGETS-DIR TARGET OUT-DIR [CACHE-DIR]

ROOTS are one or several files with : between them; a client begins at each. With CACHE-DIR one more begins at the first
and keeps there what it knows, for the next time. Reads the two folders instead of a server. Ends 0 with the file in
OUT-DIR, or 1 with the words of the first client that refuses.
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


def download(cache, root, metadata, targets, name, out):
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
        sys.exit(f"the client at {root} finds no target {name}")
    print(updater.download_target(info))


def main(roots, *rest):
    roots, cached = roots.split(":"), rest[4:]
    for root in roots:
        with tempfile.TemporaryDirectory() as cache:
            download(cache, root, *rest[:4])
    for cache in cached:
        download(cache, roots[0], *rest[:4])


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (RepositoryError, DownloadError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
