"""Relief-F on tables of any kind: the kernel's scores with the features' names."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import minecover as mc
from minecover.errors import DataError, SurveyError
from minecover.selection.relieff import relieff
from minecover.testing import assert_same_bits

NAMES = ["NDVI", "noise", "EVI", "slope"]


def samples(count: int = 90) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    y = np.repeat([3, 1, 2], count // 3)
    x = rng.random((y.size, 4))
    x[:, 0] += y
    x[:, 2] += y / 2
    x[rng.random(x.shape) < 0.05] = np.nan
    return x, y


def kinds(x: np.ndarray) -> dict[str, Any]:
    array = xr.DataArray(x, {"feature": NAMES}, ("sample", "feature"))
    return {
        "frame": pd.DataFrame(x, columns=NAMES),
        "array": array,
        "other order": array.T,
        "lazy": array.chunk(sample=7),
        "layers": array.rename(feature="layer"),
        "other names": array.rename(feature="column"),
    }


@pytest.mark.parametrize("kind", kinds(samples()[0]))
def test_scores_are_the_kernels_with_names_best_first(kind: str) -> None:
    x, y = samples()
    found = mc.relieff(kinds(x)[kind], y, neighbours=10)
    expected = relieff(x, y, neighbours=10)
    assert_same_bits(found.loc[NAMES, "score"].to_numpy(), expected.scores)
    assert found.index[0] == "NDVI"
    assert found.index.name == "feature"
    assert found["rank"].tolist() == [1, 2, 3, 4]
    assert found["score"].is_monotonic_decreasing
    assert (found["standard_error"] == 0).all()
    assert found.attrs["queries"] == len(y)


@pytest.mark.parametrize("array", [np.asarray, lambda x: da.from_array(x, chunks=(20, 2))])
def test_arrays_number_their_features(array: Any) -> None:
    x, y = samples()
    found = mc.relieff(array(x), pd.Series(y), neighbours=10, queries=40, ties="index")
    expected = relieff(x, y, neighbours=10, queries=40, ties="index")
    assert sorted(found.index) == [0, 1, 2, 3]
    assert_same_bits(found.sort_index()["score"].to_numpy(), expected.scores)
    assert expected.standard_error is not None
    assert_same_bits(found.sort_index()["standard_error"].to_numpy(), expected.standard_error)
    assert found.attrs["queries"] == expected.queries < len(y)


def test_classes_of_other_samples_are_refused() -> None:
    x, y = samples()
    frame = pd.DataFrame(x, columns=NAMES)
    shuffled = pd.Series(y).sample(frac=1, random_state=0)
    with pytest.raises(DataError, match=r"^mc\.relieff: x and y have different indexes"):
        mc.relieff(frame, shuffled)
    array = xr.DataArray(x, {"sample": np.arange(90)}, ("sample", "feature"))
    with pytest.raises(DataError, match="different indexes"):
        mc.relieff(array.assign_coords(feature=NAMES), array[::-1, 0].fillna(0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x, y[1:]), r"^mc\.relieff: samples have shape \(90, 4\) and labels \(89,\)"),
        (lambda x, y: (x, y * 0), r"^mc\.relieff: 90 samples are of 1 class"),
        (lambda x, y: (x, np.where(y == 1, np.nan, y)), r"y has no class for 30 samples"),
        (lambda x, y: (x.astype(complex), y), r"samples are complex128"),
        (lambda x, y: (pd.DataFrame(x).assign(name="a"), y), r"columns that are no numbers: name"),
        (lambda x, y: (xr.DataArray(x[0]), y), r"x has dims dim_0; give two, samples and features"),
    ],
)  # fmt: skip
def test_samples_that_are_none_are_refused(change: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        mc.relieff(*change(*samples()))


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SurveyError, match=r"^mc\.relieff: neighbours is 0"):
        mc.relieff(*samples(), neighbours=0)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"weighting": "Kononenko"}, "weighting is 'Kononenko'; choose one of skrebate, kononenko"),
        ({"ties": "first"}, "ties is 'first'; choose one of skrebate, index"),
        ({"seed": 1.5}, "seed=1.5: give a whole number"),
        ({"seed": None}, "seed=None: give a whole number"),
        ({"neighbours": "10"}, "neighbours='10': give a whole number"),
        ({"queries": 2.5}, "queries=2.5: give a whole number"),
    ],
)
def test_unknown_settings_and_other_types_are_refused(how: dict[str, Any], message: str) -> None:
    with pytest.raises(SurveyError, match=rf"^mc\.relieff: {message}"):
        mc.relieff(*samples(), **how)


def test_infinite_values_are_refused_by_the_name_of_their_column() -> None:
    x, y = samples()
    x[3, 2] = np.inf
    with pytest.raises(DataError, match=r"^mc\.relieff: x holds infinite values in EVI; give NaN"):
        mc.relieff(pd.DataFrame(x, columns=NAMES), y)
