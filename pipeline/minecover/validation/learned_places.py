"""Where and when a model learned: at samples there a test would find what it knows by heart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import pyproj
import safetensors.numpy
from scipy.spatial import cKDTree

from minecover.arrays import BoolArray, Float64Array, Int64Array
from minecover.models.classifier import read_arrays
from minecover.samples.sample_set import SampleSet
from minecover.storage.names import MODEL_FOLDER
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.survey.periods import span_of

__all__ = ["LearnedPlaces"]

FILE = f"{MODEL_FOLDER}learned_places.safetensors"

PLACES = 7
"""Decimal places of degrees: a centimetre on the ground."""


@dataclass(frozen=True, eq=False)
class LearnedPlaces:
    """Where and when the samples lie that a model learned from, in any survey.

    Attributes
    ----------
    longitude, latitude
        (sample,) degrees (WGS 84).
    first, last
        (sample,) first and last day of the images, as days of `datetime.date.toordinal`.
    """

    longitude: Float64Array
    latitude: Float64Array
    first: Int64Array
    last: Int64Array

    @classmethod
    def of(cls, survey: Survey, samples: SampleSet, crs: str) -> Self:
        """Say where samples of a survey lie.

        Parameters
        ----------
        survey
            Whose dates they have.
        samples
            Those of its samples that a model learned from.
        crs
            Of the survey's grid.
        """
        to_degrees = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
        x, y = (samples.table[name].to_numpy(np.float64) for name in ("x", "y"))
        longitude, latitude = (np.round(part, PLACES) for part in to_degrees.transform(x, y))
        return cls(longitude, latitude, *_days(survey, samples))

    @classmethod
    def load(cls, store: Store) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        StoreError
            It is not there, or damaged.
        """
        names = [field.name for field in fields(cls)]
        advice = "train again: `minecover train --again`"
        return cls(**read_arrays(store, FILE, names, advice))

    def save(self, store: Store) -> None:
        """Write it beside the model."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        store.write(FILE, safetensors.numpy.save(parts))

    def with_those(self, others: LearnedPlaces) -> LearnedPlaces:
        """Add those of further samples."""
        pairs = ((getattr(self, f.name), getattr(others, f.name)) for f in fields(self))
        return LearnedPlaces(*(np.concatenate(pair) for pair in pairs))

    def meet(self, survey: Survey, samples: SampleSet, crs: str, metres: float) -> BoolArray:
        """(point,) whether a sample of a survey lies nearer than that to one learned from.

        Only where its images may be of the same days: in another year the ground looks otherwise.

        Parameters
        ----------
        survey, samples, crs
            As for `of`.
        metres
            In either direction of the grid, as windows of pixels reach.
        """
        from_degrees = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        learned = np.column_stack(from_degrees.transform(self.longitude, self.latitude))
        places = samples.table[["x", "y"]].to_numpy(np.float64)
        first, last = _days(survey, samples)
        met = np.zeros(len(samples), dtype=bool)
        for begin, end, there in self._spans():
            distance, _ = cKDTree(learned[there]).query(places, p=np.inf)
            met |= (distance < metres) & (first <= end) & (begin <= last)
        return met

    def _spans(self) -> Iterator[tuple[int, int, BoolArray]]:
        """Give first and last days that there are, and (sample,) which samples have them."""
        pairs = np.column_stack([self.first, self.last])
        for begin, end in np.unique(pairs, axis=0).tolist():
            yield begin, end, np.asarray((self.first == begin) & (self.last == end))


def _days(survey: Survey, samples: SampleSet) -> tuple[Int64Array, Int64Array]:
    """(sample,) first and last days of the images of each."""
    spans = survey.spans or {"": span_of(survey.seasons)}
    days = {name: [day.toordinal() for day in span] for name, span in spans.items()}
    found = np.array([days[name] for name in samples.periods], dtype=np.int64).reshape(-1, 2)
    return np.ascontiguousarray(found[:, 0]), np.ascontiguousarray(found[:, 1])
