"""The accuracy of the map as it was assessed, beside the map."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from minecover.products.product import File, Product, Publication
from minecover.storage.canonical_json import canonical_json

__all__ = ["ACCURACY"]

FILE = File("accuracy.json", "Accuracy", "application/json", "accuracy", ("metadata",))


class Accuracy(Product[None]):
    """The accuracy document."""

    name = "accuracy"

    def files(self, publication: Publication) -> tuple[File, ...]:
        """List the document, where the map was assessed."""
        return () if publication.accuracy is None else (FILE,)

    def write(self, publication: Publication, paths: Mapping[str, Path]) -> None:
        """Write it."""
        paths[FILE.name].write_bytes(canonical_json(publication.accuracy))


ACCURACY = Accuracy()
