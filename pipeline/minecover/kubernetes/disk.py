"""Disk space that a pod has in /tmp."""

from __future__ import annotations

from dataclasses import dataclass

from minecover.survey import Survey

__all__ = ["NODE_DISK", "SMALL", "Scratch", "products_scratch"]

NODE_DISK = 100 * 1024
"""MiB of a node's own disk that one pod may request: nodes of clouds have about that much."""

LOGS = 256
"""MiB of a node's disk beside /tmp: what the container prints, until it is rotated."""


@dataclass(frozen=True)
class Scratch:
    """Disk space in /tmp.

    Attributes
    ----------
    size
        MiB.
    limit
        MiB of its node's own disk that a pod may request.
    """

    size: int
    limit: int = NODE_DISK

    @property
    def on_node(self) -> bool:
        """Whether it is on the node's own disk; else a volume is made for the pod."""
        return LOGS + self.size <= self.limit

    @property
    def node_disk(self) -> int:
        """MiB that the pod takes of its node's disk: its `ephemeral-storage`."""
        return LOGS + self.size if self.on_node else LOGS


SMALL = Scratch(4096)
"""Of a pod that builds no product: compiled kernels, checkpoints, logs of Dask and Ray."""


def products_scratch(survey: Survey, pixels: int, limit: int = NODE_DISK) -> Scratch:
    """Space for the products of a grid of `pixels`: twice the map's layers at worst.

    Each raster is written without tiles and overviews before it becomes a COG. `limit` is that of
    a `Scratch`.
    """
    layers = len(survey.classes) + 3  # landuse, entropy, dissimilarity
    return Scratch(SMALL.size + -(-2 * layers * 4 * pixels // 2**20), limit)
