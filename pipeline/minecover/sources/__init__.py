"""Sources: from the catalog's items to arrays on a tile."""

from minecover.sources.catalog import Catalog, open_catalog
from minecover.sources.freeze import freeze
from minecover.sources.manifest import Manifest
from minecover.sources.reader import Reader, open_reader

__all__ = ["Catalog", "Manifest", "Reader", "freeze", "open_catalog", "open_reader"]
