"""Checksums of whole files, as STAC's `file:checksum` records them.

A damaged file is mostly noticed by its decoder, but not always: DEFLATE without a check decodes
what is no longer what was written. Where an item records a checksum and the file is on this disk,
it is verified before the first pixel is read. Files on the web are read in windows, never whole,
and so cannot be verified.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from minecover.errors import DataError, SurveyError
from minecover.faults import is_worker_fault, worker_error
from minecover.sources.gdal import reading_error
from minecover.storage.location import open_file

__all__ = ["recorded_checksum", "verify"]

ALGORITHMS = {
    0x11: "sha1",
    0x12: "sha256",
    0x13: "sha512",
    0x14: "sha3_512",
    0x16: "sha3_256",
    0xD5: "md5",
}
"""Codes of the table of multihash (https://github.com/multiformats/multicodec)."""


def verify(path: Path, checksum: str, where: str) -> None:
    """Check that a file is the one that its item describes.

    Parameters
    ----------
    path
        On this disk; read whole once in a process while its size and time stay.
    checksum
        Multihash in hexadecimal: code, length, digest.
    where
        Names item and asset.

    Raises
    ------
    DataError
        It is another, missing, or the checksum is of an unknown kind.
    TryAgainError
        This worker cannot read it, as when it has too many files open.
    """
    algorithm, digest = _parsed(checksum, where)
    try:
        status = path.stat()
        found = _digest(path, algorithm, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise reading_error(error, str(path), where) from error
    if found != digest:
        raise DataError(
            f"{where}: {path} is not the file that its item describes: {algorithm} {found[:16]}... "
            f"instead of {digest[:16]}... (file:checksum). It is truncated, damaged or was "
            "replaced: fetch it again, correct the item, or take it out of the catalog"
        )


def recorded_checksum(path: str, key: str) -> str:
    """SHA-256 of a raster that the survey names under a key, as `file:checksum` records one.

    Its bytes are read once in a process while its size and time stay: it may be of gigabytes, and
    the fingerprint, the manifest and the reader all ask.

    Raises
    ------
    SurveyError
        It cannot be read.
    """
    try:
        if Path(path).is_dir():  # an array of a Zarr store
            return "1220" + _folder_digest(Path(path))
        status = Path(path).stat()
        return "1220" + _digest(Path(path), "sha256", status.st_size, status.st_mtime_ns)
    except OSError as error:
        if is_worker_fault(error):
            raise worker_error(key, str(path), str(error.strerror)) from error
        raise SurveyError(
            f"{key}: cannot read {path}: {error.strerror}; give the raster file"
        ) from error


def _parsed(checksum: str, where: str) -> tuple[str, str]:
    """Algorithm and digest."""
    try:
        code, rest = _varint(bytes.fromhex(checksum))
        length, digest = _varint(rest)
        algorithm = ALGORITHMS[code]
    except (ValueError, IndexError, KeyError) as error:
        raise DataError(
            f"{where}: file:checksum {checksum[:40]!r} is none of the multihashes "
            f"{', '.join(ALGORITHMS.values())}; correct the item, or take the field out of it"
        ) from error
    if len(digest) != length:
        raise DataError(
            f"{where}: file:checksum has {len(digest)} bytes of {length}; correct the item"
        )
    return algorithm, digest.hex()


def _varint(data: bytes) -> tuple[int, bytes]:
    """Read an unsigned number of seven bits a byte, least first; return it and the rest."""
    value = 0
    for index in range(len(data)):
        value |= (data[index] & 0x7F) << (7 * index)
        if data[index] < 0x80:
            return value, data[index + 1 :]
    raise IndexError("the number does not end")


def _folder_digest(folder: Path) -> str:
    """SHA-256 of the names and contents of all files in a folder."""
    parts = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        status = path.stat()
        digest = _digest(path, "sha256", status.st_size, status.st_mtime_ns)
        parts.update(f"{path.relative_to(folder).as_posix()} {digest}\n".encode())
    return parts.hexdigest()


@lru_cache(maxsize=4096)
def _digest(path: Path, algorithm: str, size: int, time: int) -> str:
    del size, time  # part of the key: a file that was replaced is read again
    with open_file(path) as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
