"""Layers chosen from some of the points, as all of them are or those without a fold."""

from __future__ import annotations

import numpy as np

from minecover.arrays import BoolArray
from minecover.engines.report import Report, unreported
from minecover.engines.threads import limited_threads
from minecover.samples.sample_set import SampleSet
from minecover.selection.ranking import select
from minecover.selection.result import Selection
from minecover.selection.settings import SelectionSettings

__all__ = ["choose_layers"]

CURVE_FOLDS = 5
"""Of the validation that finds how many layers to keep; fewer where there are fewer blocks."""


def choose_layers(
    samples: SampleSet,
    use: BoolArray,
    settings: SelectionSettings,
    *,
    seed: int,
    threads: int,
    resamples: int = 0,
    report: Report = unreported,
) -> Selection:
    """Rank and choose layers.

    Parameters
    ----------
    samples
        All points.
    use
        (point,) those that are looked at.
    settings
        Whose ranking counts, and how many layers are kept.
    seed, threads
        As for `selection.ranking.select`.
    resamples
        Choices from resampled points that the stability is estimated from; 0: it is not.
    report
        Is told how far it is.
    """
    everything = settings.method == "all"
    blocks = samples.blocks[use]
    with limited_threads(1):  # of libraries: by more, correlations might be rounded otherwise
        return select(
            samples.values(samples.layers)[use],
            samples.codes[use],
            samples.layers,
            method="both" if settings.method == "all" else settings.method,
            keep=len(samples.layers) if everything else settings.keep,
            drop_redundant=not everything,
            engine=settings.engine,
            neighbours=settings.neighbours,
            trees=settings.trees,
            groups=blocks,
            # a small survey's points may lie in very few blocks
            fold_count=max(2, min(CURVE_FOLDS, len(np.unique(blocks)))),
            resamples=resamples,
            seed=seed,
            threads=threads,
            report=report,
        )
