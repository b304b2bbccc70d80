"""What is made of probabilities by looking around each pixel."""

from __future__ import annotations

import numpy as np
import pytest

from minecover.arrays import Float32Array
from minecover.models.classifier import Classifier
from minecover.prediction.borders import BorderReading
from minecover.prediction.refinement import Refinement
from minecover.prediction.region_model import RegionModel
from minecover.prediction.settings import PredictionSettings
from minecover.prediction.smoothing import Smoothing
from minecover.storage.store import Store
from minecover.testing import assert_same_bits

NAMES = ("forest", "road", "water")
SMOOTHING = Smoothing(NAMES, 5, (20.0,) * 3, 0.5)
REFINEMENTS = (
    Refinement(SMOOTHING),
    Refinement(SMOOTHING, BorderReading(NAMES, ("B4", "forest"), 5)),
)


class Reader(Classifier):
    """Reads three layers as scores of the classes, within a halo of one pixel."""

    layers = NAMES
    classes = (1, 2, 3)

    @property
    def halo(self) -> int:
        return 1

    def predict_each(self, blocks: Float32Array) -> Float32Array:
        scores = np.exp(blocks[..., 1:-1, 1:-1] + blocks[..., :-2, 2:])
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))

    def save(self, store: Store, prefix: str = "model/") -> None:
        raise NotImplementedError


def features(refinement: Refinement) -> Float32Array:
    count = len(refinement.reads(NAMES))
    coarse = np.random.default_rng(0).normal(0, 2, (count, 8, 8))
    fine = np.random.default_rng(1).normal(0, 0.3, (count, 40, 40))
    return (np.kron(coarse, np.ones((5, 5))) + fine).astype(np.float32)


def test_layers_are_read_once() -> None:
    assert REFINEMENTS[0].reads(NAMES) == NAMES
    assert REFINEMENTS[1].reads(NAMES) == (*NAMES, "B4")
    assert [refinement.halo for refinement in REFINEMENTS] == [2, 5]


@pytest.mark.parametrize("refinement", REFINEMENTS)
def test_a_map_is_smoothed_and_then_read_at_its_borders(refinement: Refinement) -> None:
    layers = features(refinement)
    model = RegionModel(Reader(), refinement, None, (1, 2, 3), 1.0)
    assert model.names == refinement.reads(NAMES)
    expected = SMOOTHING(Reader().predict(layers[:3]))
    if refinement.borders is not None:
        beside = np.stack([layers[3], layers[0]])[:, 3:-3, 3:-3]
        expected = refinement.borders(np.concatenate([expected, beside]))
    assert_same_bits(model.layers(layers)[2:], expected)


@pytest.mark.parametrize("refinement", REFINEMENTS)
def test_points_get_what_the_map_has_there(refinement: Refinement) -> None:
    layers, reach = features(refinement), refinement.halo + 1
    whole = RegionModel(Reader(), refinement, None, (1, 2, 3), 1.0).layers(layers)[2:]
    places = [(y, x) for y in range(reach, 40 - reach, 4) for x in range(reach, 40 - reach, 3)]
    patches = np.stack(
        [layers[:, y - reach : y + reach + 1, x - reach : x + reach + 1] for y, x in places]
    )
    found = refinement.at(Reader(), patches)
    assert_same_bits(found, np.stack([whole[:, y - reach, x - reach] for y, x in places]))
    with pytest.raises(ValueError, match=f"{2 * reach + 1} are needed"):
        refinement.at(Reader(), patches[..., 1:-1, 1:-1])


def test_settings_say_whether_borders_are_read() -> None:
    assert Refinement.of(SMOOTHING, PredictionSettings(smoothing=5), ()).borders is None
    asked = PredictionSettings(smoothing=5, borders=11)
    assert Refinement.of(SMOOTHING, asked, ("B4",)).borders == BorderReading(NAMES, ("B4",), 11)
    with pytest.raises(ValueError, match="set smoothing"):
        PredictionSettings(borders=11)
    for wrong in (3, 8):
        with pytest.raises(ValueError, match="odd and at least 5"):
            PredictionSettings(smoothing=5, borders=wrong)
