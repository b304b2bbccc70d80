"""How many observations of simulated ground are clear before and after masks are looked at again.

``python -m benchmarks.bare_ground`` prints both tables of `docs/how_to/masks.md`. All is simulated:
typical reflectance in the blue and at 1.6 µm, moisture, haze and noise from date to date, and
clouds of any thickness, 0.62 and 0.40 bright where they are thick.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minecover.sources.persistent_masks import CLEAR, MASKED, persistent, taken_back

PIXELS = 50_000
CLOUD, SPREAD = (0.62, 0.40), 0.10
MINES = {
    "limestone": (0.45, 0.58),
    "gravel": (0.165, 0.330),
    "overburden": (0.118, 0.312),
    "coal": (0.036, 0.062),
}
SKIES = {
    "soil, clouds of any thickness": ((0.12, 0.35), (0.05, 1.0)),
    "grass, clouds of any thickness": ((0.06, 0.22), (0.05, 1.0)),
    "soil, thin clouds only": ((0.12, 0.35), (0.05, 0.4)),
}

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Dates:
    """Observations of many pixels of one ground, (date, 1, pixel)."""

    cloudy: npt.NDArray[np.bool_]
    visible: Array
    infrared: Array


def simulated(
    ground: tuple[float, float], dates: int, share: float, thickness: tuple[float, float]
) -> Dates:
    """Draw dates, of which a share is under clouds of some range of thickness."""
    rng = np.random.default_rng(0)
    shape = (dates, 1, PIXELS)
    cloudy = rng.random(shape) < share
    part = np.where(cloudy, rng.uniform(*thickness, shape), 0)
    moisture, haze = rng.normal(1, 0.05, shape), rng.normal(0, 0.006, shape)
    bands = []
    for own, white in zip(ground, CLOUD, strict=True):
        below = own * moisture + haze + rng.normal(0, 0.0015 + 0.012 * own, shape)
        top = np.clip(rng.normal(white, SPREAD, shape), 0.15, 1.2)
        bands.append((below * (1 - part) + top * part).astype(np.float32))
    return Dates(cloudy, *bands)


def mines() -> None:
    """Ground that is masked on every date, under clouds on three of ten."""
    print("| simulated ground | dates | free of cloud | clear before | clear after | ", end="")
    print("of dates under cloud, called clear |\n| --- | --- | --- | --- | --- | --- |")
    for name, ground in MINES.items():
        for dates in (8, 12):
            seen = simulated(ground, dates, 0.3, (0.05, 1.0))
            back = taken_back(np.full(seen.cloudy.shape, MASKED), seen.visible, seen.infrared)
            free = (~seen.cloudy).sum(axis=0).mean()
            after = (back & ~seen.cloudy).sum(axis=0).mean()
            print(
                f"| {name} | {dates} | {free:.1f} | 0 | {after:.1f} | "
                f"{back[seen.cloudy].mean():.1%} |"
            )


def skies() -> None:
    """Ground that is under clouds on 85 % of the dates, all of them masked rightly."""
    print("| simulated | dates | masked on nearly every date | of their cloudy dates, ", end="")
    print("called clear |\n| --- | --- | --- | --- |")
    for name, (ground, thickness) in SKIES.items():
        for dates in (6, 8, 12, 18):
            seen = simulated(ground, dates, 0.85, thickness)
            states = np.where(seen.cloudy, MASKED, CLEAR)
            back = taken_back(states, seen.visible, seen.infrared)
            again = np.broadcast_to(persistent(states), back.shape)
            wrong = back[again & seen.cloudy].mean()
            print(f"| {name} | {dates} | {again.mean():.0%} of pixels | {wrong:.2%} |")


if __name__ == "__main__":
    mines()
    print()
    skies()
