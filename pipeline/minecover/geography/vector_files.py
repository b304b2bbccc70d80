"""Why a vector file cannot be read, in words that say what to do."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["check_whole", "reason_of"]

REASONS = {
    r"SHAPE_RESTORE_SHX|Unable to open .*shx": "its .shx is missing or damaged; copy all parts of "
    "the Shapefile",
    r"not recognized": "it is damaged, or of a format that is not read; save it as GeoPackage or "
    "GeoJSON",
    r"malformed|corrupt|magic bytes|pars(e|ing)|Failed to read|Unterminated|unexpected": "it is "
    "damaged or cut short; copy or export it again",
}
"""What libraries say, and what that means; the first that fits."""

PARTS = (".shp", ".shx", ".dbf")
"""Of a Shapefile, whose heads say how long they are."""


def reason_of(error: BaseException, path: Path) -> str:
    """Say in plain words why a library could not read a file; its own words where none fit."""
    text = str(error).replace(str(path), "it")
    for pattern, reason in REASONS.items():
        if re.search(pattern, text, re.IGNORECASE):
            return reason
    return text


def check_whole(path: Path) -> None:
    """Refuse a Shapefile that is shorter than its heads say: what is cut off would be left out.

    Raises
    ------
    OSError
        It is.
    """
    if path.suffix.lower() != ".shp":
        return
    for part in path.parent.iterdir():
        if part.stem != path.stem or part.suffix.lower() not in PARTS or not part.is_file():
            continue
        size, wanted = part.stat().st_size, _length(part)
        if size < wanted:
            raise OSError(
                f"its {part.suffix} is cut short ({size:,} of {wanted:,} bytes); copy or export it "
                "again"
            )


def _length(part: Path) -> int:
    """Bytes that a part of a Shapefile has by its head."""
    with part.open("rb") as file:
        head = file.read(28)
    if part.suffix.lower() == ".dbf":  # rows of one length after the head
        rows, start, row = (
            int.from_bytes(head[a:b], "little") for a, b in ((4, 8), (8, 10), (10, 12))
        )
        return start + rows * row
    return 2 * int.from_bytes(head[24:28], "big")  # counted in units of two bytes
