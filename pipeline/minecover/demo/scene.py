"""The scene: elevation and material of every pixel of 5 m."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minecover.demo.frame import Frame
from minecover.demo.materials import MATERIALS
from minecover.demo.noise import Field

__all__ = ["Scene"]


@dataclass(frozen=True)
class Scene:
    """Elevation and material on the grid of 5 m.

    Attributes
    ----------
    frame
        Where the scene lies.
    elevation
        Height above sea level, m.
    material
        Code of the material (`minecover.demo.materials.code_of`).
    """

    frame: Frame
    elevation: Field
    material: npt.NDArray[np.uint8]

    def land(self) -> npt.NDArray[np.uint8]:
        """Class of every pixel of the scene, codes 1 to 6."""
        lands = np.array([material.land for material in MATERIALS.values()], dtype=np.uint8)
        return np.asarray(lands[self.material])

    def truth(self) -> npt.NDArray[np.uint8]:
        """Majority class of each 10 m pixel of the district; in a tie the lower code.

        Returns
        -------
        numpy.ndarray
            uint8 of shape ``(size, size)``, codes 1 to 6.
        """
        land = self.land()
        side = land.shape[0] // 2
        cells = land.reshape(side, 2, side, 2)
        votes = np.stack([(cells == code).sum(axis=(1, 3)) for code in range(7)])
        majority: npt.NDArray[np.uint8] = np.argmax(votes, axis=0).astype(np.uint8)
        return majority[self.frame.inner]
