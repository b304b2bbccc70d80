"""All observations of the district in a year, item by item."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from minecover.demo.ancillary import NODATA, backscatter, dem, night_lights
from minecover.demo.calendar import Overpass, Year
from minecover.demo.frame import Frame, ImageGrid
from minecover.demo.optical import Scl, observe
from minecover.demo.publish import Asset, Shot
from minecover.demo.scene import Scene
from minecover.demo.sky import Sky, draw_skies
from minecover.demo.spectra import Variation, look_on

__all__ = ["GRANULES", "campaign", "granule_grids", "still_images"]

#: Granule, CRS, and where it begins and ends as a share of the scene's width.
GRANULES = (("49SGE", "EPSG:32649", 0.0, 0.62), ("50SKK", "EPSG:32650", 0.38, 1.0))
ARC_SECOND = 1 / 3600


def granule_grids(frame: Frame) -> list[dict[int, ImageGrid]]:
    """Lay out the Sentinel-2 granules: grids of 10 and 20 m in each of the two UTM zones."""
    left, bottom, right, top = frame.scene_bounds
    grids = []
    for _, crs, begin, end in GRANULES:
        # Whole pixels of 20 m, so that the western granule is aligned with the truth.
        cut = [left + 20 * round(share * (right - left) / 20) for share in (begin, end)]
        bounds = (cut[0], bottom, cut[1], top)
        grids.append({step: frame.grid(crs, bounds, step, snap=20) for step in (10, 20)})
    return grids


def campaign(scene: Scene, variation: Variation, year: Year, seed: int) -> Iterator[Shot]:
    """Observe the district with Sentinel-2 and Sentinel-1 through one year.

    Parameters
    ----------
    scene, variation
        The ground in that year.
    year
        Dates and weather.
    seed
        Seed of clouds, noise and speckle.

    Yields
    ------
    Shot
        The items, collection by collection, in order of time.
    """
    grids = granule_grids(scene.frame)
    skies = draw_skies(scene.frame.fine, seed, year)
    for overpass, sky in zip(year.overpasses, skies, strict=True):
        yield from _sentinel2(scene, variation, overpass, sky, grids, seed)
    yield from _sentinel1(scene, variation, year.radar_passes, seed)


def still_images(scene: Scene, seed: int) -> Iterator[Shot]:
    """Observe what is observed once: relief and lights at night."""
    yield _nasadem(scene, seed)
    yield _luojia(scene, seed)


def _sentinel2(
    scene: Scene,
    variation: Variation,
    overpass: Overpass,
    sky: Sky,
    grids: list[dict[int, ImageGrid]],
    seed: int,
) -> list[Shot]:
    surface = look_on(scene, variation, overpass)
    shots = [_granule(overpass, tile) for tile, *_ in GRANULES]
    for granule, name, array in observe(surface, overpass, sky, grids, seed):
        grid = next(g for g in grids[granule].values() if g.shape == array.shape)
        overviews = "mode" if name == "SCL" else "average"
        shots[granule].assets[name] = Asset(array, grid, 0, overviews)
    for shot in shots:
        shot.properties["eo:cloud_cover"] = _cloud_cover(shot.assets["SCL"].array)
    return shots


def _granule(overpass: Overpass, tile: str) -> Shot:
    moment = overpass.datetime.strftime("%Y%m%dT%H%M%S")
    baseline = overpass.baseline
    properties: dict[str, Any] = {
        "platform": f"Sentinel-2{overpass.satellite}",
        "constellation": "Sentinel 2",
        "instruments": ["msi"],
        "s2:mgrs_tile": tile,
        "s2:processing_baseline": baseline,
        "s2:product_type": "S2MSI2A",
        "s2:mean_solar_zenith": overpass.sun_zenith,
        "s2:mean_solar_azimuth": overpass.sun_azimuth,
    }
    name = f"S2{overpass.satellite}_MSIL2A_{moment}_N{baseline.replace('.', '')}_T{tile}_simulated"
    return Shot("sentinel-2-l2a", name, overpass.datetime, properties)


def _cloud_cover(scl: npt.NDArray[np.uint8]) -> float:
    valid = scl != Scl.NODATA
    cloudy = np.isin(scl, (Scl.CLOUD_MEDIUM, Scl.CLOUD_HIGH))
    return round(100 * float(cloudy.sum() / valid.sum()), 2)


def _sentinel1(
    scene: Scene, variation: Variation, dates: tuple[str, ...], seed: int
) -> Iterator[Shot]:
    grid = scene.frame.grid("EPSG:32650", scene.frame.scene_bounds, 10.0)
    for date in dates:
        time = datetime.fromisoformat(date).replace(hour=22, minute=26, second=5, tzinfo=UTC)
        properties: dict[str, Any] = {
            "platform": "SENTINEL-1A",
            "constellation": "Sentinel-1",
            "sar:instrument_mode": "IW",
            "sar:frequency_band": "C",
            "sar:polarizations": ["VV", "VH"],
            "sat:orbit_state": "descending",
        }
        name = f"S1A_IW_GRDH_1SDV_{time:%Y%m%dT%H%M%S}_simulated_rtc"
        shot = Shot("sentinel-1-rtc", name, time, properties)
        for pol in ("vv", "vh"):
            image = backscatter(scene, variation, grid, date, pol, seed)
            shot.assets[pol] = Asset(image, grid, NODATA)
        yield shot


def _nasadem(scene: Scene, seed: int) -> Shot:
    # The centres of the pixels lie on whole arc seconds.
    frame = scene.frame
    grid = frame.grid("EPSG:4326", frame.scene_bounds, (ARC_SECOND, ARC_SECOND), shift=0.5)
    shot = Shot("nasadem", "NASADEM_HGT_n39e113_simulated", datetime(2000, 2, 20, tzinfo=UTC), {})
    shot.assets["elevation"] = Asset(dem(scene, grid, seed), grid, NODATA)
    return shot


def _luojia(scene: Scene, seed: int) -> Shot:
    grid = scene.frame.grid("EPSG:4326", scene.frame.scene_bounds, (0.0015, 0.0012))
    time = datetime(2018, 9, 14, 14, 30, tzinfo=UTC)
    shot = Shot(
        "luojia-1", "LuoJia1-01_LR201809140000_simulated", time, {"platform": "Luojia-1 01"}
    )
    shot.assets["dn"] = Asset(night_lights(scene, grid, seed), grid, 0)
    return shot
