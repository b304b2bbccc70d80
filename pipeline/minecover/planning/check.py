"""Check a survey against the catalog, its files and its samples before anything is computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import shapely

from minecover.geography.boundary import area_geometry
from minecover.geography.grid import Grid
from minecover.geography.ground_area import SQUARE_METRES, Surface
from minecover.geography.polygon_files import placing_notes, read_polygons
from minecover.planning.findings import Finding, findings_of
from minecover.planning.store_location import existing_store
from minecover.sources.freeze import freeze
from minecover.sources.manifest import ALWAYS, Manifest
from minecover.sources.registry import sources_of
from minecover.stages.registry import stages_of
from minecover.storage.identity import store_at
from minecover.storage.location import is_url
from minecover.survey import Survey
from minecover.survey.grid import survey_grid
from minecover.survey.periods import about_period
from minecover.workflow.new_scenes import differences
from minecover.workflow.stage import Remark, Workspace

__all__ = ["check_survey"]

HECTARES = 100.0
"""Of a square kilometre."""

NAMED = 5
"""Items left out that are named."""

FAR_AWAY = (
    "images far away are read without files beside them (.msk, .aux.xml, .ovr): a mask or nodata "
    "value that is only there does not count; put it into the files, or name a mask of each item "
    "in `sources.sentinel2.masks`"
)
"""What a person may not expect of images on the web and in buckets."""

LOOKED_AT = 256
"""Tiles whose pixels are measured on the ground; of more, as many at even steps."""

STEP = 2000.0
"""Longest edge in metres of the outline whose surface is measured."""

EQUAL = 1e-5
"""Relative difference of surface below which a grid is equal-area."""


def check_survey(survey: Survey) -> Iterator[Finding]:
    """Check the area, the items of every season, and what every stage needs, in that order.

    Yields
    ------
    A finding for each thing that is right, worth a look or wrong, with how to fix it; what is
    wrong with one thing does not keep others from being looked at. Nothing is written.
    """
    seen: set[str] = set()
    workspace = Workspace(survey, stages_of(survey))
    looks: list[Callable[[], Iterator[str]]] = [
        lambda: _store(survey),
        lambda: _area(survey),
        lambda: _items(survey),
        *(partial(stage.check, workspace) for stage in workspace.stages),
    ]
    for look in looks:
        for finding in findings_of(look):
            if finding.text not in seen:  # an area that cannot be read stops several
                seen.add(finding.text)
                yield finding


def _store(survey: Survey) -> Iterator[str]:
    existing_store(survey.store)  # of another format: a run would refuse it
    yield from ()


def _items(survey: Survey) -> Iterator[str]:
    grid = survey_grid(survey)
    for name in survey.period_names:
        part = survey.in_period(name)
        with about_period(name):
            manifest = freeze(sources_of(part.sources), part.catalog, part.seasons, grid)
        where = f" of {name}" if name else ""
        for source in part.sources:
            counts = {
                season: len(manifest.items(source, season)) for season in (*part.seasons, ALWAYS)
            }
            found = ", ".join(f"{one} {count}".strip() for one, count in counts.items() if count)
            yield f"{source}: items{where} {found or 'none needed: read from a file'}"
        yield from _remarks(manifest)
    assets = (asset for item in manifest.found for asset in item.assets.values())
    if any(is_url(asset.href) for asset in assets):
        yield Remark(FAR_AWAY)
    if store_at(survey.store) is not None:  # the manifest is now of the latest
        yield from (Remark(line) for line in differences(survey, manifest))


def _remarks(manifest: Manifest) -> Iterator[str]:
    """Say what is not used, and which items were not taken at their word."""
    for item in manifest.left_out[:NAMED]:
        source = f" of {item.source}" if item.source else ""
        yield Remark(f"left out{source}: {item.reason}")
    if len(manifest.left_out) > NAMED:
        yield Remark(f"left out: {len(manifest.left_out) - NAMED} more, see manifest.json")
    noted = Counter(
        (item.source, asset.note) for item in manifest.found for asset in item.assets.values()
    )
    for (source, note), count in sorted(noted.items()):
        if note:
            yield Remark(f"{source}: {count} file(s) {note}")


def _area(survey: Survey) -> Iterator[str]:
    grid = survey_grid(survey)
    yield _extent(grid)
    own = survey.area
    frame = area_geometry(own).to_frame("geometry") if own.bbox else read_polygons(own, "area")
    notes = placing_notes(frame, own, grid.crs, "area")
    yield from (Remark(f"area: {note}") for note in notes)


def _extent(grid: Grid) -> str:
    height, width = grid.shape
    surface, nominal = Surface(grid), grid.resolution**2
    ground = (
        surface.hectares(np.array([shapely.segmentize(grid.area, STEP)], dtype=object))[0]
        / HECTARES
    )
    pixels = [
        surface.pixel_hectares(grid.window(tile)) * SQUARE_METRES
        for tile in grid.tiles.spread(LOOKED_AT)
    ]
    error = max(abs(pixel / nominal - 1) for pixel in pixels)
    scale = "" if error < EQUAL else f" (of {min(pixels):,.2f} to {max(pixels):,.2f} m² of ground)"
    return (
        f"area: {ground:,.1f} km² on {width:,} x {height:,} pixels of "
        f"{grid.resolution:g} m{scale} in {grid.crs_name}, {len(grid.tiles):,} tiles"
    )
