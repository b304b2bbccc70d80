"""From-to maps of a survey's periods, and what turned into what in hectares.

==========================  ==================================================================
file                        what it holds
==========================  ==================================================================
``change_A_B.tif``          from period A to B, the code of the class before and then that of the
                            class after: 205 is what was 2 and is 5 (`transitions.from_to`); 0:
                            nodata; uint16, uint32 where codes have three digits
``change_A_B.tif.aux.xml``  names and colours of these numbers for GDAL, and what QGIS asks for
``change_A_B.qml``          the same as a style for QGIS: what stayed is pale
``transitions.csv``         hectares of each transition, by pair of periods and by unit
==========================  ==================================================================

There is a map for each period and the next, and for the first and the last. Units are those of the
survey's register. Only where the survey has periods; equal maps give equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from rasterio.io import DatasetWriter

from minecover.arrays import BoolArray, Int64Array
from minecover.geography.grid import Window
from minecover.geography.ground_area import SQUARE_MILLIMETRES, Surface
from minecover.products.cog import MEDIA_TYPE, Raster, writing_cogs
from minecover.products.legend import attribute_table
from minecover.products.period_areas import transition_areas
from minecover.products.product import File, Product, Publication
from minecover.products.raster_style import Entry, palette_style, write_xml
from minecover.samples.classes import LandUseClass
from minecover.simulated import simulation_tags
from minecover.transitions.from_to import Codes, change_codes, digits_of, period_pairs
from minecover.transitions.settings import ARROW

__all__ = ["CHANGE", "transition_entries"]

TABLE = "transitions.csv"

PALE = 0.75
"""Share of white in the colour of what stayed."""

Pair = tuple[str, str]
Sums = dict[tuple[str, Pair], Int64Array]


class Change(Product[None]):
    """From-to maps and the table of transitions."""

    name = "change"

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List a map for each pair of periods, with its legends, and the table."""
        pairs = _pairs(publication)
        if not pairs:
            return ()
        legend, roles = "application/xml", ("metadata",)
        files = []
        for first, last in pairs:
            name, text = f"change_{first}_{last}", f"Change from {first} to {last}"
            files += [
                File(f"{name}.tif", text, MEDIA_TYPE, name),
                File(f"{name}.tif.aux.xml", f"{text}: legend for GDAL", legend, f"legend_{name}",
                     roles),
                File(f"{name}.qml", f"{text}: style for QGIS", legend, f"style_{name}", roles),
            ]  # fmt: skip
        return (
            *files,
            File(TABLE, "What turned into what, in hectares", "text/csv", "transitions"),
        )

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> None:
        """Write the maps in one pass over the tiles, and count on the way."""
        classes, pairs = publication.classes, _pairs(publication)
        entries = transition_entries(classes)
        sums = _write_maps(publication, pairs, paths)
        for first, last in pairs:
            name = f"change_{first}_{last}"
            write_xml(paths[f"{name}.tif.aux.xml"], attribute_table(entries))
            write_xml(paths[f"{name}.qml"], palette_style(entries))
        _table(sums, classes).to_csv(paths[TABLE], index=False, lineterminator="\n")


CHANGE = Change()


def _pairs(publication: Publication) -> tuple[Pair, ...]:
    timeline = publication.timeline
    return () if timeline is None else period_pairs(timeline.names)


def transition_entries(classes: Sequence[LandUseClass]) -> list[Entry]:
    """Give value, name and colour of each number of a from-to map.

    What changed has the colour of what it became; what stayed a pale one.
    """
    factor = digits_of([item.code for item in classes])
    return [
        (
            factor * before.code + after.code,
            before.name if before is after else f"{before.name} {ARROW} {after.name}",
            _pale(after.colour) if before is after else after.colour,
        )
        for before in classes
        for after in classes
    ]


def _pale(colour: str) -> str:
    parts = (round(part + PALE * (255 - part)) for part in bytes.fromhex(colour[1:]))
    return "#" + "".join(f"{part:02x}" for part in parts)


def _write_maps(publication: Publication, pairs: Sequence[Pair], paths: Mapping[str, Path]) -> Sums:
    """Write the maps; give the square millimetres of each transition, by unit and pair."""
    timeline, grid = publication.timeline, publication.grid
    assert timeline is not None
    counter = _Counter(publication, {})
    factor = digits_of(counter.codes)
    dtype = "uint16" if factor == 100 else "uint32"
    describe = partial(_describe, simulated=publication.simulated)
    rasters = [
        Raster(paths[f"change_{first}_{last}.tif"], 1, describe, dtype, 0, codes=True)
        for first, last in pairs
    ]
    with writing_cogs(grid, rasters) as writers:
        for tile in grid.tiles:
            window = grid.window(tile)
            maps = dict(zip(timeline.names, timeline.codes(window), strict=True))
            counter.count(window, maps, pairs)
            for (first, last), writer in zip(pairs, writers, strict=True):
                numbers = change_codes(maps[first], maps[last], factor)
                writer.write(window, numbers.astype(dtype)[None])
    return counter.sums


def _describe(dataset: DatasetWriter, simulated: Sequence[str]) -> None:
    dataset.set_band_description(1, "class before and class after")
    dataset.update_tags(**simulation_tags(simulated))


@dataclass(frozen=True)
class _Counter:
    """Square millimetres of transitions, (class before, class after), by unit and pair."""

    publication: Publication
    sums: Sums

    @property
    def codes(self) -> list[int]:
        return [item.code for item in self.publication.classes]

    def count(self, window: Window, maps: Mapping[str, Codes], pairs: Sequence[Pair]) -> None:
        """Add a window."""
        areas = Surface(self.publication.grid).pixel_areas(window)
        for unit, mask in self._units(window):
            for first, last in pairs:
                found = transition_areas(
                    maps[first][mask], maps[last][mask], self.codes, areas[mask]
                )
                known = self.sums.setdefault((unit, (first, last)), np.zeros_like(found))
                known += found

    def _units(self, window: Window) -> Iterator[tuple[str, BoolArray]]:
        """Name and pixels of the whole area, which has no name, and of each unit of a window."""
        yield "", np.ones(window.shape, dtype=np.bool_)
        register = self.publication.register
        if register is not None and register.units is not None:
            for number, mask in register.units.over(self.publication.grid, window):
                yield register.units.names[number], mask


def _table(sums: Sums, classes: Sequence[LandUseClass]) -> pd.DataFrame:
    """Rows by unit, the whole area first, pair, and class before and after; zeros too."""
    names = [item.name for item in classes]
    rows = []
    for (unit, pair), areas in sorted(sums.items(), key=lambda item: item[0][0]):
        hectares = areas / SQUARE_MILLIMETRES
        for row, before in enumerate(names):
            whole = float(hectares[row].sum())
            for column, after in enumerate(names):
                value = float(hectares[row, column])
                share = round(value / whole, 6) if whole else None
                rows.append((unit, *pair, before, after, round(value, 4), share))
    columns = ("unit", "from_period", "to_period", "from", "to", "hectares", "share_of_from")
    return pd.DataFrame(rows, columns=list(columns))
