"""`run.sh` against a stand-in for `kubectl` (`tests/_manifest_kubectl.py`): no cluster is here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from _manifest_schemas import ROOT, kubectl

SCRIPT = ROOT / "cluster" / "kubernetes" / "run.sh"
OVERLAYS = SCRIPT.parent / "overlays"
WAITED = ["catalog", "cube", "cube-end", "features", "select", "train", "predict", "assess"]


@dataclass(frozen=True)
class Cluster:
    """The stand-in, and the file in which it keeps what it was given."""

    folder: Path

    def run(self, overlay: Path | str) -> subprocess.CompletedProcess[str]:
        path = overlay if isinstance(overlay, Path) else OVERLAYS / overlay
        variables = {"PATH": f"{self.folder}:{os.environ['PATH']}", "REAL_KUBECTL": kubectl()}
        return subprocess.run(
            ["sh", str(SCRIPT), str(path)],
            env=variables, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def change(self, **what: Any) -> None:
        file = self.folder / "cluster.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(known | what))

    @property
    def applied(self) -> list[str]:
        known = json.loads((self.folder / "cluster.json").read_text())
        return [name for name in known["applied"] if name.startswith(("job", "rayjob"))]


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    program = tmp_path / "kubectl"
    text = (ROOT / "tests" / "_manifest_kubectl.py").read_text(encoding="utf-8")
    program.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    (tmp_path / "sleep").chmod(0o755)
    made = Cluster(tmp_path)
    made.change(objects={}, refuse=[], states={}, applied=[])
    return made


def conditions(*names: str) -> dict[str, Any]:
    return {"conditions": [{"type": name, "status": "True"} for name in names]}


def ray(deployment: str, job: str) -> dict[str, Any]:
    return {"jobDeploymentStatus": deployment, "jobStatus": job}


@pytest.mark.parametrize("name", ["one-machine", "spot-pool", "gpu-pool", "dask-cluster"])
def test_every_step_of_an_overlay_is_done(cluster: Cluster, name: str) -> None:
    on_ray = {"spot-pool": ["train", "assess"], "gpu-pool": ["train", "predict", "assess"]}
    own = {"dask-cluster": ["catalog", "tiles", "select", "train", "predict", "assess"]}
    expected = [
        f"rayjob.ray.io/dongsheng-{step}"
        if step in on_ray.get(name, [])
        else f"job.batch/dongsheng-{step}"
        for step in [*own.get(name, WAITED), "publish"]
    ]
    done = cluster.run(name)
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stdout.splitlines() if line.endswith(" complete")]
    assert told == [f"{one} complete" for one in expected]
    assert cluster.applied == expected


def test_a_refused_step_ends_the_script(cluster: Cluster) -> None:
    cluster.change(refuse=["select"])
    done = cluster.run("one-machine")
    assert done.returncode == 1
    assert "the server refused" in done.stderr
    assert "run.sh: select was refused (see above); fix that and run this again" in done.stderr
    assert [name.removeprefix("job.batch/dongsheng-") for name in cluster.applied] == WAITED[:4]
    cluster.change(refuse=[])
    assert cluster.run("one-machine").returncode == 0
    assert len(cluster.applied) == len(set(cluster.applied)) == len(WAITED) + 1


def test_a_refused_setup_ends_the_script(cluster: Cluster) -> None:
    cluster.change(refuse=["setup"])
    done = cluster.run("one-machine")
    assert (done.returncode, cluster.applied) == (1, [])
    assert "setup was refused" in done.stderr


def test_an_overlay_that_is_not_there(cluster: Cluster) -> None:
    done = cluster.run("moon")
    assert done.returncode == 1
    assert "moon: kustomize cannot build it" in done.stderr


def test_jobs_of_other_manifests_are_not_taken_for_these(cluster: Cluster, tmp_path: Path) -> None:
    assert cluster.run("one-machine").returncode == 0
    made = len(cluster.applied)
    shutil.copytree(SCRIPT.parent, tmp_path / "k8s")
    survey = tmp_path / "k8s" / "base" / "survey.yaml"
    text = survey.read_text(encoding="utf-8")
    survey.write_text(text.replace("training_workers: 1", "training_workers: 2"), encoding="utf-8")
    assert survey.read_text(encoding="utf-8") != text
    done = cluster.run(tmp_path / "k8s" / "overlays" / "one-machine")
    assert done.returncode == 1
    assert "made from other manifests" in done.stderr
    assert "job.batch/dongsheng-catalog" in done.stderr
    assert "delete them (kubectl -n minecover delete job -l" in done.stderr
    assert len(cluster.applied) == made


def test_a_job_that_failed_ends_the_script(cluster: Cluster) -> None:
    states = [{}, conditions("FailureTarget"), conditions("FailureTarget", "Failed")]
    cluster.change(states={"job.batch/dongsheng-cube": states})
    done = cluster.run("one-machine")
    assert done.returncode == 1
    assert "job.batch/dongsheng-cube failed (FailureTarget Failed): see why" in done.stderr
    assert cluster.applied[-1] == "job.batch/dongsheng-cube"


def test_a_rayjob_is_waited_for_while_it_is_tried_again(cluster: Cluster) -> None:
    states = [
        {},
        ray("Running", "RUNNING"),
        ray("Running", "FAILED"),
        ray("Retrying", "FAILED"),
        ray("Initializing", ""),
        ray("Complete", "SUCCEEDED"),
    ]
    cluster.change(states={"rayjob.ray.io/dongsheng-train": states})
    done = cluster.run("gpu-pool")
    assert done.returncode == 0, done.stderr
    assert "rayjob.ray.io/dongsheng-train complete" in done.stdout


@pytest.mark.parametrize(
    "last", [("Failed", "FAILED"), ("Complete", "STOPPED"), ("ValidationFailed", "")]
)
def test_a_rayjob_that_failed_for_good(cluster: Cluster, last: tuple[str, str]) -> None:
    cluster.change(states={"rayjob.ray.io/dongsheng-train": [ray("Running", ""), ray(*last)]})
    done = cluster.run("gpu-pool")
    assert done.returncode == 1
    assert f"rayjob.ray.io/dongsheng-train failed ({'/'.join(last)}): see why" in done.stderr
