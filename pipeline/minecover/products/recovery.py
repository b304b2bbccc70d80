"""How ground that was mined once recovers: a table, and a figure for each mine.

====================  ========================================================================
file                  what it holds
====================  ========================================================================
``recovery.csv``      a row for each stand, layer and period: the index on it and on undisturbed
                      ground that is like it, the recovered share, and years to recovery
``recovery.html``     a figure for each mine
====================  ========================================================================

Only where the survey has several periods and `mines.reference` names classes of undisturbed ground.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from minecover.arrays import Float32Array, Float64Array
from minecover.errors import SurveyError
from minecover.geography.grid import Window
from minecover.geography.ground_area import SQUARE_MILLIMETRES, Surface
from minecover.mine_history.recovery import RECOVERED, recovery_of
from minecover.mine_history.stands import (
    Counts,
    Ground,
    Reference,
    Stand,
    count_indices,
    quantiles,
)
from minecover.products.mine_history import IDS, read_ids, timeline_of
from minecover.products.page import page_environment
from minecover.products.product import File, Product, Publication
from minecover.products.recovery_figures import Course, mine_figure

__all__ = ["RECOVERY"]

TABLE, PAGE = "recovery.csv", "recovery.html"

QUARTILES, ENVELOPE = (0.25, 0.5, 0.75), (0.1, 0.5, 0.9)
"""Of the index on a stand, and on its reference."""

RELIEF = ("elevation", "slope")
"""Layers of the features."""

MOST = 100
"""Mines that get a figure, those with most ground first."""


class RecoveryProduct(Product[tuple[Course, ...]]):
    """Table and figures of recovery; its result are the courses."""

    name = "recovery"
    requires = ("mine_history",)

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List them where there is something to follow."""
        timeline = publication.timeline
        if timeline is None or len(timeline) < 2 or not publication.mines.reference:
            return ()
        return (
            File(TABLE, "Recovery of once mined ground", "text/csv", "recovery"),
            File(PAGE, "Recovery of once mined ground", "text/html", "recovery_page",
                 ("overview",)),
        )  # fmt: skip

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> tuple[Course, ...]:
        """Follow the recovery.

        Raises
        ------
        SurveyError
            The features have none of the indices.
        """
        timeline = timeline_of(publication)
        courses = tuple(_courses(publication, _index_layers(publication)))
        table = pd.DataFrame(list(_rows(courses, timeline.names)), columns=list(COLUMNS))
        table.to_csv(paths[TABLE], index=False, float_format="%.5f", lineterminator="\n")
        page = page_environment().get_template("recovery.html")
        text = page.render(
            publication=publication,
            title=publication.title or publication.name.replace("_", " "),
            recovered=RECOVERED,
            periods=timeline.names,
            figures=list(_figures(courses, timeline.years, timeline.names)),
            left_out=max(0, len({course.stand[0] for course in courses}) - MOST),
        )
        paths[PAGE].write_text(text, encoding="utf-8")
        return courses


RECOVERY = RecoveryProduct()

COLUMNS = (
    "mine", "given_up", "area_ha", "layer", "period", "lower", "median", "upper",
    "reference_low", "reference", "reference_high", "recovered_share", "state", "years",
    "years_low", "years_high", "projected",
)  # fmt: skip


def _index_layers(publication: Publication) -> tuple[str, ...]:
    names, wanted = timeline_of(publication).layer_names, publication.mines.indices
    layers = tuple(n for n in names if any(n == i or n.endswith(f"_{i}") for i in wanted))
    if not layers:
        raise SurveyError(
            f"mines.indices: the features have no layer of {', '.join(wanted)}; name others, or "
            "set features.store: all"
        )
    return layers


def _courses(publication: Publication, layers: Sequence[str]) -> Iterator[Course]:
    timeline, its = timeline_of(publication), publication.mines
    codes = tuple(item.code for item in publication.classes if item.name in its.reference)
    reach = max(1, round(its.reference_m / publication.grid.resolution))
    last = len(timeline) - 1

    def relief(window: Window) -> Float32Array:
        return timeline.layers(window, last, RELIEF)

    with read_ids(publication.paths[IDS]) as ids:
        ground = Ground(
            publication.grid, ids, timeline.codes, Surface(publication.grid).pixel_areas,
            relief if set(RELIEF) <= set(timeline.layer_names) else None,
            lambda window, period: timeline.layers(window, period, layers),
        )  # fmt: skip
        counts = count_indices(
            ground, Reference(codes, reach), len(timeline), len(layers),
            least=round(its.min_area_ha * SQUARE_MILLIMETRES),
        )  # fmt: skip
    for stand in sorted(counts.areas):
        yield from _courses_of(stand, counts, layers, timeline.years)


def _courses_of(
    stand: Stand, counts: Counts, layers: Sequence[str], years: Float64Array
) -> Iterator[Course]:
    own = quantiles(counts.stands[stand], QUARTILES)
    reference = quantiles(counts.reference[stand[0]], ENVELOPE)
    hectares = counts.areas[stand] / SQUARE_MILLIMETRES
    for number, layer in enumerate(layers):
        recovery = recovery_of(own[:, :, number], reference[1, :, number], years, stand[1])
        yield Course(stand, hectares, layer, own[:, :, number], reference[:, :, number], recovery)


def _rows(courses: Sequence[Course], periods: Sequence[str]) -> Iterator[tuple[object, ...]]:
    for course in courses:
        years, (mine, last) = course.recovery.years, course.stand
        ends = (np.nan, np.nan, np.nan, "") if years is None else (
            years.value, years.low, years.high, years.projected
        )  # fmt: skip
        for number, period in enumerate(periods):
            yield (
                mine, periods[last], course.hectares, course.layer, period, *course.own[:, number],
                *course.reference[:, number], course.recovery.share[number], course.recovery.state,
                *ends,
            )  # fmt: skip


def _figures(
    courses: Sequence[Course], years: Float64Array, periods: Sequence[str]
) -> Iterator[dict[str, object]]:
    """Lay out a figure and a table for each mine, those with most ground first."""
    by_mine: dict[int, list[Course]] = {}
    for course in courses:
        by_mine.setdefault(course.stand[0], []).append(course)

    def ground(own: Sequence[Course]) -> float:
        return sum({course.stand: course.hectares for course in own}.values())

    ordered = sorted(by_mine.items(), key=lambda item: (-ground(item[1]), item[0]))
    for mine, own in ordered[:MOST]:
        shown: dict[Stand, Course] = {}
        for course in own:
            known = shown.get(course.stand)
            if known is None or course.contrast > known.contrast:
                shown[course.stand] = course
        yield {
            "mine": mine,
            "hectares": ground(own),
            "panels": mine_figure(own, years, periods),
            "stands": [(periods[stand[1]], course) for stand, course in sorted(shown.items())],
        }
