"""How GDAL reads: bounded memory and time, no look around the file; and what its faults mean."""

from __future__ import annotations

import errno
import os
import re
from urllib.parse import urlsplit

from minecover.errors import DataError, MinecoverError, SurveyError, TryAgainError
from minecover.sources.links import redacted
from minecover.storage.location import is_url

__all__ = ["fault", "gdal_options", "gdal_path"]

_PASSING = re.compile(
    r"timed? ?out|could ?n.t (resolve|connect)|could not (resolve|connect)"
    r"|connection (reset|refused)|CURL error|response_code=(0|429|5\d\d)"
    r"|HTTP (response|error) code\b[^;]*?[: ](429|5\d\d)\b|SlowDown",
    re.IGNORECASE,
)

_REFUSED = re.compile(
    r"response_code=40[13]|HTTP (response|error) code\b[^;]*?[: ]40[13]\b|Access ?Denied"
    r"|(token|request) has expired|Expired ?Token|InvalidToken|security token .*invalid"
    r"|InvalidAccessKeyId|access key ID you provided does not exist|SignatureDoesNotMatch"
    r"|InvalidCredentials|AuthenticationFailed|AuthorizationFailure|failed to authenticate",
    re.IGNORECASE,
)
"""What S3, Azure and rasterio's classes of errors say where keys or signatures do not do."""

_WORKER = re.compile(
    "can't start new thread|out ?of ?memory|"
    + "|".join(
        re.escape(os.strerror(code))
        for code in (
            errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EIO, errno.ESTALE,
            errno.ENOSPC,
        )
    ),
    re.IGNORECASE,
)  # fmt: skip


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


def fault(error: BaseException, href: str, where: str) -> MinecoverError:
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
    disk left, `SurveyError` where a server refuses the keys, else `DataError`, which alone sets a
    tile aside. Signatures of links are taken out of the text.
    """
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None:
        chain.append(link)
        link = link.__cause__ or link.__context__
    told = "; ".join(f"{type(one).__name__}: {one}" for one in chain)
    reason, name = redacted(str(chain[-1]))[:300], redacted(href)
    if _WORKER.search(told):
        return TryAgainError(
            f"{where}: this worker cannot read {name}: {reason}; see to its limits of files, "
            "threads and memory, its disk or its mounts, and run the same command again"
        )
    remote = is_url(href) or href.startswith("/vsi")
    if remote and _PASSING.search(told):
        return TryAgainError(f"{where}: {name} does not answer: {reason}; the same command resumes")
    if remote and _REFUSED.search(told):
        return SurveyError(
            f"{where}: the server refuses {name}: {reason}. Check the keys, which may have "
            "expired: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION "
            "for s3://, `catalog.sign` or ~/.netrc for https://; a bucket that may not be listed "
            "says the same of a missing file. Then run the same command again"
        )
    return DataError(
        f"{where}: cannot read {name}: {reason}. The file is missing, truncated or "
        "damaged: fetch it again, or take the item out of the catalog"
    )
