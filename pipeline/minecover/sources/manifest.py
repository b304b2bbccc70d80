"""The manifest: what was found in the catalog, frozen once for the whole run.

It keeps of each item what later stages need and nothing else, in one sorted JSON document, so
that equal findings are equal bytes in any folder. Links of a local catalog are relative to the
catalog's folder; links of a remote one are unsigned.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from pydantic import ValidationError

from minecover.arrays import Float64Array
from minecover.errors import StoreError
from minecover.settings import Frozen
from minecover.storage.fingerprint import fingerprint
from minecover.storage.names import MANIFEST_FILE
from minecover.storage.store import Store

__all__ = ["ALWAYS", "Asset", "Item", "Manifest", "UnusedItem"]

ALWAYS = ""
"""Season of what is observed once."""


class Asset(Frozen):
    """One raster of one band, on the grid it was delivered in.

    Attributes
    ----------
    href
        Relative to the catalog's folder, `survey:KEY` for the file that the survey names
        under that key, or a URL.
    crs
        Authority code, or WKT where there is none.
    transform
        Column and row to x and y: a, b, c, d, e, f of the affine.
    shape
        Rows and columns.
    nodata
        Value that means nodata, beside what the file itself says.
    scale, offset
        Value = (DN + offset) * scale.
    checksum
        Of the whole file, as `file:checksum` has it; None where the item records none.
    band
        Number of the band in a file of several, from 1, or what it is called there; None: the
        file has one.
    masked
        Whether its validity lies in a mask or a band of opacity of the file.
    note
        Where the file was followed rather than the item's record, and why.
    """

    href: str
    crs: str
    transform: tuple[float, float, float, float, float, float]
    shape: tuple[int, int]
    nodata: float | None = None
    scale: float = 1.0
    offset: float = 0.0
    checksum: str | None = None
    band: int | str | None = None
    masked: bool = False
    note: str = ""


class Item(Frozen):
    """One item of one source.

    Attributes
    ----------
    seasons
        Names of the seasons it belongs to; (`ALWAYS`,) where a source has none.
    acquisition
        Number of the overpass: items of one overpass are one observation.
    rank
        Among items of one overpass the lowest rank that is valid at a pixel wins.
    bounds
        Left, bottom, right, top in the survey's CRS.
    decision
        Why scale and offset are what they are.
    baseline
        Version of the processing, 0 where unknown: of two items on one grid the later one wins.
    simulated
        Whether its record says that the data was simulated.
    orbit_state, relative_orbit
        Of a radar item, where the survey keeps orbits apart: `ascending` or `descending`, and the
        number of the orbit; 0 where unknown.
    """

    source: str
    seasons: tuple[str, ...]
    id: str
    collection: str | None = None
    datetime: str | None = None
    platform: str | None = None
    acquisition: int = 0
    rank: int = 0
    bounds: tuple[float, float, float, float]
    decision: str = ""
    baseline: float = 0.0
    simulated: bool = False
    orbit_state: str = ""
    relative_orbit: int = 0
    assets: dict[str, Asset]


class UnusedItem(Frozen):
    """What the catalog has and the survey does not use.

    Attributes
    ----------
    source
        Whose item it is; empty: a document that is of no source.
    id
        Of the item, or address of the document.
    seasons
        Names of the seasons it would belong to.
    reason
        What is wrong with it, where, and how to fix it.
    """

    source: str
    id: str
    collection: str | None = None
    seasons: tuple[str, ...] = ()
    reason: str


class Manifest(Frozen):
    """All items of a survey, sorted by source, time and id.

    Attributes
    ----------
    crs
        The survey's.
    found
        What is used.
    left_out
        What is not, because something is wrong with it.
    """

    version: int = 1
    crs: str
    found: tuple[Item, ...]
    left_out: tuple[UnusedItem, ...] = ()

    def items(
        self, source: str, season: str, bounds: tuple[float, float, float, float] | None = None
    ) -> tuple[Item, ...]:
        """Items of a source and season that touch a rectangle.

        Parameters
        ----------
        source
            As in the survey's `sources`.
        season
            Its name, or `ALWAYS`.
        bounds
            Left, bottom, right, top in the survey's CRS; None: all.

        Returns
        -------
        Items, sorted by overpass and rank.
        """
        chosen = self._index.get((source, season), ())
        if bounds is None or not chosen:
            return chosen
        edges = self._edges[source, season]
        left, bottom, right, top = bounds
        touching = (
            (edges[:, 0] < right)
            & (edges[:, 2] > left)
            & (edges[:, 1] < top)
            & (edges[:, 3] > bottom)
        )
        return tuple(chosen[i] for i in np.flatnonzero(touching))

    @cached_property
    def _index(self) -> dict[tuple[str, str], tuple[Item, ...]]:
        index: dict[tuple[str, str], list[Item]] = {}
        for item in self.found:
            for season in item.seasons:
                index.setdefault((item.source, season), []).append(item)
        return {
            key: tuple(sorted(items, key=lambda item: (item.acquisition, item.rank)))
            for key, items in index.items()
        }

    @cached_property
    def _edges(self) -> dict[tuple[str, str], Float64Array]:
        return {
            key: np.array([item.bounds for item in items], dtype=np.float64)
            for key, items in self._index.items()
        }

    @property
    def simulated(self) -> frozenset[str]:
        """Names of the sources of which an item was simulated."""
        return frozenset(item.source for item in self.found if item.simulated)

    @property
    def fingerprint(self) -> str:
        """Equal for equal findings, in any folder."""
        return fingerprint(self._json())

    def _json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_defaults=True)

    def save(self, store: Store, name: str = MANIFEST_FILE) -> None:
        """Write `manifest.json`, or the manifest of a period."""
        store.write_json(name, {"version": self.version, **self._json()})

    @classmethod
    def load(cls, store: Store, name: str = MANIFEST_FILE) -> Manifest:
        """Read `manifest.json`, or another manifest of a store.

        Raises
        ------
        StoreError
            It is not there, or damaged.
        """
        raw = store.read_json(name)
        if raw is None:
            raise StoreError(f"{store.url}/{name}: not there; run `minecover catalog` first")
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise StoreError(
                f"{store.url}/{name}: damaged ({error.error_count()} mistakes); "
                "delete it and run again"
            ) from error
