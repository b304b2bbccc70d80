"""Object stores: how one is opened, and the errors for what fails.

A request that fails is repeated for a minute or so, at most five seconds apart: a cut that heals
costs seconds, and one that does not ends the process with a code that says *run again*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from minecover.errors import StoreError, UnreachableError
from minecover.faults import Fault, classify, first_line, server_code
from minecover.storage.location import is_url
from minecover.storage.s3 import S3Access, store_access

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig, S3Config

__all__ = [
    "CLIENT",
    "PAGE",
    "RETRY",
    "listed",
    "open_bucket",
    "open_store",
    "retry",
    "store_errors",
    "with_retries",
]

T = TypeVar("T")

RETRY: RetryConfig = {
    "max_retries": 20,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {
        "init_backoff": timedelta(seconds=0.1),
        "max_backoff": timedelta(seconds=5),
        "base": 2,
    },
}
"""A server may be away for a minute; after it is back nobody waits for more than five seconds."""

CLIENT: ClientConfig = {
    "connect_timeout": timedelta(seconds=3),
    "read_timeout": timedelta(seconds=20),
    "timeout": timedelta(minutes=5),
}
"""A link that falls silent costs `read_timeout`, within which one shard must go up."""

PAGE = 1000
"""Names that are listed at once: as many as S3 gives."""

REPEATS = 4
"""Tries of what the library does not repeat by itself: lists, uploads in parts, and answers that
report an error and are cut."""


def open_store(url: str) -> ObjectStore:
    """Open a local folder, which is made where there is none, or `s3://bucket/prefix` of a store.

    Raises
    ------
    StoreError
        The URL is neither.
    """
    if url.startswith("s3://"):
        return open_bucket(url, store_access())
    if is_url(url):
        raise StoreError(f"store: {url}: only folders and s3:// are known")
    with store_errors(url):
        Path(url).mkdir(parents=True, exist_ok=True)
        return LocalStore(url)


def open_bucket(url: str, access: S3Access, retrying: RetryConfig = RETRY) -> S3Store:
    """Open `s3://bucket/prefix` on a server.

    Parameters
    ----------
    url
        Of bucket and prefix.
    access
        How buckets are reached.
    retrying
        How often a request is repeated.

    Raises
    ------
    StoreError
        The library refuses the settings.
    """
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    with store_errors(url):
        return S3Store(
            bucket,
            prefix=prefix or None,
            config=cast("S3Config", access.config(bucket)),
            client_options={**CLIENT, "allow_http": access.endpoint.startswith("http://")},
            retry_config=retrying,
            credential_provider=access.credentials,
        )


@contextmanager
def store_errors(where: str) -> Iterator[None]:
    """Turn what a storage library raises into an error that says where and what to do.

    Raises
    ------
    UnreachableError
        The server did not answer, or only with errors of its own, for a minute; or this worker
        is out of files, memory or threads.
    StoreError
        Anything else.
    """
    try:
        yield
    except (BaseError, OSError) as error:
        raise _store_error(where, error) from error


def retry(call: Callable[[], T]) -> T:
    """Call again what failed for a passing reason."""
    for _ in range(REPEATS - 1):
        try:
            return call()
        except BaseError as error:
            if classify(error) is not Fault.PASSING:
                raise
    return call()


def with_retries(where: str, call: Callable[[], T]) -> T:
    """Call a storage library: again where it failed for a passing reason, and in clear words.

    Raises
    ------
    StoreError
        See `store_errors`.
    """
    with store_errors(where):
        return retry(call)


def listed(store: ObjectStore, prefix: str) -> Iterator[ObjectMeta]:
    """Objects under a prefix, streamed; a list that is cut is taken up after its last name."""
    last: str | None = None
    failures = 0
    while True:
        try:
            for batch in obstore.list(store, prefix, offset=last, chunk_size=PAGE):
                yield from batch
                last, failures = str(batch[-1]["path"]), 0
            return
        except BaseError as error:
            failures += 1
            if failures == REPEATS or classify(error) is not Fault.PASSING:
                raise


def _store_error(where: str, error: Exception) -> StoreError:
    fault, reason = classify(error), first_line(error)
    match fault:
        case Fault.FULL:
            return StoreError(
                f"{where}: the disk of the store is full; make room and run the same command "
                "again, it resumes where it stopped"
            )
        case Fault.WORKER:
            return UnreachableError(
                f"{where}: this worker cannot use the store: {reason}; check its limits of files, "
                "threads and memory, its disk and its mounts, and run the same command again"
            )
        case Fault.PASSING:
            return UnreachableError(
                f"{where}: the store does not answer: {reason}; run the same command again when "
                "it does"
            )
    if where.startswith("s3://"):
        return _bucket_error(where, fault, error)
    return StoreError(f"{where}: the store cannot be used: {reason}")


def _bucket_error(where: str, fault: Fault, error: Exception) -> StoreError:
    code, reason = server_code(error), first_line(error)
    if code == "NoSuchBucket":
        return StoreError(f"{where}: there is no such bucket; make it, or correct the store's name")
    if fault is Fault.NO_CREDENTIALS:
        return StoreError(
            f"{where}: no credentials; give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the "
            "environment"
        )
    if fault is Fault.REJECTED:
        return StoreError(
            f"{where}: the server refuses the request ({code or reason}); check "
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, and that they may read and "
            "write the bucket"
        )
    return StoreError(f"{where}: the store cannot be used: {reason}")
