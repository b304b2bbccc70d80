"""A cloud mask that is computed of the reflectance of an image, as by a network.

A subclass says which bands it looks at, and tells clear pixels from others. It is of no other
package's concern how: minecover reads the bands, with as many pixels around as it declares, and
takes out what it does not call clear, beside what other masks do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from minecover.arrays import BoolArray, Float32Array
from minecover.settings import Section

__all__ = ["CloudMask"]

S = TypeVar("S", bound=Section)


class CloudMask(ABC, Generic[S]):
    """A way to tell clear pixels by their reflectance.

    Parameters
    ----------
    settings
        What the survey says under its name in `cloud_masks`, validated.

    Attributes
    ----------
    name
        In the registry and in a survey's `cloud_masks`.
    settings_type
        Its settings.
    bands
        Names of the source's bands in the order in which it takes them. All come on the grid of
        the first: coarser ones interpolated, finer ones averaged.
    halo
        Pixels of that grid that it needs on every side. A pixel's result must not depend on what
        lies farther away, so that it is the same however the grid is cut into tiles.
    """

    name: ClassVar[str]
    settings_type: ClassVar[type[Section]] = Section
    bands: ClassVar[tuple[str, ...]]
    halo: ClassVar[int] = 0

    def __init__(self, settings: S) -> None:
        self.settings = settings

    @abstractmethod
    def is_clear(self, reflectance: Float32Array) -> BoolArray:
        """Tell which pixels show the ground, in sunlight and through clear air.

        Parameters
        ----------
        reflectance
            (band, ny + 2 halo, nx + 2 halo) surface reflectance 0-1 of one image; NaN where nodata
            and beyond the image.

        Returns
        -------
        (ny, nx).
        """
