"""A model whose probabilities are recalibrated, as it lies in a store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minecover.accuracy.calibration import Recalibration
from minecover.arrays import Float32Array
from minecover.models.classifier import Classifier
from minecover.models.recalibrated import RecalibratedClassifier, recalibrated
from minecover.storage.names import MODEL_FOLDER
from minecover.storage.store import Store


class Even(Classifier):
    """Takes the first layer for the probability of the first of two classes."""

    layers, classes = ("one",), (3, 5)

    def predict_each(self, blocks: Float32Array) -> Float32Array:
        return np.concatenate([blocks, 1 - blocks], axis=1)

    def save(self, store: Store, prefix: str = MODEL_FOLDER) -> None:
        store.write(prefix + "even", b"")


def test_it_is_saved_beside_its_model_and_read_again(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert recalibrated(Even(), store, "model/").classes == (3, 5)
    made = RecalibratedClassifier(Even(), Recalibration(2.0, (np.log(3.0), 0.0)))
    made.save(store, "model/")
    read = recalibrated(Even(), store, "model/")
    assert store.read("model/even") is not None
    block = np.array([[[0.5, 0.8, np.nan]]], dtype=np.float32)
    # odds 1 and 4, the square root of each times 3
    expected = [3 / 4, 6 / 7, np.nan]
    np.testing.assert_allclose(read.predict(block)[0, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(made.predict(block)[1, 0], 1 - np.array(expected), rtol=1e-5)


def test_one_of_other_classes_is_refused(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    RecalibratedClassifier(Even(), Recalibration(1.0, (0.0, 0.0, 0.0))).save(store, "model/")
    with pytest.raises(ValueError, match="3 biases for 2 classes"):
        recalibrated(Even(), store, "model/")
