"""A perceptron's layers, computed so that a pixel's result is its own.

Matrix products round a row by where it lies among the others: with the OpenBLAS 0.3.31 of NumPy on
a processor without AVX-512 one pixel in four differs in its last digits when the rows are divided
in another way, and processors differ among themselves. Here each unit multiplies and adds its
inputs one after the other, in half as much time again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from minecover.arrays import Float32Array
from minecover.engines.compiled import compiled, read_only

__all__ = ["perceptron_probabilities"]


def perceptron_probabilities(estimator: Any, pixels: Float32Array) -> npt.NDArray[Any]:  # noqa: ANN401
    """Read pixels by a fitted `MLPClassifier` with rectified units.

    Parameters
    ----------
    estimator
        With one logistic unit at its end for two classes, or one for each class.
    pixels
        (pixel, layer), standardised.

    Returns
    -------
    array
        (pixel, class) probabilities, as `estimator.predict_proba` gives them but for rounding.
    """
    scores = _scores(estimator, pixels)
    if scores.shape[1] > 1:
        chances: npt.NDArray[Any] = softmax(scores, axis=1)
        return chances
    second = expit(scores)
    return np.hstack([1 - second, second])


def _scores(estimator: Any, values: Float32Array) -> Float32Array:  # noqa: ANN401
    *hidden, last = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    for weights, bias in hidden:
        values = np.maximum(_layer(values, weights, bias), 0)
    return _layer(values, *last)


def _layer(values: Float32Array, weights: npt.NDArray[Any], bias: npt.NDArray[Any]) -> Float32Array:
    """Give (pixel, unit): the bias and then each input by its weight, in their order."""
    out = np.empty((len(values), len(bias)), np.float32)
    _add_inputs(_single(values), _single(weights), _single(bias), out)
    return out


def _single(values: npt.NDArray[Any]) -> Float32Array:
    return read_only(np.ascontiguousarray(values, np.float32))


@compiled
def _add_inputs(
    values: Float32Array, weights: Float32Array, bias: Float32Array, out: Float32Array
) -> None:
    for pixel in range(values.shape[0]):
        for unit in range(bias.shape[0]):
            out[pixel, unit] = bias[unit]
        for layer in range(values.shape[1]):
            value = values[pixel, layer]
            for unit in range(bias.shape[0]):
                out[pixel, unit] += value * weights[layer, unit]
