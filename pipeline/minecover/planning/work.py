"""How much work there is: pixels, items, points and layers, before anything is computed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from minecover.geography.grid import Grid, Tile
from minecover.models.lookup import kind_of, voters_of
from minecover.prediction.map_layers import map_arrays
from minecover.samples.points import read_points
from minecover.samples.regions import read_regions
from minecover.sources.manifest import ALWAYS, Item, Manifest
from minecover.sources.registry import sources_of
from minecover.sources.source import Source, cube_layers
from minecover.storage.raster_array import names_of
from minecover.survey import Survey
from minecover.survey.carried import carried_origin, retrains
from minecover.workflow.cost import Workload
from minecover.workflow.stage import Workspace

__all__ = ["BLOCK", "learned", "workload"]

LOOKED_AT = 256
"""Tiles whose items are counted; of more, as many at even steps over the area."""

BLOCK = 512
"""Edge of a block of a COG: what is read whole where a tile touches it."""

USUAL_POINTS = 2870
"""Points assumed where their file is not there yet: the number of the paper's district."""

USUAL_SHARE = 0.4
"""Share of the layers assumed to be chosen: 42 of 112 on the simulated district."""


def workload(
    survey: Survey,
    grid: Grid,
    manifests: Mapping[str, Manifest] | None = None,
    known: Mapping[str, int] | None = None,
) -> Workload:
    """Count the work of a survey, of all its periods together.

    Parameters
    ----------
    survey, grid
        What is wanted.
    manifests
        The items, by period; those of a period that is not there are not known yet, and assumed.
    known
        What stages that are done found out: number of layers that the model sees (`chosen`), and
        `epochs` that were enough; what is not there is assumed.
    """
    assumptions: list[str] = []
    known = {**_carried(survey, grid, assumptions), **(known or {})}
    windows = (grid.window(tile).shape for tile in grid.tiles)
    pixels = sum(height * width for height, width in windows)
    periods, found = survey.period_names, manifests or {}
    parts = [
        _reads(survey.in_period(name), grid, found.get(name), pixels, assumptions)
        for name in periods
    ]
    reads = [sum(amounts) for amounts in zip(*(reads for _, reads in parts), strict=True)]
    layers = len(survey.feature_catalogue().names)
    points = known.get("points") or _points(survey, grid, assumptions)
    return Workload(
        tiles=len(periods) * len(grid.tiles),
        pixels=len(periods) * pixels,
        items=sum(items for items, _ in parts),
        source_pixels=reads[0],
        block_pixels=reads[1],
        opened=reads[2],
        cube_layers=len(cube_layers(sources_of(survey.sources), survey.seasons)),
        feature_layers=layers,
        map_layers=len(names_of(map_arrays(survey.prediction, survey.class_codes))),
        chosen=known.get("chosen") or _chosen(survey, layers, assumptions),
        points=points,
        epochs=known.get("epochs") or _epochs(survey, points, assumptions),
        regions=len(read_regions(survey.model.regions, grid)),
        assumptions=tuple(dict.fromkeys(assumptions)),
    )


def learned(workspace: Workspace, done: Collection[str]) -> dict[str, int]:
    """Say what stages that are done found out of the work of those after them.

    Raises
    ------
    StoreError
        What one found out is not in its marker.
    """
    facts, found = workspace.facts(), {}
    for stage in workspace.stages:
        if stage.name in done and stage.name in facts and stage.cost is not None:
            with workspace.ledger.reading_facts(stage.name):
                numbers = stage.cost.learned(workspace.survey, facts[stage.name]["facts"])
                if not all(isinstance(number, int) for number in numbers.values()):
                    raise TypeError(f"{numbers}: whole numbers are wanted")
            found.update(numbers)
    return found


Reads = tuple[float, float, float]
"""Native pixels under tiles, those with the rest of their blocks, and files opened."""


def _reads(
    survey: Survey, grid: Grid, manifest: Manifest | None, pixels: int, assumptions: list[str]
) -> tuple[int, Reads]:
    """Count items, and what is read of them."""
    if manifest is not None:
        chosen = grid.tiles.spread(LOOKED_AT)
        reads = [_tile_reads(survey, grid, manifest, tile) for tile in chosen]
        scale = len(grid.tiles) / len(chosen)
        source, blocks, opened = (scale * sum(part) for part in zip(*reads, strict=True))
        return len(manifest.found), (source, blocks, opened)
    sources, days = sources_of(survey.sources), sum(map(_days, survey.seasons.values()))
    counts = [_assumed_items(source, days) for source in sources]
    text = ", ".join(f"{s.name} {count:.0f}" for s, count in zip(sources, counts, strict=True))
    assumptions.append(
        f"items of each tile, for nothing was looked up yet: {text} over all seasons"
    )
    read = [count * _share(source) for source, count in zip(sources, counts, strict=True)]
    native = sum(count * s.native_pixels for s, count in zip(sources, read, strict=True))
    opened = sum(count * s.files_per_item for s, count in zip(sources, read, strict=True))
    under = native * pixels * (grid.resolution / 10) ** 2
    blocks = under * (1 + BLOCK / grid.tile_size) ** 2
    return round(sum(counts)), (under, blocks, len(grid.tiles) * opened)


def _assumed_items(source: Source[Any], days: int) -> float:
    """Items of a place that a source is assumed to have in so many days."""
    if source.revisit_days is None:
        return 1.0
    return max(1.0, source.usable_share * days / source.revisit_days)


def _share(source: Source[Any]) -> float:
    """Share of the layers of a source that the survey's data has."""
    there = len(source.layers())
    return there / (there + len(source.lacking()))


def _tile_reads(survey: Survey, grid: Grid, manifest: Manifest, tile: Tile) -> Reads:
    bounds = grid.bounds(grid.window(tile))
    pixels = blocks = opened = 0.0
    for item in _touching(survey, manifest, bounds):
        share = _overlap(item.bounds, bounds)
        opened += len(item.assets)
        for asset in item.assets.values():
            whole = asset.shape[0] * asset.shape[1]
            pixels += share * whole
            blocks += min(whole, ((share * whole) ** 0.5 + BLOCK) ** 2)
    return pixels, blocks, opened


def _touching(
    survey: Survey, manifest: Manifest, bounds: tuple[float, float, float, float]
) -> Iterator[Item]:
    for source in survey.sources:
        for season in (*survey.seasons, ALWAYS):
            yield from manifest.items(source, season, bounds)


def _overlap(
    item: tuple[float, float, float, float], tile: tuple[float, float, float, float]
) -> float:
    """Share of an item's rectangle that lies on a tile."""
    width = min(item[2], tile[2]) - max(item[0], tile[0])
    height = min(item[3], tile[3]) - max(item[1], tile[1])
    return max(width, 0) * max(height, 0) / ((item[2] - item[0]) * (item[3] - item[1]))


def _days(ranges: tuple[str, ...]) -> int:
    ends = ([dt.date.fromisoformat(part) for part in text.split("/")] for text in ranges)
    return sum((end - start).days + 1 for start, end in ends)


def _carried(survey: Survey, grid: Grid, assumptions: list[str]) -> dict[str, int]:
    """Say what is known of a model that was trained elsewhere; nothing of any other."""
    if survey.model.carried_from is None:
        return {}
    origin = carried_origin(survey)
    points = sum(origin.points.values())  # with which every pixel is compared
    if retrains(survey):
        points += _points(survey, grid, assumptions)
    epochs = survey.model.for_samples(points).all_epochs
    return {"chosen": len(origin.layers), "points": points, "epochs": epochs}


def _chosen(survey: Survey, layers: int, assumptions: list[str]) -> int:
    """Count the layers that the model reads."""
    if survey.selection.method == "all":
        return layers
    known = survey.selection.keep
    count = round(USUAL_SHARE * layers) if known is None else min(known, layers)
    if kind_of(survey.model).reads == "series":
        count = min(layers, count * len(survey.seasons))  # at most: none chosen for two of them
    if known is None or count > known:
        assumptions.append(f"layers chosen: {count} of {layers}")
    return count


def _epochs(survey: Survey, points: int, assumptions: list[str]) -> int:
    models = [one.for_samples(points) for one in voters_of(survey.model)]
    epochs = dict.fromkeys(str(model.epochs) for model in models if kind_of(model).tunes)
    if epochs:
        assumptions.append(f"epochs of training: all {' and '.join(epochs)}")
    return survey.model.for_samples(points).all_epochs


def _points(survey: Survey, grid: Grid, assumptions: list[str]) -> int:
    missing = [path for path in survey.samples.paths if not Path(path).exists()]
    if not missing:
        return len(read_points(survey.samples, survey.classes, grid, survey.spans))
    assumptions.append(f"points: {USUAL_POINTS:,}, for {missing[0]} is not there")
    return USUAL_POINTS
