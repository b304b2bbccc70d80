"""The number of classes that a pixel may be of, as a raster."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from minecover.products.class_sets import CLASS_SETS
from small_map import draw_codes, grid, small_map, written


def test_the_number_of_classes_in_a_set_is_published(tmp_path: Path) -> None:
    its_grid = grid((40, 50), 32)
    made = small_map(tmp_path, draw_codes((40, 50)), its_grid)
    least = {"forest_and_grass": 0.3, "water": 0.25, "mine": 0.9}
    sets = {"level": 0.9, "least_probability": least, "coverage": None, "points": 30}
    published = written(made.publication(accuracy={"sets": sets}), tmp_path / "out", CLASS_SETS)
    with rasterio.open(tmp_path / "out" / "sets.tif") as opened:
        count = opened.read(1)
        assert opened.tags()["LEVEL"] == "0.9"
    bounds = np.array(list(least.values()), dtype=np.float32)[:, None, None]
    probability = np.nan_to_num(made.probability)
    highest = probability == probability.max(axis=0)
    expected = (highest | (probability >= bounds)).sum(axis=0) * np.isfinite(made.codes)
    np.testing.assert_array_equal(count, expected)
    share = (expected > 1).sum() / (expected > 0).sum()
    assert published.result(CLASS_SETS) == pytest.approx(share)
    assert CLASS_SETS.files(made.publication()) == ()
