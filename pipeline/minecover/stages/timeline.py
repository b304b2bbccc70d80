"""The maps of a survey's periods as products read them, and the register they are held against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from minecover.arrays import Float32Array
from minecover.geography.grid import Grid, Window
from minecover.mine_history.timeline import Codes, Timeline
from minecover.products.product import TrueColour
from minecover.register.register import Register, read_register
from minecover.register.settings import ParcelSettings, RegisterSettings
from minecover.stages.features import open_features
from minecover.storage.canonical_json import Json
from minecover.storage.location import content_digest
from minecover.storage.names import MAP_RASTER
from minecover.storage.store import Layers
from minecover.workflow.stage import Workspace

__all__ = ["register_digest", "register_of", "timeline_of"]


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
    survey, grid = workspace.survey, workspace.grid
    if survey.registers is None:
        return None
    maps = [workspace.store.layers(MAP_RASTER)]
    features = [open_features(workspace.store, survey, grid=grid)]
    cubes = [shown.cube] if shown is not None else []
    days = [_days(survey.seasons.values())]

    def codes(window: Window) -> Codes:
        return np.stack([_codes(layers, grid, window) for layers in maps])

    def probability(window: Window, period: int, names: Sequence[str]) -> Float32Array:
        values = maps[period].read(window, [f"probability_{name}" for name in names])
        return np.asarray(values.sum(axis=0), dtype=np.float32)

    def colours(window: Window, period: int) -> Float32Array:
        assert shown is not None
        return cubes[period].read(window, list(shown.layers))

    def layers(window: Window, period: int, names: Sequence[str]) -> Float32Array:
        return features[period].read(window, names)

    return Timeline(
        tuple(last[:4] for _, last in days), tuple(days), codes, probability,
        None if shown is None else colours, tuple(features[0].names), layers,
    )  # fmt: skip


def _days(seasons: Iterable[tuple[str, ...]]) -> tuple[str, str]:
    ranges = [part.split("/") for parts in seasons for part in parts]
    return min(first for first, _ in ranges), max(last for _, last in ranges)


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


def register_digest(settings: RegisterSettings | None) -> Json:
    """Tell registers apart by their settings and what their files hold."""
    if settings is None:
        return None
    told = settings.model_dump(mode="json")
    for kind in ("licences", "protected", "units"):
        its: ParcelSettings | None = getattr(settings, kind)
        if its is not None:
            advice = "give the file of its polygons"
            told[kind]["path"] = content_digest(its.path, f"registers.{kind}.path", advice)
    if settings.states is not None:
        advice = "begin with a copy of suspects.csv, or leave the key out"
        told["states"] = content_digest(settings.states, "registers.states", advice)
    return told
