"""Borders drawn into maps that a network learns from."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.own_reading import SEASONS, Lines
from minecover.demo.materials import BANDS


@pytest.mark.parametrize("seed", range(4))
def test_a_mixed_pixel_is_of_its_larger_part(seed: int) -> None:
    """Ground of 0 and ground of 1 are mixed: a pixel is of the second where more than half is."""
    ground = (np.indices((96, 96)).sum(axis=0) > 96).astype(np.int64)
    places = np.stack([ground] * 4)
    layers = np.repeat(places[:, None], SEASONS * len(BANDS), axis=1).astype(np.float32)
    lines, rng = Lines(layers, places), np.random.default_rng(seed)
    mixed = 0
    for _ in range(8):
        crop = lines(rng)
        sharp = crop.layers[:, BANDS.index("B04")]
        np.testing.assert_array_equal(crop.places, sharp > 0.5)
        assert set(np.unique(sharp)) <= {0, 0.25, 0.5, 0.75, 1}
        assert crop.weights.min() > 0
        coarse = crop.layers[:, BANDS.index("B12")]
        assert 0 <= coarse.min() <= coarse.max() <= 1
        mixed += int(((sharp > 0) & (sharp < 1)).sum())
    assert mixed > 100
