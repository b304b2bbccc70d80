"""Open pits with benches, waste dumps, and old dumps that have been replanted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from minecover.demo.frame import Frame
from minecover.demo.materials import code_of
from minecover.demo.noise import Field, Mask, stream
from minecover.demo.scene import Scene
from minecover.demo.site import STRIDE, Ground, Site

__all__ = ["dig_pit", "draw_mines", "heap_dump", "plant", "roomiest", "tip_spoil"]

BENCHES = 7
DUMPS = 5  # at most, around each pit: every other one is replanted
Codes = npt.NDArray[np.uint8]


def draw_mines(scene: Scene, seed: int, closed: Mask) -> list[Site]:
    """Open the mines: a large and a smaller one for every 5 x 5 km, each with its dumps.

    Parameters
    ----------
    scene
        Changed in place.
    seed
        Seed of the district.
    closed
        Where no mine may lie: water, settlements, outside the district.

    Returns
    -------
    list of Site
        The pits.
    """
    frame, taken = scene.frame, closed.copy()
    pits: list[Site] = []
    for number in range(2 * max(1, round((frame.size / 512) ** 2))):
        rng = stream(seed, "mine", number)
        pit = roomiest(taken, frame.span * (0.125 if number % 2 == 0 else 0.085))
        sites = _around(pit, taken, rng)
        for k, site in enumerate((*sites, pit)):
            draw = dig_pit if site is pit else heap_dump if k % 2 else plant
            ground = Ground(scene, site, rng, taken)
            draw(ground, site, frame)
            taken[ground.window] |= ground.depth > -0.12
        pits.append(pit)
    return pits


def roomiest(taken: Mask, radius: float) -> Site:
    """Place a pit where there is most free ground around it."""
    free = (~taken[::STRIDE, ::STRIDE]).astype(np.float32)
    near = ndimage.gaussian_filter(free, radius / STRIDE, mode="constant")
    wide = ndimage.gaussian_filter(free, 1.6 * radius / STRIDE, mode="constant")
    row, column = np.unravel_index(np.argmax(near + wide), near.shape)
    return Site(float(row * STRIDE), float(column * STRIDE), radius)


def _around(pit: Site, taken: Mask, rng: np.random.Generator) -> list[Site]:
    """Place the dumps around a pit, on the freest ground and apart from each other."""
    offers: list[tuple[float, float, Site]] = []
    for angle in np.arange(24) * np.pi / 12 + rng.uniform(0, np.pi / 12):
        radius = pit.radius * rng.uniform(0.55, 0.78)
        reach = 0.96 * (pit.radius + radius)
        row, column = pit.row + reach * np.sin(angle), pit.column + reach * np.cos(angle)
        site = Site(float(row), float(column), radius)
        offers.append((site.share_of(taken), float(angle), site))
    chosen: list[tuple[float, Site]] = []
    for share, angle, site in sorted(offers, key=lambda offer: offer[:2]):
        apart = all(abs((angle - other + np.pi) % (2 * np.pi) - np.pi) > 1.0 for other, _ in chosen)
        if apart and share < 0.6 and len(chosen) < DUMPS:
            chosen.append((angle, site))
    return [site for _, site in chosen]


def dig_pit(ground: Ground, site: Site, frame: Frame) -> None:
    """Dig in benches down to the coal, with an inner dump behind the advancing wall."""
    t = ground.depth
    stair = np.clip(t / 0.78, 0, 1) * BENCHES
    bench = np.minimum(np.floor(stair), BENCHES - 1)
    ramp = np.clip((stair - bench) / 0.35, 0, 1)
    height = 15.0 * np.sqrt(frame.span / 1024)
    sunk = _levelled(ground, frame) - height * (bench + ramp - 0.2)
    ground.elevation[ground.inside] = sunk[ground.inside]

    turn = np.arctan2(ground.rows - site.row, ground.columns - site.column)
    walls = _walls(ground, stair, bench, ramp)
    advance = ground.rng.uniform(-np.pi, np.pi)
    behind = (np.cos(turn - advance) < -0.5) & (t < 0.62)
    walls = np.where(behind, _spoil(ground, t * site.radius / 8), walls)
    winding = np.mod(turn / (2 * np.pi) - 1.3 * t + ground.rng.uniform(), 1.0)
    road = np.abs(winding - 0.5) * 2 * np.pi * np.maximum(1 - t, 0.1) * site.radius < 2.6
    walls = np.where(road, code_of("haul_road"), walls)
    ground.material[ground.inside] = walls[ground.inside]


def _walls(ground: Ground, stair: Field, bench: Field, ramp: Field) -> Codes:
    """Steep faces, flat benches, the coal of the lowest two benches, and the floor."""
    dusty = ground.noise(beta=2.0, longest=40)
    flat = np.where(dusty > 0.4, code_of("face"), code_of("bench"))
    walls = np.where(ramp < 1, code_of("face"), flat)
    walls = np.where((bench >= BENCHES - 2) & (dusty > -0.5), code_of("coal"), walls)
    floor = np.where(dusty > 0.2, code_of("coal"), code_of("coal_floor"))
    return np.where(stair >= BENCHES, floor, walls)


def _levelled(ground: Ground, frame: Frame) -> Field:
    """Smooth the elevation: dumps and cut walls have no small natural forms."""
    smooth = ndimage.gaussian_filter(ground.elevation, 0.02 * frame.span, mode="nearest")
    return np.asarray(0.6 * smooth + 0.4 * np.median(smooth[ground.inside]), dtype=np.float32)


def _spoil(ground: Ground, ridges: npt.NDArray[np.floating]) -> Codes:
    """Materials of tipped waste: rock and loess in heaps along the lines of equal `ridges`."""
    heap = np.sin(2 * np.pi * ridges) + 0.9 * ground.noise(beta=2.2, longest=60)
    loess = ground.noise(beta=3.0, longest=90) > 0.1
    tipped = np.where(loess, code_of("spoil_loess"), code_of("spoil"))
    return np.where(heap < -1.0, code_of("coal_floor"), tipped)


def _raise_terraces(ground: Ground, frame: Frame, steps: int) -> Field:
    """Raise the ground in steps; return the position on the step (0 outer, 1 inner edge)."""
    stair = np.clip(ground.depth / 0.55, 0, 1) * steps
    step = np.floor(stair)
    place = stair - step
    height = 11.0 * np.sqrt(frame.span / 1024)
    rise = height * (step + np.clip(place / 0.6, 0, 1))
    heaped = ndimage.gaussian_filter(_levelled(ground, frame) + rise, 1.0)
    ground.elevation[ground.inside] = heaped[ground.inside]
    return np.where(stair >= steps, np.float32(1.0), place)


def heap_dump(ground: Ground, site: Site, frame: Frame) -> None:
    """Heap an active waste dump: steps of tipped spoil and a road along its top."""
    t = ground.depth
    place = _raise_terraces(ground, frame, 3)
    waste = _spoil(ground, t * site.radius / 9)
    road = (np.abs(t - 0.58) * site.radius < 2.5) | ((t < 0.55) & (place > 0.9))
    waste = np.where(road, code_of("haul_road"), waste)
    ground.material[ground.inside] = waste[ground.inside]


def tip_spoil(ground: Ground, site: Site, frame: Frame) -> None:
    """Fill a pit with waste up to the ground around it."""
    level = _levelled(ground, frame)
    ground.elevation[ground.inside] = level[ground.inside]
    waste = _spoil(ground, ground.depth * site.radius / 9)
    ground.material[ground.inside] = waste[ground.inside]


def plant(ground: Ground, site: Site, frame: Frame, grown: Field | None = None) -> None:
    """Smooth waste into terraces and plant it in rows, plot by plot.

    Parameters
    ----------
    ground, site, frame
        What is planted.
    grown
        Share of the plants that are old, pixel by pixel; without it each plot is young or old.
    """
    t, rng = ground.depth, ground.rng
    place = _raise_terraces(ground, frame, 4)
    plots = rng.uniform(-0.8, 0.8, (9, 2)) * site.radius + (site.row, site.column)
    spans = np.stack([np.hypot(ground.rows - r, ground.columns - c) for r, c in plots])
    nearest = np.partition(spans, 1, axis=0)
    plot = np.argmin(spans, axis=0)
    angle = rng.uniform(0, np.pi, 9)[plot]
    period = rng.uniform(5.0, 8.5, 9)[plot]  # 25 to 43 m: two and a half to four pixels of 10 m
    old = (rng.random(9) < 0.5)[plot]
    if grown is not None:
        old = rng.random(grown.shape, dtype=np.float32) < grown
    across = ground.rows * np.cos(angle) + ground.columns * np.sin(angle)
    phase = np.where(t < 0.5, t * site.radius, across) / period
    planted = np.where(old, code_of("planted_old"), code_of("planted_young"))
    gaps = ground.noise(beta=2.0, longest=30) > 1.5
    rows = np.where((np.mod(phase, 1.0) < 0.62) & ~gaps, planted, code_of("between_rows"))
    tracks = (nearest[1] - nearest[0] < 1.6) & (t > 0.3)
    edges = (t < 0.55) & (place < 0.14)
    cover = np.where(tracks | edges, code_of("berm"), rows)
    ground.material[ground.inside] = cover[ground.inside]
