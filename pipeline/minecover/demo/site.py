"""A round piece of ground with an irregular edge: the place of a pit, a dump or a village."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minecover.demo.noise import Field, Mask, fractal
from minecover.demo.scene import Scene

__all__ = ["Ground", "Site"]

STRIDE = 8  # pixels of the scene: subsampling where that is accurate enough


@dataclass(frozen=True)
class Site:
    """A place in the scene.

    Attributes
    ----------
    row, column
        Its centre, pixels of the scene.
    radius
        Its mean radius, pixels of the scene; the edge deviates by a third at most.
    """

    row: float
    column: float
    radius: float

    def window(self, size: int) -> tuple[slice, slice]:
        """Rows and columns of a scene of side `size` that contain the whole site."""
        reach = 1.6 * self.radius + 8
        return (
            slice(max(0, int(self.row - reach)), min(size, int(self.row + reach))),
            slice(max(0, int(self.column - reach)), min(size, int(self.column + reach))),
        )

    def share_of(self, mask: Mask) -> float:
        """Share of the site under `mask`; ground outside the scene counts as under it."""
        rows, columns = np.ogrid[: mask.shape[0] : STRIDE, : mask.shape[1] : STRIDE]
        inside = np.hypot(rows - self.row, columns - self.column) < 1.1 * self.radius
        lost = 1 - inside.sum() * STRIDE**2 / (np.pi * (1.1 * self.radius) ** 2)
        return float(max(lost, 0.0) + mask[::STRIDE, ::STRIDE][inside].mean())


class Ground:
    """The part of the scene under one site; what is written here changes the scene.

    Attributes
    ----------
    rows, columns
        Position of each pixel in the scene, as an open grid.
    depth
        How far inside the site a pixel lies: 0 on the edge, 1 in the centre, negative outside.
    inside
        Pixels that belong to the site.
    elevation, material
        Views of the arrays of the scene.
    """

    def __init__(self, scene: Scene, site: Site, rng: np.random.Generator, taken: Mask) -> None:
        self.window = site.window(scene.frame.fine)
        self.rows, self.columns = np.ogrid[self.window]
        self.rng = rng
        self.elevation = scene.elevation[self.window]
        self.material = scene.material[self.window]
        distance = np.hypot(self.rows - site.row, self.columns - site.column)
        ragged = self.noise(beta=3.6, longest=1.2 * site.radius, shortest=0.3 * site.radius)
        bent = distance / site.radius * (1 + 0.17 * np.clip(ragged, -2, 2))
        self.depth: Field = (1 - bent).astype(np.float32)
        self.inside: Mask = (self.depth > 0) & ~taken[self.window]

    def noise(self, *, beta: float, longest: float, shortest: float = 2.0) -> Field:
        """Draw a random field (mean 0, standard deviation 1) over this ground."""
        height, width = self.elevation.shape
        side = max(height, width) + 16
        whole = fractal(self.rng, side, beta=beta, longest=longest, shortest=shortest)
        return whole[:height, :width]
