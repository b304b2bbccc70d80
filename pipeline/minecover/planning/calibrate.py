"""Measure on this machine what a survey's work takes, on two small simulated districts.

The districts are mapped by the command line itself, in processes of their own, with the survey's
layers, features, selection, model and threads; their ledgers and the processes' resident sizes are
what the constants are made of. What does not depend on the size follows from the second
district, of one small tile.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TypeVar

import numpy as np

from minecover.engines.machine import describe
from minecover.engines.threads import limited_threads
from minecover.models.lookup import kind_of, voters_of
from minecover.planning.constants import Constants, Cost, Memory, cost_key, shipped
from minecover.planning.costs import starts_of
from minecover.planning.disk import disk_rates
from minecover.planning.memory import layers_mib, model_mib
from minecover.planning.stage_cost import cost_of
from minecover.planning.traffic import SOURCE
from minecover.planning.trial import Measured, map_district
from minecover.prediction.applicability import Applicability, comparisons
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.workflow.cost import Workload
from minecover.workflow.stage import Stage

__all__ = ["calibrate", "fitted"]

T = TypeVar("T")

SMALL = 96
"""Edge in pixels of the smallest district that can be drawn."""

LARGEST_TILE = 256
"""Edge of a tile that is calibrated on; costs of larger ones grow with their pixels."""

WIDE = 5.0
"""Ratio of two tiles' bytes from which their memory is compared."""

COMPARED = 4000
"""Samples that simulated pixels are compared with."""

SMALL_POINTS = 4.0
"""Factor on the points of the small district, which else has the fewest that can be."""


def calibrate(survey: Survey, stages: Sequence[Stage], say: Callable[[str], None]) -> Constants:
    """Measure the constants of a survey on this machine.

    Parameters
    ----------
    survey
        Whose layers, model and threads are taken.
    stages
        Of a run.
    say
        Called with what goes on.

    Raises
    ------
    MinecoverError
        A stage failed here.
    """
    # models that vote are measured one by one: what a unit of work is differs between them
    pairs = [_mapped(survey.replace(model=one), stages, say) for one in voters_of(survey.model)]
    _, large = pairs[0]
    say("comparing simulated pixels with simulated samples")
    comparing = comparing_cost(survey, large.work)
    say("measuring the disk")
    write, read = disk_rates(Store(survey.store))
    return Constants(
        machine=describe(),
        measured=date.today().isoformat(),
        device=kind_of(survey.model).device(),
        costs=_merged([_costs(*pair, comparing) for pair in pairs]) | {"dissimilarity": comparing},
        memory=_merged([_memory(*pair) for pair in pairs]),
        stored=_stored(large),
        write_rate=write,
        read_rate=read,
        spread=large.spread,
    )


def _mapped(
    survey: Survey, stages: Sequence[Stage], say: Callable[[str], None]
) -> tuple[Measured, Measured]:
    """Map a small and a large simulated district."""
    tile, kind = min(survey.grid.tile, LARGEST_TILE), survey.model.kind
    with tempfile.TemporaryDirectory(prefix="minecover-calibrate-") as scratch:
        folder = Path(scratch)
        say(f"mapping a simulated district of one tile of {SMALL} pixels ({kind})")
        small = map_district(survey, folder / "small", SMALL, SMALL, SMALL_POINTS, stages)
        edge = max(2 * tile, SMALL + 32)
        say(f"mapping one of {edge} x {edge} pixels in tiles of {tile} ({kind})")
        scale = (512 / edge) ** 2  # as many points as a whole district has
        large = map_district(survey, folder / "large", edge, tile, scale, stages)
    return small, large


def _merged(parts: Sequence[Mapping[str, T]]) -> dict[str, T]:
    """Join what was measured with several models; of what all of them have the first counts."""
    return {key: value for part in reversed(parts) for key, value in part.items()}


def fitted(small: tuple[float, float], large: tuple[float, float]) -> Cost:
    """Draw the line through two pairs of units and core-seconds.

    Where the larger took no longer, or the line starts below nothing, all of its time counts as
    proportional: the plan then errs on the high side for large areas.
    """
    (few, short), (many, long) = small, large
    rate = (long - short) / (many - few) if many > few else 0.0
    fixed = short - rate * few
    if rate <= 0 or fixed < 0:
        return Cost(rate=long / many)
    return Cost(fixed=fixed, rate=rate)


def comparing_cost(survey: Survey, work: Workload) -> Cost:
    """Measure what a pixel's dissimilarity to one sample takes, for each layer.

    On simulated values, for a district has too few samples to separate it from what a model takes.
    """
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((COMPARED, work.chosen), dtype=np.float32)
    pixels = rng.standard_normal((work.chosen, SMALL, SMALL), dtype=np.float32)
    names = tuple(str(number) for number in range(work.chosen))
    folds = np.arange(COMPARED) % 2
    index = Applicability.fit(samples, names, np.ones(work.chosen), folds)
    cores = survey.engine.threads
    with limited_threads(1):
        index.dissimilarity(pixels[:, :8, :8])  # compiles
        start = time.perf_counter()
        index.dissimilarity(pixels, cores)
        seconds = time.perf_counter() - start
    return Cost(rate=seconds * cores / comparisons(SMALL**2, COMPARED, work.chosen))


def _costs(small: Measured, large: Measured, comparing: Cost) -> dict[str, Cost]:
    costs = {}
    for stage, taken in large.core_seconds.items():
        key, of = cost_key(stage, large.survey), cost_of(stage)
        few, many = (of.units(item.survey, item.work) for item in (small, large))
        if stage in large.tiles:
            first, others = large.tiles[stage]
            tiled = others * large.work.tiles
            # half at least is the model's, should it have been slower while it compared
            comparison = comparing.rate * of.compared(large.survey, large.work)
            tiled -= min(comparison, tiled / 2)
            costs[key] = Cost(fixed=max(0.0, first - others), rate=tiled / many)
        elif large.learning is not None and of.by_model:
            costs[key] = _trained(large, stage, taken)
        else:
            costs[key] = fitted((few, small.core_seconds[stage]), (many, taken))
    return costs


def _trained(measured: Measured, stage: str, taken: float) -> Cost:
    """Tell the epochs of networks from what each training takes besides.

    Both sizes of district cannot: a start of Ray takes longer than they learn, and never the same.
    """
    survey, work = measured.survey, measured.work
    assert measured.learning is not None
    kind, classes = kind_of(survey.model), len(survey.classes)
    rate = measured.learning / kind.training_units(survey.model, work.chosen, classes, epochs=1)
    rest = max(0.0, taken - rate * cost_of(stage).units(survey, work))
    return Cost(fixed=rest / starts_of(stage, survey, work), rate=rate)


def _memory(small: Measured, large: Measured) -> dict[str, Memory]:
    """Draw the line through the peaks of the two sizes of tiles.

    Sizes that differ little give no slope, for peaks of equal runs differ by some MiB; the slope
    is then the one shipped, and the line goes through the larger size.
    """
    few, many = layers_mib(small.survey), layers_mib(large.survey)
    memory = {}
    for stage in large.tiles:
        key = cost_key(stage, large.survey)
        slope = shipped().memory_of(key).slope
        if many >= WIDE * few:
            slope = max(0.0, (large.peaks[stage] - small.peaks[stage]) / (many - few))
        base = large.peaks[stage] - slope * many - model_mib(stage, large.survey)
        memory[key] = Memory(base=max(0.0, base), slope=slope)
    return memory


def _stored(large: Measured) -> dict[str, float]:
    per = {}
    for stage, size in large.stored.items():
        layers = None if stage == SOURCE else cost_of(stage).layers
        per[stage] = size / large.work.pixels / layers(large.work) if layers else size
    return per
