"""A simulated history of four periods, and readings of it that err as classifiers do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from minecover.arrays import Float32Array
from minecover.transitions.hidden_markov import combine_periods
from minecover.transitions.matrix import class_priors, step_matrices
from minecover.transitions.settings import ChangeSettings

__all__ = ["CLASSES", "History"]

CLASSES = {"forest": 2, "water": 3, "built_up": 4, "mine": 5, "restored": 6}

FOREST, WATER, BUILT, MINE, RESTORED = range(5)
"""Places of the classes."""

SETTINGS = ChangeSettings(
    transitions={"mine -> forest": 0.0, "restored -> forest": 0.0, "built_up -> forest": 0.0}
)
"""What the survey would say."""

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class History:
    """A district of mines that grow and are restored, over some years.

    Attributes
    ----------
    seed
        Another one is another district.
    shape
        Pixels.
    periods
        Each a year after the one before.
    noise, shared
        Spread of the readings' logits around the truth, and the share of its variance that is the
        same in all periods, as of ground that looks like another class every year.
    """

    seed: int
    shape: tuple[int, int] = (500, 600)
    periods: int = 4
    noise: float = 1.6
    shared: float = 0.4

    @cached_property
    def truth(self) -> npt.NDArray[np.int64]:
        """(period, y, x) places of the classes."""
        rng = np.random.default_rng(self.seed)
        y, x = np.indices(self.shape)
        ground = np.where(self._field(rng, 25) > 1.3, BUILT, FOREST)
        ground[self._field(rng, 18) > 1.8] = WATER
        maps = np.repeat(ground[None], self.periods, axis=0)
        for _ in range(max(3, self.shape[0] * self.shape[1] // 20_000)):
            cy, cx = rng.uniform(0, self.shape[0]), rng.uniform(0, self.shape[1])
            begins, size, grows = rng.integers(-4, 4), rng.uniform(4, 9), rng.uniform(1.5, 4)
            ragged = np.hypot(y - cy, x - cx) + 1.5 * self._field(rng, 3)
            for period in range(self.periods):
                age = period - begins
                if age < 0:
                    continue
                pit = ragged < size + grows * age
                maps[period][pit] = MINE
                if age > 2:  # filled from the middle
                    maps[period][ragged < (size + grows * (age - 2)) / 2] = RESTORED
        return maps

    def _field(self, rng: np.random.Generator, scale: float) -> npt.NDArray[np.float64]:
        """Smooth noise of variance 1."""
        values = gaussian_filter(rng.normal(size=self.shape), scale)
        return np.asarray((values - values.mean()) / values.std())

    @cached_property
    def readings(self) -> Float32Array:
        """(period, class, y, x) probabilities, as a classifier would give them."""
        rng = np.random.default_rng(self.seed + 1)
        classes = len(CLASSES)
        always = np.stack([self._grain(rng) for _ in range(classes)])
        out = np.empty((self.periods, classes, *self.shape), dtype=np.float32)
        for period in range(self.periods):
            now = np.stack([self._grain(rng) for _ in range(classes)])
            logits = np.sqrt(self.shared) * always + np.sqrt(1 - self.shared) * now
            logits *= self.noise
            logits += 5.0 * (np.arange(classes)[:, None, None] == self.truth[period])
            shares = np.exp(logits - logits.max(axis=0))
            out[period] = shares / shares.sum(axis=0)
        return out

    def _grain(self, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """Noise of variance 1, half of it by the pixel and half by the patch."""
        patches = self._field(rng, 2)
        return np.sqrt(0.5) * patches + np.sqrt(0.5) * rng.normal(size=self.shape)

    @cached_property
    def single(self) -> npt.NDArray[np.int64]:
        """(period, y, x) places of the classes that each period by itself reads."""
        return np.asarray(self.readings.argmax(axis=1))

    @cached_property
    def combined(self) -> npt.NDArray[np.int64]:
        """(period, y, x) places of the classes on the most probable course."""
        names = list(CLASSES)
        steps = step_matrices(SETTINGS, names, [1.0] * (self.periods - 1))
        course, _ = combine_periods(self.readings, steps, class_priors(SETTINGS, names))
        return course.astype(np.int64)


def class_codes(places: npt.NDArray[np.int64]) -> Codes:
    """Codes of places of classes."""
    return np.array(list(CLASSES.values()), dtype=np.uint8)[places]
