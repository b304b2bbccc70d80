"""What the map page reads: the grid, the classes, the layers, and the outlines of the mines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyogrio
import shapely

from minecover.geography.approximation import grid_polynomials
from minecover.geography.grid import Grid
from minecover.products.change import transition_entries
from minecover.products.class_sets import SETS_FILE, published_sets
from minecover.products.landuse import APPLICABILITY, ENTROPY, MAP, PROBABILITY, threshold_of
from minecover.products.overview import OVERVIEW
from minecover.products.palette import CONFIDENCE, DOUBT, OUTSIDE, SEQUENTIAL, steps_of
from minecover.products.period_maps import PERIOD_MAPS_FILE
from minecover.products.product import Publication
from minecover.products.true_colour import TRUE_COLOUR_FILE
from minecover.storage.canonical_json import Json, canonical_json, null_for_nan
from minecover.storage.names import probability_layers
from minecover.transitions.from_to import period_pairs

__all__ = ["FORMAT", "grid_document", "map_document", "periods_of", "write_outlines"]

FORMAT = 2
"""Of `layers.json`."""

BATCH = 1000
"""Outlines that are in memory at once."""

SHEET = ("id", "class", "area_ha", "perimeter_m", "lon", "lat", "probability", "doubtful")
"""Columns that the sheet of a mine shows."""

SHEET_OF_PERIOD = (
    "mine", "period", "area_ha", "growth_ha", "ground_ha", "first_disturbed", "lon", "lat",
)  # fmt: skip
"""Columns that it shows of a mine that is followed through periods."""


def map_document(
    publication: Publication, *, mines: str | None, mines_of_periods: Mapping[str, str]
) -> dict[str, Json]:
    """Describe a publication to the map page; files are named as seen from its folder.

    Parameters
    ----------
    publication
        Its files are named, and read by the page.
    mines
        File of their outlines; None: they are not published.
    mines_of_periods
        Name of a period to the file of theirs in it, where they are followed through periods.
    """
    return {
        "format": FORMAT,
        "title": publication.title or publication.name.replace("_", " "),
        "simulated": list(publication.simulated),
        "report": "../report.html" if _publishes(publication, "report.html") else None,
        "grid": grid_document(publication.grid),
        "classes": [item.model_dump(mode="json") for item in publication.classes],
        "seasons": list(publication.seasons),
        "periods": periods_of(publication),
        "layers": list(_layers(publication)),
        "pixels": _pixels(publication),
        "threshold": threshold_of(publication.map),
        "sets": published_sets(publication),
        "mines": mines,
        "mines_of_periods": dict(mines_of_periods),
        "samples": None,
        "point": None,
    }


def grid_document(grid: Grid) -> dict[str, Json]:
    """Describe a grid to a page."""
    return {
        "crs": grid.crs_name,
        "resolution": grid.resolution,
        "shape": list(grid.shape),
        "origin": [grid.geobox.affine.c, grid.geobox.affine.f],
        "fit": grid_polynomials(grid),
    }


def _layers(publication: Publication) -> Iterator[dict[str, Json]]:
    """List what can be shown from the COGs, in the order in which it is offered."""
    yield {
        "id": "landuse", "group": "Map", "title": "Land use", "kind": "classes",
        "url": f"../{MAP}", "bands": [1], "stored": ["landuse"],
        "periods": _landuse_of_periods(publication),
    }  # fmt: skip
    yield from _probabilities(publication)
    yield from _uncertainties(publication)
    yield from _ground(publication)
    yield from _changes(publication)
    if OVERVIEW in publication:
        yield from publication.result(OVERVIEW)


def _probabilities(publication: Publication) -> Iterator[dict[str, Json]]:
    for band, item in enumerate(publication.classes, start=1):
        name = item.name.replace("_", " ")
        yield {
            "id": f"probability.{item.code}", "group": "Probability of a class",
            "title": f"Probability of {name}", "kind": "ramp", "url": f"../{PROBABILITY}",
            "bands": [band], "stored": list(probability_layers([item.name])),
            "low": 0.0, "high": 1.0, "unit": "1", "colours": list(CONFIDENCE),
        }  # fmt: skip


def _uncertainties(publication: Publication) -> Iterator[dict[str, Json]]:
    """List entropy, and how unlike the labelled points a place is, where that was found."""
    threshold = threshold_of(publication.map)
    yield {
        "id": "entropy", "group": "Uncertainty", "title": "Entropy", "kind": "ramp",
        "url": f"../{ENTROPY}", "bands": [1], "stored": ["entropy"], "low": 0.0,
        "high": math.log2(len(publication.classes)), "unit": "bit", "colours": list(DOUBT),
    }  # fmt: skip
    if threshold is not None:
        yield {
            "id": "applicability", "group": "Uncertainty", "title": "Applicability",
            "kind": "ramp", "url": f"../{APPLICABILITY}", "bands": [1],
            "stored": ["dissimilarity"], "low": 0.0,
            "high": threshold, "unit": "1", "colours": list(SEQUENTIAL[1:]),
            "threshold": threshold, "outside": OUTSIDE,
        }  # fmt: skip
    sets = published_sets(publication)
    if sets is not None and _publishes(publication, SETS_FILE):
        colours = steps_of(DOUBT, len(publication.classes))
        yield {
            "id": "sets", "group": "Uncertainty", "title": "Possible classes", "kind": "codes",
            "url": f"../{SETS_FILE}", "bands": [1],
            "colours": {str(number): colour for number, colour in enumerate(colours, start=1)},
            "key": [[colour, f"{n} class{'es' * (n > 1)}"] for n, colour in enumerate(colours, 1)],
            "note": f"Classes in the set that holds the true one at {sets['level']:.0%}.",
        }  # fmt: skip


def _ground(publication: Publication) -> Iterator[dict[str, Json]]:
    """List the ground in true colour, where it is published."""
    shown = publication.true_colour
    if shown is not None and _publishes(publication, TRUE_COLOUR_FILE):
        yield {
            "id": "ground", "group": "Ground", "title": f"True colour, {shown.season}",
            "kind": "bands", "url": f"../{TRUE_COLOUR_FILE}", "bands": [1, 2, 3], "nodata": 0,
            "low": [0.0] * 3, "high": [255.0] * 3,
        }  # fmt: skip


def _changes(publication: Publication) -> Iterator[dict[str, Json]]:
    """List classes before and after, of every two periods of which they are published."""
    for first, last in period_pairs(periods_of(publication)):
        file = f"change_{first}_{last}.tif"
        if _publishes(publication, file):
            entries = transition_entries(publication.classes)
            yield {
                "id": f"change.{first}.{last}", "group": "Change", "kind": "codes",
                "title": f"From {first} to {last}", "url": f"../{file}", "bands": [1],
                "of_pair": True, "colours": {code: colour for code, _, colour in entries},
                "key": [[item.colour, item.name] for item in publication.classes],
                "note": "In the colour of what it became; pale where it stayed what it was.",
            }  # fmt: skip


def _publishes(publication: Publication, name: str) -> bool:
    return any(file.name == name for file in publication.files)


def periods_of(publication: Publication) -> list[str]:
    """Names of the periods, the last of which the other files are of; none where there is one."""
    timeline = publication.timeline
    return list(timeline.names) if timeline is not None and len(timeline) > 1 else []


def _landuse_of_periods(publication: Publication) -> dict[str, Json]:
    """Say where the class codes of each period are published."""
    if not _publishes(publication, PERIOD_MAPS_FILE):
        return {}
    names = periods_of(publication)
    url = f"../{PERIOD_MAPS_FILE}"
    return {name: {"url": url, "bands": [band]} for band, name in enumerate(names, start=1)}


def _pixels(publication: Publication) -> dict[str, Json]:
    """Name the files that answer what is at a pixel."""
    bands = list(range(1, len(publication.classes) + 1))
    probabilities = list(probability_layers(item.name for item in publication.classes))
    files: dict[str, Json] = {
        "landuse": {
            "url": f"../{MAP}",
            "bands": [1],
            "stored": ["landuse"],
            "periods": _landuse_of_periods(publication),
        },
        "probability": {"url": f"../{PROBABILITY}", "bands": bands, "stored": probabilities},
        "entropy": {"url": f"../{ENTROPY}", "bands": [1], "stored": ["entropy"]},
    }
    if threshold_of(publication.map) is not None:
        stored = ["dissimilarity"]
        files["applicability"] = {"url": f"../{APPLICABILITY}", "bands": [1], "stored": stored}
    return files


def write_outlines(
    source: Path | None, layer: str, grid: Grid, target: Path, period: str | None = None
) -> None:
    """Write the outlines of a GeoPackage, batch by batch: rings of corners of pixels, and figures.

    Parameters
    ----------
    source
        The GeoPackage; None: there are no outlines.
    layer
        In it.
    grid
        Whose pixels are counted.
    target
        A JSON file with `mines`, a list.
    period
        Of which outlines are written; None: the layer knows none.
    """
    outlines = () if source is None else _outlines(source, layer, grid, period)
    with target.open("wb") as stream:
        stream.write(b'{"mines":[')
        for number, outline in enumerate(outlines):
            stream.write(b"\n" if number == 0 else b",\n")
            stream.write(canonical_json(null_for_nan(outline)))
        stream.write(b"]}\n")


def _outlines(
    source: Path, layer: str, grid: Grid, period: str | None
) -> Iterator[dict[str, Json]]:
    corner = np.array([grid.geobox.affine.c, grid.geobox.affine.f])
    step = np.array([grid.resolution, -grid.resolution])

    def corners(ring: shapely.LinearRing) -> list[list[int]]:
        places = (shapely.get_coordinates(ring) - corner) / step
        rounded: list[list[int]] = np.rint(places).astype(np.int64).tolist()
        return rounded

    wanted = None if period is None else f"period = '{period.replace(chr(39), 2 * chr(39))}'"
    columns = list(SHEET if period is None else SHEET_OF_PERIOD)
    for start in range(0, pyogrio.read_info(source, layer=layer)["features"], BATCH):
        frame = pyogrio.read_dataframe(
            source, layer=layer, where=wanted, skip_features=start, max_features=BATCH
        )
        sheets = frame[columns].to_dict("records")
        for sheet, shape in zip(sheets, frame.geometry, strict=True):
            parts = [] if shape is None else getattr(shape, "geoms", [shape])
            rings = [[*map(corners, (part.exterior, *part.interiors))] for part in parts]
            if rings:  # a mine that is gone has a row and no outline
                yield {**sheet, "parts": rings}
