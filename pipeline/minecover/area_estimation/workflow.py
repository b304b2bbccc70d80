"""Points to label, drawn from the finished map, and areas estimated from their labels."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from minecover.area_estimation.design import (
    Design,
    allocate,
    count_pixels,
    draw,
    sample_size,
    write_design,
)
from minecover.area_estimation.documents import areas_document, design_document
from minecover.area_estimation.estimators import area_estimates, probability_sample
from minecover.area_estimation.labelled_points import REFERENCE, read_points, same_points
from minecover.area_estimation.qgis_style import write_design_style
from minecover.errors import DataError, StoreError, SurveyError
from minecover.geography.grid import Window
from minecover.geography.ground_area import SQUARE_METRES, Surface
from minecover.storage.canonical_json import Json
from minecover.storage.names import ACCURACY_FILE, AREAS_FILE, MAP_RASTER, PRODUCTS_FOLDER
from minecover.workflow.stage import Workspace

__all__ = ["DesignOptions", "draw_design", "estimate_areas"]

Codes = npt.NDArray[np.uint8]

DOCUMENT = f"{PRODUCTS_FOLDER}design.json"
POINTS = f"{PRODUCTS_FOLDER}design.gpkg"
STYLE = f"{PRODUCTS_FOLDER}design.qml"


@dataclass(frozen=True)
class DesignOptions:
    """How precise a sampling design is to be.

    Attributes
    ----------
    standard_error
        Of the overall accuracy, as a share.
    minimum
        Points of every class at least.
    expected
        User's accuracy of classes of which the assessment has none, 0 to 1; None: it has all.
    seed
        The same seed draws the same points from the same map.
    """

    standard_error: float
    minimum: int = 50
    expected: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.minimum < 2:
            raise SurveyError(f"--minimum: {self.minimum}; a variance needs 2 points of a class")
        if self.expected is not None and not 0 < self.expected < 1:
            raise SurveyError(f"--expected: {self.expected}; give a share, as 0.85")


def draw_design(workspace: Workspace, options: DesignOptions) -> Json:
    """Draw a stratified random sample of the map and write it for QGIS.

    Strata are the classes of the map. How many points: Olofsson et al. 2014 eq. 13 (Cochran 1977
    eq. 5.25) for the standard error of the overall accuracy; a class whose proportional part is
    below the minimum gets the minimum. Writes `products/design.gpkg` with an empty column
    `reference`, `products/design.qml`, which hides the classes of the map from the person who
    labels, and `products/design.json`, with which the labelled points are compared.

    Returns
    -------
    What was written as JSON.

    Raises
    ------
    StoreError
        There is no map, or the store holds a design with labels, which would be overwritten.
    SurveyError
        The options cannot be met, or no user's accuracy is known of a class.
    """
    _refuse_to_overwrite_labels(workspace)
    pixels = count_pixels(_tiles(workspace))
    if not pixels:
        raise DataError(
            f"{workspace.store.url}/{MAP_RASTER}: no pixel has a class; there is nothing to draw"
        )
    expected = expected_accuracy(workspace, pixels, options.expected)
    allocation = _allocation(pixels, expected, options)
    design = draw(_tiles(workspace), allocation, width=workspace.grid.shape[1], seed=options.seed)
    document = {
        "survey": workspace.survey.name,
        "standard_error": options.standard_error,
        "seed": options.seed,
        "minimum": options.minimum,
        "crs": workspace.grid.crs,
        **design_document(
            design, allocation, expected, workspace.survey.class_codes, _mapped_hectares(workspace)
        ),
    }
    _write(workspace, design, document)
    return document


def _refuse_to_overwrite_labels(workspace: Workspace) -> None:
    data = workspace.store.read(POINTS)
    if data is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(POINTS).name
        path.write_bytes(data)
        table = read_points(path, workspace.survey.class_codes, None)
    done = int((table[REFERENCE] != "").sum())
    if done:
        raise StoreError(
            f"{workspace.store.url}/{POINTS}: {done} of its points are labelled; move it elsewhere "
            "(with design.json) before another design is drawn"
        )


def _tiles(workspace: Workspace) -> Iterator[tuple[Window, Codes]]:
    layers = workspace.store.layers(MAP_RASTER)
    for tile in workspace.grid.tiles:
        window = workspace.grid.window(tile)
        codes = np.nan_to_num(layers.read(window, ["landuse"])[0]).astype(np.uint8)
        # tiles are mapped whole, the sample is one of the area
        yield window, np.where(workspace.grid.area_mask(window), codes, np.uint8(0))


def _allocation(
    pixels: Mapping[int, int], expected: Mapping[int, float], options: DesignOptions
) -> dict[int, int]:
    """Points of each class: as many as the precision needs, but each class its minimum."""
    needed = sample_size(pixels, expected, options.standard_error)
    least = sum(min(options.minimum, count) for count in pixels.values())
    return allocate(pixels, min(max(needed, least), sum(pixels.values())), options.minimum)


def _mapped_hectares(workspace: Workspace) -> float:
    surface = Surface(workspace.grid)
    return sum(
        int((codes > 0).sum()) * surface.pixel_hectares(window)
        for window, codes in _tiles(workspace)
    )


def _write(workspace: Workspace, design: Design, document: Json) -> None:
    names = {code: name for name, code in workspace.survey.class_codes.items()}
    # the document last: a design without one is no design
    with workspace.store.writing_file(POINTS) as path:
        write_design(path, design, workspace.grid, names, (REFERENCE,))
    with workspace.store.writing_file(STYLE) as path:
        write_design_style(path, workspace.survey.classes)
    workspace.store.write_json(DOCUMENT, document)


def expected_accuracy(
    workspace: Workspace, pixels: Mapping[int, int], otherwise: float | None
) -> dict[int, float]:
    """User's accuracy to expect of each class on the map.

    From the test points of the spatial blocks, (correct + 1) / (mapped + 2): a class that a few
    points all confirmed is not taken for perfect (Laplace's rule of succession).

    Parameters
    ----------
    workspace
        Whose `accuracy.json` is read.
    pixels
        Of each class on the map.
    otherwise
        Of a class that no test point was mapped as, or where nothing was assessed.

    Raises
    ------
    SurveyError
        There is such a class, and `otherwise` is None.
    """
    accuracy = workspace.store.read_json(ACCURACY_FILE) or {"splits": {}}
    classes = accuracy["splits"].get("spatial_blocks", {"classes": {}})["classes"]
    expected = {}
    for name, code in workspace.survey.class_codes.items():
        known = classes.get(name, {"mapped": 0})
        if code in pixels and known["mapped"]:
            correct = known["users_accuracy"] * known["mapped"]
            expected[code] = (correct + 1) / (known["mapped"] + 2)
        elif code in pixels and otherwise is not None:
            expected[code] = otherwise
        elif code in pixels:
            raise SurveyError(
                f"design: no test point of the spatial blocks was mapped as {name}, so nothing is "
                "known of its user's accuracy; run `minecover assess`, or guess with --expected 0.8"
            )
    return expected


def estimate_areas(workspace: Workspace, points: Path) -> Json:
    """Estimate accuracy and areas from the labelled design; writes `products/areas.json`.

    Where the map was made again since the design was drawn, its new classes at the points are
    assessed and the design's strata stay what they were (Stehman 2014).

    Parameters
    ----------
    workspace
        The survey.
    points
        The design with its column `reference` filled in: class names or codes.

    Returns
    -------
    What was written as JSON.

    Raises
    ------
    DataError
        The points are no probability sample of this design, with the reason, or lack labels.
    StoreError
        No design was drawn.
    """
    design = workspace.store.read_json(DOCUMENT)
    if design is None:
        raise StoreError(
            f"{workspace.store.url}/{DOCUMENT}: no design was drawn; run `minecover design`"
        )
    table = _labelled(workspace, points, design)
    result = area_estimates(
        table["stratum"].tolist(),
        _mapped(workspace, table),
        table["reference"].tolist(),
        pixels={name: item["pixels"] for name, item in design["strata"].items()},
        names=tuple(workspace.survey.class_codes),
        pixel_area=design["pixel_hectares"] * SQUARE_METRES,
    )
    predicted = workspace.ledger.stage("predict")
    document = {
        **areas_document(result, design, table["reference"]),
        "map": predicted["fingerprint"] if predicted else None,
    }
    workspace.store.write_json(AREAS_FILE, document)
    return document


def _labelled(workspace: Workspace, points: Path, design: Json) -> pd.DataFrame:
    """Read the labelled points and check that they are those of the design."""
    if points.resolve() in {Path(path).resolve() for path in workspace.survey.samples.paths}:
        raise DataError(
            f"{points}: these are the survey's training samples. They were chosen by hand, so no "
            "pixel has a known chance of being among them, and the map was fitted to them: no "
            "area can be estimated from them. Label points drawn by `minecover design`"
        )
    its = workspace.survey
    table = read_points(points, its.class_codes, its.samples.encoding)
    probability_sample(table, str(points))
    checked: pd.DataFrame = same_points(table, design, workspace.grid, str(points))
    return checked


def _mapped(workspace: Workspace, table: pd.DataFrame) -> list[str]:
    """Class of the map at each point."""
    names = {code: name for name, code in workspace.survey.class_codes.items()}
    layers = workspace.store.layers(MAP_RASTER)
    mapped = []
    for number, row, col in zip(table["id"], table["row"], table["col"], strict=True):
        value = layers.read(Window(row, row + 1, col, col + 1), ["landuse"])[0, 0, 0]
        if not np.isfinite(value):
            raise DataError(
                f"{MAP_RASTER}: no class at point {number}; the map changed since the design was "
                "drawn and no longer covers it: draw another design"
            )
        mapped.append(names[int(value)])
    return mapped
