"""The products by name, in the order in which they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minecover.errors import SurveyError
from minecover.registry import Registry

if TYPE_CHECKING:
    from minecover.products.product import Product

__all__ = ["PRODUCTS", "PUBLISHED", "in_order"]

PRODUCTS: Registry[Product[Any]] = Registry(
    "product",
    "minecover.products",
    "minecover.products.product:Product",
    {
        "landuse": "minecover.products.landuse:LANDUSE",
        "legend": "minecover.products.legend:LEGEND",
        "mines": "minecover.products.mines:MINES",
        "polygons": "minecover.products.polygons:POLYGONS",
        "true_colour": "minecover.products.true_colour:TRUE_COLOUR",
        "class_sets": "minecover.products.class_sets:CLASS_SETS",
        "change": "minecover.products.change:CHANGE",
        "mine_history": "minecover.products.mine_history:MINE_HISTORY",
        "recovery": "minecover.products.recovery:RECOVERY",
        "register": "minecover.products.register:REGISTER",
        "accuracy": "minecover.products.accuracy:ACCURACY",
        "summary": "minecover.products.summary:SUMMARY",
        "project": "minecover.products.qgis_project:PROJECT",
        "report": "minecover.products.report:REPORT",
        "period_maps": "minecover.products.period_maps:PERIOD_MAPS",
        "overview": "minecover.products.overview:OVERVIEW",
        "map_page": "minecover.products.map_page:MAP_PAGE",
        "item": "minecover.products.item:ITEM",
    },
)

ON_REQUEST = ("polygons", "true_colour")

PUBLISHED = tuple(name for name in PRODUCTS.own_names() if name not in ON_REQUEST)
"""Products of a survey that names none."""


def in_order(names: Sequence[str]) -> list[Product[Any]]:
    """List products in the order in which they are written.

    That is the registry's order, but each after those that it requires, and those that describe
    all others at the end.

    Raises
    ------
    SurveyError
        There is none of a name, one goes by two names, or one lacks another that it requires.
    """
    open_products = [PRODUCTS[name] for name in names]
    for name, product in zip(names, open_products, strict=True):
        if product.name != name:
            raise SurveyError(f"product {name!r} calls itself {product.name!r}; give it one name")
        for required in product.requires:
            if required not in names:
                raise SurveyError(f"product {name!r} reads {required!r}; name that one too")
    place = {name: number for number, name in enumerate(PRODUCTS.names())}
    open_products.sort(key=lambda product: (product.last, place[product.name]))
    ordered: dict[str, Product[Any]] = {}
    while open_products:
        ready = [p for p in open_products if ordered.keys() >= set(p.requires)]
        if not ready:
            circle = ", ".join(product.name for product in open_products)
            raise SurveyError(f"products {circle} require each other; none can be written first")
        ordered[ready[0].name] = ready[0]
        open_products.remove(ready[0])
    return list(ordered.values())
