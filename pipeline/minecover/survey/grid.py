"""The grid of a survey."""

from __future__ import annotations

from glob import escape
from pathlib import Path

from minecover.geography.grid import Grid, area_grid
from minecover.survey.document import Survey

__all__ = ["survey_grid"]

KEPT = 4
"""Grids that are kept."""

Written = tuple[tuple[str, int, int, int], ...]

_LAID: dict[tuple[str, str, Written], Grid] = {}


def survey_grid(survey: Survey) -> Grid:
    """Lay the survey's grid over its area; see `geography.grid.area_grid`.

    The file of the area is read again only where it, or a file that belongs to it, was written
    since: a plan asks for the grid dozens of times.
    """
    area, settings = survey.area, survey.grid
    written = () if area.path is None else _written(Path(area.path))
    if written is None:
        return area_grid(area, settings)
    key = repr(area), repr(settings), written
    grid = _LAID.get(key)
    if grid is None:
        grid = area_grid(area, settings)
        if len(_LAID) >= KEPT:
            _LAID.clear()
        _LAID[key] = grid
    return grid


def _written(path: Path) -> Written | None:
    """Name, time, size and inode of a file and those beside it, such as the four of a Shapefile.

    None: it is none, or a folder, of which the time says nothing.
    """
    try:
        beside = sorted(path.parent.glob(f"{escape(path.stem)}.*"))
        if path not in beside or any(file.is_dir() for file in beside):
            return None
        stats = [(file.name, file.stat()) for file in beside]
    except (OSError, ValueError):  # reading it says what is wrong
        return None
    return tuple((name, s.st_mtime_ns, s.st_size, s.st_ino) for name, s in stats)
