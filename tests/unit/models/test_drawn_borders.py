"""Crops of a map with borders drawn into them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minecover.models.network.drawn_borders import BESIDE, Crop, Crops, _largest
from minecover.models.period_task import CROP

EDGE, PERIODS = 96, 3
SHARP = np.array([True, False])


def halves(columns: int = EDGE // 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two blocks of one class west and another east; both layers are the place of the class."""
    places = np.zeros((2, PERIODS, EDGE, EDGE), dtype=np.int64)
    places[..., columns:] = 1
    layers = np.repeat(places[:, :, None].astype(np.float32), 2, axis=2)
    return layers, places, np.ones(places.shape, np.float32)


def drawn(
    share: float,
    count: int = 40,
    places: np.ndarray | None = None,
    sure: np.ndarray | None = None,
) -> list[Crop]:
    layers, known, certain = halves()
    its = (known if places is None else places, certain if sure is None else sure)
    crops = Crops(layers, *its, SHARP, share)
    rng = np.random.default_rng(0)
    return [crops.draw(rng) for _ in range(count)]


def test_without_drawn_borders_crops_are_pieces_of_the_map() -> None:
    for crop in drawn(0.0):
        assert crop.layers.shape == (PERIODS, 2, CROP, CROP)
        assert crop.places.shape == crop.weights.shape == (PERIODS, CROP, CROP)
        np.testing.assert_array_equal(crop.layers[:, 0], crop.places)
        assert (crop.weights == 1).all()


def test_pixels_beside_another_class_count_less_where_borders_are_drawn() -> None:
    """Beside the border of the map alone: what is drawn is known."""
    seen = 0
    for crop in drawn(1e-9):
        beside = crop.weights == np.float32(BESIDE)
        assert (crop.weights[~beside] == 1).all()
        # two rows or columns along the border, one on either side
        assert beside.sum() in {0, 2 * PERIODS * CROP, PERIODS * CROP}
        seen += beside.any()
    assert seen > 10


def test_a_pixel_on_a_drawn_border_is_mixed_and_of_the_larger_part() -> None:
    mixed = 0
    for crop in drawn(1.0):
        value = crop.layers[:, 0]
        assert set(np.unique(value)) <= {0, 0.25, 0.5, 0.75, 1}
        np.testing.assert_array_equal(crop.places[value > 0.5], 1)
        np.testing.assert_array_equal(crop.places[value < 0.5], 0)
        # of even parts the first class
        np.testing.assert_array_equal(crop.places[value == 0.5], 0)
        mixed += ((value > 0) & (value < 1)).sum()
    assert mixed > 1000


def test_layers_that_are_less_sharp_are_mixed_over_more_pixels() -> None:
    sharp, coarse = np.zeros(2), np.zeros(2)
    for crop in drawn(1.0):
        for total, layer in ((sharp, 0), (coarse, 1)):
            values = crop.layers[:, layer]
            total += [((values > 0.01) & (values < 0.99)).sum(), values.mean()]
        assert crop.layers.min() >= 0
        assert crop.layers.max() <= 1
    assert coarse[0] > 1.5 * sharp[0]
    assert coarse[1] == pytest.approx(sharp[1], rel=0.01)  # no ground is lost


def test_ground_of_no_known_class_does_not_count() -> None:
    layers, places, sure = halves()
    places[:, 1] = -1
    for crop in drawn(0.6, places=places):
        assert (crop.weights[1] == 0).all()
        assert (crop.places[1] == -1).all()
        assert (crop.weights[0] > 0).all()
    assert Crops(*halves(), SHARP, 0.6).known
    assert not Crops(layers, np.full_like(places, -1), sure, SHARP, 0.6).known


def test_pixels_of_which_the_map_is_unsure_count_little() -> None:
    _, _, sure = halves()
    sure[:, 0], sure[:, 1] = 0.97, 0.8
    for crop in drawn(1e-9, sure=sure):
        # the same pixels lie beside the border in all periods
        weights = crop.weights[:2] / crop.weights[2]
        np.testing.assert_allclose(weights[0], 0.54, atol=0.01)
        np.testing.assert_allclose(weights[1], 0.012, atol=0.001)


def test_half_of_the_lines_stay_where_they_are() -> None:
    """Seen by crops that are all of the other class than what is laid over them."""
    layers, places, _ = halves(0)
    layers[0], places[0] = 0, 0
    still = moving = 0
    for crop in drawn(1.0, 200, places):
        if len(np.unique(crop.places)) > 1:
            same = (crop.places == crop.places[0]).all()
            still, moving = still + same, moving + (not same)
    assert still + moving > 50
    assert 0.3 < still / (still + moving) < 0.6


@given(data=st.data(), parts=st.integers(1, 3))
def test_a_pixel_is_of_the_class_that_most_of_its_quarters_are(
    data: st.DataObject, parts: int
) -> None:
    quarters = data.draw(hnp.arrays(np.int64, (2, 3, 3, 4), elements=st.integers(0, parts - 1)))
    places = data.draw(hnp.arrays(np.int64, (parts, 2, 3, 3), elements=st.integers(0, 3)))
    shares = np.stack([(quarters == part).mean(-1, dtype=np.float32) for part in range(parts)])
    found = np.take_along_axis(places, _largest(shares, places)[None], axis=0)[0]
    for at in np.ndindex(found.shape):
        votes = np.bincount([places[(part, *at)] for part in quarters[at]], minlength=4)
        assert found[at] == votes.argmax()  # of even parts the first class


def test_half_of_the_crops_are_around_a_class_that_is_drawn_first() -> None:
    """A class of a few pixels is in more crops than chance would have it."""
    layers, places = np.zeros((4, 1, 2, 128, 128), np.float32), np.zeros((4, 1, 128, 128), np.int64)
    places[0, 0, 3:6, 3:6] = 1
    sure = np.ones(places.shape, np.float32)
    crops, rng = Crops(layers, places, sure, SHARP, 0.0), np.random.default_rng(0)
    there = np.mean([(crops.draw(rng).places == 1).any() for _ in range(400)])
    assert 0.2 < there < 0.35


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_what_is_drawn_follows_from_the_generator(seed: int) -> None:
    crops = Crops(*halves(), SHARP, 0.6)
    one, other = (crops.draw(np.random.default_rng(seed)) for _ in range(2))
    for part in ("layers", "places", "weights"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part))
