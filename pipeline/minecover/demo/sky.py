"""Clouds over the simulated district, and their shadows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from minecover.demo.calendar import Overpass, Year
from minecover.demo.frame import FINE
from minecover.demo.noise import Field, Mask, fractal, stream

__all__ = ["Sky", "draw_skies"]

STRIDE = 4  # pixels of the scene: subsampling where that is accurate enough
DRIFTS = 64


@dataclass(frozen=True)
class Sky:
    """Clouds over the scene.

    Attributes
    ----------
    cloud
        Opacity of the clouds, 0 to 1.
    shadow
        Share of the direct light that the clouds block, 0 to 1.
    """

    cloud: Field
    shadow: Field

    @classmethod
    def draw(cls, overpass: Overpass, size: int, seed: int, index: int) -> Sky:
        """Draw broken clouds 700 m above the ground and their shadows, cast away from the sun."""
        rng = stream(seed, "clouds", index)
        towers = fractal(rng, size, beta=3.6, longest=0.4 * size, shortest=12)
        limit = np.quantile(towers, 1 - overpass.clouds)
        cloud = np.clip((towers - limit) / 0.25, 0, 1).astype(np.float32)
        reach = 700.0 * np.tan(np.radians(overpass.sun_zenith)) / FINE
        away = np.radians(overpass.sun_azimuth + 180.0)
        step = (round(-reach * np.cos(away)), round(reach * np.sin(away)))
        return cls(cloud, np.roll(cloud, step, axis=(0, 1)))

    def hidden(self) -> Mask:
        """Approximate mask of clouds and shadows, every fourth pixel of the scene."""
        dim = np.maximum(self.cloud, self.shadow)[::STRIDE, ::STRIDE] > 0
        return np.asarray(ndimage.binary_dilation(dim, iterations=1))

    def drifted(self, step: tuple[int, int]) -> Sky:
        """Shift the clouds by whole pixels; the field is periodic."""
        return Sky(np.roll(self.cloud, step, (0, 1)), np.roll(self.shadow, step, (0, 1)))


def draw_skies(size: int, seed: int, year: Year) -> list[Sky]:
    """Draw the sky of every overpass of a year, so that most ground is seen in every season.

    The clouds of each date get, of 64 random shifts, the one that leaves the least ground hidden on
    all dates of the season so far, as if a person had chosen good dates.

    Returns
    -------
    list of Sky
        In the order of the overpasses.
    """
    skies: list[Sky] = []
    never: dict[str, Mask] = {}
    for index, overpass in enumerate(year.overpasses, 1000 * year.number):
        sky = Sky.draw(overpass, size, seed, index)
        season = year.season_of(overpass.date)
        hidden = sky.hidden()
        before = never.get(season, np.ones_like(hidden))
        steps = stream(seed, "drift", index).integers(0, hidden.shape[0], (DRIFTS, 2))
        lost = [(np.roll(hidden, step, (0, 1)) & before).sum() for step in steps]
        down, right = (int(part) for part in steps[int(np.argmin(lost))])
        never[season] = np.roll(hidden, (down, right), (0, 1)) & before
        skies.append(sky.drifted((down * STRIDE, right * STRIDE)))
    return skies
