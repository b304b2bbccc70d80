"""Samples at which a carried model learned are recognised, whatever the grid that they lie on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import pytest

from minecover.errors import StoreError
from minecover.samples.sample_set import SampleSet
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.validation.learned_places import LearnedPlaces
from small_map import survey

ZONE, NEXT_ZONE = "EPSG:32633", "EPSG:32634"
PLACES = [(500_000.0, 5_600_000.0), (501_000.0, 5_600_000.0), (502_000.0, 5_603_000.0)]


def samples(places: list[tuple[float, float]], crs: str = ZONE, **columns: list[str]) -> SampleSet:
    """Points at places that are given in the zone 33."""
    shift = pyproj.Transformer.from_crs(ZONE, crs, always_xy=True)
    x, y = shift.transform(*np.array(places).T)
    return SampleSet(pd.DataFrame({"x": x, "y": y, **columns}), ())


def of_year(year: int) -> Survey:
    return survey(seasons={"summer": [f"{year}-06-01/{year}-08-31"]})


def test_samples_that_a_model_saw_are_those_within_its_window(tmp_path: Path) -> None:
    known = LearnedPlaces.of(of_year(2021), samples(PLACES), ZONE)
    known.save(Store(str(tmp_path)))
    known = LearnedPlaces.load(Store(str(tmp_path)))
    here = samples([(x + dx, y) for (x, y), dx in zip(PLACES, (0, 84, 86), strict=True)])
    met = known.meet(of_year(2021), here, ZONE, metres=85)
    assert met.tolist() == [True, True, False]
    # the grid of the next zone is turned by some degrees
    turned = samples(PLACES, NEXT_ZONE)
    assert known.meet(of_year(2021), turned, NEXT_ZONE, metres=1).all()


def test_in_another_year_the_ground_is_another() -> None:
    known = LearnedPlaces.of(of_year(2021), samples(PLACES), ZONE)
    assert not known.meet(of_year(2022), samples(PLACES), ZONE, metres=85).any()
    both = known.with_those(LearnedPlaces.of(of_year(2022), samples(PLACES[:1]), ZONE))
    assert both.meet(of_year(2022), samples(PLACES), ZONE, 85).tolist() == [True, False, False]
    assert both.meet(of_year(2021), samples(PLACES), ZONE, 85).all()


def test_samples_of_a_survey_of_periods_have_the_days_of_theirs() -> None:
    seasons = {str(year): dict(of_year(year).seasons) for year in (2019, 2023)}
    periods = {name: {"seasons": own} for name, own in seasons.items()}
    its = survey(periods=periods, seasons=seasons["2023"])
    here = samples(PLACES, period=["2019", "2023", "2023"])
    known = LearnedPlaces.of(of_year(2023), samples(PLACES), ZONE)
    assert known.meet(its, here, ZONE, 85).tolist() == [False, True, True]


def test_what_is_damaged_is_named(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write("model/learned_places.safetensors", b"{}")
    with pytest.raises(StoreError, match=r"learned_places\.safetensors: damaged .* train again"):
        LearnedPlaces.load(store)
