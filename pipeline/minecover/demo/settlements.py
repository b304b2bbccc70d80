"""A town, villages, the mines' works, and the roads between them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from minecover.demo.frame import Frame
from minecover.demo.materials import Land, code_of
from minecover.demo.noise import Field, Mask, fractal, stream
from minecover.demo.relief import Relief, slope_aspect
from minecover.demo.scene import Scene
from minecover.demo.site import Ground, Site

__all__ = ["build_settlements", "build_works", "choose_settlements", "quarter"]

ROOFS = ("roof_concrete", "roof_tiles", "roof_metal")


def choose_settlements(relief: Relief, frame: Frame, seed: int) -> list[Site]:
    """Choose level ground near water for a town and three villages per 5 x 5 km.

    Returns
    -------
    list of Site
        The town first, in pixels of the scene; they do not touch each other.
    """
    slope, _ = slope_aspect(relief.elevation)
    rng = stream(seed, "settlements")
    candidates = rng.uniform(0.08, 0.92, (600, 2)) * frame.fine
    flat = slope[tuple(candidates.astype(int).T)]
    chosen: list[Site] = []
    for number in range(4 * max(1, round((frame.size / 512) ** 2))):
        radius = frame.span * (0.115 if number % 4 == 0 else 0.052)
        offers = []
        for (row, column), tilt in zip(candidates, flat, strict=True):
            site = Site(float(row), float(column), radius)
            if all(_apart(site, other) for other in chosen):
                wet = site.share_of(relief.water)
                offers.append((abs(wet - 0.10) + 1.5 * float(tilt), site))
        if offers:
            chosen.append(min(offers, key=lambda offer: offer[0])[1])
    return chosen


def _apart(one: Site, other: Site) -> bool:
    distance = float(np.hypot(one.row - other.row, one.column - other.column))
    return distance > 1.5 * (one.radius + other.radius)


def build_settlements(
    scene: Scene, seed: int, sites: list[Site], wet: Mask, extent: float = 1.0
) -> Mask:
    """Build the houses, streets, yards and gardens.

    Parameters
    ----------
    scene
        Changed in place.
    seed
        Seed of the district.
    sites
        The town and the villages.
    wet
        Water, where nothing is built.
    extent
        How far the settlements have grown, as a share of their radius.

    Returns
    -------
    numpy.ndarray
        Mask of the settlements.
    """
    built = np.zeros(scene.material.shape, dtype=bool)
    for number, site in enumerate(sites):
        ground = Ground(scene, site, stream(seed, "streets", number), wet)
        houses = quarter(ground, 0.68 if number % 4 == 0 else 0.48)
        fringe = ground.depth + 0.1 * ground.noise(beta=2.5, longest=60, shortest=10)
        inside = (fringe > 1 - extent) & ~wet[ground.window]
        ground.material[inside] = houses[inside]
        built[ground.window] |= inside
    return built


def quarter(ground: Ground, roofs: float) -> npt.NDArray[np.uint8]:
    """Lay out streets and lots; a share `roofs` of the lots carries a building."""
    rng = ground.rng
    angle = rng.uniform(0, np.pi / 2)
    u = ground.rows * np.cos(angle) + ground.columns * np.sin(angle)
    v = ground.columns * np.cos(angle) - ground.rows * np.sin(angle)
    street = (np.mod(u, 24) < 2.4) | (np.mod(v, 17) < 2.0)
    lot = _scatter(np.floor(u / 5), np.floor(v / 3.5), rng)
    kind = _scatter(np.floor(u / 5), np.floor(v / 3.5), rng)
    block = _scatter(np.floor(u / 24), np.floor(v / 17), rng)
    dense = np.clip(roofs + 0.5 * (block - 0.5), 0.0, 0.95)
    roof = np.select(
        [kind < 0.45, kind < 0.8], [code_of(ROOFS[0]), code_of(ROOFS[1])], code_of(ROOFS[2])
    )
    open_ground = np.where(kind < 0.52, code_of("yard"), code_of("garden"))
    lots = np.where(lot < dense, roof, open_ground)
    return np.where(street, code_of("street"), lots).astype(np.uint8)


def _scatter(u: Field, v: Field, rng: np.random.Generator) -> Field:
    """Random number from 0 to 1 for every cell (u, v)."""
    table = rng.random((257, 263), dtype=np.float32)
    return table[np.mod(u, 257).astype(np.intp), np.mod(v, 263).astype(np.intp)]


def build_works(
    scene: Scene, seed: int, pits: Mapping[int, Site], town: Site, wet: Mask, mined: Mask
) -> None:
    """Build each mine's works beside the road to the town, and that road.

    Parameters
    ----------
    scene
        Changed in place.
    pits, town
        The sites between which the roads run; the pits by number.
    wet
        Water: roads cross it on bridges, the works avoid it.
    mined
        Other ground that the works avoid.
    """
    frame = scene.frame
    natural = np.isin(scene.land(), (Land.FOREST_GRASS, Land.BARE_LAND))
    rows, columns = np.mgrid[: frame.fine, : frame.fine].astype(np.float32)
    bend = 3.0 * fractal(stream(seed, "bends"), frame.fine, beta=3.5, longest=0.3 * frame.span)
    for number, pit in pits.items():
        along, across, length = _line(rows, columns, pit, town)
        road = (np.abs(across + bend) < 1.5) & (along > 0) & (along < length)
        scene.material[road & (natural | wet)] = code_of("street")
        yard = (np.abs(along - 1.25 * pit.radius) < 0.22 * pit.radius) & (
            np.abs(across + 0.2 * pit.radius) < 0.17 * pit.radius
        )
        rng = stream(seed, "works", number)
        halls = _scatter(np.floor(along / 9), np.floor(across / 6), rng)
        ground = np.where(halls < 0.45, code_of("roof_metal"), code_of("street"))
        ground = np.where(halls > 0.8, code_of("roof_concrete"), ground)
        place = yard & ~(wet | mined) & (scene.land() != Land.BUILT_UP)
        scene.material[place] = ground[place]


def _line(rows: Field, columns: Field, start: Site, end: Site) -> tuple[Field, Field, float]:
    """Coordinates along and across the straight line between two sites, and its length."""
    length = float(np.hypot(end.row - start.row, end.column - start.column))
    dr, dc = (end.row - start.row) / length, (end.column - start.column) / length
    r, c = rows - np.float32(start.row), columns - np.float32(start.column)
    return r * dr + c * dc, c * dr - r * dc, length
