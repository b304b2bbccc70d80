"""The Python face where people use it: in scripts, in notebooks, with an impatient finger."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import nbformat
import pytest
from nbclient import NotebookClient

import minecover as mc
from conftest import Recorder  # type: ignore[import-not-found]
from minecover.demo.district import District

pytestmark = [pytest.mark.integration, pytest.mark.alone]

SMALL = """grid__tile=64, samples__folds=3, model__kind="rf", selection__keep=20,
    engine__tiles="local", engine__prediction="local", engine__training="local","""

SCRIPT = """
import os, signal, sys, threading
import psutil
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run

class Impatient(Silent):
    def tile(self, outcome):
        super().tile(outcome)
        if self.counts["done"] == 2:
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()

# a shell that starts tests in the background has them ignore Ctrl-C, and all that they start
signal.signal(signal.SIGINT, signal.default_int_handler)
# nothing guards what follows against processes that import this script
survey = tile_survey("store", 6, 5, tiles="dask", lease=4)
try:
    Run(survey, number_stages(seconds=2.0), Impatient()).until("cube")
except KeyboardInterrupt:
    children = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
    workers = [child for child in children if "resource_tracker" not in child]
    print("stopped, with", len(workers), "workers")
else:
    print("ended before it was interrupted")
rest = Silent()
Run(survey, number_stages(seconds=0.1), rest).until("cube")
print("went on with", "some" if 0 < rest.counts["done"] < 29 else rest.counts["done"])
print("is still", os.path.basename(sys.modules["__main__"].__file__))
"""


@pytest.fixture
def small(district: District, tmp_path: Path) -> mc.Survey:
    survey = mc.open_survey(district.survey, store=tmp_path / "store")
    return survey.replace(**eval(f"dict({SMALL})"))


def test_a_script_on_dask_is_interrupted_leaves_nothing_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    ran = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=200
    )
    assert ran.stdout.splitlines() == [
        "stopped, with 0 workers",
        "went on with some",
        "is still script.py",
    ], ran.stderr[-2000:]


def test_a_survey_in_memory_gives_the_bytes_of_one_in_files(small: mc.Survey) -> None:
    seen = [Recorder(), Recorder()]
    small.run(until="samples", progress=seen[0])
    samples = Path(small.store) / "samples.parquet"
    before = samples.read_bytes()
    samples.unlink()
    memory = small.replace(
        area=gpd.read_file(small.area.path), samples__path=gpd.read_file(small.samples.path)
    )
    assert memory.samples.folds == 3
    memory.run(until="samples", progress=seen[1])
    assert seen[1].skipped_stages == ["catalog", "cube", "features"]
    assert seen[1].done == ["samples"]
    assert samples.read_bytes() == before


CELLS = (
    """import minecover as mc
survey = mc.open_survey({survey!r}, store={store!r}).replace({small})
survey.plan()""",
    """from minecover.features.spectral_index import SpectralIndex
NDMI = SpectralIndex("NDMI", ("B08", "B11"), "(N-S1)/(N+S1)", lambda n, s: (n - s) / (n + s))
mc.register.index("NDMI", NDMI)
with_index = survey.replace(features__indices=["NDVI", "NDMI"])
try:
    with_index.replace(engine__tiles="dask").run(progress="none")
except mc.SurveyError as error:
    print(error)""",
    """results = with_index.run(until="features")
results.features.layer.values.tolist()""",
)


def test_a_notebook_shows_tables_and_progress_and_computes_an_index_of_its_own(
    district: District, tmp_path: Path
) -> None:
    facts = {"survey": str(district.survey), "store": str(tmp_path / "store"), "small": SMALL}
    cells = [nbformat.v4.new_code_cell(cell.format(**facts)) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    plan, refused, run = (cell.outputs for cell in notebook.cells)
    assert "peak memory of a worker</th>" in plan[-1].data["text/html"]
    assert "workers of dask" in refused[0].text
    (shown,) = [output for output in run if output.output_type == "display_data"]
    rows = shown.data["text/html"]
    assert [rows.count(f">{stage}</th>") for stage in ("catalog", "cube", "features")] == [1, 1, 1]
    assert "<progress" not in rows
    layers = run[-1].data["text/plain"]
    assert "'summer_NDMI'" in layers
    assert "'summer_EVI'" not in layers
