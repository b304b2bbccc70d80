"""Area-adjusted estimators: the published examples, digit for digit, and refusals."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.area_estimation.estimators import AreaEstimates, area_estimates, probability_sample
from minecover.area_estimation.stratified import Estimate, Strata
from minecover.errors import DataError

OLOFSSON = ["deforestation", "forest gain", "stable forest", "stable non-forest"]


def olofsson() -> AreaEstimates:
    """Olofsson et al. 2014, Table 8: counts (rows map), pixels of 30 m by map class."""
    counts = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
    cells = [(i, j) for i in range(4) for j in range(4) for _ in range(counts[i][j])]
    mapped = [OLOFSSON[i] for i, _ in cells]
    return area_estimates(
        mapped,
        mapped,
        [OLOFSSON[j] for _, j in cells],
        pixels=dict(zip(OLOFSSON, [200_000, 150_000, 3_200_000, 6_450_000], strict=True)),
        names=OLOFSSON,
        pixel_area=900.0,
    )


def stehman(finite_population: bool) -> AreaEstimates:
    """Stehman 2014, numerical example: 10 points in each of 4 strata, not the map classes."""
    return area_estimates(
        list("A" * 10 + "B" * 10 + "C" * 10 + "D" * 10),
        list("A" * 7 + "BBB" + "A" + "B" * 11 + "C" * 6 + "BB" + "D" * 10),
        list("AAAAACBABC" + "ABBBBBAABB" + "CCCCCDDBBA" + "DDDDDDDCCB"),
        pixels={"A": 40_000, "B": 30_000, "C": 20_000, "D": 10_000},
        names=list("ABCD"),
        pixel_area=10_000.0,
        finite_population=finite_population,
    )


def test_olofsson_table_9() -> None:
    printed = [
        [0.0176, 0, 0.0013, 0.0011],
        [0, 0.0110, 0.0016, 0.0024],
        [0.0019, 0, 0.2967, 0.0213],
        [0.0040, 0.0020, 0.0179, 0.6212],
    ]
    np.testing.assert_array_equal(olofsson().proportions.round(4), printed)


def test_olofsson_areas_in_hectares() -> None:
    """Section 5.2.2: 21,158 ± 6,158 and so on."""
    printed = [(21_158, 6_158), (11_686, 3_756), (285_770, 15_510), (581_386, 16_282)]
    found = [(round(item.value), round(item.margin)) for item in olofsson().area.values()]
    assert found == printed


def test_olofsson_accuracies() -> None:
    """Section 5.2.1.

    Two margins of producer's accuracy are printed as 0.23 (forest gain) and 0.01 (stable
    non-forest); the paper's own equation 7 gives 0.25 and 0.02, which are asserted.
    """
    result = olofsson()
    overall = result.overall_accuracy
    assert (round(overall.value, 2), round(overall.margin, 2)) == (0.95, 0.02)
    users = [(round(e.value, 2), round(e.margin, 2)) for e in result.users_accuracy.values() if e]
    assert users == [(0.88, 0.07), (0.73, 0.10), (0.93, 0.04), (0.96, 0.02)]
    producers = result.producers_accuracy.values()
    found = [(round(e.value, 2), round(e.margin, 2)) for e in producers if e]
    assert found == [(0.75, 0.21), (0.85, 0.25), (0.93, 0.03), (0.96, 0.02)]


@pytest.mark.parametrize("finite_population", [True, False])
def test_stehman_example(finite_population: bool) -> None:
    """Pp. 4932-4936; the population is large enough for the correction not to show in print."""
    result = stehman(finite_population)
    share = {name: item.value / 100_000 for name, item in result.area.items()}
    error = {name: item.standard_error / 100_000 for name, item in result.area.items()}
    users, producers = result.users_accuracy["B"], result.producers_accuracy["B"]
    assert users is not None
    assert producers is not None
    assert (round(share["A"], 2), round(share["C"], 2)) == (0.35, 0.20)
    assert (round(error["A"], 3), round(error["C"], 3)) == (0.082, 0.064)
    overall = result.overall_accuracy
    assert (round(overall.value, 2), round(overall.standard_error, 3)) == (0.63, 0.085)
    assert (round(users.value, 3), round(users.standard_error, 3)) == (0.574, 0.125)
    assert round(producers.value, 3) == 0.794
    assert round(float(result.proportions[1, 2]), 2) == 0.08


def test_stehman_example_to_seven_digits() -> None:
    """Unrounded, as the R package mapaccuracy 0.1.2 computes the same example.

    Its standard error of B's producer's accuracy is 0.1165; the paper, rounding on the way,
    prints 0.114.
    """
    result = stehman(finite_population=True)
    users, producers = result.users_accuracy["B"], result.producers_accuracy["B"]
    assert users is not None
    assert producers is not None
    assert result.overall_accuracy.standard_error == pytest.approx(0.08464219, abs=5e-9)
    assert users.standard_error == pytest.approx(0.1247822, abs=5e-8)
    assert producers.standard_error == pytest.approx(0.1165479, abs=5e-8)
    assert result.area["A"].standard_error / 1e5 == pytest.approx(0.0822478, abs=5e-8)


def test_areas_add_up() -> None:
    result = olofsson()
    assert sum(item.value for item in result.area.values()) == pytest.approx(900_000)
    assert result.proportions.sum() == pytest.approx(1.0)


def test_estimator_is_unbiased_and_its_intervals_cover() -> None:
    """A simulated population, sampled 300 times: the interval must cover about 95 % of the time."""
    rng = np.random.default_rng(7)
    mapped = np.repeat(["a", "b"], [18_000, 2_000])
    truth = np.where(rng.random(20_000) < np.where(mapped == "a", 0.05, 0.8), "b", "a")
    true_area = float((truth == "b").sum())
    errors, covered = [], 0
    for _ in range(300):
        chosen = np.concatenate(
            [rng.choice(18_000, 150, False), 18_000 + rng.choice(2_000, 50, False)]
        )
        sampled = Strata.of(mapped[chosen].tolist(), {"a": 18_000, "b": 2_000})
        result = sampled.share((truth[chosen] == "b").astype(np.float64)).times(20_000)
        errors.append(result.value - true_area)
        covered += result.low <= true_area <= result.high
    assert abs(np.mean(errors)) < 0.03 * true_area
    assert 0.92 <= covered / 300 <= 0.98


def test_dictionary_is_json() -> None:
    result = json.loads(json.dumps(olofsson().to_dict(), allow_nan=False))
    area = result["area_ha"]["deforestation"]
    # two of 325 points of the stratum of two thirds of the area: the paper's 15,000 to 27,316 is
    # of one that cannot be skewed
    assert 15_000 < area["low"] < 17_000
    assert 27_316 < area["high"] < 31_000


def test_class_never_mapped_has_no_users_accuracy() -> None:
    result = area_estimates(
        ["s"] * 4, list("aaaa"), list("aaab"), pixels={"s": 9}, names=["a", "b"], pixel_area=1.0
    )
    assert result.users_accuracy["b"] is None
    assert result.producers_accuracy["b"] is not None
    assert json.dumps(result.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pixels": {"a": 10, "b": 10, "c": 5}}, r"fewer than 2 points in the strata c \(0\)"),
        ({"pixels": {"a": 10}}, "strata b have no pixel count"),
        ({"pixels": {"a": 10, "b": 1}}, "more points than pixels in the strata b"),
        ({"reference": list("aaxb")}, "label holds x"),
    ],
)
def test_refusals(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "strata": list("aabb"),
        "mapped": list("aabb"),
        "reference": list("aabb"),
        "pixels": {"a": 10, "b": 10},
        "names": ["a", "b"],
        "pixel_area": 100.0,
    }
    with pytest.raises(DataError, match=message):
        area_estimates(**(arguments | changes))


def labelled() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "stratum": ["a", "a", "b", "b"],
            "pixels": [100, 100, 10, 10],
            "inclusion": [0.02, 0.02, 0.2, 0.2],
            "reference": ["a", "b", "b", "b"],
        }
    )


def test_a_drawn_sample_is_accepted() -> None:
    assert probability_sample(labelled(), "p.gpkg") == {"a": 100, "b": 10}


def test_points_without_probabilities_are_refused() -> None:
    with pytest.raises(DataError, match=r"p\.gpkg: no probability sample.*chosen by hand"):
        probability_sample(labelled()[["reference"]], "p.gpkg")


def test_points_taken_out_are_refused() -> None:
    with pytest.raises(DataError, match="stratum a holds 1 points"):
        probability_sample(labelled()[1:], "p.gpkg")


def test_points_added_are_refused() -> None:
    with pytest.raises(DataError, match="points were added"):
        probability_sample(pd.concat([labelled(), labelled()[:1]]), "p.gpkg")


@pytest.mark.parametrize("label", ["", " ", None])
def test_unlabelled_points_are_refused(label: str | None) -> None:
    frame = labelled()
    frame.loc[1, "reference"] = label
    with pytest.raises(DataError, match="1 of 4 points have no label"):
        probability_sample(frame, "p.gpkg")


def sample(counts: dict[str, dict[str, int]], pixels: dict[str, int], **more: Any) -> AreaEstimates:
    """Strata are the map's classes; points by class on the map, then on the ground."""
    cells = [(i, j) for i, row in counts.items() for j, n in row.items() for _ in range(n)]
    mapped = [i for i, _ in cells]
    return area_estimates(
        mapped, mapped, [j for _, j in cells], pixels=pixels, names=list(pixels), pixel_area=100.0,
        **more,
    )  # fmt: skip


def test_a_stratum_taken_whole_has_no_error() -> None:
    counts = {"a": {"a": 48, "b": 2}, "b": {"b": 50}, "mine": {"mine": 1}, "pit": {"mine": 2}}
    pixels = {"a": 8000, "b": 8000, "mine": 1, "pit": 2}
    result = sample(counts, pixels)
    # without the three pixels, the estimate and its error are those of the rest
    rest = sample({name: counts[name] for name in "ab"}, {name: pixels[name] for name in "ab"})
    assert result.area["b"].standard_error == pytest.approx(rest.area["b"].standard_error)
    mine = result.area["mine"]
    assert (mine.value, mine.standard_error) == (pytest.approx(0.03), 0.0)
    # the three are counted; that 100 points elsewhere found none is no proof that there is none
    assert mine.low == pytest.approx(0.03)
    assert 2 < mine.high < 8
    whole = sample({"a": {"a": 1, "b": 1}, "b": {"b": 1}}, {"a": 2, "b": 1})
    area = whole.area["a"]
    assert (area.low, area.value, area.high) == pytest.approx((0.01, 0.01, 0.01))
    assert area.low == area.high
    users = whole.users_accuracy["a"]
    assert users is not None
    assert (users.low, users.value, users.high) == (0.5, 0.5, 0.5)


def test_a_rare_class_has_no_area_below_zero() -> None:
    counts = {"a": {"a": 99, "mine": 1}, "mine": {"mine": 45, "a": 5}}
    result = sample(counts, {"a": 99_000, "mine": 1_000})
    mine = result.area["mine"]
    # by hand: 1000 (0.99 · 0.01 + 0.01 · 0.9) and the root of Olofsson's eq. 10
    assert mine.value == pytest.approx(18.9)
    error = 1000 * np.sqrt(0.99**2 * 0.01 * 0.99 / 99 + 0.01**2 * 0.9 * 0.1 / 49)
    assert mine.standard_error == pytest.approx(error)
    assert mine.value - 1.96 * error < 0 < mine.low < mine.value < mine.high < 1000
    users = result.users_accuracy["a"]
    assert users is not None
    assert users.high < 1


def test_points_that_are_all_right_are_no_certainty() -> None:
    result = sample({"a": {"a": 50}, "b": {"b": 50}}, {"a": 8000, "b": 8000})

    def possible(errors: Estimate | None, points: int, of: float = 1.0) -> bool:
        """None of so many: between where 5 % of samples would have none, and where 2.5 %."""
        assert errors is not None
        least, most = (of * (1 - tail ** (1 / points)) for tail in (0.05, 0.025))
        return least < errors.high - errors.low < most

    assert possible(result.overall_accuracy, 100)
    assert result.overall_accuracy.high == 1
    # of 8,000 pixels of b, 80 ha, none of 50 points is a, and likewise on the other side
    assert possible(result.area["a"], 50, of=160)
    assert possible(result.users_accuracy["a"], 50)
    producers = result.producers_accuracy["a"]
    assert producers is not None
    # half the area is b, of which so much may be a that was not mapped; points of a tell little
    users = result.users_accuracy["b"]
    assert users is not None
    assert producers.low == pytest.approx(0.5 / (0.5 + 0.5 * (1 - users.low)), abs=0.02)


COUNTS = st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=3, max_size=3)


@settings(deadline=None, max_examples=20)
@given(COUNTS, st.lists(st.integers(0, 2000), min_size=3, max_size=3), st.booleans())
def test_intervals_stay_within_the_area(
    table: list[list[int]], more: list[int], finite: bool
) -> None:
    names = "abc"
    rows = {i: dict(zip(names, row, strict=True)) for i, row in zip(names, table, strict=True)}
    points = {name: sum(row.values()) for name, row in rows.items()}
    # one point is a sample only of a stratum of one pixel
    pixels = {
        name: points[name] + (extra if points[name] > 1 else 0)
        for name, extra in zip(names, more, strict=True)
    }
    if not sum(pixels.values()):
        return
    result = sample(rows, pixels, finite_population=finite)
    whole = sum(pixels.values()) / 100
    shares = [*result.users_accuracy.values(), *result.producers_accuracy.values()]
    for limit, items in ((whole, result.area.values()), (1.0, [result.overall_accuracy, *shares])):
        for item in (item for item in items if item is not None):
            assert -1e-12 <= item.low <= item.value + 1e-12
            assert item.value - 1e-12 <= item.high <= limit * (1 + 1e-12)
            if points != pixels and item.value in (0.0, limit):
                assert item.standard_error == pytest.approx(0, abs=1e-9 * limit)
