"""How often classes turn into each other: as a survey says, or learned from its readings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from minecover.errors import StoreError
from minecover.prediction.map_layers import map_arrays
from minecover.stages.chain import chain_of, learn_chain
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.transitions.matrix import rates
from small_map import grid, survey

YEARS = ("2019", "2021")
SHAPE = (40, 64)
NEVER = {"mine -> forest_and_grass": 0.0, "water -> mine": 0.0}


def surveyed(folder: Path, **change: object) -> Survey:
    seasons = {year: {"summer": [f"{year}-06-01/{year}-08-31"]} for year in YEARS}
    periods = {year: {"seasons": own} for year, own in seasons.items()}
    return survey(periods=periods, seasons=seasons[YEARS[-1]], store=str(folder / "store"),
                  change={"transitions": NEVER, **change})  # fmt: skip


def read(its: Survey, tile: int) -> Store:
    """Store readings of forest of which a tenth becomes a mine, read right in 19 of 20 pixels."""
    its_grid = grid(SHAPE, tile)
    store, arrays = Store(its.store), map_arrays(its.prediction, its.class_codes)
    layers = store.create_layers("readings.zarr", its_grid, arrays, {}, YEARS)
    rng = np.random.default_rng(0)
    becomes = rng.random(SHAPE) < 0.1
    for year, mined in zip(YEARS, (np.zeros(SHAPE, bool), becomes), strict=True):
        seems = np.where(rng.random(SHAPE) < 0.05, ~mined, mined)
        values = np.full((len(layers.names), *SHAPE), 0.01, dtype=np.float32)
        names = list(layers.names)
        values[names.index("probability_forest_and_grass")] = np.where(seems, 0.04, 0.95)
        values[names.index("probability_mine")] = np.where(seems, 0.95, 0.04)
        for part in its_grid.tiles:
            cut = values[(slice(None), *its_grid.window(part).slices)]
            layers.write_tile(its_grid, replace(part, period=year), cut)
    return store


def test_rates_are_learned_from_the_readings_whatever_the_tiles(tmp_path: Path) -> None:
    documents = []
    for tile in (32, 64):
        its = surveyed(tmp_path / str(tile), learn=True)
        store = read(its, tile)
        learn_chain(its, store, grid(SHAPE, tile))
        documents.append(store.read_json("transitions.json"))
    assert documents[0] == documents[1]
    chain = chain_of(its, store)
    # a tenth in two years
    assert chain.rates[0, 2] == pytest.approx(-np.log(0.9) / 2, abs=0.015)
    assert documents[0]["rates"]["forest_and_grass -> mine"] == chain.rates[0, 2]
    assert chain.rates[2, 0] == chain.rates[1, 2] == 0
    assert chain.first.round(1).tolist() == [1, 0, 0]


def test_what_the_survey_says_is_taken_unless_it_asks(tmp_path: Path) -> None:
    its = surveyed(tmp_path)
    store = Store(its.store)
    learn_chain(its, store, grid(SHAPE, 32))
    assert store.read("transitions.json") is None
    names = list(its.class_codes)
    np.testing.assert_array_equal(chain_of(its, store).rates, rates(its.change, names))
    with pytest.raises(StoreError, match="run `minecover combine`"):
        chain_of(surveyed(tmp_path, learn=True), store)
