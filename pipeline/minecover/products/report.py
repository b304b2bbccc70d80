"""The report of a survey: one HTML file that needs neither network nor scripts.

The page forbids both by its own content security policy, escapes every name, follows the
reader's light or dark colours, and prints on A4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from minecover.geography.grid import Grid
from minecover.products.cog import MapSummary
from minecover.products.figures import class_picture, entropy_picture, map_frame, ramp
from minecover.products.polygons import MineSummary
from minecover.products.report_tables import (
    Split,
    core_hours,
    group_table,
    ranked_layers,
    splits,
)
from minecover.survey import Survey

__all__ = ["ReportFacts", "page_environment", "render_report"]

Json = Any


@dataclass(frozen=True)
class ReportFacts:
    """What the report says beyond the map; what is None or empty is said to be missing.

    Attributes
    ----------
    accuracy
        The accuracy document: `splits` (`random`, `spatial_blocks`), `leakage`, `protocol`.
    selection
        The selection document: `names`, `chosen`, `ranks`, `scores`, `redundant`.
    groups
        Layer name to (season or None, group), for the selection's tables.
    observations
        Season to numbers of clear observations per pixel: `items` (dates read), `minimum`,
        `median`, `maximum`, `unobserved` (share of pixels without any, 0-1).
    samples
        `given`, `used`, `classes` (name to count), `dropped` (reason to count).
    missing
        Source that the survey lacks to the features left out with it.
    stages
        What ran: `stage`, `tiles`, `seconds`, `core_hours`, and `planned_core_hours` as planned
        when the run began.
    versions
        Library to version.
    derived_from
        Addresses of the items that the map was made from.
    manifest
        Fingerprint of the frozen manifest.
    simulated
        Whether the input was simulated; the report and the item say so.
    min_area_ha
        Minimum mapping unit of the mines in hectares.
    """

    accuracy: Mapping[str, Json] | None = None
    selection: Mapping[str, Json] | None = None
    groups: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)
    observations: Mapping[str, Mapping[str, Json]] | None = None
    samples: Mapping[str, Json] | None = None
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    stages: Sequence[Mapping[str, Json]] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    derived_from: Sequence[str] = ()
    manifest: str | None = None
    simulated: bool = False
    min_area_ha: float = 0.1

    def is_simulated(self, survey: Survey) -> bool:
        """Whether the map shows a simulated district."""
        return self.simulated or survey.name.lower().startswith("simulated")


def render_report(
    survey: Survey,
    grid: Grid,
    facts: ReportFacts,
    paths: Mapping[str, Path],
    summary: MapSummary,
    mines: MineSummary,
) -> str:
    """Render the report.

    Parameters
    ----------
    survey, grid, facts
        As of `publish`.
    paths
        Where `landuse.tif` and `entropy.tif` lie.
    summary, mines
        What was written to the rasters and to the polygons.
    """
    maximum = math.log2(len(survey.classes))
    measured = splits(facts.accuracy, [item.name for item in survey.classes])
    return (
        page_environment()
        .get_template("report.html")
        .render(
            survey=survey,
            facts=facts,
            simulated=facts.is_simulated(survey),
            crs=grid.crs if grid.crs.startswith("EPSG:") else grid.geobox.crs.proj.name,
            grid=grid,
            centre=_centre(grid),
            frame=map_frame(grid),
            map=class_picture(paths["landuse.tif"], survey.classes),
            entropy=entropy_picture(paths["entropy.tif"], maximum),
            entropy_maximum=maximum,
            entropy_ramp=ramp(),
            areas=_areas(survey, summary),
            summary=summary,
            total=summary.hectares + summary.nodata.hectares,
            mines=mines,
            splits=measured,
            headline=_headline(survey, measured),
            spent=core_hours(facts.stages),
            layers=ranked_layers(facts.selection, facts.groups),
            table=group_table(facts.selection, facts.groups, list(survey.seasons)),
        )
    )


def page_environment() -> Environment:
    """Templates beside this module: they escape what they are given and know our numbers."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["label"] = lambda text: str(text).replace("_", " ")
    environment.filters["percent"] = _percent
    environment.filters["number"] = _number
    environment.filters["amount"] = _amount
    environment.filters["hours"] = _hours
    environment.filters["signed"] = _signed
    return environment


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{100 * value:.{digits}f} %"


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def _amount(value: float | None) -> str:
    """Three significant digits or all before the point, thousands apart."""
    if value is None or not math.isfinite(value):
        return "–"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{0 if float(value).is_integer() else digits}f}"


def _hours(value: float | None) -> str:
    """Three significant digits, however few hours they are."""
    if value is None or not math.isfinite(value):
        return "–"
    return "< 0.001" if 0 < value < 0.0005 else f"{value:.3f}" if value < 10 else f"{value:,.0f}"


def _signed(share: float) -> str:
    """More or less, in words."""
    return f"{_percent(abs(share), 0)} {'more' if share > 0 else 'less'} than"


def _areas(survey: Survey, summary: MapSummary) -> list[dict[str, Json]]:
    shares = [summary.classes[item.name] for item in survey.classes]
    largest = max((share.hectares for share in shares), default=0.0) or 1.0
    return [
        {
            "item": item,
            "hectares": share.hectares,
            "share": share.hectares / (summary.hectares or 1.0),
            "bar": 100 * share.hectares / largest,
            "entropy": share.mean_entropy,
        }
        for item, share in zip(survey.classes, shares, strict=True)
    ]


def _headline(survey: Survey, measured: Sequence[Split]) -> dict[str, Json] | None:
    """Figures of the first split (spatial blocks where measured) for the top of the page."""
    if not measured:
        return None
    first = measured[0]
    mine_names = {item.name for item in survey.classes if item.mine}
    mine = [item for item in first.classes if item.name in mine_names]
    return {"split": first, "mine": mine[0] if mine else None}


def _centre(grid: Grid) -> str:
    left, bottom, right, top = grid.wgs84_bounds()
    latitude, longitude = np.mean([bottom, top]), np.mean([left, right])
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.3f}° {north}, {abs(longitude):.3f}° {east}"
