"""JSON documents of a catalog: bounded in size and number, from a folder, the web or a bucket."""

from __future__ import annotations

import json
import posixpath
import stat
import time
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

import obstore
from obstore.exceptions import BaseError

from minecover.errors import DataError, SurveyError, TryAgainError
from minecover.faults import PASSING_STATUSES, Fault, classify, is_worker_fault, worker_error
from minecover.sources.answers import MAX_BYTES, Answer, Web, too_large
from minecover.sources.gdal import reading_error
from minecover.sources.links import redacted
from minecover.sources.reach import ANYWHERE, Reach
from minecover.storage.bucket import open_bucket, retry
from minecover.storage.location import is_url
from minecover.storage.s3 import AMAZON, S3Access

__all__ = ["MAX_DOCUMENTS", "Documents", "join", "parse", "read_json"]

MAX_DOCUMENTS = 200_000
"""Documents and pages that one look-up reads at most."""

MAX_TOTAL = 8 * 2**30
"""Bytes of all of them."""

MAX_DEPTH = 100
"""Levels of lists and objects in a document: GeoJSON has six, and the parser gives up at 1,000."""


class Documents:
    """Reads documents, and counts what one look-up reads of them.

    Parameters
    ----------
    s3
        How buckets are reached.
    reach
        Where links and redirects may lead.
    seconds
        That all documents together may take.
    """

    def __init__(
        self, s3: S3Access = AMAZON, reach: Reach = ANYWHERE, seconds: float = 3600.0
    ) -> None:
        self.s3, self.reach, self.limit = s3, reach, seconds
        self.count, self.bytes, self.seconds = 0, 0, 0.0

    @cached_property
    def web(self) -> Web:
        """What asks servers."""
        return Web(self.reach)

    def read(self, place: str) -> dict[str, Any]:
        """Read a JSON object from a path, an http(s) or an s3 address.

        Raises
        ------
        SurveyError
            There is nothing at the address.
        DataError
            It is no JSON object, larger than `MAX_BYTES`, or one document too many.
        TryAgainError
            The server does not answer.
        """
        begun = time.monotonic()
        if not is_url(place):
            data = _from_file(Path(place))
        elif place.startswith(("http://", "https://")):
            data = _whole(self.web.ask(place))
        elif place.startswith("s3://"):
            data = _from_bucket(place, self.s3)
        else:
            raise SurveyError(
                f"catalog: {redacted(place)}: only paths, http(s):// and s3:// are known; "
                "fix `catalog.url`"
            )
        self._note(place, len(data), begun)
        return parse(data, place)

    def ask(
        self, url: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Ask a server, and count its answer; see `Web.ask`."""
        begun = time.monotonic()
        answer = self.web.ask(url, body, headers)
        self._note(url, len(answer.data), begun)
        return answer

    def _note(self, place: str, size: int, begun: float) -> None:
        """Count a document, and end a look-up that has no end."""
        self.count, self.bytes = self.count + 1, self.bytes + size
        self.seconds += time.monotonic() - begun
        read = (
            f"{self.count:,} documents of {self.bytes / 2**20:,.0f} MiB were read in "
            f"{self.seconds:,.0f} s, the last at {redacted(place)}"
        )
        if self.count > MAX_DOCUMENTS or self.bytes > MAX_TOTAL:
            raise DataError(
                f"catalog: {read}; one look-up reads no more than {MAX_DOCUMENTS:,} documents and "
                f"{MAX_TOTAL >> 30} GiB. Take a STAC API, or a catalog of fewer items"
            )
        if self.seconds > self.limit:
            raise DataError(
                f"catalog.max_seconds: {read}; take a smaller area, shorter seasons or a faster "
                f"catalog, or allow more than {self.limit:,.0f} s"
            )


def read_json(place: str, s3: S3Access = AMAZON) -> dict[str, Any]:
    """Read one JSON object that the survey or this package names; see `Documents.read`."""
    return Documents(s3).read(place)


def join(base: str, href: str) -> str:
    """Resolve a link of the document at `base` (a path or URL); nothing is checked here."""
    if not is_url(base) and href.startswith(("file:///", "file://localhost/")):
        return url2pathname(urlsplit(href).path)
    if is_url(href):
        return href
    if not is_url(base):
        return str(Path(base).parent / href)
    if base.startswith("s3://"):
        bucket, _, key = base.removeprefix("s3://").partition("/")
        return f"s3://{bucket}/{posixpath.normpath(posixpath.join(posixpath.dirname(key), href))}"
    return urljoin(base, href)


def parse(data: bytes, place: str) -> dict[str, Any]:
    """Parse a JSON object.

    Raises
    ------
    DataError
        It is none, nested deeper than `MAX_DEPTH`, or has text that is no Unicode.
    """
    try:
        value = json.loads(data)
        deep = isinstance(value, dict) and _is_deep(value)
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        deep = True
    except UnicodeEncodeError as error:
        raise DataError(
            f"catalog: {redacted(place)} has text that is no Unicode ({error.reason}); "
            "write it anew"
        ) from error
    except ValueError as error:
        raise DataError(f"catalog: {redacted(place)} is no JSON: {error}; is it whole?") from error
    if deep:
        raise DataError(
            f"catalog: {redacted(place)} is no STAC document: it is nested in more than "
            f"{MAX_DEPTH} levels"
        )
    if not isinstance(value, dict):
        kind = type(value).__name__
        raise DataError(f"catalog: {redacted(place)} is no STAC document (a JSON {kind})")
    return value


def _is_deep(value: dict[str, Any]) -> bool:
    """Tell whether a value is nested deeper than `MAX_DEPTH`; level by level, without recursion."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        inner = [
            part
            for holder in level
            for part in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(part, dict | list)
        ]
        if not inner:
            return False
        level = inner
    return True


def _from_file(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SurveyError(
                f"catalog: {path} is no file that can be read whole; fix `catalog.url` or the link "
                "to it"
            )
        if status.st_size > MAX_BYTES:
            raise too_large(str(path))
        return path.read_bytes()
    except OSError as error:
        if is_worker_fault(error):
            raise worker_error("catalog", str(path), str(error.strerror)) from error
        raise SurveyError(
            f"catalog: cannot read {redacted(str(path))}: {error.strerror}; fix `catalog.url` (an "
            "address begins with https://) or the link to it"
        ) from error


def _whole(answer: Answer) -> bytes:
    """Body of an answer that is a document."""
    if answer.status in PASSING_STATUSES:
        raise TryAgainError(
            f"catalog: {redacted(answer.url)} answers {answer.status}; run again later"
        )
    if not 200 <= answer.status < 300:
        raise SurveyError(
            f"catalog: {redacted(answer.url)} answers {answer.status} {answer.reason}; "
            "fix `catalog.url` or the link to it"
        )
    return answer.data


def _from_bucket(url: str, s3: S3Access) -> bytes:
    bucket, _, key = url.removeprefix("s3://").partition("/")

    def read() -> bytes:
        found = obstore.get(open_bucket(f"s3://{bucket}", s3), key)
        if found.meta["size"] > MAX_BYTES:
            raise too_large(url)
        return bytes(found.bytes())

    try:
        return retry(read)
    except (BaseError, OSError) as error:
        if classify(error) is Fault.MISSING:
            raise SurveyError(
                f"catalog: {url} does not exist; fix `catalog.url` or `catalog.s3_endpoint`"
            ) from error
        raise reading_error(error, url, "catalog") from error
