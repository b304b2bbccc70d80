"""A cloud mask: what is white, and its neighbours."""

from __future__ import annotations

import numpy as np

from minecover.arrays import BoolArray, Float32Array
from minecover.settings import Section
from minecover.sources.cloud_mask import CloudMask

__all__ = ["WhiteClouds"]


class WhiteCloudsSettings(Section):
    """What the survey says under `cloud_masks.white_clouds`."""

    least: float = 0.6


class WhiteClouds(CloudMask[WhiteCloudsSettings]):
    """Pixels near one that is bright in the blue and the near infrared."""

    name = "white_clouds"
    settings_type = WhiteCloudsSettings
    bands = ("B02", "B08")
    halo = 1

    def is_clear(self, reflectance: Float32Array) -> BoolArray:
        """See `CloudMask.is_clear`."""
        white = (reflectance > self.settings.least).all(axis=0)
        windows = np.lib.stride_tricks.sliding_window_view(white, (3, 3))
        return ~windows.any(axis=(2, 3))
