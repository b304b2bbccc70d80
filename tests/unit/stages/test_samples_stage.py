"""The stage that draws samples: the size of its blocks, as given or as found from the points."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from minecover.samples.sample_set import SampleSet
from minecover.stages.samples import write_samples
from minecover.storage.raster_array import stacked
from minecover.survey import Survey
from minecover.workflow.stage import StageContext, Workspace
from small_map import CLASSES, CODES, survey

CRS, LEFT, TOP, EDGE = "EPSG:32633", 585_000.0, 5_648_000.0, 256


def its_survey(folder: Path, **samples: Any) -> Survey:
    return survey(
        area={"bbox": [LEFT, TOP - 10 * EDGE, LEFT + 10 * EDGE, TOP], "crs": CRS},
        grid={"crs": CRS, "tile": EDGE},
        model={"kind": "nb"},
        samples={"path": str(folder / "points.csv"), "crs": CRS, "folds": 3, **samples},
        store=str(folder / "store"),
    )


def no_tiles(*_: object) -> NoReturn:
    raise AssertionError("samples have no tiles")


def written(folder: Path, correlation: float, **samples: Any) -> tuple[dict[str, Any], Workspace]:
    """Draw 600 points of a district whose features resemble each other over some pixels."""
    workspace = Workspace(its_survey(folder, **samples), ())
    rng = np.random.default_rng(0)
    field = gaussian_filter(rng.normal(size=(EDGE, EDGE)), correlation, mode="wrap")
    field /= field.std()
    values = np.stack([field, -field, field]) + rng.normal(0, 0.1, (3, EDGE, EDGE))
    layers = workspace.store.create_layers("features.zarr", workspace.grid, [stacked("abc")], {})
    layers.write_tile(workspace.grid, workspace.grid.tiles[0], values.astype(np.float32))
    row, col = np.divmod(rng.choice(EDGE * EDGE, 600, replace=False), EDGE)
    names = [item["name"] for item in CLASSES]
    table = pd.DataFrame({"x": LEFT + 10 * col + 5, "y": TOP - 10 * row - 5})
    table["class"] = rng.choice(names, 600)
    table.to_csv(folder / "points.csv", index=False)
    return write_samples(StageContext(workspace, "samples", "0", no_tiles)), workspace


def test_blocks_are_as_large_as_given(tmp_path: Path) -> None:
    facts, run = written(tmp_path, 5, block=320)
    assert facts["block_metres"] == 320
    assert "autocorrelation_range" not in facts
    samples = SampleSet.read(run.store)
    assert len(samples) == facts["points"] == 600
    assert set(samples.codes) == set(CODES)
    for _, points in samples.table.groupby("block"):
        assert (points[["row", "col"]] // 32).nunique().tolist() == [1, 1]


def test_blocks_are_as_large_as_features_resemble_each_other(tmp_path: Path) -> None:
    """A field that is a normal kernel of 5 pixels wide correlates to about 4 times as far."""
    facts, run = written(tmp_path, 5, block="auto")
    assert 100 < facts["autocorrelation_range"] < 300
    assert 0 <= facts["block_metres"] - facts["autocorrelation_range"] < 10
    assert facts["variogram"]["range"] == pytest.approx(facts["autocorrelation_range"], abs=0.1)
    assert set(SampleSet.read(run.store).table["block_fold"]) == {0, 1, 2}


def test_blocks_leave_every_fold_some(tmp_path: Path) -> None:
    facts, run = written(tmp_path, 60, block="auto")
    assert facts["block_metres"] < facts["autocorrelation_range"]
    assert SampleSet.read(run.store).table.groupby("block_fold")["block"].nunique().sum() >= 6


@pytest.mark.parametrize("block", [0, -5, "wide", True, float("nan")])
def test_other_sizes_are_refused(tmp_path: Path, block: object) -> None:
    with pytest.raises(ValueError, match="give a number of metres above 0, or auto"):
        its_survey(tmp_path, block=block)
