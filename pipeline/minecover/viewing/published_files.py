"""Published files of a store over HTTP, whole or by ranges, from a folder or a bucket."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator
from pathlib import Path

import obstore
from obstore.exceptions import NotFoundError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from minecover.storage.bucket import retry, store_errors
from minecover.storage.names import PRODUCTS_FOLDER
from minecover.storage.store import Store

__all__ = ["PublishedFiles"]

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")

NOT_THERE = "There is no such file among what was published."


class PublishedFiles:
    """Answers requests for files under ``products/``, and for no others.

    Parameters
    ----------
    store
        Of a survey.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    async def __call__(self, request: Request) -> Response:
        """Answer with a file or the part of it that is asked for."""
        key = self.key(request.path_params["name"])
        if key is None:
            return PlainTextResponse(NOT_THERE, 404)
        return await run_in_threadpool(self._answer, key, request)

    def key(self, name: str) -> str | None:
        """Key of a published file in the store; None where no file can have that name.

        A name of a hidden file, one with a step upwards, and a link that leads out of the folder
        are no names of published files.
        """
        parts = name.split("/")
        if any(part[:1] in ("", ".") or "\\" in part or "\0" in part for part in parts):
            return None
        key = f"{PRODUCTS_FOLDER}{name}"
        folder = self.store.local_path
        if folder is not None:
            inside = (folder / PRODUCTS_FOLDER).resolve()
            if not (folder / key).resolve().is_relative_to(inside) or (folder / key).is_dir():
                return None
        return key

    def _answer(self, key: str, request: Request) -> Response:
        with store_errors(f"{self.store.url}/{key}"):
            try:
                meta = retry(lambda: obstore.head(self.store.root, key))
            except (NotFoundError, FileNotFoundError):
                return PlainTextResponse(NOT_THERE, 404)
        size, tag = int(meta["size"]), f'"{(meta["e_tag"] or "").strip(chr(34))}"'
        headers = {
            "accept-ranges": "bytes",
            "cache-control": "no-cache",
            "content-type": _media_type(key),
            "etag": tag,
        }
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        asked = request.headers.get("range")
        if asked is None or request.headers.get("if-range", tag) != tag:
            headers["content-length"] = str(size)
            parts = iter(()) if request.method == "HEAD" else self._whole(key)
            return StreamingResponse(parts, 200, headers)
        part = _part(asked, size)
        if part is None:
            return Response(
                status_code=416, headers={**headers, "content-range": f"bytes */{size}"}
            )
        start, end = part
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
        body = b"" if request.method == "HEAD" else self._bytes(key, start, end)
        return Response(body, 206, headers)

    def _bytes(self, key: str, start: int, end: int) -> bytes:
        with store_errors(f"{self.store.url}/{key}"):
            return bytes(
                retry(lambda: obstore.get_range(self.store.root, key, start=start, end=end))
            )

    def _whole(self, key: str) -> Iterator[bytes]:
        with store_errors(f"{self.store.url}/{key}"):
            yield from (bytes(part) for part in obstore.get(self.store.root, key).stream())


def _part(asked: str, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last that a header asks for; None: there are none.

    >>> _part("bytes=0-99", 1000), _part("bytes=990-", 1000), _part("bytes=-5", 1000)
    ((0, 100), (990, 1000), (995, 1000))
    """
    match = _RANGE.fullmatch(asked.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(size, int(match[2]) + 1 if match[2] else size)
    return (start, end) if start < end else None


def _media_type(key: str) -> str:
    kind = mimetypes.guess_type(Path(key).name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
