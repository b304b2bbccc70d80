"""How digital numbers of Sentinel-2 L2A become reflectance, decided of all that is known.

Known may be what the survey says of an item or baseline, the item's own record of scale and
offset, whether its provider added the offset already, and its processing baseline. A record that
says nothing (the scale 1 and offset 0 that generators write for any file) counts as none, and one
in another unit is translated. What contradicts the baseline decides nothing: unless the image's own
pixels prove one of the two (`offset_proof`), the item is refused, with the setting that decides it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minecover.sources.item_document import Document, ItemError, number_in
from minecover.sources.recorded import Recorded

__all__ = [
    "ContradictionError",
    "Rescaling",
    "baseline_of",
    "harmonised",
    "product_names",
    "scale_of",
]

QUANTIFICATION = 1e-4
"""Reflectance of one DN (Sentinel-2 Products Specification Document, QUANTIFICATION_VALUE)."""

BOA_ADD_OFFSET = -1000.0
"""DN to add from processing baseline 04.00 on (25 January 2022)."""

ADDED = tuple(f"{name}:boa_offset_applied" for name in ("earthsearch", "sentinel", "sentinel2"))
"""Properties by which providers say that they added it already, the first two of Earth Search."""

BASELINES = tuple(f"{name}:processing_baseline" for name in ("s2", "sentinel", "sentinel2"))
"""Properties with the processing baseline; Digital Earth Africa has the second."""

PRODUCT_NAMES = ("s2:product_uri", "sentinel:product_id", "title")
"""Properties that may have the product's name, in which the baseline is, too."""


@dataclass(frozen=True)
class Rescaling:
    """Reflectance = (number + offset) * scale, and why."""

    scale: float
    offset: float
    reason: str


class ContradictionError(ItemError):
    """An item's record and its baseline name two offsets; its pixels may prove one of them.

    Attributes
    ----------
    scale
        Reflectance of one number.
    offsets
        In numbers: of the record and of the baseline.
    facts
        What contradicts what.
    """

    def __init__(self, text: str, scale: float, offsets: tuple[float, float], facts: str) -> None:
        super().__init__(text)
        self.scale, self.offsets, self.facts = scale, offsets, facts


def harmonised(item: Document, asset: str, own: Recorded) -> Rescaling:
    """Decide how an asset's DN become reflectance.

    The item's own record goes before its processing baseline: a provider that has already added
    the offset says so (`ADDED`), even beside a `raster:bands` that still
    names it, and a date alone decides nothing, because archives are reprocessed.

    Parameters
    ----------
    item, asset
        Document, and key of the asset in it.
    own
        The asset's record.

    Raises
    ------
    ItemError
        Neither an offset nor a baseline is recorded.
    ContradictionError
        The two contradict each other.
    """
    where = f"item {item.get('id')}, asset {asset}"
    if own.is_float and own.scale == 1:
        return Rescaling(1.0, own.offset or 0.0, "raster scale 1: the numbers are reflectance")
    scale = scale_of(own)
    for key in ADDED:
        if str(item.get("properties", {}).get(key)).lower() == "true":
            return Rescaling(scale, 0.0, f"{key}: already in the DN")
    known = baseline_of(item)
    if own.offset is None or _says_nothing(own):
        if known is None:
            raise ItemError(
                f"{where}: neither a raster offset nor a processing baseline is recorded, so DN "
                "cannot become reflectance; add s2:processing_baseline to the item, name its "
                "offset in `sources.sentinel2.offsets`, or set `sources.sentinel2.offset: none` "
                "if all DN are reflectance x 10000"
            )
        return Rescaling(scale, _offset_of(known[0]), known[1])
    offset, reason = _recorded_offset(own, scale, where)
    if known is not None and offset != _offset_of(known[0]):
        raise _contradiction(item, where, Rescaling(scale, offset, reason), known)
    return Rescaling(scale, offset, reason)


def _contradiction(
    item: Document, where: str, record: Rescaling, known: tuple[float, str]
) -> ContradictionError:
    facts, other = f"{record.reason} contradicts {known[1]}", _offset_of(known[0])
    text = (
        f"{where}: its {facts}, whose DN need {other:g}; say which counts in "
        f"`sources.sentinel2.offsets`, in DN, as `{item.get('id')}: {record.offset:g}` or, for all "
        f"of its baseline, `'{known[0]:05.2f}': {record.offset:g}`"
    )
    return ContradictionError(text, record.scale, (record.offset, other), facts)


def scale_of(own: Recorded) -> float:
    """Scale of a record; that of the product where it says nothing."""
    if own.is_float and own.scale == 1:
        return 1.0
    return QUANTIFICATION if own.scale in (None, 0.0, 1.0) else float(own.scale or 0.0)


def _says_nothing(own: Recorded) -> bool:
    """Tell whether a record is what generators write for any file of integers."""
    return own.scale == 1 and own.offset == 0


def _recorded_offset(own: Recorded, scale: float, where: str) -> tuple[float, str]:
    """Offset in DN, and what the record says.

    Raises
    ------
    ItemError
        No product has such an offset.
    """
    value = own.offset or 0.0
    in_numbers = abs(value) >= 1  # as reflectance it would be beyond anything
    offset = value if in_numbers else round(value / scale, 6)
    if math.isclose(scale, QUANTIFICATION) and offset not in (0.0, BOA_ADD_OFFSET):
        raise ItemError(
            f"{where}: raster offset {value:g} is of no Sentinel-2 product (0 or -0.1); name the "
            f"right one, in DN, in `sources.sentinel2.offsets`"
        )
    return offset, f"raster offset {value:g} of the asset{' (in DN)' if in_numbers else ''}"


def _offset_of(baseline: float) -> float:
    return BOA_ADD_OFFSET if baseline >= 4 else 0.0


def baseline_of(item: Mapping[str, Any]) -> tuple[float, str] | None:
    """Find the processing baseline, in a property or the product's name, and say where."""
    properties = item.get("properties", {})
    for key in BASELINES:
        known = _baseline_in(properties.get(key))
        if known is not None:
            return known, f"{key} {known:05.2f}"
    version = str(properties.get("processing:version"))  # of whatever made the product
    if re.fullmatch(r"\d\d\.\d\d", version):
        return float(version), f"processing:version {version}"
    for text in product_names(item):
        found = re.search(r"_N(\d\d)(\d\d)_", text)
        if found:
            return float(f"{found[1]}.{found[2]}"), f"product name {found[0].strip('_')}"
    return None


def product_names(item: Mapping[str, Any]) -> list[str]:
    """Texts of an item that may be the name of its product."""
    properties = item.get("properties", {})
    return [str(text) for text in (*map(properties.get, PRODUCT_NAMES), item.get("id"))]


def _baseline_in(value: object) -> float | None:
    """Read a baseline: 05.10, also as the number 5.1, as 0510 or as N0510 of a product's name."""
    found = re.fullmatch(r"N?(\d\d)(\d\d)", str(value))
    known = number_in(value if found is None else f"{found[1]}.{found[2]}")
    return known if known is not None and 0 <= known < 100 else None
