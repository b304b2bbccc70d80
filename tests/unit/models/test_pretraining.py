"""A season network that learns from ground without labels: what is hidden, resumed and kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawn_ground import LAYOUT, NAMES, PLACES, SEASONS, Drawn, task
from minecover.errors import DataError
from minecover.models.network.pretraining import Hiding
from minecover.models.network.season_shape import SeasonShape
from minecover.models.network.season_start import read_description, season_start
from minecover.models.pretraining import BLOCKS, EDGE, PretrainingTask, drawn_pixels
from minecover.models.registry import MODELS
from minecover.models.series import SeriesLayout
from minecover.models.settings import PretrainingSettings
from minecover.models.task import History


def carried_out(task: PretrainingTask) -> tuple[bytes, History]:
    return MODELS["seasons"].pretrain(task)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, History]:
    return carried_out(task(tmp_path_factory.mktemp("store")))


@given(
    seasons=st.sampled_from([0.01, 0.5, 0.99]),
    features=st.sampled_from([0.0, 0.2, 0.99]),
    count=st.integers(1, 3),
)
@settings(max_examples=20, deadline=None)
def test_a_season_at_least_is_hidden_and_one_is_not(
    seasons: float, features: float, count: int
) -> None:
    layout = SeriesLayout(PLACES[: 2 * count] + PLACES[-1:], SEASONS[:count])
    hiding = Hiding(layout, PretrainingSettings(hidden_seasons=seasons, hidden_features=features))
    assert hiding.told == list(range(2 * count))  # never what has no season
    hidden = hiding.draw(np.random.default_rng(0), 50).reshape(50, count, 2)
    assert hidden.any(axis=(1, 2)).all()
    if count > 1:
        assert hidden.all(axis=2).any(axis=1).all()
    if features == 0:
        assert count == 1 or (~hidden.any(axis=2)).any(axis=1).all()


def test_shares_are_those_that_are_hidden() -> None:
    hiding = Hiding(LAYOUT, PretrainingSettings(hidden_seasons=0.5, hidden_features=0.2))
    hidden = hiding.draw(np.random.default_rng(0), 4000).reshape(4000, 3, 2)
    # of three seasons one with probability 1/2, by symmetry, and so two; each feature of the rest
    assert hidden.all(axis=2).mean() == pytest.approx(0.5 + 0.5 * 0.2**2, abs=0.02)
    assert hidden.mean() == pytest.approx(0.5 + 0.5 * 0.2, abs=0.02)


def test_it_learns_to_tell_what_is_hidden(learned: tuple[bytes, History]) -> None:
    records = learned[1].records
    assert [record["step"] for record in records] == [25, 50, 60]
    assert records[-1]["loss"] < 0.6 * records[0]["loss"]
    # every layer is the same field, so one that is seen tells those that are not
    assert records[-1]["loss"] < 0.5 * records[-1]["loss_of_mean"]
    assert learned[1].facts["explained"] > 0
    assert learned[1].facts["steps"] == 60


def test_the_file_says_what_it_was_made_of(learned: tuple[bytes, History]) -> None:
    about = read_description(learned[0], "file")
    assert about["survey"] == "there"
    assert (about["kind"], about["window"], about["width"]) == ("seasons", 5, 0.125)
    assert SeriesLayout.from_json(about["series"]) == LAYOUT
    assert about["pretraining"]["steps"] == 60
    assert len(about["standardise"]["mean"]) == len(NAMES)
    start = season_start(learned[0], SeasonShape(LAYOUT, 4, 5, 0.125), "file")
    assert (start.fresh, dict(start.left_out)) == ((), {"classifier": "the head"})
    assert not any(name.startswith("classifier") for name in start.weights)


class KilledError(Exception):
    """The process ends here."""


@pytest.mark.parametrize("at", [25, 50])
def test_an_attempt_that_was_killed_goes_on_to_the_same_bytes(
    at: int, learned: tuple[bytes, History], tmp_path: Path
) -> None:
    def die(done: int, of: int, what: str, note: str = "") -> None:
        if (done, of, what) == (at, 60, "steps"):
            raise KilledError

    begun = task(tmp_path)
    with pytest.raises(KilledError):
        carried_out(replace(begun, report=die))
    asked: list[int] = []
    again = replace(begun, report=lambda done, of, what, note="": asked.append(done))
    assert carried_out(again)[0] == learned[0]
    assert asked[0] == at  # it went on from there
    assert [*begun.store.names("checkpoints/")] == []


def test_a_state_of_other_settings_is_not_gone_on_from(tmp_path: Path) -> None:
    begun = task(tmp_path, steps=1)
    begun.store.write("checkpoints/pretraining/0.pt", b"of another")
    carried_out(begun)
    assert [*begun.store.names("checkpoints/")] == []


def test_memory_is_that_of_a_few_blocks(tmp_path: Path) -> None:
    """However large the area is, and a tile of it."""
    ground = Drawn()
    carried_out(task(tmp_path, steps=26, ground=ground))
    drawn = [edge for edge in ground.edges if edge == EDGE]
    assert len(drawn) == 2 * BLOCKS  # two rounds
    assert max(ground.edges) == EDGE
    assert drawn_pixels(26) == len(drawn) * EDGE**2


def test_layers_without_a_value_are_not_learned(tmp_path: Path) -> None:
    empty = ("spring_VV", "slope")
    data, history = carried_out(task(tmp_path, steps=1, ground=Drawn(empty)))
    assert history.facts["layers"] == len(NAMES) - 2
    places = SeriesLayout.from_json(read_description(data, "file")["series"]).places
    assert {("spring", "VV"), (None, "slope")}.isdisjoint(places)
    with pytest.raises(DataError, match="no feature of a season has a value"):
        carried_out(task(tmp_path, steps=1, ground=Drawn(NAMES)))
