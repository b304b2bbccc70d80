"""Manifests against the schemas of Kubernetes, Ray, Kueue and Dask, and what no schema says."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from _manifest_pods import Object, quantity
from _manifest_rules import violations
from _manifest_samples import IMAGE, survey
from _manifest_schemas import ROOT, admin, built, check_schema, overlay
from minecover.kubernetes.cluster import load_cluster
from minecover.kubernetes.names import object_name
from minecover.kubernetes.plan import plan_cluster
from minecover.kubernetes.render import render, render_admin, write
from minecover.kubernetes.request import OVERLAYS, Request
from minecover.survey import load


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_object_fits_its_schema(name: str) -> None:
    objects = overlay(name)
    assert len(objects) > 10
    for item in objects:
        check_schema(item)


@pytest.mark.parametrize("name", OVERLAYS)
def test_objects_fit_each_other(name: str) -> None:
    assert violations(overlay(name)) == []


def test_the_base_alone_is_whole() -> None:
    objects = built(ROOT / "cluster" / "kubernetes" / "base")
    assert violations(admin() + copy.deepcopy(objects)) == []


def test_kinds_of_each_overlay() -> None:
    kinds = {name: {item["kind"] for item in overlay(name)} for name in OVERLAYS}
    assert "PodDisruptionBudget" not in kinds["one-machine"]
    assert {"RayJob", "ClusterQueue", "LocalQueue", "ResourceFlavor"} <= kinds["spot-pool"]
    assert "RayJob" in kinds["gpu-pool"]
    assert "DaskCluster" in kinds["dask-cluster"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_script_carries_out_every_step(name: str) -> None:
    text = (ROOT / "cluster" / "kubernetes" / "run.sh").read_text(encoding="utf-8")
    match = re.search(r"^for step in (.*); do$", text, re.MULTILINE)
    assert match
    objects = built(ROOT / "cluster" / "kubernetes" / "overlays" / name)
    steps = {item["metadata"]["labels"]["minecover.io/step"] for item in objects}
    assert steps <= {"setup", *match[1].split()}


def test_the_repository_holds_what_the_command_writes() -> None:
    dongsheng = load(ROOT / "examples" / "dongsheng.yaml", store="s3://minecover/dongsheng")
    cluster = load_cluster(ROOT / "cluster" / "cluster.yaml")
    request = Request(IMAGE, inputs_claim="dongsheng-inputs", cluster=cluster)
    written = {
        "kubernetes": render(plan_cluster(dongsheng, request)),
        "admin": render_admin(cluster),
    }
    for name, files in written.items():
        folder = ROOT / "cluster" / name
        present = {
            str(path.relative_to(folder)): path.read_text(encoding="utf-8")
            for path in folder.rglob("*")
            if path.is_file()
        }
        assert present == files, f"write cluster/{name} again: cluster/README.md says how"


@pytest.mark.parametrize("kind", ["resnet50", "rf"])
def test_a_survey_with_files_of_its_own(tmp_path: Path, kind: str) -> None:
    named = survey(tmp_path, name="Ordos_2021-" + "x" * 60, model={"kind": kind}, store="s3://b/p")
    (tmp_path / "luojia1_dongsheng.tif").write_bytes(bytes(range(256)) * 100)
    overlays = tuple(name for name in OVERLAYS if kind == "resnet50" or name != "gpu-pool")
    request = Request("minecover@sha256:" + "0" * 64, overlays=overlays, completions=81)
    write(render(plan_cluster(named, request)), tmp_path / "out")
    for name in overlays:
        objects = built(tmp_path / "out" / "overlays" / name)
        assert violations(admin() + copy.deepcopy(objects)) == []
        for item in objects:
            check_schema(item)
    inputs = next(
        i for i in objects if i["metadata"]["name"] == f"{object_name(named.name)}-inputs"
    )
    assert set(inputs["binaryData"]) == {"luojia1_dongsheng.tif", "dongsheng_samples.gpkg"}


def test_a_province_publishes_on_a_volume_of_its_own(tmp_path: Path) -> None:
    raw = yaml.safe_load((ROOT / "examples" / "dongsheng.yaml").read_text(encoding="utf-8"))
    raw["area"]["bbox"] = [107.0, 37.0, 112.0, 41.0]
    path = tmp_path / "survey.yaml"
    path.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    request = Request("minecover:1", inputs_claim="files", parallelism=32)
    write(render(plan_cluster(load(path, store="s3://b/p"), request)), tmp_path / "out")
    for name in OVERLAYS:
        objects = built(tmp_path / "out" / "overlays" / name)
        assert violations(admin() + copy.deepcopy(objects)) == []
        jobs = {item["metadata"]["name"]: item for item in objects if item["kind"] == "Job"}
        pods = {name: job["spec"]["template"]["spec"] for name, job in jobs.items()}
        made = {name for name, pod in pods.items() if "ephemeral" in pod["volumes"][0]}
        assert made == {"dongsheng-publish"}
        check_schema(jobs["dongsheng-publish"])
        claim = pods["dongsheng-publish"]["volumes"][0]["ephemeral"]["volumeClaimTemplate"]
        assert quantity(claim["spec"]["resources"]["requests"]["storage"]) > 100 * 2**30


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("Job", lambda spec: spec.update(parallelism="many")),
        ("Job", lambda spec: spec.update(backofLimit=3)),
        ("RayJob", lambda spec: spec["rayClusterSpec"].update(workerGroupSpec=[])),
        ("RayJob", lambda spec: spec["rayClusterSpec"].pop("headGroupSpec")),
        ("ClusterQueue", lambda spec: spec.update(resourceGroups="all")),
        ("ResourceFlavor", lambda spec: spec.update(nodeTaints=[{"key": "a"}])),
        ("LocalQueue", lambda spec: spec.update(clusterQueue="Not A Name")),
        ("DaskCluster", lambda spec: spec["scheduler"].pop("service")),
    ],
)
def test_schemas_catch(kind: str, change: Callable[[Object], Any]) -> None:
    name = "dask-cluster" if kind == "DaskCluster" else "spot-pool"
    item = next(item for item in overlay(name) if item["kind"] == kind)
    check_schema(item)
    change(item["spec"])
    with pytest.raises(jsonschema.ValidationError):
        check_schema(item)
