"""Empirical Bayes smoothing of class probabilities over neighbourhoods.

The estimator is that of sits (Camara et al. 2024, Remote Sensing 16, 4572, 10.3390/rs16234572;
`sits_smooth`, whose window, share of neighbours and smoothness these are). For each class, a
pixel's logit x = log(p / (1 - p)) is taken as normally distributed around the true one with
variance σ² (the smoothness), and the true one as normally distributed in the neighbourhood with
mean m and variance s² of its highest logits. Then the posterior mean is ::

    s² / (σ² + s²) · x  +  σ² / (σ² + s²) · m

Here, other than in sits, **the pixel itself always counts among its neighbours**. Left out where
its logit is a low one, it has no say in the class around it: in a uniform neighbourhood s² is 0
and the posterior mean m, whatever the pixel is and however sure of it, so that a road or a pond
one pixel wide is erased, and with it every sharp corner. With itself counted, its doubt widens
s², and it yields the less the surer it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from minecover.accuracy.estimates import mcnemar
from minecover.arrays import Float32Array, Float64Array, Int64Array
from minecover.engines.compiled import compiled, read_only
from minecover.features.kernel import check_layers
from minecover.prediction.settings import PredictionSettings
from minecover.storage.names import probability_layers

__all__ = ["Smoothing", "smoothing_helps"]


LEAST = 1e-4
"""Probabilities are bounded to 0.0001-0.9999, as sits stores them: a logit is at most 9.21."""

TRIAL_WINDOW = 5
"""Edge in pixels of the neighbourhood that is tried where a survey does not smooth."""

SURE = 0.05
"""Chance below which a gain is held for more than chance."""


@dataclass(frozen=True)
class Smoothing:
    """Smooths the probabilities of a map; a kernel with a halo of half its window.

    Attributes
    ----------
    classes
        Names of the classes, in the order of the probabilities.
    window
        Edge of the neighbourhood in pixels, odd, at least 3.
    smoothness
        σ² of each class, in squared logits; above 0, the greater the smoother.
    fraction
        Share of the neighbours, those with the highest logits, that mean and variance are taken
        of; above 0, at most 1.
    """

    classes: tuple[str, ...]
    window: int
    smoothness: tuple[float, ...]
    fraction: float

    @classmethod
    def of(
        cls,
        settings: PredictionSettings,
        classes: Sequence[str],
        smoothness: float,
        window: int | None = None,
    ) -> Self:
        """Take what a survey says.

        Parameters
        ----------
        settings
            Of the survey.
        classes
            Names of the classes that a model knows, in the order of their probabilities.
        smoothness
            Where the settings give none: that of the kind of model.
        window
            Another one than that of the settings.
        """
        given = settings.smoothness
        if given is None:
            given = smoothness
        variances = tuple(given[name] if isinstance(given, dict) else given for name in classes)
        edge = settings.smoothing if window is None else window
        return cls(tuple(classes), edge, variances, settings.neighbour_fraction)

    @property
    def name(self) -> str:
        """Name of the kernel."""
        return "smoothing"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Layers it reads: the probability of each class."""
        return probability_layers(self.classes)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Layers it makes: the same."""
        return self.inputs

    @property
    def units(self) -> tuple[str, ...]:
        """Probabilities have none."""
        return ("1",) * len(self.classes)

    @property
    def halo(self) -> int:
        """Pixels needed on every side."""
        return self.window // 2

    def __call__(self, layers: Float32Array) -> Float32Array:
        """Smooth the probabilities of a tile.

        Parameters
        ----------
        layers
            (class, y + 2 halo, x + 2 halo) float32 probabilities, NaN where nodata: such a
            neighbour does not count, and such a pixel stays nodata.

        Returns
        -------
        (class, y, x) float32, summing to 1.

        Raises
        ------
        DataError
            For another dtype or number of layers, or too small an array.
        """
        shape = check_layers(self, layers)
        logits = np.empty(layers.shape, dtype=np.float32)
        _logits(read_only(layers), logits)
        out = np.empty((len(self.classes), *shape), dtype=np.float32)
        variance = np.array(self.smoothness, dtype=np.float64)
        _smooth(logits, out, self.window, variance, self.fraction)
        return out


@compiled
def _logits(probabilities: Float32Array, out: Float32Array) -> None:
    classes, height, width = probabilities.shape
    for c in range(classes):
        for y in range(height):
            for x in range(width):
                p = float(probabilities[c, y, x])
                if p < LEAST:
                    p = LEAST
                elif p > 1.0 - LEAST:
                    p = 1.0 - LEAST
                out[c, y, x] = math.log(p / (1.0 - p))


@compiled
def _prior(values: Float32Array, count: int, fraction: float, own: np.float32) -> tuple[Any, Any]:
    """Mean and variance of the highest of `count` sorted values, the pixel's own among them.

    Summed in the order of the values, so that the result depends on them alone.
    """
    used = math.ceil(fraction * count)
    first = count - used
    apart = own < values[first]
    total = np.float64(own) if apart else 0.0
    for k in range(first, count):
        total += values[k]
    used += apart
    mean = total / used
    squares = (own - mean) ** 2 if apart else 0.0
    for k in range(first, count):
        squares += (values[k] - mean) ** 2
    return mean, squares / (used - 1) if used > 1 else 0.0


@compiled
def _smooth(
    logits: Float32Array,
    out: Float32Array,
    window: int,
    smoothness: Float64Array,
    fraction: float,
) -> None:
    classes, height, width = out.shape
    halo = window // 2
    values = np.empty(window * window, dtype=np.float32)
    for y in range(height):
        for x in range(width):
            if np.isnan(logits[:, y + halo, x + halo]).any():
                out[:, y, x] = np.nan
                continue
            total = 0.0
            for c in range(classes):
                count = 0
                for i in range(y, y + window):
                    for j in range(x, x + window):
                        if not np.isnan(logits[c, i, j]):
                            values[count] = logits[c, i, j]
                            count += 1
                values[:count].sort()
                own = logits[c, y + halo, x + halo]
                mean, variance = _prior(values, count, fraction, own)
                weight = variance / (variance + smoothness[c])
                posterior = weight * own + (1.0 - weight) * mean
                p = 1.0 / (1.0 + math.exp(-posterior))
                out[c, y, x] = p
                total += p
            for c in range(classes):
                out[c, y, x] /= total


def smoothing_helps(
    reference: Int64Array, plain: Int64Array, smoothed: Int64Array
) -> dict[str, Any]:
    """Tell whether smoothing gains accuracy at points that a model was not trained on.

    Parameters
    ----------
    reference
        (n,) true class codes.
    plain, smoothed
        (n,) class codes of the same model's map at the same points, without and with smoothing;
        the model was trained without any of the pixels it read for either: its training points
        lie at least the classifier's window + the smoothing's halo away.

    Returns
    -------
    `points`; `plain` and `smoothed`, their overall accuracies (None without points); `corrected`
    and `worsened`, how many points are right and wrong because of it; `p_value` of McNemar's exact
    test; `helps`: whether significantly more were corrected than worsened.
    """
    test = mcnemar(reference, smoothed, plain)
    return {
        "points": len(reference),
        "plain": float((plain == reference).mean()) if len(reference) else None,
        "smoothed": float((smoothed == reference).mean()) if len(reference) else None,
        "corrected": test.only_first,
        "worsened": test.only_second,
        "p_value": test.p_value,
        "helps": test.only_first > test.only_second and test.p_value < SURE,
    }
