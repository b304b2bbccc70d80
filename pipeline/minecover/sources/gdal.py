"""How GDAL reads: bounded memory and time, no look around the file; and what its faults mean."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from minecover.errors import DataError, MinecoverError, TryAgainError
from minecover.survey import is_url

__all__ = ["fault", "gdal_options", "gdal_path"]

_PASSING = re.compile(
    r"timed? ?out|could ?n.t (resolve|connect)|could not (resolve|connect)"
    r"|connection (reset|refused)|CURL error|response_code=(0|429|5\d\d)"
    r"|HTTP (response code|error code)[^:]*: ?(429|5\d\d)|SlowDown",
    re.IGNORECASE,
)

_SIGNATURE = re.compile(r"\?[^\s'\"]*")


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
        Link of the raster, unsigned.
    where
        Names item and asset.

    Returns
    -------
    `TryAgainError` where a server did not answer, else `DataError`. Signatures of links are
    taken out of the text.
    """
    texts: list[str] = []
    link: BaseException | None = error
    while link is not None:
        texts.append(_SIGNATURE.sub("", str(link)))
        link = link.__cause__ or link.__context__
    if is_url(href) and _PASSING.search("; ".join(texts)):
        return TryAgainError(
            f"{where}: {href} does not answer: {texts[-1][:300]}; the same command resumes"
        )
    return DataError(
        f"{where}: cannot read {href}: {texts[-1][:300]}. The file is missing, truncated or "
        "damaged: fetch it again, or take the item out of the catalog"
    )
