"""The ledger's account for Prometheus, read back by its own parser; the log of tiles."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from minecover.commands.prometheus import HELP, exposition
from minecover.ledger.markers import Ledger
from minecover.ledger.status import StageStatus, survey_status
from minecover.storage.metering import io_counters
from minecover.storage.raster_array import stacked
from minecover.storage.store import Store
from minecover.survey.grid import survey_grid
from minecover.testing.stages import number_stages, tile_survey
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run
from minecover.workflow.tile_log import logging_tiles

Samples = dict[tuple[str, ...], float]


def parsed(text: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        for sample in family.samples:
            key = (sample.name, *(f"{k}={v}" for k, v in sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


def test_a_run_as_prometheus_sees_it(tmp_path: Path) -> None:
    survey = tile_survey(str(tmp_path / "store"), 3, 4, bad_tiles="skip")
    Run(survey, number_stages(bad=("r0001c0001",)), Silent()).until("cube")
    store = Store(survey.store)
    samples = parsed(exposition("stubs", survey_status(store, ["catalog", "cube", "features"])))

    def tiles(state: str) -> float:
        return samples["minecover_tiles", "stage=cube", f"state={state}", "survey=stubs"]

    states = ("done", "failed", "running", "expired", "open")
    assert [tiles(state) for state in states] == [11, 1, 0, 0, 0]
    assert samples["minecover_stage_done", "stage=catalog", "survey=stubs"] == 1
    assert samples["minecover_stage_done", "stage=features", "survey=stubs"] == 0
    assert samples["minecover_tile_rate", "stage=cube", "survey=stubs"] > 0
    assert not [key for key in samples if key[0] == "minecover_tiles" and "stage=features" in key]


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=20))
def test_any_name_can_be_read_back(name: str) -> None:
    status = StageStatus("cube", "running", tiles=9, done=3, running=2, failed=1, rate=0.5, left=9)
    samples = parsed(exposition(name, [status]))
    assert samples["minecover_tiles", "stage=cube", "state=open", f"survey={name}"] == 3
    assert samples["minecover_stage_left_seconds", "stage=cube", f"survey={name}"] == 9


def test_every_metric_is_explained() -> None:
    text = exposition("a", [StageStatus("cube")])
    for name in HELP:
        assert text.count(f"# HELP {name} ") == text.count(f"# TYPE {name} gauge") == 1


def test_the_log_says_what_an_operator_needs(tmp_path: Path) -> None:
    survey = tile_survey(str(tmp_path / "store"), 2, 2, bad_tiles="skip")
    path = tmp_path / "tiles.log"
    with logging_tiles(str(path)):
        Run(survey, number_stages(bad=("r0001c0001",)), Silent()).until("cube")
    lines = {line["tile"]: line for line in map(json.loads, path.read_text().splitlines())}
    assert len(lines) == 4
    for name, line in lines.items():
        assert line["stage"] == "cube"
        assert line["attempt"] == 1
        assert line["worker"].endswith(f":{os.getpid()}")
        assert 20 < line["peak_mib"] < 1e5
        assert line["seconds"] >= 0
        assert line["bytes_read"] >= 0
        # 1,024 pixels of float32, bit-shuffled and compressed: some bytes, and less than all
        assert (0 < line["bytes_written"] < 4096) is (line["outcome"] == "done")
        assert line["outcome"] == ("failed" if name == "r0001c0001" else "done")
    assert "B04 is truncated" in lines["r0001c0001"]["error"]
    assert lines["r0000c0000"]["pixels"] == 1024


def test_markers_keep_the_peak_of_the_worker(tmp_path: Path) -> None:
    survey = tile_survey(str(tmp_path / "store"), 1, 2)
    Run(survey, number_stages(), Silent()).until("cube")
    ledger = Ledger(Store(survey.store))
    layout = ledger.layout("cube")
    assert layout is not None
    markers = next(m for m in ledger.all_markers("cube") if m.fingerprint == layout["fingerprint"])
    marker = markers.done("r0000c0001")
    assert marker is not None
    assert marker["facts"]["peak_mib"] > 20
    assert marker["facts"]["seconds"] == pytest.approx(0, abs=5)


def test_bytes_are_those_of_the_objects(tmp_path: Path) -> None:
    survey = tile_survey(str(tmp_path), 1, 2)
    grid, store = survey_grid(survey), Store(str(tmp_path))
    layers = store.create_layers("a.zarr", grid, [stacked(("a", "b"))], {})
    values = np.random.default_rng(0).random((2, 32, 32), dtype=np.float32)
    layers.write_tile(grid, grid.tiles[0], values)  # opens the array
    before = io_counters()
    layers.write_tile(grid, grid.tiles[1], values)
    shard = tmp_path / "a.zarr" / "layers" / "c" / "0" / "0" / "1"
    assert io_counters().since(before).written == shard.stat().st_size
    before = io_counters()
    assert np.array_equal(layers.read(grid.window(grid.tiles[1])), values)
    assert 0 < io_counters().since(before).read <= 2 * shard.stat().st_size
