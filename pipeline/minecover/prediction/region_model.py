"""The model of a region, with what makes a map of its probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from minecover.arrays import Float32Array
from minecover.errors import DataError, StoreError
from minecover.geography.grid import Window
from minecover.models.classifier import Classifier
from minecover.models.lookup import load_classifier
from minecover.models.settings import Reading
from minecover.prediction.applicability import Applicability
from minecover.prediction.blocks import predict_blocks
from minecover.prediction.map_layers import map_layers
from minecover.prediction.refinement import Refinement
from minecover.prediction.settings import PredictionSettings
from minecover.prediction.smoothing import Smoothing
from minecover.storage.raster import Raster, positions_of
from minecover.storage.store import Store

__all__ = ["RegionModel"]


@dataclass(frozen=True)
class RegionModel:
    """A trained model and how its probabilities become layers of the map.

    Attributes
    ----------
    classifier, refinement, applicability
        The last two None where the settings leave them out.
    classes
        Codes of all classes of the map, of which the classifier may know only some.
    threshold
        Dissimilarity is divided by it.
    """

    classifier: Classifier
    refinement: Refinement | None
    applicability: Applicability | None
    classes: tuple[int, ...]
    threshold: float

    @classmethod
    def load(
        cls,
        store: Store,
        prefix: str,
        settings: PredictionSettings,
        classes: Mapping[str, int],
        *,
        reading: Reading,
        smoothness: float,
        border_layers: tuple[str, ...],
        alone: bool,
    ) -> Self:
        """Read the model of a region.

        Parameters
        ----------
        store, prefix
            Where it lies.
        settings
            How it becomes a map.
        classes
            Name and code of all classes of the map.
        reading
            How a network is read.
        smoothness
            Where the settings give none.
        border_layers
            Names of the features that borders are read by; none: they are not.
        alone
            Whether it is the only model of the map: it then knows all classes.

        Raises
        ------
        DataError
            It knows other classes than the map, or its parts are of two models.
        """
        classifier = load_classifier(store, prefix).with_reading(reading)
        codes, known = tuple(classes.values()), classifier.classes
        if not (known == codes if alone else set(known) <= set(codes)):
            raise DataError(
                f"{store.url}/{prefix}: this model is of classes {known}, the survey has {codes}; "
                "train again"
            )
        applicability, threshold = None, 1.0
        if settings.applicability:
            applicability = Applicability.load(store, prefix)
            if applicability.layers != classifier.layers:
                raise DataError(f"{store.url}/{prefix}: parts of two models; train again")
            threshold = 1.0 if alone else applicability.threshold
        refinement = None
        if settings.smoothing:
            names = [name for name, code in classes.items() if code in known]
            smoothing = Smoothing.of(settings, names, smoothness)
            refinement = Refinement.of(smoothing, settings, border_layers)
        return cls(classifier, refinement, applicability, codes, threshold)

    def check_layers(self, features: Raster, place: str) -> None:
        """Refuse features that lack a layer which is read.

        Raises
        ------
        DataError
            They do; `place` says where they are.
        """
        try:
            positions_of(self.names, features.names, place)
        except StoreError as error:
            raise DataError(f"{error}; train again on these features") from error

    @property
    def halo(self) -> int:
        """Pixels of the features needed on every side of what is predicted."""
        return self.classifier.halo + (0 if self.refinement is None else self.refinement.halo)

    @property
    def names(self) -> tuple[str, ...]:
        """Layers of the features that are read: those of the classifier, then others."""
        layers = self.classifier.layers
        return layers if self.refinement is None else self.refinement.reads(layers)

    def predict(
        self, raster: Raster, window: Window, memory: int, threads: int
    ) -> tuple[Float32Array, Float32Array]:
        """Give the layers of the map in a window, and the features that they are of.

        Parameters
        ----------
        raster
            Features.
        window
            Pixels to predict.
        memory, threads
            Of `minecover.prediction.blocks.predict_blocks`; the result depends on neither.
        """
        features = raster.read(window.pad(self.halo), self.names, mirror=True)
        return self.layers(features, memory, threads), self._own(features)

    def layers(self, features: Float32Array, memory: int = 0, threads: int = 1) -> Float32Array:
        """Give the layers of the map, (layer, y, x), of (layer, y + 2 halo, x + 2 halo) features.

        Parameters
        ----------
        features
            Those that `names` names.
        memory, threads
            As for `predict`.
        """
        known = predict_blocks(self.classifier, self._read(features), memory, threads)
        if self.refinement is not None:
            edge = self.classifier.halo
            height, width = known.shape[1:]
            beside = features[:, edge : edge + height, edge : edge + width]
            known = self.refinement(known, beside, self.names)
        dissimilarity = None
        if self.applicability is not None:
            dissimilarity = self.applicability.dissimilarity(self._own(features), threads)
            dissimilarity /= np.float32(self.threshold)
        probabilities = np.where(np.isnan(known[0]), np.float32(np.nan), np.float32(0.0))
        probabilities = np.repeat(probabilities[None], len(self.classes), axis=0)
        probabilities[[self.classes.index(code) for code in self.classifier.classes]] = known
        return map_layers(probabilities, self.classes, dissimilarity)

    def _read(self, features: Float32Array) -> Float32Array:
        """Those of the classifier's layers."""
        return features[: len(self.classifier.layers)]

    def _own(self, features: Float32Array) -> Float32Array:
        """Those of the classifier's layers without the halo."""
        height, width = (size - 2 * self.halo for size in features.shape[1:])
        inside = features[:, self.halo : self.halo + height, self.halo : self.halo + width]
        return self._read(inside)
