"""The page's files, served from memory: no build step, nothing from another host, revalidated by ETag.

Knows no model and no person: the page asks /v1 for all that it shows.
"""

import hashlib
from importlib.resources import files
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Request, Response
from pydantic import BeforeValidator

from genrec.serve.errors import ApiError

router = APIRouter(include_in_schema=False)
START = "index.html"
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Only this server's own files run and load; data becomes text alone, for no code may write HTML.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_FILES = {
    entry.name: entry.read_bytes()
    for entry in files("genrec.serve.page").joinpath("files").iterdir()
    if any(entry.name.endswith(suffix) for suffix in _MEDIA_TYPES)
}
_TAGS = {name: f'"{hashlib.sha256(content).hexdigest()[:32]}"' for name, content in _FILES.items()}


@router.get("/")
async def start(request: Request) -> Response:
    """The page itself."""
    return _answer(START, request)


@router.get("/page/{name}")
async def file(request: Request, name: Annotated[str, BeforeValidator(unquote)]) -> Response:
    """A file of the page."""
    if name not in _FILES:
        raise ApiError(status=404, code="not_found", message="the page has no such file")
    return _answer(name, request)


def _answer(name: str, request: Request) -> Response:
    """The file, or 304 where the client's copy is the same."""
    headers = {
        "ETag": _TAGS[name],
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _POLICY,
        "Referrer-Policy": "no-referrer",
    }
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if _TAGS[name] in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(_FILES[name], media_type=_MEDIA_TYPES["." + name.rpartition(".")[2]], headers=headers)
