"""JSON documents of a catalog: bounded in size, from a folder, a web server or a bucket."""

from __future__ import annotations

import json
import posixpath
import time
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import obstore
import requests
import urllib3
from obstore.exceptions import BaseError
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from minecover.errors import DataError, MinecoverError, SurveyError, TryAgainError
from minecover.faults import PASSING_STATUSES, Fault, classify, is_worker_fault, worker_error
from minecover.sources.gdal import reading_error
from minecover.sources.links import redacted
from minecover.storage.bucket import open_bucket, retry
from minecover.storage.location import is_url
from minecover.storage.s3 import AMAZON, S3Access

__all__ = ["MAX_BYTES", "TIMEOUT", "bounded", "join", "read_json", "retries"]

MAX_BYTES = 64 * 2**20
"""No document of a catalog is read beyond this many bytes."""

TIMEOUT = (10.0, 60.0)
"""Seconds to connect and to wait for data."""

LONGEST = 300.0
"""Seconds in which an answer must be whole."""


def retries() -> Retry:
    """Three more tries, 0.5 to 2 seconds apart, where a passing fault is likely."""
    return Retry(
        total=3,
        backoff_factor=0.5,
        status_forcelist=PASSING_STATUSES,
        allowed_methods=None,
        raise_on_status=False,
    )


def join(base: str, href: str) -> str:
    """Resolve a link of the document at `base` (a path or URL); nothing is checked here."""
    if is_url(href):
        return href
    if not is_url(base):
        return str(Path(base).parent / href)
    if base.startswith("s3://"):
        bucket, _, key = base.removeprefix("s3://").partition("/")
        return f"s3://{bucket}/{posixpath.normpath(posixpath.join(posixpath.dirname(key), href))}"
    return urljoin(base, href)


def read_json(place: str, s3: S3Access = AMAZON) -> dict[str, Any]:
    """Read a JSON object from a path, an http(s) or an s3 address.

    Parameters
    ----------
    place
        Path or address.
    s3
        How buckets are reached.

    Raises
    ------
    SurveyError
        There is nothing at the address.
    DataError
        It is no JSON object, or larger than `MAX_BYTES`.
    TryAgainError
        The server does not answer.
    """
    if not is_url(place):
        data = _from_file(Path(place))
    elif place.startswith(("http://", "https://")):
        data = _from_web(place)
    elif place.startswith("s3://"):
        data = _from_bucket(place, s3)
    else:
        raise SurveyError(
            f"catalog: {redacted(place)}: only paths, http(s):// and s3:// are known; "
            "fix `catalog.url`"
        )
    return parse(data, place)


def parse(data: bytes, place: str) -> dict[str, Any]:
    """Parse a JSON object.

    Raises
    ------
    DataError
        It is none.
    """
    try:
        value = json.loads(data)
    except ValueError as error:
        raise DataError(f"catalog: {redacted(place)} is no JSON: {error}; is it whole?") from error
    if not isinstance(value, dict):
        kind = type(value).__name__
        raise DataError(f"catalog: {redacted(place)} is no STAC document (a JSON {kind})")
    return value


def too_large(place: str) -> DataError:
    """Build the error for a document beyond `MAX_BYTES`."""
    return DataError(
        f"catalog: {redacted(place)} is larger than {MAX_BYTES >> 20} MiB; that is no STAC item"
    )


def _from_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise too_large(str(path))
        return path.read_bytes()
    except OSError as error:
        if is_worker_fault(error):
            raise worker_error("catalog", str(path), str(error.strerror)) from error
        raise SurveyError(
            f"catalog: cannot read {path}: {error.strerror}; fix `catalog.url` or the link to it"
        ) from error


@cache
def _session() -> requests.Session:
    session = requests.Session()
    adapter = HTTPAdapter(max_retries=retries())
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _from_web(url: str) -> bytes:
    try:
        with _session().get(url, timeout=TIMEOUT, stream=True) as answer:
            if answer.status_code in PASSING_STATUSES:
                raise TryAgainError(
                    f"catalog: {redacted(url)} answers {answer.status_code}; run again later"
                )
            if not answer.ok:
                raise SurveyError(
                    f"catalog: {redacted(url)} answers {answer.status_code} {answer.reason}; "
                    "fix `catalog.url` or the link to it"
                )
            return bounded(answer)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _web_error(url, error) from error


def bounded(answer: requests.Response) -> bytes:
    """Read the body of an answer, no further than `MAX_BYTES` and no longer than `LONGEST`.

    Raises
    ------
    DataError
        It is larger.
    TryAgainError
        It takes longer, as one that comes byte by byte does.
    """
    if int(answer.headers.get("content-length") or 0) > MAX_BYTES:
        raise too_large(answer.url)
    data, until = bytearray(), time.monotonic() + LONGEST
    while piece := answer.raw.read1(2**16, decode_content=True):
        data += piece
        if len(data) > MAX_BYTES:
            raise too_large(answer.url)
        if time.monotonic() > until:
            raise TryAgainError(
                f"catalog: {redacted(answer.url)} has not answered whole in {LONGEST:.0f} s; run "
                "the same command again later"
            )
    return bytes(data)


def _web_error(url: str, error: Exception) -> MinecoverError:
    if classify(error) is Fault.OTHER:
        return SurveyError(
            f"catalog: {redacted(url)} cannot be requested: {redacted(str(error))}; fix "
            "`catalog.url` or the link to it"
        )
    return TryAgainError(
        f"catalog: {urlsplit(url).hostname} does not answer at {redacted(url)}: "
        f"{redacted(str(error))}. Check the network and `catalog.url`; the same command resumes"
    )


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
