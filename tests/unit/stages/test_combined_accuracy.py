"""The accuracy of the combined maps, from what held-out points were read as."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minecover.stages.chain import chain_of
from minecover.stages.combined_accuracy import combined_accuracy
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.validation.assessed_points import AssessedPoints
from minecover.validation.readings import HeldOutReadings, held_out_bytes
from small_map import survey

YEARS = ("2019", "2021", "2023")
FOREST, WATER, MINE = 2, 3, 7
NAMES = ("forest_and_grass", "water", "mine")

FOREST_READ, MINE_READ = (0.98, 0.01, 0.01), (0.01, 0.01, 0.98)
PERHAPS_FOREST, PERHAPS_MINE = (0.6, 0.05, 0.35), (0.35, 0.05, 0.6)


def surveyed(**changes: object) -> Survey:
    seasons = {year: {"summer": [f"{year}-06-01/{year}-08-31"]} for year in YEARS}
    periods = {year: {"seasons": own} for year, own in seasons.items()}
    return survey(periods=periods, seasons=seasons[YEARS[-1]], **changes)


def measured(its: Survey, data: bytes) -> Any:
    return combined_accuracy(its, data, chain_of(its, Store("unused")))


def held_out(first: int = 0, last: int = 3) -> bytes:
    """Five points of the middle period and two of the first, read in some of the periods."""
    readings = np.array(
        [
            [MINE_READ, PERHAPS_FOREST, MINE_READ],  # a mine: the others bear it out
            [FOREST_READ, PERHAPS_MINE, FOREST_READ],  # forest: likewise
            [FOREST_READ, PERHAPS_MINE, FOREST_READ],  # a mine for one period: combined away
            [FOREST_READ, FOREST_READ, MINE_READ],  # forest that becomes a mine
            [np.full(3, np.nan), PERHAPS_MINE, np.full(3, np.nan)],  # seen once: as it was read
            [MINE_READ, MINE_READ, MINE_READ],
            [FOREST_READ, MINE_READ, MINE_READ],
        ],
        dtype=np.float32,
    )[:, first:last]
    reference = np.array([MINE, FOREST, MINE, FOREST, MINE, MINE, MINE])
    count = len(reference)
    period = np.array([YEARS[1]] * 5 + [YEARS[first]] * 2, dtype=object)
    points = AssessedPoints(
        rows=np.arange(count)[::-1].copy(), reference=reference, mapped=reference, plain=reference,
        smoothed=reference, apart=np.ones(count, bool), confidence=np.ones(count, np.float32),
        probabilities=np.ones((count, 1), np.float32), blocks=np.arange(count),
        region=np.full(count, "", object), readings=readings,
        map_probabilities=np.ones((count, 1), np.float32),
    )  # fmt: skip
    samples = SimpleNamespace(periods=period[::-1])
    return held_out_bytes({"spatial_blocks": points}, samples, YEARS[first:last], NAMES)  # type: ignore[arg-type]


def test_readings_are_kept_as_they_are() -> None:
    (readings,) = HeldOutReadings.splits(held_out()).values()
    assert readings.periods == YEARS
    assert readings.period.tolist() == [1, 1, 1, 1, 1, 0, 0]
    np.testing.assert_allclose(readings.probabilities[:, :, 3].T[0], [0.98, 0.98, 0.01])
    assert np.isnan(readings.probabilities[0, :, 4]).all()


def test_the_combined_maps_are_held_against_the_points() -> None:
    document = measured(surveyed(), held_out())
    split = document["splits"]["spatial_blocks"]
    # by itself the first two are wrong, and the last; combined the third is, and the last
    assert split["by_itself"] == pytest.approx(4 / 7)
    assert split["overall_accuracy"] == pytest.approx(5 / 7)
    assert (split["corrected"], split["worsened"], split["samples"]) == (2, 1, 7)
    assert split["p_value"] == pytest.approx(1.0)  # two of three either way
    assert {name: own["overall_accuracy"] for name, own in split["periods"].items()} == {
        "2019": pytest.approx(1 / 2), "2021": pytest.approx(4 / 5),
    }  # fmt: skip
    bounds = split["intervals"]["overall_accuracy"]
    assert 0 < bounds["low"] < 5 / 7 < bounds["high"] < 1
    assert "2019, 2021, 2023" in document["protocol"]


def test_the_settings_of_today_count() -> None:
    """Where a forest that was a mine is expected, the mine of one period stays one."""
    change = {"transitions": {"forest_and_grass -> mine": 0.5, "mine -> forest_and_grass": 0.5}}
    split = measured(surveyed(change=change), held_out())["splits"]["spatial_blocks"]
    assert (split["corrected"], split["worsened"]) == (0, 0)


def test_one_period_with_samples_tells_nothing_of_the_combination() -> None:
    assert measured(surveyed(), held_out(1, 2)) is None
