"""The figures of the report in one table, for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from minecover.accuracy.tables import ALL, accuracy_table
from minecover.products.landuse import LANDUSE
from minecover.products.mines import MINES
from minecover.products.product import File, Product, Publication

__all__ = ["SUMMARY"]

FILE = File("summary.csv", "Summary of areas and accuracy", "text/csv", "summary", ("metadata",))

HEAD = ("topic", "measure", "class", "value", "low", "high", "unit", "points")
"""`low` and `high` are the ends of 95 % intervals, empty where nothing was estimated."""

Row = tuple[str, str, str, Any, Any, Any, str, Any]


class Summary(Product[None]):
    """Areas, accuracy by split and mines as a table, a row a figure."""

    name = "summary"
    requires = ("landuse",)

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List the table."""
        del publication
        return (FILE,)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> None:
        """Write it, with a mark by which spreadsheets know UTF-8."""
        with paths[FILE.name].open("w", encoding="utf-8-sig", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(HEAD)
            for rows in (_data, _mapped, _estimated, _accuracy, _mines):
                table.writerows([_text(value) for value in row] for row in rows(publication))


SUMMARY = Summary()


def _text(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, float):
        return f"{value:.6g}" if value == value else ""
    return "" if value is None else value


def _data(publication: Publication) -> Iterator[Row]:
    for label in publication.simulated:
        yield "data", f"{label}: simulated", ALL, "yes", None, None, "", None


def _mapped(publication: Publication) -> Iterator[Row]:
    areas = publication.result(LANDUSE)
    for name, area in areas.classes.items():
        yield "map", "area", name, area.hectares, None, None, "ha", None
        share = area.hectares / areas.hectares if areas.hectares else None
        yield "map", "share", name, share, None, None, "1", None
        yield "map", "mean entropy", name, area.mean_entropy, None, None, "bit", None
    yield "map", "area", ALL, areas.hectares, None, None, "ha", None


def _estimated(publication: Publication) -> Iterator[Row]:
    document = publication.areas
    if document is None:
        return
    points = document["samples"]
    for name in document["classes"]:
        yield "ground", "area", name, *_ends(document["area_ha"][name]), "ha", points
    yield "ground", "overall_accuracy", ALL, *_ends(document["overall_accuracy"]), "1", points
    for measure in ("users_accuracy", "producers_accuracy"):
        for name in document["classes"]:
            yield "ground", measure, name, *_ends(document[measure][name]), "1", points


def _ends(estimate: Mapping[str, float] | None) -> tuple[Any, Any, Any]:
    if estimate is None:
        return None, None, None
    return estimate["value"], estimate["low"], estimate["high"]


def _accuracy(publication: Publication) -> Iterator[Row]:
    for split, document in ((publication.accuracy or {}).get("splits") or {}).items():
        if document is not None:
            for row in accuracy_table(document).reset_index().itertuples(index=False):
                measure, name, value, low, high, points = row
                yield split, measure, name, value, low, high, "1", points


def _mines(publication: Publication) -> Iterator[Row]:
    if MINES in publication:
        mines = publication.result(MINES)
        yield "mines", "polygons", ALL, mines.count, None, None, "", None
        yield "mines", "area", ALL, mines.hectares, None, None, "ha", None
        yield "mines", "polygons left out", ALL, mines.left_out, None, None, "", None
        yield "mines", "area left out", ALL, mines.hectares_left_out, None, None, "ha", None
