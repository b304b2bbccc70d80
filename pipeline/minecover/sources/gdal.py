"""How GDAL reads: bounded memory and time, no look around files far away; and its errors."""

from __future__ import annotations

import rasterio
from rasterio.io import DatasetReader
from rasterio.session import Session

from minecover.errors import DataError, MinecoverError, SurveyError, TryAgainError
from minecover.faults import Fault, classify, error_chain, first_line, is_worker_fault, worker_error
from minecover.sources.links import redacted
from minecover.storage.location import is_url
from minecover.storage.s3 import S3Access

__all__ = ["gdal_env", "gdal_options", "gdal_path", "open_raster", "reading_error"]

FORMATS = ("GTiff", "JP2OpenJPEG", "JP2KAK", "JP2ECW", "JP2MrSID")
"""Drivers of GDAL that open the images of a catalog, TIFF and JPEG 2000: none of them opens other
files that a document names, as VRT does."""

BLOCK_BYTES = 128 * 2**20
"""Decoded blocks that a process keeps, for the tiles beside one; rasterio takes bytes, not MiB."""


def gdal_options(place: str = "") -> dict[str, str | int | float]:
    """GDAL's options while a raster is open.

    Parameters
    ----------
    place
        What GDAL opens. Beside a file on a disk others are looked at (`.aux.xml` has nodata,
        `.msk` a mask); in a bucket or on the web each would cost a request for every raster.
    """
    beside = place and not is_url(place) and not place.startswith("/vsi")
    return {
        "GDAL_DISABLE_READDIR_ON_OPEN": "FALSE" if beside else "EMPTY_DIR",
        "GDAL_CACHEMAX": BLOCK_BYTES,
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


def gdal_env(s3: S3Access, place: str = "", **more: str) -> rasterio.Env:
    """Set GDAL up for the current thread, for a `with` block: options, and access to buckets.

    Libraries that set further options inside the block leave these as they are.
    """
    return rasterio.Env(_BucketSession(s3), **{**gdal_options(place), **more})


def open_raster(path: str, *, own: bool = False) -> DatasetReader:
    """Open a raster inside of `gdal_env`.

    Parameters
    ----------
    path
        What GDAL opens.
    own
        The survey itself names the file, which may then be of any format that GDAL reads.

    Raises
    ------
    RasterioIOError
        It cannot be opened, or is no image of `FORMATS`.
    """
    return DatasetReader(path, driver=None if own else list(FORMATS))


class _BucketSession(Session):  # type: ignore[misc]
    """Access to buckets, in GDAL's options; what it leaves out GDAL takes from the environment."""

    def __init__(self, s3: S3Access) -> None:
        self.s3 = s3
        self.credentials: dict[str, str] = {}

    def get_credential_options(self) -> dict[str, str]:
        s3, options = self.s3, {}
        if s3.endpoint:
            scheme, _, options["AWS_S3_ENDPOINT"] = s3.endpoint.partition("://")
            options["AWS_HTTPS"] = "YES" if scheme == "https" else "NO"
            options["AWS_VIRTUAL_HOSTING"] = "TRUE" if s3.virtual_hosting else "FALSE"
        if s3.region:
            options["AWS_REGION"] = s3.region
        if s3.credentials is not None:
            options["AWS_NO_SIGN_REQUEST"] = "NO"
            options["AWS_ACCESS_KEY_ID"] = s3.credentials.key
            options["AWS_SECRET_ACCESS_KEY"] = s3.credentials.secret
            options["AWS_SESSION_TOKEN"] = s3.credentials.token
        return options


def gdal_path(place: str) -> str:
    """Path as GDAL wants it: `s3://` goes to its own reader of buckets."""
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
    reason, name = redacted(first_line(root))[:300], redacted(href)
    if is_worker_fault(error):
        return worker_error(where, name, reason)
    fault, remote = classify(error), is_url(href) or href.startswith("/vsi")
    if remote and fault is Fault.PASSING:
        server = " and `catalog.s3_endpoint`" if name.startswith(("s3://", "/vsis3/")) else ""
        return TryAgainError(
            f"{where}: {name} does not answer: {reason}; check the network{server}; the same "
            "command resumes"
        )
    if remote and fault in (Fault.REJECTED, Fault.NO_CREDENTIALS):
        return SurveyError(
            f"{where}: the server refuses {name}: {reason}. Check the credentials, which may have "
            "expired: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION "
            "(or each with MINECOVER_CATALOG_ for AWS_) and `catalog.s3_endpoint` for s3://, "
            "`catalog.sign` or ~/.netrc for https://; a bucket that may not be listed says the "
            "same of a missing file. Then run the same command again"
        )
    return DataError(
        f"{where}: cannot read {name}: {reason}. The file is missing, truncated or "
        "damaged: fetch it again, or take the item out of the catalog"
    )
