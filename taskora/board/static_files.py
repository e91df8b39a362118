"""The files that pages refer to: scripts, styles, the icon."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that pages refer to.

    Attributes:
        content: What is in it.
        version: Changes with the content; short enough for an address.
        media_type: Of the content.
    """

    content: bytes
    version: str
    media_type: str


NO_FILES: Final[Mapping[str, StaticFile]] = MappingProxyType({})


def read_static() -> dict[str, StaticFile]:
    """Read the files of the package, by name."""
    folder = files("taskora.board").joinpath("static")
    return {entry.name: _file(entry.name, entry.read_bytes()) for entry in folder.iterdir() if entry.is_file()}


def answer_file(request: Request, found: StaticFile | None) -> Response:
    """Answer with a file; it is kept for ever by who asks for its version."""
    if found is None:
        return JSONResponse({"error": "Not found"}, 404)
    known = request.query_params.get("v") == found.version
    kept = "public, max-age=31536000, immutable" if known else "no-cache"
    headers = {"Cache-Control": kept, "ETag": f'"{found.version}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(found.content, headers=headers, media_type=found.media_type)


def _file(name: str, content: bytes) -> StaticFile:
    return StaticFile(content, hashlib.sha256(content).hexdigest()[:12], _TYPES[name.rpartition(".")[2]])
