"""Bytes that stages read, store and move over a network."""

from __future__ import annotations

from dataclasses import dataclass

from minecover.features.build import RANGE_PIXELS
from minecover.planning.constants import Constants
from minecover.planning.work import Workload, trials_of
from minecover.storage.location import is_url
from minecover.storage.store import CHUNK, CHUNK_LAYERS
from minecover.survey import Survey

__all__ = ["SOURCE", "Traffic", "traffic"]

SOURCE = "source"
"""Key in `Constants.stored` of the bytes of a native pixel in the catalog's files."""


@dataclass(frozen=True)
class Traffic:
    """Bytes of one stage.

    Attributes
    ----------
    read, stored
        From the catalog or the store; to the store.
    moved
        Of both, what crosses a network.
    disk_read, disk_write
        Of both, what a local disk reads and writes.
    """

    read: float
    stored: float
    moved: float
    disk_read: float
    disk_write: float


def traffic(survey: Survey, work: Workload, constants: Constants) -> dict[str, Traffic]:
    """Estimate the bytes of every stage.

    A tile is read with a rim of whole inner chunks, a point with the chunks it lies in.
    """
    per = constants.stored
    rim = ((survey.grid.tile + 2 * CHUNK) / survey.grid.tile) ** 2
    cube = work.pixels * work.cube_layers * per["cube"]
    features = work.pixels * work.feature_layers * per["features"]
    map_bytes = work.pixels * work.map_layers * per["predict"]
    counts = min(1.0, CHUNK_LAYERS * len(survey.seasons) / work.cube_layers) * cube
    share = min(1.0, work.points * CHUNK**2 / work.pixels)
    at_points, whole, stored = share * features, features * rim, features
    learnt = at_points * min(1.0, work.chosen * CHUNK_LAYERS / work.feature_layers)
    looked_at = cube * rim
    if survey.features.keep != "all":
        # a chunk of the cube with the eight around it; all seasons have a layer that is chosen
        at_points = learnt = min(1.0, 9 * share) * cube
        whole, stored = cube * rim, 0.0
        looked_at = min(1.0, RANGE_PIXELS / work.pixels) * counts
    kept = features * work.chosen / work.feature_layers
    beside = kept if survey.features.keep == "selected" else 0.0
    table = 4.0 * work.points * work.feature_layers
    flows = {
        "catalog": (0.0, 0.0),
        "cube": (work.block_pixels * per[SOURCE], cube),
        "features": (looked_at, stored),
        "samples": (at_points, table),
        "select": (table, 0.0),
        "train": (table + learnt, 0.0),
        "predict": (whole, map_bytes + beside),
        "assess": (trials_of(survey) * (table + learnt), 0.0),
        "publish": (map_bytes + counts, work.pixels * per["publish"]),
    }
    return {
        stage: _flow(read, stored, is_url(_from(stage, survey)), is_url(survey.store))
        for stage, (read, stored) in flows.items()
    }


def _from(stage: str, survey: Survey) -> str:
    return survey.catalog.url if stage == "cube" else survey.store


def _flow(read: float, stored: float, far_source: bool, far_store: bool) -> Traffic:
    moved = read * far_source + stored * far_store
    return Traffic(read, stored, moved, read * (not far_source), stored * (not far_store))
