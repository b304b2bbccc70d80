"""The notebooks run as they are committed, use the whole face, and keep their outputs."""

from __future__ import annotations

import ast
import base64
import importlib.util
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
import pytest
import rasterio
from PIL import Image

import minecover as mc

pytestmark = pytest.mark.integration

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
FIRST, *GOING_ON, OVER_TIME = NOTEBOOKS[1:]
"""That of the first district, those that go on with its map, and one that takes a minute by itself.

`make notebooks` runs the last; here only its outputs are looked at.
"""

LINES = 15
"""Of Python in the first notebook up to the map, at most; blank lines apart."""

Run = Callable[[Path, Path], nbformat.NotebookNode]


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


@pytest.fixture(scope="module")
def run() -> Run:
    """Run a notebook in a folder, as `make notebooks` does."""
    spec = importlib.util.spec_from_file_location("keep_outputs", FOLDER / "keep_outputs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.run  # type: ignore[no-any-return]


def code(notebook: nbformat.NotebookNode) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


def kinds(notebook: nbformat.NotebookNode) -> list[list[str]]:
    """Kinds of output of each cell of code: what is shown, whatever its numbers."""
    return [
        sorted({key for output in cell.outputs for key in output.get("data", {"text": ""})})
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_kept_and_name_no_machine(path: Path) -> None:
    notebook = read(path)
    numbers = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert any(kinds(notebook))
    text = path.read_text()
    assert "simulated" in text
    assert not re.findall(r"(?:/tmp|/home|/root|/work|/Users)/", text)


def test_every_name_of_the_face_is_shown() -> None:
    tree = ast.parse("\n".join(re.sub(r"(?m)^[!%].*$", "", code(read(p))) for p in NOTEBOOKS))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "mc"
    }
    errors = {name for name in mc.__all__ if name.endswith("Error")}
    given = {"Results", "Assessment", "__version__"}  # results of others
    assert set(mc.__all__) - errors - given <= used


def test_the_first_is_fifteen_lines_long() -> None:
    python, _, command_line = code(read(NOTEBOOKS[0])).partition("survey.save(")
    assert "!minecover run" in command_line
    assert len([line for line in python.splitlines() if line.strip()]) <= LINES


def test_fifteen_lines_and_the_command_line_say_the_same(tmp_path: Path, run: Run) -> None:
    notebook = run(NOTEBOOKS[0], tmp_path)
    assert kinds(notebook) == kinds(read(NOTEBOOKS[0]))
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    series = next(o.data["text/plain"] for o in shown if "summer_NDVI" in str(o.get("data")))
    python = [float(line.split()[1]) for line in series.splitlines() if "_NDVI" in line]
    printed = "".join(o.text for o in shown if o.output_type == "stream")
    row = next(line for line in printed.splitlines() if line.split()[:1] == ["NDVI"])
    np.testing.assert_allclose([float(value) for value in row.split()[1:]], python, atol=5e-5)
    accuracy = next(o.data["text/plain"] for o in shown if "users_accuracy" in str(o.get("data")))
    overall = float(re.findall(r"overall_accuracy\s+all\s+(\S+)", accuracy)[0])
    blocks = re.findall(r"spatial blocks\s+overall accuracy (\S+),", printed)
    assert float(blocks[0]) == pytest.approx(overall, abs=6e-4)


@dataclass(frozen=True)
class Mapped:
    """The folder of the notebook of the first district once it has run, and its outputs."""

    folder: Path
    notebook: nbformat.NotebookNode


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Mapped:
    folder = tmp_path_factory.mktemp("mapped")
    return Mapped(folder, run(FIRST, folder))


def test_mines_over_time_are_shown_with_their_outputs() -> None:
    notebook = read(OVER_TIME)
    assert len(images(notebook)) == 2
    assert all(np.asarray(figure.convert("L")).std() > 10 for figure in images(notebook))
    assert not streams(notebook, "stderr")
    text = "".join(streams(notebook, "stdout"))
    alone, combined = re.findall(r"([\d.]+)% change falsely", text)
    assert float(combined) < 1 < float(alone)
    numbers = re.findall(r"([\d.]+) ha \(([\d.]+) to ([\d.]+)\); in truth ([\d.]+) ha", text)
    ((_, low, high, true),) = numbers
    assert float(low) < float(true) < float(high)


@pytest.mark.parametrize("path", GOING_ON, ids=lambda path: path.stem)
def test_others_go_on_with_its_map(path: Path, mapped: Mapped, run: Run) -> None:
    notebook = run(path, mapped.folder)
    assert kinds(notebook) == kinds(read(path))
    assert all(np.asarray(figure.convert("L")).std() > 10 for figure in images(notebook))
    assert not [text for text in streams(notebook, "stderr") if "Warning" in text]


def test_it_maps_the_simulated_district(mapped: Mapped) -> None:
    notebook = mapped.notebook
    products = mapped.folder / "district" / "store" / "products"
    with rasterio.open(products / "landuse.tif") as file:
        landuse = file.read(1)
    with rasterio.open(mapped.folder / "district" / "truth.tif") as file:
        truth = file.read(1)
    assert (landuse > 0).mean() > 0.98
    assert (landuse == truth)[landuse > 0].mean() > 0.75
    splits = json.loads((products / "accuracy.json").read_bytes())["splits"]
    assert splits["random"]["overall_accuracy"] > 0.8
    assert splits["spatial_blocks"]["overall_accuracy"] > 0.7

    figures = images(notebook)
    assert len(figures) == 5
    assert all(np.asarray(figure.convert("L")).std() > 10 for figure in figures)
    assert not [text for text in streams(notebook, "stderr") if "Warning" in text]


def images(notebook: nbformat.NotebookNode) -> list[Image.Image]:
    return [
        Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]


def streams(notebook: nbformat.NotebookNode, name: str) -> list[str]:
    return [
        output.text
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "stream" and output.name == name
    ]
