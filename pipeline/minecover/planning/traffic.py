"""Bytes that stages read, store and move over a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minecover.features.texture_range import RANGE_PIXELS
from minecover.planning.constants import Constants
from minecover.planning.stage_cost import cost_of
from minecover.sources.registry import sources_of
from minecover.sources.source import cube_layers
from minecover.storage.location import is_url
from minecover.storage.zarr_arrays import CHUNK, CHUNK_LAYERS
from minecover.survey import Survey
from minecover.workflow.cost import Volumes, Workload

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


def traffic(
    survey: Survey, work: Workload, constants: Constants, stages: Sequence[str]
) -> dict[str, Traffic]:
    """Estimate the bytes of every stage."""
    sizes, flows = volumes(survey, work, constants), {}
    for stage in stages:
        cost = cost_of(stage)
        read, stored = cost.volume(survey, sizes)
        source = survey.catalog.url if cost.reads_images else survey.store
        flows[stage] = _flow(read, stored, is_url(source), is_url(survey.store))
    return flows


def volumes(survey: Survey, work: Workload, constants: Constants) -> Volumes:
    """Estimate the bytes of what stages read and write.

    A tile is read with a rim of whole inner chunks, a point with the chunks it lies in.
    """
    per, settings = constants.stored, survey.features
    rim = ((survey.grid.tile + 2 * CHUNK) / survey.grid.tile) ** 2
    cube = work.pixels * work.cube_layers * per["cube"]
    features = work.pixels * work.feature_layers * per["features"]
    layers = cube_layers(sources_of(survey.sources), survey.seasons).values()
    counts = sum(layer.group == "count" for layer in layers) / work.cube_layers * cube
    one_band = min(1.0, CHUNK_LAYERS * len(survey.seasons) / work.cube_layers) * cube
    share = min(1.0, work.points * CHUNK**2 / work.pixels)
    at_points, read, stored = share * features, features * rim, features
    learnt = at_points * min(1.0, work.chosen * CHUNK_LAYERS / work.feature_layers)
    range_read = cube * rim
    if not settings.are_stored:
        # a chunk of the cube with the eight around it; all seasons have a layer that is chosen
        at_points = learnt = min(1.0, 9 * share) * cube
        read, stored = cube * rim, 0.0
        range_read = min(1.0, RANGE_PIXELS / work.pixels) * one_band
    kept = features * work.chosen / work.feature_layers
    return Volumes(
        images=work.block_pixels * per[SOURCE],
        cube=cube,
        clear_counts=counts,
        range_read=range_read,
        feature_pixel=read / work.pixels,
        features=stored,
        chosen_features=kept if settings.are_stored_beside_map else 0.0,
        features_read=read,
        point_features=at_points,
        point_chosen=learnt,
        table=4.0 * work.points * work.feature_layers,
        map=work.pixels * work.map_layers * per["predict"],
        products=work.pixels * per["publish"],
    )


def _flow(read: float, stored: float, far_source: bool, far_store: bool) -> Traffic:
    moved = read * far_source + stored * far_store
    return Traffic(read, stored, moved, read * (not far_source), stored * (not far_store))
