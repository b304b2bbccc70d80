"""Run the notebooks and keep their outputs: `make notebooks`.

They run in their order in one folder, empty at first: from the third on they go on with the map of
the second. Where the folder shows in an output, a point stands for it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
SECONDS = 900
"""For a cell, at most."""

WIDGET = "application/vnd.jupyter.widget-view+json"
"""Kind of an output that lives only as long as its kernel."""


def run(path: Path, folder: Path) -> nbformat.NotebookNode:
    """Run a notebook in a folder and give it with its outputs.

    Raises
    ------
    CellExecutionError
        A cell raises.
    """
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    # the command line of this environment, whether it is activated or not
    path_of_tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        resources=resources,
        store_widget_state=False,  # a page without a kernel shows the picture instead
    )
    client.execute(env={**os.environ, "PATH": path_of_tools})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day
        if cell.cell_type == "code":
            cell.outputs = [without_path(output, folder) for output in cell.outputs]
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def without_path(output: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Put a point where an output names the folder that the notebook ran in."""
    output.get("data", {}).pop(WIDGET, None)
    text = json.dumps(output).replace(str(folder.resolve()), ".").replace(str(folder), ".")
    return nbformat.from_dict(json.loads(text))


def main() -> None:
    """Run all notebooks."""
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(HERE.glob("*.ipynb")):
            nbformat.write(run(path, Path(folder)), path)
            print(path.name)


if __name__ == "__main__":
    main()
