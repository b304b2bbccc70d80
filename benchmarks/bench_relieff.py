"""Relief-F against skrebate and fast-select, in turns; and at sizes nobody else can take.

``run()`` measures on the paper's shape: 2,870 samples of 112 features, six classes of 600, 200,
670, 200, 600 and 600, k = 100. Every time but that of two threads is for one thread.
"""

from __future__ import annotations

import multiprocessing
import time
import warnings
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np

from benchmarks.row import Aim, Row, in_turns, on_two_threads, show
from minecover.arrays import Float32Array, Int64Array
from minecover.engines.compiled import compiled
from minecover.engines.machine import peak_memory
from minecover.selection.distances import LANES, Packed, UInt16Array, steps_apart, workspace
from minecover.selection.packing import FeatureScaling, in_steps, pack
from minecover.selection.relieff import ReliefScores, relieff, selection_scores

SIZES = (600, 200, 670, 200, 600, 600)
"""Samples of each class, as the paper has them (Liu et al. 2025, table 1)."""

FEATURES = 112
NEIGHBOURS = 100
DRAWN = 10_000
LONGEST = 900.0
"""Seconds; the exact run over 100,450 samples is left out where it would take longer."""


def samples(factor: int = 1) -> tuple[Float32Array, Int64Array]:
    """Random samples in the paper's proportions, ``factor`` times as many; features correlate."""
    random = np.random.default_rng(20250101)
    y = np.repeat(np.arange(len(SIZES)), np.array(SIZES) * factor)
    hidden = random.normal(size=(y.size, 12)) + random.normal(size=(len(SIZES), 12))[y]
    x = hidden @ random.normal(size=(12, FEATURES)) + random.normal(size=(y.size, FEATURES))
    return x.astype(np.float32), y


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@compiled
def _all_distances(packed: Packed, queries: UInt16Array) -> int:
    work, out, total = workspace(), np.empty((4, LANES), dtype=np.int32), 0
    for first in range(0, queries.shape[0] - 3, 4):
        for block in range(packed.steps.shape[0]):
            steps_apart(packed, block, queries[first : first + 4], 0, work, out, 0)
            total += out[0, 0]
    return total


def distance_seconds(x: Float32Array, y: Int64Array) -> float:
    """Seconds the distances of all pairs take by themselves, with no neighbour looked for."""
    scaling = FeatureScaling.of(x.astype(np.float64), 10)
    packed, _ = pack(x.astype(np.float64), y, len(SIZES), scaling)
    queries = in_steps(packed.scaled, scaling)
    return in_turns([lambda: _all_distances(packed, queries)], repeats=5)[0]


def against_peers(repeats: int = 5) -> list[Row]:
    """Time the paper's shape: ours and fast-select in turns ``repeats`` times, skrebate once."""
    from fast_select import ReliefF

    x, y = samples()
    wide = x.astype(np.float64)

    def fast_select() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ReliefF(n_neighbors=NEIGHBOURS, n_jobs=1, backend="cpu").fit(wide, y)

    def ours() -> ReliefScores:
        return relieff(x, y, neighbours=NEIGHBOURS)

    fast_select(), ours()  # compiled before anything is timed
    pairs = [(seconds(ours), seconds(fast_select)) for _ in range(repeats)]
    mine, theirs = (median(column) for column in zip(*pairs, strict=True))
    start = time.perf_counter()
    reference = selection_scores(x, y, engine="skrebate", neighbours=NEIGHBOURS).scores
    slow = time.perf_counter() - start
    worst = np.abs(ours().scores - reference).max()
    same = np.array_equal(np.argsort(ours().scores), np.argsort(reference))
    agreement = f"largest difference {worst:.1e}, ranking {'identical' if same else 'DIFFERS'}"
    what, size = "Relief-F", f"2,870 x {FEATURES}, k {NEIGHBOURS}"
    by_distances = distance_seconds(x, y)
    note = (
        f"the distances of all pairs alone take {by_distances / mine:.0%} of it, at "
        f"{1e-9 * y.size**2 * FEATURES / by_distances:.1f} thousand million differences of 16 "
        "bits summed a second; the rest is choosing the nearest and scoring them"
    )
    return [
        Row(what, size, "minecover", mine, None, None, None, note),
        Row(what, size, "skrebate", slow, None, slow / mine, Aim.at_least(200, slow / mine, "x"),
            f"one run; {agreement}"),
        Row(what, size, "fast-select", theirs, None, theirs / mine,
            Aim.at_least(3, theirs / mine, "x"), "weighs classes otherwise: other scores"),
    ]  # fmt: skip


def two_threads() -> Row:
    """Time two threads against one, in turns."""
    x, y = samples(4)
    one, two = (
        partial(relieff, x, y, neighbours=NEIGHBOURS, queries=2_870, threads=t) for t in (1, 2)
    )
    size = f"11,480 x {FEATURES}, 2,870 queries"
    return on_two_threads("Relief-F", size, one, two, None, repeats=5)


def _large(queries: int, answer: multiprocessing.queues.Queue[tuple[float, float, float]]) -> None:
    x, y = samples(35)
    start = time.perf_counter()
    result = relieff(x, y, neighbours=NEIGHBOURS, queries=queries, threads=2)
    taken = time.perf_counter() - start
    error = 0.0 if result.standard_error is None else float(result.standard_error.max())
    answer.put((taken, peak_memory() / 2**20, error))


def hundred_thousand(queries: int) -> Row:
    """Time 100,450 samples on two threads in a process of its own, whose peak memory is read."""
    context = multiprocessing.get_context("spawn")
    answer: multiprocessing.queues.Queue[tuple[float, float, float]] = context.Queue()
    process = context.Process(target=_large, args=(queries, answer))
    process.start()
    taken, peak, error = answer.get()
    process.join()
    drawn = f"{queries:,} queries drawn, standard error of a score at most {error:.1e}"
    how = "every sample a query: exact" if error == 0.0 else drawn
    size = f"100,450 x {FEATURES}, k {NEIGHBOURS}"
    aim = Aim("finishes under 1 GiB", peak < 1024)
    note = f"{how}; peak memory of the whole process, samples included, {peak:.0f} MiB"
    return Row("Relief-F", size, "minecover, 2 threads", taken, None, None, aim, note)


def run() -> list[Row]:
    """Measure everything; all 100,450 samples as queries only if that takes some minutes."""
    drawn = hundred_thousand(DRAWN)
    rows = [*against_peers(), two_threads(), drawn]
    if drawn.median_s * 100_450 / DRAWN < LONGEST:
        rows.append(hundred_thousand(100_450))
    return rows


if __name__ == "__main__":
    show(run())
