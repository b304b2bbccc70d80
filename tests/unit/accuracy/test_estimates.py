"""Estimates of accuracy: against scikit-learn, textbooks and edge cases."""

import json

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score, f1_score
from sklearn.metrics import confusion_matrix as reference_matrix

from minecover.accuracy.estimates import (
    block_interval,
    confusion_matrix,
    estimates,
    from_matrix,
    mcnemar,
)

CODES = {"forest": 4, "water": 1, "mine": 9}
Codes = npt.NDArray[np.uint8]
pairs = st.lists(st.tuples(st.sampled_from([4, 1, 9]), st.sampled_from([4, 1, 9])), min_size=1)


def labels(points: list[tuple[int, int]]) -> tuple[Codes, Codes]:
    table = np.array(points, dtype=np.uint8)
    return table[:, 0], table[:, 1]


@given(pairs)
def test_matrix_is_scikit_learns(points: list[tuple[int, int]]) -> None:
    reference, mapped = labels(points)
    expected = reference_matrix(reference, mapped, labels=list(CODES.values()))
    np.testing.assert_array_equal(confusion_matrix(reference, mapped, CODES), expected)


@given(pairs)
def test_scores_are_scikit_learns_where_defined(points: list[tuple[int, int]]) -> None:
    reference, mapped = labels(points)
    result = estimates(reference, mapped, CODES)
    assert result.overall_accuracy == pytest.approx((reference == mapped).mean())
    assert result.macro_f1 == pytest.approx(f1_score(reference, mapped, average="macro"))
    if result.kappa is not None:
        assert result.kappa == pytest.approx(cohen_kappa_score(reference, mapped))


@given(pairs)
def test_dictionary_is_json_without_nan(points: list[tuple[int, int]]) -> None:
    result = estimates(*labels(points), CODES)
    again = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert again["samples"] == len(points)
    assert list(again["classes"]) == list(CODES)
    assert sum(sum(row) for row in again["matrix"]) == len(points)


def test_undefined_is_none() -> None:
    result = estimates(np.array([4, 4]), np.array([4, 1]), CODES)
    assert result.classes["water"].producers_accuracy is None
    assert result.classes["water"].users_accuracy == 0.0
    assert result.classes["mine"].f1 is None
    assert estimates(np.array([4]), np.array([4]), CODES).kappa is None


def test_no_points_have_no_accuracy() -> None:
    none = np.array([], dtype=np.uint8)
    result = estimates(none, none, CODES)
    assert (result.overall_accuracy, result.kappa, result.macro_f1) == (None, None, None)


def test_rows_are_reference() -> None:
    assert confusion_matrix(np.array([4]), np.array([1]), CODES)[0, 1] == 1


def test_kappa_of_congaltons_example() -> None:
    """Congalton 1991 (Remote Sens. Environ. 37, 35-46), Table 1: OA 74 %; kappa by its formula."""
    matrix = np.array([[65, 6, 0, 4], [4, 81, 11, 7], [22, 5, 85, 3], [24, 8, 19, 90]])
    result = from_matrix(matrix, ("deciduous", "conifer", "agriculture", "shrub"))
    assert result.overall_accuracy == pytest.approx(321 / 434)
    assert result.kappa == pytest.approx(0.65, abs=0.005)
    assert result.classes["deciduous"].producers_accuracy == pytest.approx(65 / 75)


def test_strange_codes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"mapped: codes \[0\]"):
        confusion_matrix(np.array([4]), np.array([0]), CODES)


def test_arrays_must_match() -> None:
    with pytest.raises(ValueError, match="shape"):
        confusion_matrix(np.array([4]), np.array([4, 4]), CODES)


def test_block_interval_is_wider_than_wilson_where_blocks_agree() -> None:
    rng = np.random.default_rng(0)
    blocks = np.repeat(np.arange(40), 50)
    scores = np.repeat(rng.random(40) < 0.8, 50)  # right or wrong by whole blocks
    low, high = block_interval(scores, blocks)
    independent = binomtest(int(scores.sum()), len(scores)).proportion_ci(method="wilson")
    assert high - low > 3 * (independent.high - independent.low)
    assert low < scores.mean() < high


def test_block_interval_matches_wilson_where_points_are_independent() -> None:
    rng = np.random.default_rng(1)
    scores = rng.random(2000) < 0.9
    low, high = block_interval(scores, np.arange(2000))
    independent = binomtest(int(scores.sum()), 2000).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((independent.low, independent.high), abs=0.004)


def test_block_interval_is_seeded() -> None:
    scores, blocks = np.arange(30) % 3 == 0, np.arange(30) // 5
    assert block_interval(scores, blocks, seed=3) == block_interval(scores, blocks, seed=3)


def test_mcnemar_of_a_known_case() -> None:
    """b = 10, c = 2: exact p = 2 · P(X >= 10 | 12, 1/2) = 158/4096; z = 8/sqrt(12)."""
    reference = np.ones(20, dtype=np.uint8)
    first, second = reference.copy(), reference.copy()
    second[:10] = 2
    first[10:12] = 2
    result = mcnemar(reference, first, second)
    assert (result.only_first, result.only_second) == (10, 2)
    assert result.p_value == pytest.approx(158 / 4096)
    assert result.z == pytest.approx(8 / np.sqrt(12))
    assert json.dumps(result.to_dict())


def test_mcnemar_of_equal_maps() -> None:
    reference = np.array([1, 2])
    assert mcnemar(reference, reference, reference).p_value == 1.0
