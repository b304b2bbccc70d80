"""Sentinel-2 L2A of the simulated district: clouds, shadows, noise, digital numbers and SCL."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from minecover.demo.calendar import Overpass
from minecover.demo.frame import FINE, ImageGrid
from minecover.demo.materials import BANDS
from minecover.demo.noise import Field, stream
from minecover.demo.sky import Sky
from minecover.demo.spectra import Surface

__all__ = ["SKY", "Scl", "observe"]

TEN_METRES = ("B02", "B03", "B04", "B08")
#: Reflectance of a thick cloud, and the strength of haze, for each band.
SKY: dict[str, tuple[float, float]] = {
    "B02": (0.62, 1.0), "B03": (0.60, 0.8), "B04": (0.60, 0.6), "B05": (0.61, 0.5),
    "B06": (0.62, 0.4), "B07": (0.63, 0.35), "B08": (0.62, 0.3), "B8A": (0.62, 0.3),
    "B11": (0.40, 0.1), "B12": (0.30, 0.1),
}  # fmt: skip


class Scl(IntEnum):
    """The codes of the scene classification used here (ESA, Sentinel-2 L2A)."""

    NODATA = 0
    CLOUD_SHADOW = 3
    VEGETATION = 4
    NOT_VEGETATED = 5
    WATER = 6
    CLOUD_MEDIUM = 8
    CLOUD_HIGH = 9


def observe(
    surface: Surface, overpass: Overpass, sky: Sky, grids: list[dict[int, ImageGrid]], seed: int
) -> Iterator[tuple[int, str, npt.NDArray[np.integer]]]:
    """Simulate the images of the ten bands and their scene classification.

    Parameters
    ----------
    surface
        The scene on that day.
    overpass, sky
        Date and weather.
    grids
        The grids of each granule by pixel size, 10 and 20 m.
    seed
        Seed of the sensor's noise.

    Yields
    ------
    tuple
        Number of the granule, asset name, and digital numbers: uint16 with 0 as nodata for a
        band, uint8 for ``SCL``.
    """
    pair: dict[tuple[int, str], Field] = {}
    for band in BANDS:
        scene = _through(sky, overpass, surface.reflectance(band), band)
        step = 10 if band in TEN_METRES else 20
        for granule, steps in enumerate(grids):
            image = steps[step].sample(scene, cells=int(step / FINE))
            if band in ("B04", "B8A"):
                pair[granule, band] = image if step == 20 else steps[20].sample(scene, cells=4)
            rng = stream(seed, f"{overpass.date} {band}", granule)
            yield granule, band, _digital(image, overpass.offset, rng)
    water = surface.water.astype(np.float32)
    for granule, steps in enumerate(grids):
        red, near = pair[granule, "B04"], pair[granule, "B8A"]
        yield granule, "SCL", _classify(steps[20], sky, water, red, near)


def _through(sky: Sky, overpass: Overpass, ground: Field, band: str) -> Field:
    """Darken the ground in shadows and mix it with haze and clouds."""
    white, veil = SKY[band]
    hazy = ground * (1 - np.float32(0.62) * sky.shadow) + np.float32(overpass.haze * veil)
    return np.asarray(hazy * (1 - sky.cloud) + np.float32(white) * sky.cloud)


def _digital(image: Field, offset: int, rng: np.random.Generator) -> npt.NDArray[np.uint16]:
    """Add the sensor's noise, scale by 10,000 and add the offset; 0 where there is no data."""
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    noisy = image + noise * (np.float32(0.0015) + np.float32(0.012) * np.abs(image))
    number = np.clip(np.rint(noisy * 10_000) + offset, 1, 65_535)
    return np.where(np.isnan(image), 0, number).astype(np.uint16)


def _classify(
    grid: ImageGrid, sky: Sky, water: Field, red: Field, near: Field
) -> npt.NDArray[np.uint8]:
    """Classify as SCL does; clouds and shadows get a margin of 20 m."""
    rim = np.ones((3, 3), dtype=bool)
    cloud = grid.sample(sky.cloud, cells=4)
    shade = ndimage.binary_dilation(grid.sample(sky.shadow, cells=4) > 0.02, rim)
    vegetation = (near - red) / (near + red) > 0.35
    scl = np.where(vegetation, Scl.VEGETATION, Scl.NOT_VEGETATED)
    scl = np.where(grid.sample(water, cells=4) > 0.5, Scl.WATER, scl)
    scl = np.where(shade, Scl.CLOUD_SHADOW, scl)
    scl = np.where(ndimage.binary_dilation(cloud > 0.02, rim), Scl.CLOUD_MEDIUM, scl)
    scl = np.where(cloud > 0.6, Scl.CLOUD_HIGH, scl)
    return np.where(np.isnan(cloud), Scl.NODATA, scl).astype(np.uint8)
