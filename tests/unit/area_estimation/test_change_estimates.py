"""Areas of change by one sample: worked out by hand, and what must add up."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minecover.area_estimation.bounds import area_bounds
from minecover.area_estimation.change import LabelledPeriods, change_estimates
from minecover.area_estimation.strata import (
    OTHER,
    UNSURE,
    change_strata,
    expected_of_strata,
    joined_pixels,
    joined_strata,
    joined_tiles,
    names_of_strata,
)
from minecover.errors import DataError
from minecover.geography.grid import Window

NAMES = ("forest", "mine")
STABLE, OPENED = "forest -> forest", "forest -> mine"


def labelled(cells: dict[tuple[str, str], int], units: tuple[str, ...] = ()) -> LabelledPeriods:
    """Points by (stratum, true transition); 9,000 pixels that stayed forest and 1,000 new mine."""
    rows = [cell for cell, count in cells.items() for _ in range(count)]
    true = [name.split(" -> ") for _, name in rows]
    mapped = [name.split(" -> ") for name, _ in rows]
    return LabelledPeriods(
        strata=[name for name, _ in rows],
        mapped={"2019": [a for a, _ in mapped], "2023": [b for _, b in mapped]},
        reference={"2019": [a for a, _ in true], "2023": [b for _, b in true]},
        pixels={STABLE: 9_000, OPENED: 1_000},
        pixel_area=100.0,
        units={name: np.array([name in one for one in units]) for name in set("".join(units))},
    )


CELLS = {(STABLE, STABLE): 98, (STABLE, OPENED): 2, (OPENED, OPENED): 45, (OPENED, STABLE): 5}


def test_an_area_of_change_by_hand() -> None:
    found = change_estimates(labelled(CELLS), NAMES)
    pair = found["pairs"][0]
    assert (pair["from"], pair["to"]) == ("2019", "2023")
    opened = pair["transitions"]["area_ha"][OPENED]
    # 0.9 · 0.02 + 0.1 · 0.9 of 100 ha, and the root of Olofsson's eq. 10
    assert opened["value"] == pytest.approx(10.8)
    error = 100 * np.sqrt(0.9**2 * 0.02 * 0.98 / 99 + 0.1**2 * 0.9 * 0.1 / 49)
    assert opened["standard_error"] == pytest.approx(error)
    assert 0 < opened["low"] < 10.8 < opened["high"]
    assert pair["transitions"]["labelled"] == {STABLE: 103, OPENED: 47}
    # all that changed is new mine: the same number under its other names
    assert pair["gained_ha"]["mine"]["value"] == pytest.approx(10.8)
    assert pair["lost_ha"]["forest"] == pytest.approx(pair["gained_ha"]["mine"])
    assert pair["net_ha"]["mine"]["value"] == pytest.approx(10.8)
    assert pair["net_ha"]["forest"]["value"] == pytest.approx(-10.8)
    assert pair["net_ha"]["mine"]["standard_error"] == pytest.approx(error)
    assert found["periods"]["2019"]["area_ha"]["mine"]["value"] == 0
    assert found["periods"]["2023"]["area_ha"]["mine"]["value"] == pytest.approx(10.8)


def test_units_share_the_sample() -> None:
    """Every second point lies in N, every third in E, some of them in both, and some in neither."""
    units = tuple("N" * (place % 2) + "E" * (place % 3 == 0) for place in range(150))
    found = change_estimates(labelled(CELLS, units), NAMES)["units"]
    assert list(found) == ["E", "N"]
    assert (found["N"]["points"], found["E"]["points"]) == (75, 50)
    # of 2 and 45 points one and 22 lie there (the 100 of the first stratum end on an even place)
    gained = found["N"]["pairs"][0]["gained_ha"]["mine"]
    assert gained["value"] == pytest.approx(100 * (0.9 * 1 / 100 + 0.1 * 22 / 50), abs=1e-9)
    assert gained["high"] > gained["value"]


ROWS = st.lists(st.integers(0, 30), min_size=4, max_size=4)


@settings(deadline=None, max_examples=12)
@given(ROWS, ROWS)
def test_balances_and_periods_agree(stable: list[int], opened: list[int]) -> None:
    kinds = [f"{a} -> {b}" for a in NAMES for b in NAMES]
    stable[0] += 2
    opened[1] += 2
    cells = {
        (stratum, kind): count
        for stratum, counts in ((STABLE, stable), (OPENED, opened))
        for kind, count in zip(kinds, counts, strict=True)
    }
    found = change_estimates(labelled(cells), NAMES)
    pair, before, after = found["pairs"][0], found["periods"]["2019"], found["periods"]["2023"]
    for name in NAMES:
        gained, lost, net = (pair[f"{kind}_ha"][name] for kind in ("gained", "lost", "net"))
        assert net["value"] == pytest.approx(gained["value"] - lost["value"], abs=1e-9)
        difference = after["area_ha"][name]["value"] - before["area_ha"][name]["value"]
        assert net["value"] == pytest.approx(difference, abs=1e-9)
        for item in (gained, lost, net):
            assert item["low"] <= item["value"] <= item["high"]
            assert -100 <= item["low"] <= item["high"] <= 100
        assert gained["low"] >= 0
    assert sum(item["value"] for item in pair["transitions"]["area_ha"].values()) == pytest.approx(
        100
    )


def test_three_periods_are_compared_in_order() -> None:
    points = LabelledPeriods(
        strata=["s"] * 4,
        mapped=dict.fromkeys("abc", ["forest"] * 4),
        reference={"a": ["forest"] * 4, "b": ["mine"] + ["forest"] * 3, "c": ["forest"] * 4},
        pixels={"s": 400},
        pixel_area=100.0,
    )
    pairs = change_estimates(points, NAMES)["pairs"]
    assert [(pair["from"], pair["to"]) for pair in pairs] == [("a", "b"), ("b", "c"), ("a", "c")]
    assert [pair["net_ha"]["mine"]["value"] for pair in pairs] == pytest.approx([1, -1, 0])


def test_no_area_within_a_unit_exceeds_it() -> None:
    cells = {(STABLE, STABLE): 90, (STABLE, OPENED): 1, (OPENED, OPENED): 30}
    units = ("C",) * 90 + ("T",) + ("C",) * 30
    # the one point of the town, T, stands for 99 pixels, but the town has 40: 0.4 ha
    points = replace(labelled(cells, units), unit_pixels={"C": 9960, "T": 40})
    found = change_estimates(points, NAMES)["units"]
    [pair] = found["T"]["pairs"]
    area = found["T"]["periods"]["2023"]["area_ha"]["mine"]
    assert (area["value"], area["high"]) == pytest.approx((0.4, 0.4))
    assert pair["gained_ha"]["mine"]["high"] == pytest.approx(0.4)
    assert pair["net_ha"]["forest"]["low"] == pytest.approx(-0.4)
    assert found["C"]["periods"]["2023"]["area_ha"]["mine"]["high"] < 99.6


def test_labels_that_are_no_class_are_refused() -> None:
    with pytest.raises(DataError, match="label holds meadow"):
        change_estimates(labelled({(STABLE, "meadow -> mine"): 3, (OPENED, OPENED): 2}), NAMES)


CLASSES = {"forest": 2, "mine": 5}


def test_strata_are_transitions_and_where_readings_differ() -> None:
    before = np.array([[2, 2, 2, 0, 5, 2]], np.uint8)
    after = np.array([[2, 2, 5, 5, 5, 2]], np.uint8)
    first = np.array([[2, 2, 2, 2, 5, 0]], np.uint8)
    last = np.array([[2, 5, 2, 5, 5, 5]], np.uint8)
    codes = change_strata((before, after), (first, last), CLASSES)
    # the last one has no reading in the first period
    assert codes.tolist() == [[202, -205, 205, 0, 505, UNSURE]]
    names = names_of_strata(CLASSES)
    assert set(codes.ravel()) - {0} <= set(names)
    assert names[-205] == "unchanged, read as forest -> mine"
    expected = expected_of_strata(CLASSES, {2: 0.9, 5: 0.8})
    assert expected[UNSURE] == expected[OTHER] == expected[-205] == 0.5
    changes = {code: expected[code] for code in (202, 205, 502, 505)}
    assert changes == pytest.approx({202: 0.9, 205: 0.72, 502: 0.72, 505: 0.8})


def test_small_strata_of_change_and_of_doubt_are_joined() -> None:
    pixels = {202: 9000, 205: 600, 502: 40, 505: 3, -205: 200, -502: 200, UNSURE: 7}
    # 502 has fewer pixels than 50, so what was read as it has no stratum either; 505 stayed
    joined = joined_strata(pixels, CLASSES, minimum=50)
    assert joined == {
        202: 202, 205: 205, 502: OTHER, 505: 505, -205: -205, -502: UNSURE, UNSURE: UNSURE
    }  # fmt: skip
    assert joined_pixels(pixels, joined) == {
        -205: 200, UNSURE: 207, OTHER: 40, 202: 9000, 205: 600, 505: 3
    }  # fmt: skip
    codes = np.array([[0, 502, -502, 205]], np.int32)
    [(_, tile)] = joined_tiles([(Window(0, 1, 0, 4), codes)], joined)
    assert tile.tolist() == [[0, OTHER, UNSURE, 205]]
    # 60 pixels are enough for 50 points, but less than a hundredth of what changed
    assert joined_strata({205: 9000, 502: 60}, CLASSES, minimum=50)[502] == OTHER


@settings(deadline=None, max_examples=40)
@example([(1, 0, 1)])  # a single pixel that no point has seen
@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40), st.integers(0, 5000)), min_size=1)
)
def test_what_is_and_what_is_not_have_the_same_interval(
    strata: list[tuple[int, int, int]],
) -> None:
    points, found, more = np.array(strata, dtype=np.float64).T
    found, pixels = np.minimum(found, points), points + more
    value = float((pixels * found / points).sum() / pixels.sum())
    low, high = area_bounds(value, found, points, pixels)
    other = area_bounds(1 - value, points - found, points, pixels)
    assert other == pytest.approx((1 - high, 1 - low), abs=1e-8)
    assert 0 <= low <= value <= high <= 1
    # pixels that were seen are there
    assert found.sum() / pixels.sum() - 1e-9 <= low
    assert high <= 1 - (points - found).sum() / pixels.sum() + 1e-9


def test_many_points_of_both_kinds_have_the_interval_of_the_papers() -> None:
    found, points, pixels = np.array([300.0]), np.array([1000.0]), np.array([1e9])
    low, high = area_bounds(0.3, found, points, pixels)
    half = 1.96 * np.sqrt(0.3 * 0.7 / 1000)
    assert (low, high) == pytest.approx((0.3 - half, 0.3 + half), abs=1e-3)
