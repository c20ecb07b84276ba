"""Static files, read once; their addresses carry a hash of their content, so that they can be
cached for good.
"""

import hashlib
import mimetypes
from pathlib import Path
from typing import Any

import msgspec
from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

STATIC = Path(__file__).resolve().parent.parent / "static"
HASH_CHARACTERS = 12


class Asset(msgspec.Struct, frozen=True):
    """One file and the version in its address."""

    content: bytes
    media_type: str
    version: str


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(content, media_type, hashlib.sha256(content).hexdigest()[:HASH_CHARACTERS])


ASSETS = {
    path.name: _read(path)
    for path in sorted(STATIC.iterdir())
    if path.suffix in (".css", ".js", ".svg")
}


def asset_path(name: str) -> str:
    """The address of the static file *name*, relative to the portal's prefix."""
    return f"/static/{ASSETS[name].version}/{name}"


@get("/static/{version:str}/{name:str}", sync_to_thread=False)
def serve_asset(version: FromPath[str], name: FromPath[str]) -> Response[Any]:
    """Serve a file under its current version; an older version gets the current file, uncached."""
    asset = ASSETS.get(name)
    if asset is None:
        raise NotFoundException
    current = version == asset.version
    caching = "public, max-age=31536000, immutable" if current else "no-cache"
    return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": caching})
