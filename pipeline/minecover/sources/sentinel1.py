"""Sentinel-1: radiometrically terrain-corrected backscatter in VV and VH."""

from __future__ import annotations

from pydantic import Field

from minecover.sources.bands import Band
from minecover.sources.radar import RadarSettings, RadarSource

__all__ = ["Sentinel1", "Sentinel1Settings"]


class Sentinel1Settings(RadarSettings):
    """Backscatter VV and VH (features 26 and 27)."""

    collection: str = Field("sentinel-1-rtc", description="STAC collection")


class Sentinel1(RadarSource[Sentinel1Settings]):
    """Sentinel-1 of the survey's seasons.

    The assets are called as in the collections sentinel-1-rtc and sentinel1-rtc-aws.
    """

    name = "sentinel1"
    label = "Sentinel-1"
    settings_type = Sentinel1Settings
    polarisations = (
        Band("VV", "VV", ("VV", "vv", "gamma0_vv"), "backscatter, VV", 26),
        Band("VH", "VH", ("VH", "vh", "gamma0_vh"), "backscatter, VH", 27),
    )
    array = "backscatter"
    native_pixels = 2.0  # two files of 10 m
    files_per_item = 2
    revisit_days = 12.0  # of one satellite
