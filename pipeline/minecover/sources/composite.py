"""Composites over time: median, geometric median and the number of clear observations.

The stack is read in place, block by block; it is never copied, sorted or filled, and pixels
without any observation become NaN without a warning.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from minecover.arrays import Float32Array, Float64Array, Int64Array
from minecover.engines.compiled import check_threads, compiled, in_strips, read_only
from minecover.errors import DataError, SurveyError

__all__ = ["clear_count", "geometric_median", "median_composite"]


_BLOCK = 256
_MAX_STEPS = 10_000
_SAME_SQUARED = 1e-24
_EMPTY = np.float32(np.inf)


def median_composite(
    stack: Float32Array, *, threads: int = 1, out: Float32Array | None = None
) -> Float32Array:
    """Median over time of every layer and pixel, of the observations that are not NaN.

    Parameters
    ----------
    stack
        ``(time, layer, y, x)`` float32, NaN where masked; read-only and strided arrays will do.
    threads
        Threads of this call.
    out
        Where the result is written; None: to new memory.

    Returns
    -------
    ndarray
        ``(layer, y, x)`` float32 in the unit of the input. The median of an even number of
        observations is the mean of the two in the middle; NaN where there is none.

    Raises
    ------
    DataError
        If `stack` is not a float32 array of four non-empty dimensions.
    """
    layers, ny, nx = _check("median composite", stack, threads)
    found = np.empty((layers, ny, nx), np.float32) if out is None else out
    network = sorting_network(stack.shape[0])
    source = read_only(stack)

    def strip(start: int, stop: int) -> None:
        _median_rows(source, found, network, start, stop)

    in_strips(ny, threads, strip)
    return found


def geometric_median(
    stack: Float32Array,
    *,
    tolerance: float = 1e-5,
    threads: int = 1,
    out: Float32Array | None = None,
) -> Float32Array:
    """Geometric median over time of every pixel, all layers jointly.

    The point with the least sum of Euclidean distances to the observations (Weiszfeld 1937, with
    the step of Vardi & Zhang 2000, doi:10.1073/pnas.97.4.1423, where it meets an observation).
    Unlike a median of each layer it keeps the relation between layers. An observation counts only
    if none of its layers is NaN. Where the observations lie on a line and are even in number the
    point is not unique; the one reached from their mean is returned.

    Parameters
    ----------
    stack
        ``(time, layer, y, x)`` float32, NaN where masked.
    tolerance
        Distance from the limit, in the unit of the layers, at which iteration stops. The distance
        left is estimated from the last step and the rate at which steps shrink.
    threads
        Threads of this call.
    out
        Where the result is written; None: to new memory.

    Returns
    -------
    ndarray
        ``(layer, y, x)`` float32, NaN where no observation is complete.

    Raises
    ------
    DataError
        If `stack` is not a float32 array of four non-empty dimensions.
    SurveyError
        If `tolerance` is not a positive number.
    """
    layers, ny, nx = _check("geometric median", stack, threads)
    if not 0 < tolerance < math.inf:
        raise SurveyError(f"geometric median: tolerance is {tolerance}; give a positive number")
    found = np.empty((layers, ny, nx), np.float32) if out is None else out
    source = read_only(stack)

    def strip(start: int, stop: int) -> None:
        _geometric_rows(source, found, tolerance, start, stop)

    in_strips(ny, threads, strip)
    return found


def clear_count(stack: Float32Array, *, threads: int = 1) -> npt.NDArray[np.uint16]:
    """Count the observations of every pixel in which no layer is NaN.

    Parameters
    ----------
    stack
        ``(time, layer, y, x)`` float32, NaN where masked.
    threads
        Threads of this call.

    Returns
    -------
    ndarray
        ``(y, x)`` uint16, 0 to ``stack.shape[0]``.

    Raises
    ------
    DataError
        If `stack` is not a float32 array of four non-empty dimensions.
    """
    _, ny, nx = _check("clear count", stack, threads)
    out = np.zeros((ny, nx), np.uint16)
    source = read_only(stack)

    def strip(start: int, stop: int) -> None:
        _count_rows(source, out, start, stop)

    in_strips(ny, threads, strip)
    return out


def _check(what: str, stack: Float32Array, threads: int) -> tuple[int, int, int]:
    wanted = "(time, layer, y, x) float32, NaN where masked"
    if not isinstance(stack, np.ndarray) or stack.dtype != np.float32:
        kind = stack.dtype if isinstance(stack, np.ndarray) else type(stack).__name__
        raise DataError(f"{what}: input is {kind}; give {wanted}")
    if stack.ndim != 4 or 0 in stack.shape:
        raise DataError(f"{what}: input has shape {stack.shape}; give {wanted}, none of them empty")
    if stack.shape[0] >= 2**16:
        raise DataError(f"{what}: {stack.shape[0]} dates; give at most {2**16 - 1}")
    check_threads(what, threads)
    return stack.shape[1], stack.shape[2], stack.shape[3]


@lru_cache(maxsize=64)
def sorting_network(n: int) -> Int64Array:
    """List the comparators ``(count, 2)`` that sort `n` values (Batcher 1968, odd-even merge sort).

    Each row names two positions; the smaller value goes to the first.
    """
    pairs: list[tuple[int, int]] = []
    p = 1
    while p < n:
        k = p
        while k >= 1:
            for j in range(k % p, n - k, 2 * k):
                pairs += [
                    (i, i + k)
                    for i in range(j, min(j + k, n - k))
                    if i // (2 * p) == (i + k) // (2 * p)
                ]
            k //= 2
        p *= 2
    return np.array(pairs, np.int64).reshape(-1, 2)


@compiled
def _median_rows(
    stack: Float32Array, out: Float32Array, network: Int64Array, start: int, stop: int
) -> None:
    times, layers, _, nx = stack.shape
    # Adjacent pixels are sorted side by side: one network, the lanes of the vector unit.
    lanes = np.empty((times, _BLOCK), np.float32)
    count = np.empty(_BLOCK, np.int32)
    for y in range(start, stop):
        for layer in range(layers):
            for left in range(0, nx, _BLOCK):
                n = min(_BLOCK, nx - left)
                _gather(stack, layer, y, left, n, lanes, count)
                for k in range(network.shape[0]):
                    _exchange(lanes[network[k, 0]], lanes[network[k, 1]], n)
                _middle(lanes, count, out[layer, y, left : left + n])


@compiled
def _gather(
    stack: Float32Array,
    layer: int,
    y: int,
    left: int,
    n: int,
    lanes: Float32Array,
    count: npt.NDArray[np.int32],
) -> None:
    count[:n] = 0
    for t in range(stack.shape[0]):
        row, here = lanes[t], stack[t, layer, y, left : left + n]
        for x in range(n):
            value = here[x]
            missing = value != value
            row[x] = _EMPTY if missing else value
            count[x] += np.int32(0) if missing else np.int32(1)


@compiled
def _exchange(first: Float32Array, second: Float32Array, n: int) -> None:
    for x in range(n):
        a, b = first[x], second[x]
        first[x] = a if a < b else b
        second[x] = b if a < b else a


@compiled
def _middle(lanes: Float32Array, count: npt.NDArray[np.int32], out: Float32Array) -> None:
    low, high = np.empty(out.size, np.float32), np.empty(out.size, np.float32)
    low[:] = np.nan
    high[:] = np.nan
    # Counts differ from pixel to pixel: each takes its middle from the row where it finds it.
    for t in range(lanes.shape[0]):
        row = lanes[t]
        for x in range(out.size):
            low[x] = row[x] if (count[x] + 1) >> 1 == t + 1 else low[x]
            high[x] = row[x] if count[x] >> 1 == t else high[x]
    for x in range(out.size):
        middle = 0.5 * (np.float64(low[x]) + np.float64(high[x]))
        out[x] = middle if count[x] > 0 else np.nan


@compiled
def _count_rows(stack: Float32Array, out: npt.NDArray[np.uint16], start: int, stop: int) -> None:
    times, layers, _, nx = stack.shape
    clear = np.empty(nx, np.uint16)
    for y in range(start, stop):
        for t in range(times):
            clear[:] = 1
            for layer in range(layers):
                for x in range(nx):
                    value = stack[t, layer, y, x]
                    clear[x] = clear[x] if value == value else np.uint16(0)
            for x in range(nx):
                out[y, x] += clear[x]


@compiled
def _geometric_rows(
    stack: Float32Array, out: Float32Array, tolerance: float, start: int, stop: int
) -> None:
    times, layers, _, nx = stack.shape
    points = np.empty((times, layers), np.float64)
    centre = np.empty(layers, np.float64)
    pull = np.empty(layers, np.float64)
    for y in range(start, stop):
        for x in range(nx):
            count = 0
            for t in range(times):
                clear = True
                for layer in range(layers):
                    value = stack[t, layer, y, x]
                    points[count, layer] = value
                    clear &= value == value
                count += 1 if clear else 0
                if count == times:
                    break
            _weiszfeld(points, count, tolerance, centre, pull)
            for layer in range(layers):
                out[layer, y, x] = centre[layer]


@compiled
def _weiszfeld(
    points: Float64Array, count: int, tolerance: float, centre: Float64Array, pull: Float64Array
) -> None:
    if count == 0:
        centre[:] = np.nan
        return
    for layer in range(centre.size):
        total = 0.0
        for t in range(count):
            total += points[t, layer]
        centre[layer] = total / count
    previous = np.inf
    for _ in range(_MAX_STEPS):
        step = _move(points, count, centre, pull)
        # Steps shrink by a factor `rate`, so what is left is about step * rate / (1 - rate).
        rate = step / previous
        if step == 0.0 or (0.0 < rate < 1.0 and step * rate <= tolerance * (1.0 - rate)):
            return
        previous = step


@compiled
def _move(points: Float64Array, count: int, centre: Float64Array, pull: Float64Array) -> float:
    """One step of Weiszfeld's iteration; returns its length."""
    weights, here = 0.0, 0
    pull[:] = 0.0
    for t in range(count):
        square = 0.0
        for layer in range(centre.size):
            square += (points[t, layer] - centre[layer]) ** 2
        if square <= _SAME_SQUARED:
            here += 1
            continue
        weight = 1.0 / math.sqrt(square)
        weights += weight
        for layer in range(centre.size):
            pull[layer] += weight * (points[t, layer] - centre[layer])
    strength = math.sqrt((pull * pull).sum())
    # On top of `here` observations, the others must pull harder than these hold.
    if strength <= here or weights == 0.0:
        return 0.0
    scale = (1.0 - here / strength) / weights
    for layer in range(centre.size):
        centre[layer] += scale * pull[layer]
    return scale * strength
