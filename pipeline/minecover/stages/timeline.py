"""The maps of a survey's periods as products read them, and the register they are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import geopandas as gpd
import numpy as np
import shapely

from minecover.arrays import Float32Array
from minecover.geography.grid import Grid, Window
from minecover.geography.polygon_files import chosen, placing_notes, read_polygons
from minecover.land_register.register import Register, read_register
from minecover.land_register.settings import ParcelSettings, RegisterSettings
from minecover.mine_history.timeline import Codes, Timeline
from minecover.products.product import TrueColour
from minecover.stages.features import open_features
from minecover.storage.canonical_json import Json
from minecover.storage.location import content_digest
from minecover.storage.names import MAP_RASTER, probability_layers
from minecover.storage.store import Layers
from minecover.survey import Survey
from minecover.survey.periods import span_of
from minecover.workflow.stage import Remark, Workspace

__all__ = [
    "check_register", "codes_of", "probability_of", "register_digest", "register_of", "timeline_of",
]  # fmt: skip


KINDS = ("licences", "protected", "units")
"""Of polygons in a register."""


def timeline_of(workspace: Workspace, shown: TrueColour | None) -> Timeline | None:
    """Give the maps of the periods; None where nothing needs them: no periods, and no register.

    A survey without periods is one, with the name of the year of its last day.

    Parameters
    ----------
    workspace
        Whose maps are read.
    shown
        What a picture of the ground is made from; None: nothing.
    """
    survey, store = workspace.survey, workspace.store
    if not survey.periods and survey.registers is None:
        return None
    periods = survey.period_names
    features = [open_features(store, survey, period, workspace.grid) for period in periods]
    cubes = [] if shown is None else [shown.cube.in_period(period) for period in periods]
    days = _days(survey)

    def colours(window: Window, period: int) -> Float32Array:
        assert shown is not None
        return cubes[period].read(window, list(shown.layers))

    def layers(window: Window, period: int, names: Sequence[str]) -> Float32Array:
        return features[period].read(window, names)

    names = tuple(survey.periods) or (days[-1][1][:4],)
    return Timeline(
        names, days, codes_of(workspace), probability_of(workspace),
        None if shown is None else colours,
        tuple(features[-1].names), layers,
    )  # fmt: skip


def codes_of(workspace: Workspace) -> Callable[[Window], Codes]:
    """Give a reader of the maps of all periods: class codes, (period, y, x), 0 for nodata."""
    maps, grid = _maps(workspace), workspace.grid

    def codes(window: Window) -> Codes:
        return np.stack([_codes(layers, grid, window) for layers in maps])

    return codes


def probability_of(workspace: Workspace) -> Callable[[Window, int, Sequence[str]], Float32Array]:
    """Give a reader of the probability of named classes together in one period, (y, x)."""
    maps = _maps(workspace)

    def probability(window: Window, period: int, names: Sequence[str]) -> Float32Array:
        values = maps[period].read(window, probability_layers(names))
        return np.asarray(values.sum(axis=0), dtype=np.float32)

    return probability


def _maps(workspace: Workspace) -> list[Layers]:
    return [workspace.store.layers(MAP_RASTER, p) for p in workspace.survey.period_names]


def _days(survey: Survey) -> tuple[tuple[str, str], ...]:
    """First and last day of each period."""
    spans = survey.spans or {"": span_of(survey.seasons)}
    return tuple((str(first), str(last)) for first, last in spans.values())


def _codes(layers: Layers, grid: Grid, window: Window) -> Codes:
    """Class codes of a window of one map, 0 for nodata and off the area."""
    values = np.nan_to_num(layers.read(window, ["landuse"])[0])
    return np.where(grid.area_mask(window), values, np.float32(0)).astype(np.uint8)


def register_of(workspace: Workspace, timeline: Timeline | None) -> Register | None:
    """Read the register of a survey that has one.

    Raises
    ------
    SurveyError
        A file cannot be read, or is not what it should be.
    """
    settings = workspace.survey.registers
    if settings is None or timeline is None:
        return None
    return read_register(settings, workspace.grid, timeline.days)


def check_register(workspace: Workspace) -> Iterator[str]:
    """Check that the register can be read, and tell how much of it lies on the area."""
    settings, grid = workspace.survey.registers, workspace.grid
    if settings is None:
        return
    register = read_register(settings, grid, _days(workspace.survey))
    for kind in KINDS:
        parcels, its = getattr(register, kind), getattr(settings, kind)
        if parcels is not None:
            key = f"registers.{kind}"
            yield f"{key}: {len(parcels)} on the area"
            frame = chosen(read_polygons(its, key), its, its.where, key)
            yield from map(Remark, _left_out(frame, len(parcels), f"{key}: {its.path}"))
            yield from map(Remark, placing_notes(frame, its, grid.crs, key))
    if settings.states is not None:
        yield f"registers.states: {len(register.states)} suspects looked at"


def _left_out(frame: gpd.GeoDataFrame, there: int, where: str) -> Iterator[str]:
    """Say what of a file of polygons will not count."""
    surfaces = shapely.area(shapely.make_valid(frame.geometry.to_numpy())) > 0
    flat = int((~surfaces).sum())
    if flat:
        yield f"{where}: {flat} of {len(frame)} features are left out: points, lines or empty"
    if not there:
        yield f"{where}: no polygon lies on the area; is this the right file?"


def register_digest(settings: RegisterSettings | None) -> Json:
    """Tell registers apart by their settings and what their files hold."""
    if settings is None:
        return None
    told = settings.model_dump(mode="json")
    for kind in KINDS:
        its: ParcelSettings | None = getattr(settings, kind)
        if its is not None:
            advice = "give the file of its polygons"
            told[kind]["path"] = content_digest(its.path, f"registers.{kind}.path", advice)
    if settings.states is not None:
        advice = "begin with a copy of suspects.csv, or leave the key out"
        told["states"] = content_digest(settings.states, "registers.states", advice)
    return told
