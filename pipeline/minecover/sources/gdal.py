"""How GDAL reads: bounded memory and time, no look around the file; and its errors."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from minecover.errors import DataError, MinecoverError, SurveyError, TryAgainError
from minecover.faults import Fault, classify, error_chain, is_worker_fault
from minecover.sources.links import redacted
from minecover.storage.location import is_url

__all__ = ["gdal_options", "gdal_path", "reading_error", "worker_error"]


def gdal_options() -> dict[str, str | int | float]:
    """GDAL's options while a raster is open."""
    options: dict[str, str | int | float] = {
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_CACHEMAX": 64,
        "GDAL_HTTP_TIMEOUT": 60,
        "GDAL_HTTP_CONNECTTIMEOUT": 10,
        "GDAL_HTTP_MAX_RETRY": 4,
        "GDAL_HTTP_RETRY_DELAY": 0.5,
        "GDAL_HTTP_MULTIRANGE": "YES",
        "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
        # a raster of a catalog may not run code or read raw files by way of a VRT
        "GDAL_VRT_ENABLE_PYTHON": "NO",
        "GDAL_VRT_ENABLE_RAWRASTERBAND": "NO",
    }
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        parts = urlsplit(endpoint)
        options["AWS_S3_ENDPOINT"] = parts.netloc
        options["AWS_HTTPS"] = "YES" if parts.scheme == "https" else "NO"
        options["AWS_VIRTUAL_HOSTING"] = "FALSE"
    return options


def gdal_path(place: str) -> str:
    """Path as GDAL wants it: `s3://` goes to its own S3 reader, which takes keys from `AWS_*`."""
    return f"/vsis3/{place.removeprefix('s3://')}" if place.startswith("s3://") else place


def reading_error(error: BaseException, href: str, where: str) -> MinecoverError:
    """Build the error for a raster that could not be read.

    Parameters
    ----------
    error
        What a library raised; the errors it was raised from are looked at too.
    href
        Link of the raster, or what GDAL opens.
    where
        Names item and asset.

    Returns
    -------
    `TryAgainError` where a server did not answer or this worker has no files, memory, threads or
    disk left, `SurveyError` where a server rejects the credentials, else `DataError`, after which
    a tile is skipped. Signatures of links are taken out of the text.
    """
    *_, root = error_chain(error)
    reason, name = redacted(str(root))[:300], redacted(href)
    if is_worker_fault(error):
        return worker_error(where, name, reason)
    fault, remote = classify(error), is_url(href) or href.startswith("/vsi")
    if remote and fault is Fault.PASSING:
        return TryAgainError(f"{where}: {name} does not answer: {reason}; the same command resumes")
    if remote and fault in (Fault.REJECTED, Fault.NO_CREDENTIALS):
        return SurveyError(
            f"{where}: the server refuses {name}: {reason}. Check the credentials, which may have "
            "expired: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION "
            "for s3://, `catalog.sign` or ~/.netrc for https://; a bucket that may not be listed "
            "says the same of a missing file. Then run the same command again"
        )
    return DataError(
        f"{where}: cannot read {name}: {reason}. The file is missing, truncated or "
        "damaged: fetch it again, or take the item out of the catalog"
    )


def worker_error(where: str, name: str, reason: str) -> TryAgainError:
    """Build the error for a file that this worker cannot read, whatever is in it."""
    return TryAgainError(
        f"{where}: this worker cannot read {name}: {reason}; check its limits of files, threads "
        "and memory, its disk and its mounts, and run the same command again"
    )
