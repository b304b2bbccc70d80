"""The report of a survey: one HTML file that needs neither network nor scripts.

The page forbids both by its own content security policy, escapes every name, follows the
reader's light or dark colours, and prints on A4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from minecover.accuracy.few import FEW_POINTS
from minecover.geography.boundary import HALF_ROUND, WGS84, degree_bounds
from minecover.geography.grid import Grid
from minecover.products.areas import MapAreas
from minecover.products.class_sets import CLASS_SETS
from minecover.products.figures import (
    Picture,
    class_picture,
    entropy_picture,
    map_frame,
    natural_picture,
    ramp,
)
from minecover.products.landuse import LANDUSE
from minecover.products.mines import MINES
from minecover.products.page import page_environment
from minecover.products.patch_figures import DOUBTFUL
from minecover.products.periods import period_section
from minecover.products.product import File, Product, Publication
from minecover.products.report_tables import (
    Split,
    group_table,
    ranked_layers,
    splits,
)
from minecover.samples.classes import LandUseClass
from minecover.storage.canonical_json import Json

__all__ = ["REPORT"]

FILE = File("report.html", "Report", "text/html", "report", ("overview",))

WIDE_MATRIX = 8
"""Classes of which two confusion matrices fit beside each other."""


class Report(Product[None]):
    """Map, uncertainty, mines, accuracy, features and how the map was made, to be read."""

    name = "report"
    requires = ("landuse",)
    highlights: ClassVar[Mapping[str, str]] = {"report": FILE.name}

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List the page."""
        del publication
        return (FILE,)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> None:
        """Render the page."""
        paths[FILE.name].write_text(_page(publication), encoding="utf-8")


REPORT = Report()


def _page(publication: Publication) -> str:
    grid, classes = publication.grid, publication.classes
    areas, maximum = publication.result(LANDUSE), math.log2(len(classes))
    measured = splits(publication.accuracy, [item.name for item in classes])
    selection, groups = publication.selection, publication.groups
    return (
        page_environment()
        .get_template("report.html")
        .render(
            publication=publication,
            title=publication.title or publication.name.replace("_", " "),
            codes={item.name: item.code for item in classes},
            wide_matrix=len(classes) <= WIDE_MATRIX,
            few=FEW_POINTS,
            natural=_natural(publication),
            files=[
                file
                for file in publication.files
                if file.name != FILE.name and (file.key or "/" not in file.name)
            ],
            crs=grid.crs if grid.crs.startswith("EPSG:") else grid.geobox.crs.proj.name,
            grid=grid,
            centre=_centre(grid),
            frame=map_frame(grid),
            map=class_picture(publication.paths["landuse.tif"], classes),
            entropy=entropy_picture(publication.paths["entropy.tif"], maximum),
            entropy_maximum=maximum,
            entropy_ramp=ramp(),
            areas=_area_rows(classes, areas),
            summary=areas,
            doubtful=DOUBTFUL,
            mines=publication.result(MINES) if MINES in publication else None,
            time=period_section(publication),
            several=publication.result(CLASS_SETS) if CLASS_SETS in publication else None,
            splits=measured,
            headline=_headline(classes, measured),
            layers=ranked_layers(selection, groups),
            table=group_table(selection, groups, list(publication.seasons)),
        )
    )


def _natural(publication: Publication) -> Picture | None:
    shown = publication.true_colour
    return None if shown is None else natural_picture(shown, publication.grid)


def _area_rows(classes: Sequence[LandUseClass], areas: MapAreas) -> list[dict[str, Json]]:
    shares = [areas.classes[item.name] for item in classes]
    largest = max((share.hectares for share in shares), default=0.0) or 1.0
    return [
        {
            "item": item,
            "hectares": share.hectares,
            "share": share.hectares / (areas.hectares or 1.0),
            "bar": 100 * share.hectares / largest,
            "entropy": share.mean_entropy,
        }
        for item, share in zip(classes, shares, strict=True)
    ]


def _headline(classes: Sequence[LandUseClass], measured: Sequence[Split]) -> dict[str, Json] | None:
    """Figures of the first split (spatial blocks where measured) for the top of the page."""
    if not measured:
        return None
    first = measured[0]
    mine_names = {item.name for item in classes if item.mine}
    mine = [item for item in first.classes if item.name in mine_names]
    return {"split": first, "mine": mine[0] if mine else None}


def _centre(grid: Grid) -> str:
    left, bottom, right, top = degree_bounds(grid.geometry(WGS84))
    latitude, longitude = np.mean([bottom, top]), np.mean([left, right + 360 * (left > right)])
    longitude -= 360 * (longitude > HALF_ROUND)
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.3f}° {north}, {abs(longitude):.3f}° {east}"
