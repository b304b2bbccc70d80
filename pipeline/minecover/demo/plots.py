"""Where the mines of a district with a history lie: pits and dumps, each with its dates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from minecover.demo.courses import COURSES, Course, Dates, Form
from minecover.demo.frame import Frame
from minecover.demo.mines import roomiest
from minecover.demo.noise import Mask, fractal, stream
from minecover.demo.scene import Scene
from minecover.demo.site import Ground, Site

__all__ = ["Plot", "draw_plots"]

APART = 14  # pixels of the scene between mines
MEETING = 0.75  # of the radius, from the centre of a pit or dump to where both meet
TWINS = 1.45  # radii between the centres of two pits that grow together
WAYS = 16  # directions of a mine among which the freest is chosen


@dataclass(frozen=True)
class Plot:
    """A pit or a dump.

    Attributes
    ----------
    number
        Of the plot, from 0: of its random numbers.
    mine
        Number of its mine, from 1; two pits that grow together are two mines.
    course, name
        What becomes of the mine.
    site
        Its place when it is largest.
    is_pit
        Whether it is a pit.
    dates
        When the use of each pixel of the site's window changes.
    """

    number: int
    mine: int
    course: Course
    name: str
    site: Site
    is_pit: bool
    dates: Dates

    def ground(self, scene: Scene, seed: int) -> Ground:
        """Lay the plot over a scene; its random numbers are the same in every year."""
        nothing = np.broadcast_to(np.False_, scene.material.shape)
        return Ground(scene, self.site, stream(seed, "plot", self.number), nothing)


def draw_plots(scene: Scene, seed: int, closed: Mask) -> list[Plot]:
    """Place the mines: one of each course for every 5 x 5 km.

    Parameters
    ----------
    scene
        Not changed.
    seed
        Seed of the district.
    closed
        Where no mine may lie: water, settlements, outside the district.
    """
    taken, plots = closed.copy(), list[Plot]()
    mine = 0
    for name in [*COURSES] * max(1, round((scene.frame.size / 512) ** 2)):
        course = COURSES[name]
        sites = _sites(course, scene.frame, taken)
        own = taken.copy()
        for part, (site, meeting) in enumerate(sites):
            mine += part == 0 or course.twin
            is_pit = part == 0 or course.twin
            ground = Ground(scene, site, stream(seed, "plot", len(plots)), own)
            form = _form(ground, site, meeting, stream(seed, "front", len(plots)))
            dates = (course.pit if is_pit or course.dump is None else course.dump)(form)
            inside = _largest(ground.inside)
            dates = _within(dates, inside)
            plots.append(Plot(len(plots), mine, course, name, site, is_pit, dates))
            own[ground.window] |= inside
            taken[ground.window] |= ground.depth > -APART / site.radius
    return plots


def _sites(course: Course, frame: Frame, taken: Mask) -> list[tuple[Site, tuple[float, float]]]:
    """Choose where pit and dump, or two pits, lie, and where they meet, on the freest ground."""
    radius = course.radius * frame.span
    other = radius if course.twin else 0.7 * radius
    apart = (TWINS / 2 if course.twin else MEETING) * radius
    beyond = apart * other / radius
    centre = roomiest(taken, 0.5 * (apart + beyond) + radius)
    offers: list[tuple[float, list[tuple[Site, tuple[float, float]]]]] = []
    for angle in np.arange(WAYS) * 2 * np.pi / WAYS:
        down, right = float(np.sin(angle)), float(np.cos(angle))
        shift = (beyond - apart) / 2
        meeting = (centre.row + shift * down, centre.column + shift * right)
        pit = Site(meeting[0] + apart * down, meeting[1] + apart * right, radius)
        dump = Site(meeting[0] - beyond * down, meeting[1] - beyond * right, other)
        pair = [pit, dump] if course.twin or course.dump else [pit]
        lost = sum(site.share_of(taken) for site in pair)
        offers.append((lost, [(site, meeting) for site in pair]))
    return min(offers, key=lambda offer: offer[0])[1]


def _form(
    ground: Ground, site: Site, meeting: tuple[float, float], rng: np.random.Generator
) -> Form:
    """Measure where every pixel lies, with an uneven front."""
    rows, columns = ground.rows - meeting[0], ground.columns - meeting[1]
    height, width = ground.depth.shape
    side = max(height, width)
    uneven = fractal(rng, side, beta=3.4, longest=site.radius, shortest=0.25 * site.radius)
    far = np.hypot(rows, columns) / ((1 + MEETING) * site.radius)
    along = np.clip(far * (1 + 0.06 * uneven[:height, :width]), 0, 1)
    out = np.clip(1 - ground.depth, 0, 1)
    return Form(out.astype(np.float32), along.astype(np.float32))


def _largest(mask: Mask) -> Mask:
    """Keep the largest part of what is left of a plot between others."""
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    return np.asarray(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))


def _within(dates: Dates, inside: Mask) -> Dates:
    """Let nothing change outside a plot."""
    moments = {
        name: np.where(inside, moment, np.float32(np.inf)).astype(np.float32)
        for name, moment in vars(dates).items()
    }
    return Dates(**moments)
