"""Selection: combination, choice, redundancy, stability, and what is written down of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from minecover.arrays import Float64Array, Int64Array
from minecover.errors import DataError, SurveyError
from minecover.selection.ranking import best_size, combine, rank, select, sizes_along
from minecover.selection.redundancy import correlation, ranks_of, redundant_pairs
from minecover.selection.result import CurvePoint, Selection
from minecover.selection.stability import bootstrap_rows, jaccard, kuncheva

NAMES = (
    "summer_NDVI",
    "winter_GLCM_ENT",
    "summer_LSWI",
    "summer_NDBI",
    "elevation",
    "autumn_VV",
    "NTL",
    "spring_B8A",
)


def samples(n: int = 200) -> tuple[Float64Array, Int64Array, Int64Array]:
    """Four classes told apart by layers 2 and 5; layer 3 is the negative of layer 2."""
    random = np.random.default_rng(0)
    y = random.integers(0, 4, n)
    x = random.normal(size=(n, len(NAMES)))
    x[:, 2] += 2.0 * y
    x[:, 5] += 3.0 * (y == 2)
    x[random.random(n) < 0.1, 0] = np.nan
    x[random.random(n) < 0.1, 2] = np.nan
    x[:, 3] = -x[:, 2]
    return x, y, random.integers(0, 10, n)


def quick(**settings: object) -> Selection:
    x, y, groups = samples()
    usual = {"groups": groups, "trees": 15, "resamples": 3, "neighbours": 15, "fold_count": 3}
    return select(x, y, NAMES, **{**usual, **settings})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def selection() -> Selection:
    """Both methods, the number of layers left open."""
    return quick()


@pytest.mark.parametrize(
    ("method", "scored"),
    [
        ("both", {"relieff", "impurity"}),
        ("relieff", {"relieff"}),
        ("forest", {"impurity"}),
        ("all", {"relieff", "impurity", "permutation"}),
    ],
)
def test_every_method_finds_what_tells_classes_apart(method: str, scored: set[str]) -> None:
    found = quick(method=method, keep=2, resamples=0)
    assert set(found.scores) == set(found.ranks) == scored
    assert "autumn_VV" in found.chosen
    assert len({"summer_LSWI", "summer_NDBI"} & set(found.chosen)) == 1
    assert found.curve == found.stability == ()


def test_lswi_and_ndbi_are_one(selection: Selection) -> None:
    (pair,) = selection.redundant
    assert {pair.better, pair.worse} == {"summer_LSWI", "summer_NDBI"}
    assert pair.pearson == pytest.approx(-1.0)
    assert pair.spearman == pytest.approx(-1.0)
    assert selection.dropped == (pair.worse,)
    assert pair.worse not in selection.chosen
    by_name = dict(zip(selection.names, selection.rank, strict=True))
    assert by_name[pair.better] < by_name[pair.worse]


def test_redundant_layers_stay_when_asked_to() -> None:
    found = quick(keep=3, resamples=0, drop_redundant=False)
    assert {"summer_LSWI", "summer_NDBI"} <= set(found.chosen)
    assert len(found.redundant) == 1
    assert found.dropped == ()


def test_the_number_is_found_along_the_ranking(selection: Selection) -> None:
    assert [point.features for point in selection.curve] == sizes_along(7)
    assert len(selection.chosen) == best_size(selection.curve)
    assert len(selection.chosen) >= 2
    kept = [name for name in selection.ordered if name not in selection.dropped]
    assert selection.chosen == tuple(kept[: len(selection.chosen)])


def test_stability_over_bootstrap_and_blocks(selection: Selection) -> None:
    assert [one.how for one in selection.stability] == ["bootstrap", "spatial block"]
    for one in selection.stability:
        assert one.resamples == 3
        assert sum(one.frequency) == pytest.approx(len(selection.chosen))
        frequency = dict(zip(selection.names, one.frequency, strict=True))
        assert frequency["autumn_VV"] == 1.0
        assert frequency["summer_LSWI"] + frequency["summer_NDBI"] == pytest.approx(1.0)
        assert one.kuncheva <= 1.0
        assert 0.0 < one.jaccard <= 1.0
    steps: list[tuple[int, int, str]] = []

    def report(done: int, of: int, what: str, note: str = "") -> None:
        assert not note
        steps.append((done, of, what))

    assert len(quick(groups=None, keep=2, report=report).stability) == 1
    assert steps == [(done, 3, "resamples ranked") for done in range(4)]


def test_seed_decides_and_threads_do_not(selection: Selection) -> None:
    again = quick(threads=2)
    assert again.chosen == selection.chosen
    assert again.rank == selection.rank
    assert again.stability == selection.stability


def test_skrebate_engine_gives_the_same_scores() -> None:
    native, peer = (
        quick(method="relieff", keep=2, resamples=0, engine=engine)
        for engine in ("native", "skrebate")
    )
    assert native.ranks == peer.ranks
    np.testing.assert_allclose(native.scores["relieff"], peer.scores["relieff"], atol=1e-12)


def test_json_keeps_everything(selection: Selection) -> None:
    assert Selection.from_json(selection.to_json()) == selection
    undefined = dataclasses.replace(selection.redundant[0], spearman=float("nan"))
    written = dataclasses.replace(selection, redundant=(undefined,)).to_json()
    assert "NaN" not in written
    assert np.isnan(Selection.from_json(written).redundant[0].spearman)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"names": 1}', "null"])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="not a selection"):
        Selection.from_json(text)


def test_combination_is_the_mean_of_scaled_scores() -> None:
    both = combine({"a": np.array([0.0, 5.0, 10.0]), "b": np.array([0.3, 0.1, 0.2])})
    np.testing.assert_allclose(both, [0.5, 0.25, 0.75])
    np.testing.assert_array_equal(rank(both), [2, 3, 1])
    silent = combine({"a": np.array([0.0, 1.0]), "b": np.array([7.0, 7.0])})
    np.testing.assert_array_equal(silent, [0.0, 0.5])


@given(st.integers(1, 300))
def test_sizes_rise_from_one_to_all(features: int) -> None:
    sizes = sizes_along(features)
    assert sizes[0] == 1
    assert sizes[-1] == features
    assert sizes == sorted(set(sizes))


def test_the_most_accurate_size_and_the_fewer_of_equals() -> None:
    points = [(1, 0.5, 0.01), (2, 0.89, 0.01), (3, 0.9, 0.02), (4, 0.9, 0.02), (6, 0.88, 0.02)]
    assert best_size(tuple(CurvePoint(*point) for point in points)) == 3


def test_correlation_over_samples_that_have_both() -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(80, 4)) * [1.0, 1e3, 1e-3, 1.0] + [0.0, 1e5, 0.0, 0.0]
    x[:, 1] += 700.0 * x[:, 0]
    x[random.random(x.shape) < 0.2] = np.nan
    for i, j in ((0, 1), (0, 2), (1, 2)):
        both = ~np.isnan(x[:, i]) & ~np.isnan(x[:, j])
        expected = stats.pearsonr(x[both, i], x[both, j]).statistic
        assert correlation(x)[i, j] == pytest.approx(expected, abs=1e-12)
    whole = np.nan_to_num(x)
    expected = stats.spearmanr(whole).statistic
    np.testing.assert_allclose(correlation(ranks_of(whole)), expected, atol=1e-12)


def test_a_monotone_copy_is_redundant_by_rank_and_a_constant_is_not() -> None:
    value = np.linspace(-3.0, 3.0, 50)
    x = np.column_stack([value, np.exp(3.0 * value), np.ones(50), np.cos(value)])
    (pair,) = redundant_pairs(x, ("a", "b", "c", "d"), np.arange(1, 5))
    assert (pair.better, pair.worse) == ("a", "b")
    assert pair.spearman == pytest.approx(1.0)
    assert pair.pearson < 0.9


def test_consistency_indices() -> None:
    assert kuncheva({1, 2}, {1, 2}, 10) == pytest.approx(1.0)
    assert kuncheva({1, 2}, {3, 4}, 10) == pytest.approx(-0.25)  # (0 * 10 - 4) / (2 * 8)
    assert kuncheva({0, 1, 2}, {0, 1, 2}, 3) == 1.0
    assert jaccard({1, 2}, {2, 3}) == pytest.approx(1 / 3)
    assert jaccard(set(), set()) == 1.0


def test_bootstrap_keeps_distinct_samples_of_every_class() -> None:
    number = np.repeat([0, 1, 2], [300, 300, 1])
    for rows in bootstrap_rows(number, 4, seed=0):
        assert np.unique(rows).size == rows.size
        assert set(number[rows]) == {0, 1, 2}
        assert 0.58 < rows.size / number.size < 0.68  # 1 - 1/e = 0.632


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"keep": 0}, SurveyError, "keep is 0"),
        ({"keep": 9}, SurveyError, "keep is 9"),
        ({"resamples": 1}, SurveyError, "resamples is 1"),
        ({"fold_count": 1}, SurveyError, "fold_count is 1"),
        ({"groups": np.zeros(3)}, DataError, "one each"),
        ({"groups": np.zeros(200)}, DataError, "spatial block"),
    ],
)
def test_errors_name_what_is_wrong(
    settings: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        quick(**settings)


def test_names_and_empty_layers_are_checked() -> None:
    x, y, _ = samples()
    with pytest.raises(DataError, match="one name to each"):
        select(x, y, NAMES[:-1])
    with pytest.raises(DataError, match="one name to each"):
        select(x, y, ("NTL",) * len(NAMES))
    x[:, 4] = np.nan
    with pytest.raises(DataError, match="features elevation have no value"):
        select(x, y, NAMES)
