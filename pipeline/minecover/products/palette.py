"""Colours in which maps and figures are shown: those of the report, of QGIS and of `mc.plot`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

__all__ = [
    "CONFIDENCE",
    "DIVERGING",
    "DOUBT",
    "INKS",
    "OUTSIDE",
    "SEQUENTIAL",
    "SERIES",
    "TERRAIN",
    "UNKNOWN",
    "ramp_of",
    "steps_of",
]

SEQUENTIAL = ("#440154", "#3b528b", "#21918c", "#5ec962", "#fde725")
"""Viridis of Matplotlib: equal steps look equal, also without colour vision."""

DIVERGING = ("#8c510a", "#d8b365", "#f6f2e4", "#7fbf7b", "#1b7837")
"""Below and above zero, which is pale (after BrBG of ColorBrewer 2.0)."""

TERRAIN = ("#2b7a4b", "#a6c96a", "#f2e6a0", "#b0763f", "#f7f4f2")
"""From valleys to summits."""

CONFIDENCE = ("#f7f4f2", "#d9d3ea", "#a294c6", "#5b4b8a")
"""From no probability to certainty."""

DOUBT = ("#0b0724", "#57157e", "#b5367a", "#fb8761", "#fcfdbf")
"""From certain to undecided, as in the report (after Matplotlib's magma)."""

OUTSIDE = "#c2452d"
"""Above a threshold."""

INKS: Mapping[str, tuple[str, str]] = {
    "hit": ("#0d7a6e", "#3fb3a3"),
    "miss": ("#c2452d", "#e57a62"),
    "relieff": ("#0d7a6e", "#3fb3a3"),
    "forest": ("#c98a1b", "#dca844"),
}
"""Of right and wrong in a confusion matrix and of the two rankings, on light and on dark."""

SERIES = (
    ("#0d7a6e", "#3fb3a3"),
    ("#c98a1b", "#dca844"),
    ("#8557b0", "#b48ade"),
    ("#3b72c0", "#7aa8ec"),
    ("#c2452d", "#e57a62"),
    ("#74827f", "#93a29e"),
    ("#a03a78", "#dc85b8"),
    ("#6b7a1e", "#b3c252"),
)
"""Of things compared, as models, in their order, on light and on dark; they repeat."""

UNKNOWN = (
    "#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2",
    "#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#bab0ac",
)  # fmt: skip
"""Of classes whose colours nobody knows (Tableau 10), over and over."""


def ramp_of(low: float, high: float, unit: str) -> tuple[Sequence[str], float, float]:
    """Choose colours for numbers by their range and unit.

    Parameters
    ----------
    low, high
        Ends of the range.
    unit
        Of the values; metres get the colours of a terrain, whatever their signs.

    Returns
    -------
    Colours from low to high, as #rrggbb, and the ends that they are for: where these have different
    signs, colours part at zero, and the ramp is as long on both sides of it.
    """
    if unit == "m":
        return TERRAIN, low, high
    if low < 0 < high:
        most = max(-low, high)
        return DIVERGING, -most, most
    return SEQUENTIAL, low, high


def steps_of(colours: Sequence[str], count: int) -> list[str]:
    """Choose so many colours, evenly from the first of a ramp to its last.

    >>> steps_of(("#000000", "#ffffff"), 3)
    ['#000000', '#808080', '#ffffff']
    """
    stops = np.array([list(bytes.fromhex(colour[1:])) for colour in colours])
    places, known = np.linspace(0, 1, count), np.linspace(0, 1, len(stops))
    parts = [np.rint(np.interp(places, known, part)).astype(np.uint8) for part in stops.T]
    return [f"#{bytes(colour.tolist()).hex()}" for colour in np.stack(parts, axis=1)]
