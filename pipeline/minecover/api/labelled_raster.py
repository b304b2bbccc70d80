"""A raster of labels beside the layers it labels, read chunk by chunk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dask
import dask.array as da
import numpy as np
import numpy.typing as npt
import xarray as xr

from minecover.api.rasters import ArrayRaster
from minecover.arrays import Float32Array, Int64Array
from minecover.errors import DataError, SurveyError
from minecover.geography.polygon_files import listed
from minecover.models.data import ModelInputs, TrainingData
from minecover.models.task import SampleStream

__all__ = ["LabelledRaster"]

SAMPLE = 200_000
"""Labelled pixels, or somewhat more, from which the layers are standardised."""

LARGEST = 256
"""A code is below."""

Labels = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class LabelledRaster:
    """Labels and layers of the same pixels.

    Attributes
    ----------
    labels
        (y, x) codes; 0 and NaN: none.
    layers
        (layer, y, x) in the same chunks along y and x.
    names
        Of the layers.
    classes
        Name to code; empty: all codes that there are.
    """

    labels: da.Array
    layers: da.Array
    names: tuple[str, ...]
    classes: dict[str, int]

    @classmethod
    def of(
        cls, labels: xr.DataArray, features: xr.DataArray, classes: Mapping[str, int] | None
    ) -> LabelledRaster:
        """Lay labels over the layers that they are of.

        Raises
        ------
        SurveyError
            They are no codes, or on another grid than the features.
        """
        if set(labels.dims) != {"y", "x"} or labels.dtype.kind not in "fiu":
            raise SurveyError(
                f"samples: a raster of labels is (y, x) of codes, not {labels.dims} of "
                f"{labels.dtype}"
            )
        for axis in ("y", "x"):
            same = labels.sizes[axis] == features.sizes[axis]
            if same and axis in labels.coords and axis in features.coords:
                same = bool(np.array_equal(labels[axis].values, features[axis].values))
            if not same:
                raise SurveyError(
                    f"samples: the labels have other {axis} than the features; bring them onto "
                    "one grid, for example with labels.rio.reproject_match(features)"
                )
        chunked = features if features.chunks is not None else features.chunk(y=1024, x=1024)
        layers = chunked.data.rechunk({0: -1})
        codes = da.asarray(labels.transpose("y", "x").data).rechunk(layers.chunks[1:])
        return cls(codes, layers, ArrayRaster(features).names, dict(classes or {}))

    def sample(self) -> tuple[TrainingData, list[int]]:
        """Draw pixels at even steps from every chunk; count those that there are in each.

        Raises
        ------
        DataError
            Fewer than two classes are labelled, or a code is none of the classes.
        """
        total = int(da.count_nonzero(self.labels > 0).compute())
        step = max(total // SAMPLE, 1)
        drawn = [dask.delayed(_drawn)(*block, step) for block in self._blocks()]
        parts = dask.compute(*drawn)
        counts = np.sum([part[2] for part in parts], axis=0)
        known = tuple(self.classes.values()) or tuple(np.flatnonzero(counts).tolist())
        strange = [str(code) for code in np.flatnonzero(counts) if code not in known]
        if strange:
            raise DataError(f"labels {listed(strange)}: none of the classes {self.classes}")
        empty = [str(code) for code in known if not counts[code]]
        if empty or len(known) < 2:
            raise DataError(
                f"the labels hold {len(known) - len(empty)} class(es) with a value in every layer"
                + (f", none of code {listed(empty)}" if empty else "; at least 2 are needed")
            )
        pixels = np.concatenate([part[0] for part in parts])
        codes = np.concatenate([part[1] for part in parts])
        missing = [code for code in known if code not in codes]
        if missing:
            raise DataError(
                f"labels {missing}: so rare beside the others that none is among every {step}th "
                "pixel; give points, or leave out some pixels of the other classes"
            )
        patches = pixels[:, :, None, None]
        data = TrainingData.labelled(patches, codes, ModelInputs(self.names), known)
        return data, [int(part[2].sum()) for part in parts]

    def stream(self, classes: tuple[int, ...], counts: list[int]) -> SampleStream:
        """Give all labelled pixels, in a block for each chunk that has any.

        Parameters
        ----------
        classes, counts
            As `sample` found them.
        """
        chosen = [block for block, count in zip(self._blocks(), counts, strict=True) if count]
        parts = [dask.delayed(_labelled, nout=2)(*block) for block in chosen]
        sizes = [count for count in counts if count]
        positions = np.zeros(LARGEST, dtype=np.int64)
        positions[list(classes)] = np.arange(len(classes))
        pixels = [
            da.from_delayed(part[0], (size, len(self.names)), dtype=np.float32)
            for part, size in zip(parts, sizes, strict=True)
        ]
        codes = [
            da.from_delayed(part[1], (size,), dtype=np.int64)
            for part, size in zip(parts, sizes, strict=True)
        ]
        labels = da.concatenate(codes).map_blocks(positions.__getitem__, dtype=np.int64)
        return SampleStream(da.concatenate(pixels), labels)

    def named(self, codes: tuple[int, ...]) -> dict[str, int]:
        """Name the classes."""
        return self.classes or {str(code): code for code in codes}

    def _blocks(self) -> list[tuple[Any, Any]]:
        layers, labels = self.layers.to_delayed(), self.labels.to_delayed()
        return list(zip(layers.ravel(), labels.ravel(), strict=True))


def _labelled(layers: Float32Array, labels: Labels) -> tuple[Float32Array, Int64Array]:
    """Labelled pixels of a chunk that are complete, (pixel, layer), and their codes."""
    with np.errstate(invalid="ignore"):
        use = np.isfinite(layers).all(axis=0) & (labels > 0)
    codes = labels[use]
    if (codes >= LARGEST).any() or (codes % 1 != 0).any():
        raise DataError(f"labels hold {codes.max()}: a code is a whole number from 1 to 255")
    pixels = np.ascontiguousarray(layers[:, use].T, dtype=np.float32)
    return pixels, codes.astype(np.int64)


def _drawn(
    layers: Float32Array, labels: Labels, step: int
) -> tuple[Float32Array, Int64Array, Int64Array]:
    """Every so many labelled pixels, their codes, and how many there are of each code."""
    pixels, codes = _labelled(layers, labels)
    return pixels[::step].copy(), codes[::step].copy(), np.bincount(codes, minlength=LARGEST)
