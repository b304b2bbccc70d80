"""A small map.zarr for the tests of what is published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from minecover.arrays import Float32Array
from minecover.geography.grid import Grid
from minecover.prediction.map_layers import map_arrays
from minecover.prediction.settings import PredictionSettings
from minecover.products.product import Observations, Product, Publication, SourceFacts
from minecover.storage.store import Layers, Store
from minecover.survey import Survey

CLASSES = (
    {"code": 2, "name": "forest_and_grass", "colour": "#3f7d3a"},
    {"code": 3, "name": "water", "colour": "#2f6fb0"},
    {"code": 7, "name": "mine", "colour": "#5b4a6b", "mine": True},
)
CODES = (2, 3, 7)
SEASONS = {
    "summer": ["2022-06-01/2022-08-31", "2023-06-01/2023-08-31"],
    "winter": ["2021-12-01/2022-02-28"],
}


def survey(**changes: Any) -> Survey:
    return Survey.model_validate(
        {
            "name": "small",
            "area": {"bbox": [16.0, 50.0, 16.1, 50.1]},
            "seasons": SEASONS,
            "catalog": {"url": "catalog.json"},
            "classes": CLASSES,
            "samples": {"path": "samples.gpkg"},
            **changes,
        }
    )


def grid(
    shape: tuple[int, int], tile: int, area: BaseGeometry | None = None, crs: str = "EPSG:32633"
) -> Grid:
    height, width = shape
    left, top = 585_420.0, 5_648_240.0
    geobox = GeoBox.from_bbox(
        (left, top - 10 * height, left + 10 * width, top), crs=crs, resolution=10
    )
    return Grid(geobox, tile, area if area is not None else box(*geobox.boundingbox))


def draw_codes(shape: tuple[int, int], seed: int = 0, scale: int = 6) -> Float32Array:
    """Blocks of classes with speckle, and a gap of nodata."""
    rng = np.random.default_rng(seed)
    coarse = rng.choice(CODES, size=(-(-shape[0] // scale), -(-shape[1] // scale)))
    codes = np.kron(coarse, np.ones((scale, scale)))[: shape[0], : shape[1]].astype(np.float32)
    speckle = rng.random(shape) < 0.03
    codes[speckle] = rng.choice(CODES, size=int(speckle.sum()))
    codes[3:5, 4:9] = np.nan
    return codes


@dataclass(frozen=True)
class SmallMap:
    store: Store
    survey: Survey
    grid: Grid
    codes: Float32Array
    probability: Float32Array
    entropy: Float32Array
    dissimilarity: Float32Array | None

    @property
    def layers(self) -> Layers:
        return self.store.layers("map.zarr")

    def publication(self, **changes: Any) -> Publication:
        """What products of this map may use; everything is known of it, but for `changes`."""
        return Publication(
            **{
                "name": self.survey.name,
                "grid": self.grid,
                "classes": self.survey.classes,
                "seasons": self.survey.seasons,
                "map": self.layers,
                **known_facts(),
                **changes,
            }
        )


def small_map(
    folder: Path,
    codes: Float32Array,
    its_grid: Grid,
    its_survey: Survey | None = None,
    threshold: float | None = 0.75,
) -> SmallMap:
    """Store a map of given codes, with probabilities that have their greatest value there.

    Its dissimilarity is 0 to 1, even; without a threshold it has none.
    """
    its_survey = its_survey or survey()
    rng = np.random.default_rng(1)
    weights = rng.random((len(CODES), *codes.shape)) + 2 * (
        codes[None] == np.array(CODES)[:, None, None]
    )
    probability = (weights / weights.sum(0)).astype(np.float32)
    probability[:, np.isnan(codes)] = np.nan
    entropy = -(probability * np.log2(probability)).sum(0).astype(np.float32)
    derived, attributes = {"landuse": codes, "entropy": entropy}, {}
    if threshold is not None:
        unlike = rng.random(codes.shape).astype(np.float32)
        derived["dissimilarity"] = np.where(np.isnan(codes), codes, unlike)
        attributes["applicability_threshold"] = threshold
    settings = PredictionSettings(applicability=threshold is not None)
    arrays = map_arrays(settings, its_survey.class_codes)
    store = Store(str(folder / "store"))
    layers = store.create_layers("map.zarr", its_grid, arrays, attributes)
    whole = np.concatenate([np.stack(list(derived.values())), probability])
    for tile in its_grid.tiles:
        layers.write_tile(its_grid, tile, whole[(slice(None), *its_grid.window(tile).slices)])
    unlike_samples = derived.get("dissimilarity")
    return SmallMap(store, its_survey, its_grid, codes, probability, entropy, unlike_samples)


def written(publication: Publication, folder: Path, *products: Product[Any]) -> Publication:
    """Write products into a folder, as publishing does."""
    folder.mkdir(parents=True, exist_ok=True)
    for product in products:
        paths = {file.name: folder / file.name for file in product.files(publication)}
        for path in paths.values():
            path.parent.mkdir(exist_ok=True)
        publication = publication.after(product, paths, product.write(publication, paths))
    return publication


SIMULATED = (
    SourceFacts("optical", "An optical sensor", simulated=True),
    SourceFacts("dem", "A DEM"),
)


def known_facts() -> dict[str, Any]:
    """What is known of a map beyond the map itself."""
    estimate = {
        "matrix": [[9, 1, 0], [0, 8, 2], [1, 0, 9]],
        "overall_accuracy": 26 / 30,
        "kappa": 0.8,
        "macro_f1": 0.866,
        "intervals": {
            "overall_accuracy": {"low": 0.8, "high": 0.92, "method": "bootstrap"},
            "kappa": {"low": 0.61, "high": 0.93, "method": "score"},
            "macro_f1": None,
            "classes": {
                item["name"]: {"producers_accuracy": {"low": 0.6, "high": 0.98, "method": "score"}}
                for item in CLASSES
            },
        },
        "classes": {
            item["name"]: {
                "producers_accuracy": 0.9,
                "users_accuracy": None,
                "f1": 0.9,
                "reference": 10,
                "mapped": 10,
            }
            for item in CLASSES
        },
        "samples": 30,
    }
    names = ["summer_NDVI", "winter_NDVI", "summer_B8", "elevation"]
    return {
        "sources": (SourceFacts("optical", "An optical sensor"), SourceFacts("dem", "A DEM")),
        "missing": {"a radar": ["VV", "VH"]},
        "model": "a forest, seed 0",
        "accuracy": {
            "splits": {"random": estimate, "spatial_blocks": {**estimate, "kappa": 0.7}},
            "leakage": {"statement": "Neighbours leak into the random split.", "difference": 0.1},
            "protocol": "Five folds.",
        },
        "selection": {
            "method": "both",
            "names": names,
            "chosen": names[:2],
            "ranks": {name: rank for rank, name in enumerate(names, start=1)},
            "scores": {"relieff": dict.fromkeys(names, 0.1), "forest": dict.fromkeys(names, 0.2)},
            "redundant": [["summer_NDVI", "summer_B8"]],
        },
        "groups": {
            "summer_NDVI": ("summer", "index"),
            "winter_NDVI": ("winter", "index"),
            "summer_B8": ("summer", "band"),
            "elevation": (None, "terrain"),
        },
        "observations": [Observations("An optical sensor", "summer", 4, 1, 3, 4, 0.0)],
        "samples": {"given": 33, "used": 30, "classes": {"water": 30}, "dropped": {"doubled": 3}},
        "stages": [
            {
                "stage": "cube",
                "tiles": 9,
                "skipped": {"r0001c0002": "B04 is truncated"},
                "seconds": 12.5,
            }
        ],
        "versions": {"minecover": "0.1.0"},
        "derived_from": ["./catalog/item.json"],
        "manifest": "0123abcd",
    }
