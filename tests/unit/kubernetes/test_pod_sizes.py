"""How many pods a survey has, and how much memory and disk each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from _manifest_samples import IMAGE, survey
from minecover.errors import SurveyError
from minecover.kubernetes.cluster import Cluster
from minecover.kubernetes.disk import NODE_DISK, products_scratch
from minecover.kubernetes.memory import learning_memory, tile_memory
from minecover.kubernetes.plan import plan_cluster
from minecover.kubernetes.render import render
from minecover.kubernetes.request import Request
from minecover.planning.work import workload
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

SHARED = Cluster(training_storage_class="files")


def test_memory_covers_what_was_measured(tmp_path: Path) -> None:
    """Highest resident MiB of `features` on the simulated district, 112 layers, by tile size."""
    for tile, measured in ((128, 713), (256, 824), (512, 1016)):
        made = tile_memory(survey(tmp_path, grid={"tile": tile}, model={"kind": "rf"}))
        assert measured * 1.2 < made < measured * 2
        assert made < tile_memory(survey(tmp_path, grid={"tile": tile}))  # a network comes on top


def test_learning_gets_memory_for_its_points(dongsheng: Survey) -> None:
    """A point of 44 layers and 17 x 17 pixels took 99 KiB."""
    work = workload(dongsheng, survey_grid(dongsheng))
    for points in (37_000, 1_000_000):
        work = replace(work, points=points, chosen=44)
        need = learning_memory(dongsheng, work, trains=True)
        assert 1.2 < need / (points * 99 / 1024) < 2
        assert need > learning_memory(dongsheng, work, trains=False)
    plan = plan_cluster(dongsheng, Request(IMAGE))
    assert set(plan.stage_memory.values()) == {4096}  # 36 points


def test_memory_of_stages_can_be_given(dongsheng: Survey) -> None:
    plan = plan_cluster(dongsheng, Request(IMAGE, memory=16384))
    assert set(plan.stage_memory.values()) == {16384}  # a stage works off tiles that are left
    plan = plan_cluster(dongsheng, Request(IMAGE, memory=16384, stage_memory=65536))
    assert (plan.tile_memory, set(plan.stage_memory.values())) == (16384, {65536})
    files = render(plan)
    assert "memory: 65536Mi" in files["base/train.yaml"]
    assert "memory: 16384Mi" in files["base/cube.yaml"]
    assert "memory: 4096Mi" not in files["overlays/gpu-pool/ray.yaml"]


def test_prediction_on_gpus_follows_the_parallelism(dongsheng: Survey, tmp_path: Path) -> None:
    request = Request(IMAGE, overlays=("gpu-pool",), parallelism=64, completions=81, cluster=SHARED)
    files = render(plan_cluster(dongsheng, request))
    objects = list(yaml.safe_load_all(files["overlays/gpu-pool/ray.yaml"]))
    replicas = {
        item["metadata"]["name"]: item["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["replicas"]
        for item in objects
        if item["kind"] == "RayJob"
    }
    assert replicas == {"dongsheng-train": 1, "dongsheng-predict": 64, "dongsheng-assess": 1}
    trained = survey(tmp_path, store="s3://b/p", engine={"training_workers": 4})
    plan = plan_cluster(trained, Request(IMAGE, parallelism=2, cluster=SHARED))
    workers = {job.step: plan.ray_workers(job) for job in plan.gpu_jobs}
    assert workers == {"train": 4, "predict": 2, "assess": 4}


def test_products_of_a_large_area_do_not_go_on_a_nodes_disk(dongsheng: Survey) -> None:
    small, large = (products_scratch(dongsheng, pixels) for pixels in (10**7, 20 * 10**9))
    assert small.on_node
    assert small.size < small.node_disk < NODE_DISK
    assert not large.on_node
    assert large.size > 10**6 > 1000 * large.node_disk
    plan = plan_cluster(dongsheng, Request(IMAGE))
    assert {step for step, room in plan.scratch.items() if room != plan.small} == {"publish"}


def test_indexes_follow_the_tiles(dongsheng: Survey) -> None:
    # 43 x 42 km in tiles of 5.12 km: 9 x 9 touch the area; eight to an index
    plan = plan_cluster(dongsheng, Request(IMAGE))
    assert plan.completions == 11
    assert plan.workers == dongsheng.engine.workers
    assert plan_cluster(dongsheng, Request(IMAGE, completions=81)).completions == 81
    for wrong in (0, 82):
        with pytest.raises(SurveyError, match=r"--completions .* 81 tile"):
            plan_cluster(dongsheng, Request(IMAGE, completions=wrong))
