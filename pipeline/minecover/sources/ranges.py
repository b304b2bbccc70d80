"""Bytes of files on a disk, on the web and in buckets."""

from __future__ import annotations

import netrc
import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.store import HTTPStore, ObjectStore

from minecover.sources.tiff import Read
from minecover.storage.bucket import CLIENT, open_bucket
from minecover.storage.location import is_url
from minecover.storage.s3 import S3Access

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

__all__ = ["bytes_of", "is_far"]

ONCE: RetryConfig = {"max_retries": 0}
"""What fails is read again by GDAL, which repeats requests itself, and says what is wrong."""

_PLAIN = re.compile(r"https?://[\w.:-]+/[\w./~-]+(\?.*)?", re.ASCII)
"""Addresses whose path needs no escapes."""

_OPTIONS = ("GDAL_HTTP_", "CPL_CURL_", "CPL_VSIL_CURL_", "AWS_REQUEST_PAYER")
"""Variables that tell GDAL, and nobody else, how to reach files."""


def is_far(path: str) -> bool:
    """Tell whether what GDAL opens lies on the web or in a bucket."""
    return is_url(path) or path.startswith("/vsi")


def bytes_of(path: str, s3: S3Access) -> Read | None:
    """Give what reads bytes of a file; None where only GDAL knows how.

    Parameters
    ----------
    path
        What GDAL opens.
    s3
        How buckets are reached.

    Returns
    -------
    Raises OSError or an error of obstore where there are none.
    """
    if not is_far(path):
        return lambda start, stop: _local(path, start, stop)
    if any(name.startswith(_OPTIONS) for name in os.environ):
        return None
    if path.startswith("/vsis3/"):
        bucket, _, key = path.removeprefix("/vsis3/").partition("/")
        return _remote(_bucket(os.getpid(), bucket, s3, _credentials()), key)
    if _PLAIN.fullmatch(path) and not _has_password(path):
        parts = urlsplit(path)
        server = f"{parts.scheme}://{parts.netloc}/{'?' * bool(parts.query)}{parts.query}"
        return _remote(_server(os.getpid(), server), parts.path.lstrip("/"))
    return None


def _local(path: str, start: int, stop: int) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return os.pread(file.fileno(), stop - start, start)


def _remote(store: ObjectStore, key: str) -> Read:
    return lambda start, stop: bytes(obstore.get_range(store, key, start=start, end=stop))


@lru_cache(maxsize=64)
def _server(process: int, url: str) -> ObjectStore:
    del process  # connections of another do not live after a fork
    options: ClientConfig = {**CLIENT, "allow_http": url.startswith("http://")}
    return HTTPStore.from_url(url, client_options=options, retry_config=ONCE)


@lru_cache(maxsize=64)
def _bucket(process: int, name: str, s3: S3Access, credentials: int) -> ObjectStore:
    del process, credentials
    return open_bucket(f"s3://{name}", s3, ONCE)


def _credentials() -> int:
    """Tell what is said of buckets in the environment from what was said before."""
    return hash(frozenset(item for item in os.environ.items() if item[0].startswith("AWS_")))


@lru_cache(maxsize=256)
def _has_password(url: str) -> bool:
    """Tell whether a file of passwords, which GDAL reads, has one for a server."""
    try:
        return netrc.netrc().authenticators(urlsplit(url).hostname or "") is not None
    except (OSError, netrc.NetrcParseError):
        return False
