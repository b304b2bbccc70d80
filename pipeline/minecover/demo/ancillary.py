"""Images of the other sensors: radar, elevation and night-time lights."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from minecover.demo.frame import ImageGrid
from minecover.demo.materials import MATERIALS, cover
from minecover.demo.noise import Field, fractal, stream
from minecover.demo.scene import Scene
from minecover.demo.spectra import Variation

__all__ = ["LOOKS", "backscatter", "dem", "night_lights"]

LOOKS = 4.4  # equivalent number of looks of Sentinel-1 IW GRD (ESA product definition)
NODATA = -32768


def backscatter(
    scene: Scene, variation: Variation, grid: ImageGrid, date: str, polarisation: str, seed: int
) -> Field:
    """Simulate Sentinel-1 gamma nought, terrain corrected, with speckle.

    Parameters
    ----------
    scene, variation
        What the ground is made of, and how it varies.
    grid
        Pixels of the image.
    date
        Day, as ``YYYY-MM-DD``: plants scatter more when they are green.
    polarisation
        ``"vv"`` or ``"vh"``.
    seed
        Seed of the speckle, which is gamma distributed with `LOOKS` looks.

    Returns
    -------
    numpy.ndarray
        float32, linear power, -32768 outside the scene.
    """
    day = float(datetime.fromisoformat(date).timetuple().tm_yday)
    gain = 2.0 if polarisation == "vv" else 4.0
    decibel = np.array([getattr(m, polarisation) for m in MATERIALS.values()], dtype=np.float32)
    decibel += np.float32(gain) * (cover("green", day) - cover("green", 121.0))
    rough = fractal(stream(seed, "roughness"), scene.frame.fine, beta=1.6, longest=60)
    power = decibel[scene.material] + np.float32(1.3) * rough + 4 * (variation.brightness - 1)
    image = grid.sample(10 ** (power / 10), cells=2)
    speckle = stream(seed, f"speckle {date} {polarisation}").gamma(LOOKS, 1 / LOOKS, image.shape)
    return np.where(np.isnan(image), NODATA, image * speckle).astype(np.float32)


def dem(scene: Scene, grid: ImageGrid, seed: int) -> npt.NDArray[np.int16]:
    """Simulate an elevation model of one arc second: averaged, with errors of about 1.5 m.

    Returns
    -------
    numpy.ndarray
        int16, m above sea level, -32768 outside the scene.
    """
    height = grid.sample(scene.elevation, cells=6)
    side = max(grid.shape)
    error = 1.5 * fractal(stream(seed, "dem"), side, beta=1.5, longest=20)
    rows, columns = grid.shape
    noisy = np.rint(height + error[:rows, :columns])
    return np.where(np.isnan(height), NODATA, noisy).astype(np.int16)


def night_lights(scene: Scene, grid: ImageGrid, seed: int) -> npt.NDArray[np.int32]:
    """Simulate Luojia-1 01 digital numbers: blurred lamps over a faint background.

    Radiance is ``DN ** 1.5 * 1e-10`` W m-2 sr-1 um-1 (Wuhan University, data description of
    Luojia-1 01), so a number is radiance x 1e10 to the power of 2/3.

    Returns
    -------
    numpy.ndarray
        int32, 1 or more; outside the scene only background.
    """
    lamps = np.array([m.light for m in MATERIALS.values()], dtype=np.float32)[scene.material]
    uneven = np.exp(0.5 * fractal(stream(seed, "lamps"), scene.frame.fine, beta=1.5, longest=50))
    glow = ndimage.gaussian_filter(lamps * uneven, 16.0, mode="nearest")
    side = max(grid.shape)
    noise = np.abs(1 + 0.1 * stream(seed, "night").standard_normal((side, side)))
    seen = grid.sample(glow, cells=26)
    filled = np.where(np.isnan(seen), 0.0, seen)
    radiance = (1e-4 * filled + 2e-7) * noise[: grid.shape[0], : grid.shape[1]]
    return np.maximum(np.rint((radiance * 1e10) ** (2 / 3)), 1).astype(np.int32)
