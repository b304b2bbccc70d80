"""What the network that reads all periods together makes of maps of simulated histories.

``python -m benchmarks.read_again 20 13`` simulates districts and runs their own surveys, as
`minecover demo` makes them, up to the features. The readings of the periods are those of a forest
(`benchmarks.forest_readings`), smoothed and read again at borders as surveys do, in place of a
model that learns for an hour; with ``--pipeline KIND`` this model reads them. The stages `relearn`
and `combine` then are a survey's own. ``own`` are its maps without a network, ``again`` those with
one that learned from them (`change.network`); ``--plain`` leaves out that readings are smoothed and
read again at borders. With ``--learn 31 --learn-size 768`` the network
learns from the true maps of another district (`change.network.reference`) and is carried to the
others, of which it has seen nothing.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.district_history import (
    CODES,
    FOREST,
    Codes,
    refined,
    scores,
)
from benchmarks.forest_readings import NAMES, Values, forest_readings
from benchmarks.survey_readings import ALONE
from minecover.demo.district import District, build_district
from minecover.demo.frame import Frame
from minecover.demo.materials import Land
from minecover.engines.base import TileJob
from minecover.prediction.map_layers import map_arrays
from minecover.stages.chain import learn_chain
from minecover.stages.combine import CombineJob
from minecover.stages.registry import stages_of
from minecover.stages.relearn import relearn_periods
from minecover.storage.names import MAP_RASTER, READINGS_RASTER, probability_layers
from minecover.storage.store import Store
from minecover.survey import Survey, load
from minecover.survey.grid import survey_grid
from minecover.transitions.network_settings import NetworkSettings
from minecover.workflow.layout import Target
from minecover.workflow.progress import Facts, Silent
from minecover.workflow.run import run_survey
from minecover.workflow.stage import StageContext, Workspace

__all__ = ["measure"]

PERIODS = 4
LANDUSE = "landuse"
PLAIN: dict[str, object] = {"prediction__smoothing": 0, "prediction__borders": 0}


def simulated(folder: Path, seed: int, size: int) -> District:
    """Simulate a district with a history."""
    scale = Frame(size).points_scale
    return build_district(folder, size=size, seed=seed, points_scale=scale, periods=PERIODS)


def survey_of(district: District, **settings: object) -> Survey:
    """Give the survey of a district, in one process."""
    store = str(district.survey.parent / "store")
    alone = {f"engine__{key}": value for key, value in ALONE.items()}
    return load(district.survey, store=store).replace(**alone, **settings)


def observed(district: District, settings: Mapping[str, object]) -> Survey:
    """Make the cube of a district, and readings of a forest."""
    survey = survey_of(district, features__keep="none", **settings)
    run_survey(survey, Silent(), "features")
    store, grid = Store(survey.store), survey_grid(survey)
    arrays = map_arrays(survey.prediction, survey.class_codes)
    readings, _ = (
        store.create_layers(name, grid, arrays, {}, tuple(survey.periods))
        for name in (READINGS_RASTER, MAP_RASTER)
    )
    read = forest_readings(district)
    plain = survey.prediction.smoothing == 0
    given = read.probabilities if plain else refined(read, survey.prediction)
    for period, shares in zip(survey.periods, given, strict=True):
        best = CODES[shares.argmax(axis=0)].astype(np.float32)
        rest = np.zeros((len(readings.names) - len(NAMES) - 1, *best.shape), dtype=np.float32)
        layers = np.concatenate([best[None], rest, shares])
        for tile in grid.tiles:
            cut = layers[(slice(None), *grid.window(tile).slices)]
            readings.write_tile(grid, replace(tile, period=period), cut)
    learn_chain(survey, store, grid)
    return survey


def taught(survey: Survey) -> None:
    """Run the stage `relearn` of a survey of which the stages before it may be another's."""

    def no_tiles(target: Target, job: TileJob) -> Facts:
        raise AssertionError(f"{job} on {target}: it has no tiles")

    workspace = Workspace(survey, stages_of(survey))
    relearn_periods(StageContext(workspace, "relearn", "benchmark", no_tiles))


def combined(survey: Survey) -> tuple[Codes, Values]:
    """Run the stage `combine`, and give the maps with the probability of mining."""
    number = "again" if survey.reads_again else "own"
    for tile in survey_grid(survey).tiles:
        CombineJob(survey.store, survey, number)(tile)
    return maps_of(survey)


def maps_of(survey: Survey) -> tuple[Codes, Values]:
    """Class codes and probability of mining, (period, y, x), of maps that are there."""
    store, grid = Store(survey.store), survey_grid(survey)
    mining = probability_layers([NAMES[CODES.tolist().index(Land.MINING)]])
    codes, sure = np.zeros((2, len(survey.periods), *grid.shape), dtype=np.float32)
    for place, period in enumerate(survey.periods):
        layers = store.layers(MAP_RASTER, period)
        for tile in grid.tiles:
            window = grid.window(tile)
            codes[(place, *window.slices)], sure[(place, *window.slices)] = layers.read(
                window, (LANDUSE, *mining)
            )
    return np.nan_to_num(codes).astype(np.uint8), sure


def rows(
    district: District, options: argparse.Namespace, settings: NetworkSettings
) -> Iterator[dict[str, object]]:
    """Give a row for the maps of a district without a network, and one for those with it."""
    forest, plain = options.pipeline == FOREST, PLAIN if options.plain else {}
    survey = (
        observed(district, plain)
        if forest
        else survey_of(district, model__kind=options.pipeline, **plain)
    )
    for name, network in (("own", None), ("again", settings)):
        its = survey.replace(change__network=network)
        if not forest:
            run_survey(its, Silent(), "combine")
        elif its.reads_again:
            taught(its)
        codes, sure = combined(its) if forest else maps_of(its)
        yield {"maps": name, **scores(district, codes, sure)}


def measure(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, object]]:
    """Simulate districts, map them, and read them again."""
    settings = NetworkSettings(steps=options.steps, channels=options.channels)
    if options.learn is not None:
        known = simulated(folder / f"known-{options.learn}", options.learn, options.learn_size)
        there = survey_of(
            known, features__keep="none",
            change__network=settings.replace(reference=str(known.truth)),
        )  # fmt: skip
        run_survey(there.replace(change__network=None), Silent(), "features")
        taught(there)
        settings = NetworkSettings(carried_from=there.store)
    for seed in options.seeds:
        district = simulated(folder / str(seed), seed, options.size)
        for row in rows(district, options, settings):
            yield {"seed": seed, **row}


def main() -> None:
    """Print a row for each map of each district."""
    own = NetworkSettings()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--learn", type=int)
    parser.add_argument("--learn-size", type=int, default=768)
    parser.add_argument("--pipeline", default=FOREST, metavar="KIND")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--steps", type=int, default=own.steps)
    parser.add_argument("--channels", type=int, default=own.channels)
    with tempfile.TemporaryDirectory() as folder:
        table = list(measure(parser.parse_args(), Path(folder)))
    print(pd.DataFrame(table).round(4).to_csv(sep="|", index=False))


if __name__ == "__main__":
    main()
