"""The notebook runs as it is committed, and is committed without outputs."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import nbformat
import numpy as np
import pytest
import rasterio
from nbclient import NotebookClient
from PIL import Image

pytestmark = pytest.mark.integration

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01_first_district.ipynb"


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_no_outputs_are_committed(notebook: nbformat.NotebookNode) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_it_maps_the_simulated_district(notebook: nbformat.NotebookNode, tmp_path: Path) -> None:
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=400, kernel_name="python3", resources=resources).execute()

    products = tmp_path / "district" / "store" / "products"
    with rasterio.open(products / "landuse.tif") as file:
        landuse = file.read(1)
    with rasterio.open(tmp_path / "district" / "truth.tif") as file:
        truth = file.read(1)
    assert (landuse > 0).mean() > 0.98
    assert (landuse == truth)[landuse > 0].mean() > 0.75
    splits = json.loads((products / "accuracy.json").read_bytes())["splits"]
    assert splits["random"]["overall_accuracy"] > 0.8
    assert splits["spatial_blocks"]["overall_accuracy"] > 0.7

    figures = images(notebook)
    assert len(figures) == 4
    assert all(np.asarray(figure.convert("L")).std() > 10 for figure in figures)
    assert not [text for text in streams(notebook, "stderr") if "Warning" in text]


def images(notebook: nbformat.NotebookNode) -> list[Image.Image]:
    return [
        Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "display_data" and "image/png" in output.data
    ]


def streams(notebook: nbformat.NotebookNode, name: str) -> list[str]:
    return [
        output.text
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "stream" and output.name == name
    ]
