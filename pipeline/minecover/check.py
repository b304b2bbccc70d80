"""Hold a survey against the world before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator

from minecover.grid import Grid, survey_grid
from minecover.samples import read_points
from minecover.sources.freeze import freeze
from minecover.sources.manifest import ALWAYS
from minecover.survey import Survey

__all__ = ["check_samples", "check_survey"]


def check_survey(survey: Survey) -> Iterator[str]:
    """Check area, CRS, catalog, items of every season, assets, and samples, in that order.

    Yields
    ------
    One line for each thing that is well. Nothing is written.

    Raises
    ------
    MinecoverError
        The first thing that is not, with how to mend it.
    """
    grid = survey_grid(survey)
    yield _area(grid)
    manifest = freeze(survey, grid)
    for source in survey.present_sources():
        counts = {
            season: len(manifest.items(source, season)) for season in (*survey.seasons, ALWAYS)
        }
        found = ", ".join(f"{season} {count}".strip() for season, count in counts.items() if count)
        yield f"{source}: items {found or 'none needed: read from a file'}"
    yield check_samples(survey, grid)


def check_samples(survey: Survey, grid: Grid) -> str:
    """Check that enough points of every class lie on the area.

    Returns
    -------
    How many are usable, and what was dropped.

    Raises
    ------
    MinecoverError
        The file or its points cannot be used.
    """
    points = read_points(survey, grid)
    dropped = ", ".join(f"{count} {reason}" for reason, count in points.dropped.items())
    return f"samples: {len(points)} points usable" + (f"; dropped: {dropped}" if dropped else "")


def _area(grid: Grid) -> str:
    height, width = grid.shape
    return (
        f"area: {grid.area.area / 1e6:,.1f} km² on {width:,} x {height:,} pixels of "
        f"{grid.resolution:g} m in {grid.crs}, {len(grid.tiles):,} tiles"
    )
