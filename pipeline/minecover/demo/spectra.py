"""Surface reflectance of the scene on a day: plants over ground, in the light of that day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from minecover.demo.calendar import Overpass, Year
from minecover.demo.materials import BANDS, MATERIALS, SPECTRA, Land, Material, cover
from minecover.demo.noise import Field, Mask, fractal, stream
from minecover.demo.relief import illumination
from minecover.demo.scene import Scene

__all__ = ["Surface", "Variation", "look_on"]


@dataclass(frozen=True)
class Variation:
    """How a material differs from place to place, constant through the year.

    Attributes
    ----------
    vigour
        Factor on the share of green plants.
    brightness
        Factor on the reflectance of the ground.
    redness
        From -1 to 1: moves the spectrum of the ground towards rock or towards sand.
    """

    vigour: Field
    brightness: Field
    redness: Field

    @classmethod
    def draw(cls, scene: Scene, seed: int) -> Variation:
        """Draw the variation of a scene: broad patches, and a rough part from pixel to pixel."""
        n = scene.frame.fine

        def mixed(name: str, longest: float) -> Field:
            broad = fractal(stream(seed, name, 0), n, beta=2.6, longest=longest)
            rough = fractal(stream(seed, name, 1), n, beta=0.6, longest=20)
            return np.float32(0.5) * broad + np.float32(1.7) * rough

        vigour = np.exp(np.float32(0.25) * np.clip(mixed("vigour", 80.0), -4, 3))
        brightness = np.exp(np.float32(0.12) * np.clip(mixed("brightness", 60.0), -4, 4))
        redness = np.clip(mixed("redness", 120.0) * np.float32(0.7), -1, 1)
        return cls(vigour, brightness, redness)

    def in_year(self, year: Year, seed: int) -> Variation:
        """Let plants grow as they do in one year of several: by its weather, and unevenly."""
        n = self.vigour.shape[0]
        uneven = fractal(stream(seed, "growth", year.number), n, beta=2.6, longest=160)
        growth = np.float32(year.vigour) * np.exp(np.float32(0.06) * np.clip(uneven, -3, 3))
        return replace(self, vigour=np.asarray(self.vigour * growth, dtype=np.float32))


@dataclass(frozen=True)
class Surface:
    """The surface of the scene on one day.

    Attributes
    ----------
    scene, variation
        The materials, and how they vary.
    green, dry
        Share of ground hidden by green and by dry plants, 0 to 1.
    light
        Light on the slopes relative to level ground.
    wetness
        Factor by which moisture darkens the ground.
    """

    scene: Scene
    variation: Variation
    green: Field
    dry: Field
    light: Field
    wetness: float

    def reflectance(self, band: str) -> Field:
        """Surface reflectance (0 to 1) of the scene in one of `BANDS`.

        A linear mixture (Adams, Smith & Johnson 1986, 10.1029/JB091iB08p08098) of ground, green
        and dry plants.
        """
        b = BANDS.index(band)
        grounds = _per_material(lambda m: SPECTRA[m.background][b])
        earth = np.array(
            [m.background in ("loess", "rock", "sand", "overburden") for m in MATERIALS.values()]
        )
        sand, rock = SPECTRA["sand"][b], SPECTRA["rock"][b]
        material, turn = self.scene.material, self.variation.redness
        ground = grounds[material]
        target = np.where(turn > 0, np.float32(sand), np.float32(rock))
        ground += earth[material] * np.float32(0.22) * np.abs(turn) * (target - ground)
        wet = np.where(self.water, np.float32(1), np.float32(self.wetness))
        ground *= self.variation.brightness * wet
        plants = _per_material(lambda m: SPECTRA[m.plant][b])[material]
        mixed = ground * (1 - self.green - self.dry)
        mixed += plants * self.green + np.float32(SPECTRA["litter"][b]) * self.dry
        return np.asarray(mixed * np.where(self.water, np.float32(1), self.light))

    @property
    def water(self) -> Mask:
        """Where there is water."""
        wet = np.array([material.land == Land.WATER for material in MATERIALS.values()])
        return np.asarray(wet[self.scene.material])


def _per_material(value: Callable[[Material], float]) -> Field:
    return np.array([value(material) for material in MATERIALS.values()], dtype=np.float32)


def look_on(scene: Scene, variation: Variation, overpass: Overpass) -> Surface:
    """Compute the surface on the day of an overpass: plants, moisture and sunlight."""
    green = cover("green", overpass.day)[scene.material] * variation.vigour
    dry = cover("dry", overpass.day)[scene.material] * np.sqrt(variation.vigour)
    green = np.minimum(green, np.float32(0.95))
    dry = np.minimum(dry, 1 - green)
    light = illumination(scene.elevation, overpass.sun_zenith, overpass.sun_azimuth)
    return Surface(scene, variation, green, dry, light, overpass.wetness)
