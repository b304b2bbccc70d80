"""What a survey publishes: COGs, mines as polygons, a STAC item and a report."""

from minecover.products.publishing import PRODUCTS, publish
from minecover.products.report import ReportFacts

__all__ = ["PRODUCTS", "ReportFacts", "publish"]
