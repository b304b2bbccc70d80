"""Trained models: predicting rasters with them, keeping them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import xarray as xr

from minecover.api.arguments import about, checked, strings
from minecover.api.prediction import border_layers, predicted
from minecover.errors import StoreError, SurveyError
from minecover.models.classifier import Classifier
from minecover.models.lookup import load_classifier
from minecover.models.registry import MODELS
from minecover.prediction.refinement import Refinement
from minecover.prediction.region_model import RegionModel
from minecover.prediction.settings import PredictionSettings
from minecover.prediction.smoothing import Smoothing
from minecover.storage.identity import store_at
from minecover.storage.store import Store

__all__ = ["Model"]

NAMES = "model/classes.json"
"""Object of a saved model that names its classes."""

SHOWN = 6
"""Layers that a model shows."""


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model.

    Attributes
    ----------
    kind
        Of the registry of models.
    classes
        Name to code, in the order of the probabilities.
    classifier
        That does the work.
    """

    kind: str
    classes: dict[str, int]
    classifier: Classifier = field(repr=False)

    def __repr__(self) -> str:
        """Show the kind, the classes and the first few layers."""
        shown = ", ".join(map(repr, self.layers[:SHOWN]))
        rest = f", … {len(self.layers)} in all" if len(self.layers) > SHOWN else ""
        return f"Model(kind={self.kind!r}, classes={self.classes}, layers=[{shown}{rest}])"

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers that it reads."""
        return self.classifier.layers

    def predict(
        self,
        features: xr.DataArray,
        *,
        smoothing: int = 0,
        smoothness: float | dict[str, float] | None = None,
        neighbour_fraction: float = 0.5,
        borders: int = 0,
        border_features: Sequence[str] = ("B2", "B3", "B4", "B8"),
    ) -> xr.Dataset:
        """Predict every pixel of a raster, as a run of a survey does, bit for bit.

        Parameters
        ----------
        features
            (layer, y, x) with the names of the layers as its coordinate `layer`, in any order, with
            others among them or not; in the units of the samples, NaN where nodata. Numbers of any
            kind, read as float32. A Dask array is predicted lazily, chunk by chunk (larger ones
            than 1024 pixels are divided); however it is cut, the result is the same bits.
        smoothing
            Edge in pixels, odd, of the neighbourhood over which the probabilities are smoothed; 0:
            they are not. Smoothed maps of networks, `ann` and `knn` are the same to rounding.
        smoothness
            Variance of a pixel's logit around the true one, one for all classes or one for each by
            its name; None: what suits the kind of model.
        neighbour_fraction
            Share of the neighbourhood, its highest logits, that a pixel is drawn to.
        borders
            Edge in pixels, odd, of the neighbourhood in which a smoothed pixel near another class
            is compared with the classes on either side; 0: it is not.
        border_features
            By which it is compared: layers of these names, alone or after a season (`summer_B4`).

        Returns
        -------
        `probability` (class, y, x), 0-1; `landuse` (y, x), the code of the most probable class;
        `entropy` (y, x) in bits. All float32, NaN where one of the model's layers is nodata, with
        the coordinates and the CRS of the features; lazy where they are.

        Raises
        ------
        SurveyError
            The features are no such array, or the smoothing is impossible.
        DataError
            They lack a layer that the model reads, or by which borders are read.
        """
        with about("Model.predict"):
            settings = checked(
                PredictionSettings,
                {
                    "smoothing": smoothing,
                    "smoothness": smoothness,
                    "neighbour_fraction": neighbour_fraction,
                    "borders": borders,
                    "border_features": strings("border_features", border_features),
                    "applicability": False,
                },
            )
            beside = border_layers(settings, features)
            return predicted(self._of_map(settings, beside), features, self.classes)

    def _of_map(self, settings: PredictionSettings, beside: tuple[str, ...]) -> RegionModel:
        refinement, given = None, settings.smoothness
        if isinstance(given, dict) and set(given) != set(self.classes):
            raise SurveyError(f"smoothness={given}: give one number for each of {self.classes}")
        if settings.smoothing:
            smoothness = MODELS[self.kind].smoothness
            smooth = Smoothing.of(settings, list(self.classes), smoothness)
            refinement = Refinement.of(smooth, settings, beside)
        codes = tuple(self.classes.values())
        return RegionModel(self.classifier, refinement, None, codes, threshold=1.0)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it into a folder, or below an `s3://` address, as data: nothing that runs code."""
        store = Store(os.fspath(path))
        self.classifier.save(store)
        store.write_json(NAMES, {"kind": self.kind, "classes": list(self.classes.items())})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Read what `save` wrote.

        Raises
        ------
        StoreError
            There is no model, or it is damaged.
        """
        url = os.fspath(path)
        missing = f"{url}: no model of `Model.save` is there; give its folder"
        store = store_at(url)
        names = None if store is None else store.read_json(NAMES)
        if store is None or names is None:
            raise StoreError(missing)
        try:
            kind, classes = str(names["kind"]), {str(k): int(v) for k, v in names["classes"]}
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{url}/{NAMES}: damaged; save the model again") from error
        return cls(kind, classes, load_classifier(store))
