"""Static files, read and packed once; their addresses carry a hash of their content, so that they
can be cached for good.

Packing them gives nothing away: they are the same for everybody. Pages, which hold a token beside
what somebody typed, are never packed (BREACH).
"""

import gzip
import hashlib
import mimetypes
import re
from pathlib import Path
from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

STATIC = Path(__file__).resolve().parent.parent / "static"
HASH_CHARACTERS = 12
NO_WEIGHT: Final = re.compile(r"q=0(\.0{0,3})?")


class Asset(msgspec.Struct, frozen=True):
    """One file and the version in its address."""

    content: bytes
    packed: bytes
    """The same by gzip."""
    media_type: str
    version: str

    @classmethod
    def of(cls, content: bytes, media_type: str, version: str) -> "Asset":
        """The file, packed."""
        packed = gzip.compress(content, 9, mtime=0)
        return cls(content=content, packed=packed, media_type=media_type, version=version)


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset.of(content, media_type, hashlib.sha256(content).hexdigest()[:HASH_CHARACTERS])


ASSETS = {
    path.name: _read(path)
    for path in sorted(STATIC.iterdir())
    if path.suffix in (".css", ".js", ".svg")
}


def asset_path(name: str) -> str:
    """The address of the static file *name*, relative to the portal's prefix."""
    return f"/static/{ASSETS[name].version}/{name}"


@get("/static/{version:str}/{name:str}", sync_to_thread=False)
def serve_asset(
    request: Request[Any, Any, Any], version: FromPath[str], name: FromPath[str]
) -> Response[Any]:
    """Serve a static file."""
    return serve(request, ASSETS.get(name), version)


def serve(request: Request[Any, Any, Any], asset: Asset | None, version: str) -> Response[Any]:
    """Serve a file under its current version; an older version gets the current file, which the
    browser then asks about each time.
    """
    if asset is None:
        raise NotFoundException
    takes_gzip = accepts_gzip(request.headers.get("accept-encoding", ""))
    etag = f'"{asset.version}-gzip"' if takes_gzip else f'"{asset.version}"'
    current = version == asset.version
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if current else "no-cache",
        "ETag": etag,
        "Vary": "Accept-Encoding",
    }
    if _is_known(etag, request.headers.get("if-none-match", "")):
        return Response(None, status_code=304, media_type=asset.media_type, headers=headers)
    if takes_gzip:
        headers["Content-Encoding"] = "gzip"
    content = asset.packed if takes_gzip else asset.content
    return Response(content, media_type=asset.media_type, headers=headers)


def accepts_gzip(header: str) -> bool:
    """Whether an ``Accept-Encoding`` allows gzip (RFC 9110, 12.5.3); its own name says more than
    the star.
    """
    said = {}
    for part in header.lower().split(","):
        coding, _, weight = part.partition(";")
        said[coding.strip()] = not NO_WEIGHT.fullmatch(weight.strip())
    return said.get("gzip", said.get("*", False))


def _is_known(etag: str, header: str) -> bool:
    """Whether an ``If-None-Match`` names *etag* (RFC 9110, 13.1.2); the comparison is weak."""
    named = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return etag in named or named == ["*"]
