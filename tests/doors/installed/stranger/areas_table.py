"""A product: the area of every class as a table for spreadsheets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from minecover.products.landuse import LANDUSE
from minecover.products.product import File, Product, Publication

__all__ = ["AREAS_TABLE", "AreasTable"]

FILE = File("areas.csv", "Area of each class", "text/csv", "areas")


class AreasTable(Product[None]):
    """Class, hectares."""

    name = "areas_table"
    requires = ("landuse",)

    def files(self, publication: Publication) -> tuple[File, ...]:
        """See `Product.files`."""
        del publication
        return (FILE,)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> None:
        """See `Product.write`."""
        areas = publication.result(LANDUSE)
        rows = [f"{c.name},{areas.classes[c.name].hectares:.2f}" for c in publication.classes]
        paths[FILE.name].write_text("\n".join(["class,hectares", *rows, ""]), encoding="utf-8")


AREAS_TABLE = AreasTable()
