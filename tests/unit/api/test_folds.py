"""Folds of points by spatial blocks."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minecover.accuracy import blocks
from minecover.api.folds import spatial_folds
from minecover.errors import DataError, SurveyError


def points(count: int = 300, seed: int = 0, extent: float = 20_000) -> pd.DataFrame:
    """Points with a feature that is alike over some kilometres."""
    rng = np.random.default_rng(seed)
    x, y = 400_000 + rng.uniform(0, extent, count), 5_000_000 - rng.uniform(0, extent, count)
    feature = np.sin(x / 1500) + np.cos(y / 1500)
    names = rng.choice(["mine", "water", "forest"], count, p=[0.2, 0.2, 0.6])
    index = pd.Index(rng.permutation(count) + 1000, name="id")
    return pd.DataFrame({"x": x, "y": y, "class": names, "NDVI": feature}, index=index)


@settings(deadline=None, max_examples=10)
@given(
    edge=st.floats(200, 2500),
    folds=st.integers(2, 8),
    seed=st.integers(0, 5),
    shift=st.integers(-60, 60),
)
def test_a_block_is_in_one_fold_wherever_it_lies(
    edge: float, folds: int, seed: int, shift: int
) -> None:
    frame = points(seed=seed)
    frame["x"] -= 400_000 + shift * edge  # also left of the origin of the CRS
    found = spatial_folds(frame, edge, folds, seed)
    assert found.index.equals(frame.index)
    assert set(found) == set(range(folds))
    places = (np.floor(frame["x"] / edge).astype(int), np.floor(frame["y"] / edge).astype(int))
    assert (found.groupby(list(places)).nunique() == 1).all()
    assert found.equals(spatial_folds(frame, edge, folds, seed))


def test_every_fold_has_its_share_of_every_class() -> None:
    frame = points()
    shares = pd.crosstab(spatial_folds(frame, 1000), frame["class"])
    relative = (shares / (frame["class"].value_counts() / 5)).to_numpy()
    assert relative.min() > 0.7
    assert relative.max() < 1.3
    named = frame.rename(columns={"class": "code"}).assign(code=frame["class"].map(len))
    assert spatial_folds(named, 1000).index.equals(frame.index)
    assert set(spatial_folds(frame.drop(columns="class"), 1000)) == set(range(5))


def test_they_are_those_of_a_run_with_the_same_blocks() -> None:
    frame = points()
    rows = np.floor(frame["y"] / 1000).astype(int)
    columns = np.floor(frame["x"] / 1000).astype(int)
    codes = frame["class"].map({"forest": 1, "mine": 2, "water": 3})
    pixels = pd.DataFrame({"row": rows - rows.min(), "col": columns - columns.min(), "code": codes})
    expected = blocks.spatial_folds(pixels, edge=1, folds=5, seed=3)
    np.testing.assert_array_equal(spatial_folds(frame, 1000, 5, 3), expected.fold)


def test_a_table_and_a_geodataframe_are_divided_alike() -> None:
    frame = points()
    geometry = gpd.points_from_xy(frame["x"], frame["y"])
    shapes = gpd.GeoDataFrame(frame.drop(columns=["x", "y"]), geometry=geometry, crs="EPSG:32633")
    assert spatial_folds(shapes, 1000).equals(spatial_folds(frame, 1000))


def test_without_an_edge_it_is_found_from_the_features() -> None:
    found = spatial_folds(points())
    assert 1000 < found.attrs["edge_m"] < 9000
    assert found.equals(spatial_folds(points(), found.attrs["edge_m"]))
    near = spatial_folds(points(extent=3000), folds=5)
    assert near.attrs["edge_m"] < 1500  # as many blocks as the folds need


def test_a_class_that_is_missing_from_a_fold_is_a_warning() -> None:
    frame = points().assign(rare="no")
    frame.iloc[0, frame.columns.get_loc("rare")] = "yes"
    with pytest.warns(UserWarning, match=r"^mc.spatial_folds: class yes lies in 1 spatial block"):
        spatial_folds(frame, 1000, column="rare")


@pytest.mark.parametrize(
    ("change", "how", "message"),
    [
        ({}, {"edge_m": 30_000}, r"only \d block\(s\) of 30000 m hold points, fewer than folds=5"),
        ({}, {"edge_m": -1}, "edge_m=-1: give metres above 0, or None"),
        ({}, {"folds": 1}, "folds=1"),
        ({}, {"folds": "5"}, "folds='5': give a whole number"),
        ({}, {"edge_m": "1"}, "edge_m='1': give a number"),
        ({}, {"seed": None}, "seed=None: give a whole number"),
        ({}, {"column": "label"}, "column='label'"),
        ({"NDVI": 1.0}, {}, "edge_m: no layer varies .* give a number of metres instead of None"),
        ({"x": np.nan}, {"edge_m": 1000}, "points: 300 of 300 have no position"),
        ({"class": None}, {"edge_m": 1000}, "300 of 300 points have no class"),
    ],
)
def test_impossible_arguments_are_refused(
    change: dict[str, Any], how: dict[str, Any], message: str
) -> None:
    with pytest.raises((DataError, SurveyError), match=f"^mc.spatial_folds: {message}"):
        spatial_folds(points().assign(**change), **how)


def test_points_without_features_need_an_edge() -> None:
    with pytest.raises(SurveyError, match="edge_m=None: the points have no columns of features"):
        spatial_folds(points()[["x", "y", "class"]])


def test_points_without_a_crs_are_refused() -> None:
    shapes = gpd.GeoDataFrame(geometry=gpd.points_from_xy([16.0, 16.1], [50, 50]))
    with pytest.raises(SurveyError, match=r"^mc\.spatial_folds: points: no CRS.*set_crs"):
        spatial_folds(shapes, 1000)


def test_degrees_are_refused() -> None:
    shapes = gpd.GeoDataFrame(geometry=gpd.points_from_xy([16.0, 16.1], [50, 50]), crs="EPSG:4326")
    with pytest.raises(SurveyError, match=r"WGS 84 is not in metres; .*estimate_utm_crs"):
        spatial_folds(shapes, 1000)
    with pytest.raises(SurveyError, match="no column x, y"):
        spatial_folds(pd.DataFrame({"class": ["a"]}), 1000)
