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
import yaml

from _manifest_schemas import ROOT, kubectl, overlay

SCRIPT = ROOT / "cluster" / "kubernetes" / "run.sh"
OVERLAYS = SCRIPT.parent / "overlays"
WAITED = [
    "inputs-volume",
    "catalog",
    "cube",
    "cube-end",
    "features",
    "select",
    "train",
    "predict",
    "assess",
]


PRESENT = (
    "secret/dongsheng-store", "persistentvolumeclaim/dongsheng-inputs",
    "localqueue.kueue.x-k8s.io/minecover", "ray.io",
)  # fmt: skip


@dataclass(frozen=True)
class Cluster:
    """The stand-in, and the file in which it keeps what it was given."""

    folder: Path

    def run(self, overlay: Path | str) -> subprocess.CompletedProcess[str]:
        path = overlay if isinstance(overlay, Path) else OVERLAYS / overlay
        return self.call(SCRIPT, path)

    def call(self, *command: Path) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": f"{self.folder}:{os.environ['PATH']}", "REAL_KUBECTL": kubectl()}
        return subprocess.run(
            ["sh", *map(str, command)],
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
    made.change(
        objects={}, refuse=[], states={}, applied=[], now={}, present=[*PRESENT],
        lists={"pods": [], "events": [], "workloads.kueue.x-k8s.io": []},
    )  # fmt: skip
    return made


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """An overlay of an account and the Jobs of two steps: `catalog`, and `train` as a RayJob."""
    folder = tmp_path / "small"
    folder.mkdir()
    wanted = [("ServiceAccount", "dongsheng"), ("Job", "dongsheng-catalog")]
    wanted.append(("RayJob", "dongsheng-train"))
    known = {(item["kind"], item["metadata"]["name"]): item for item in overlay("gpu-pool")}
    text = yaml.safe_dump_all(known[one] for one in wanted)
    (folder / "objects.yaml").write_text(text, encoding="utf-8")
    (folder / "kustomization.yaml").write_text("resources: [objects.yaml]\n", encoding="utf-8")
    return folder


def conditions(*names: str) -> dict[str, Any]:
    return {"conditions": [{"type": name, "status": "True"} for name in names]}


def ray(deployment: str, job: str) -> dict[str, Any]:
    return {"jobDeploymentStatus": deployment, "jobStatus": job}


@pytest.mark.parametrize("name", ["one-machine", "spot-pool", "gpu-pool", "dask-cluster"])
def test_every_step_of_an_overlay_is_done(cluster: Cluster, name: str) -> None:
    on_ray = {"spot-pool": ["train", "assess"], "gpu-pool": ["train", "predict", "assess"]}
    own = {"dask-cluster": [WAITED[0], "catalog", "tiles", *WAITED[-4:]]}
    own |= {pool: [WAITED[0], "training-volume", *WAITED[1:]] for pool in on_ray}
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
    assert [name.removeprefix("job.batch/dongsheng-") for name in cluster.applied] == WAITED[:5]
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


def test_a_job_that_failed_ends_the_script(cluster: Cluster, small: Path) -> None:
    words = "samples.gpkg: no class is called minning"
    states = [{}, conditions("FailureTarget"), conditions("FailureTarget", "Failed")]
    pod = pending(containerStatuses=[{"state": {"terminated": {"message": words}}}])
    cluster.change(states={"job.batch/dongsheng-catalog": states}, lists={"pods": [pod]})
    done = cluster.run(small)
    assert done.returncode == 1
    assert "job.batch/dongsheng-catalog failed (FailureTarget Failed): see why" in done.stderr
    assert words in done.stderr
    assert cluster.applied[-1] == "job.batch/dongsheng-catalog"


TRAIN = "rayjob.ray.io/dongsheng-train"


@pytest.mark.parametrize("last", [("Complete", "STOPPED"), ("ValidationFailed", "")])
def test_a_rayjob_that_failed_for_good(
    cluster: Cluster, small: Path, last: tuple[str, str]
) -> None:
    cluster.change(states={TRAIN: [ray("Running", ""), ray("Running", "FAILED"), ray(*last)]})
    done = cluster.run(small)
    assert done.returncode == 1
    assert f"{TRAIN} failed ({'/'.join(last)}): see why" in done.stderr


def lost(message: str) -> dict[str, Any]:
    return ray("Failed", "FAILED") | {"message": message}


EXIT = "Job entrypoint command failed with exit code {}, last available logs: ..."


def test_a_lost_rayjob_is_started_again_twice(cluster: Cluster, small: Path) -> None:
    twice = [lost("The Ray head pod was evicted"), ray("Running", ""), lost(EXIT.format(75))]
    cluster.change(states={TRAIN: twice})
    done = cluster.run(small)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("starting it again") == 2
    assert cluster.applied.count(TRAIN) == 3
    cluster.change(objects={}, applied=[], states={TRAIN: [lost(EXIT.format(20))] * 3})
    done = cluster.run(small)
    assert done.returncode == 1
    assert f"{TRAIN} failed (Failed/FAILED): see why" in done.stderr
    assert cluster.applied.count(TRAIN) == 3


def test_a_survey_to_fix_builds_no_second_ray_cluster(cluster: Cluster, small: Path) -> None:
    cluster.change(states={TRAIN: [ray("Running", "RUNNING"), lost(EXIT.format(2))]})
    done = cluster.run(small)
    assert done.returncode == 1
    assert EXIT.format(2) in done.stderr
    assert cluster.applied.count(TRAIN) == 1
    assert "starting it again" not in done.stdout


@pytest.mark.parametrize(
    ("missing", "advice"),
    [
        (PRESENT[0], "create secret generic dongsheng-store --from-env-file=store.env"),
        (PRESENT[1], "make it, and put the survey's files there"),
        (PRESENT[2], "what `minecover manifests --admin` writes"),
    ],
)
def test_what_others_made_is_looked_for_first(
    cluster: Cluster, small: Path, missing: str, advice: str
) -> None:
    cluster.change(present=[one for one in PRESENT if one != missing])
    done = cluster.run(small)
    assert (done.returncode, cluster.applied) == (1, [])
    assert f"there is no {missing} in namespace minecover; " in done.stderr
    assert advice in done.stderr


def pending(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "dongsheng-catalog-x7k2p"}, "status": status}


def container(reason: str, message: str) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return pending(containerStatuses=[{"state": state}])


def unscheduled(message: str) -> dict[str, Any]:
    return pending(conditions=[{"type": "PodScheduled", "status": "False", "message": message}])


WAITS: tuple[tuple[str, dict[str, Any], str], ...] = (
    (
        "pods",
        container("CreateContainerConfigError", 'secret "dongsheng-store" not found'),
        "is the Secret there",
    ),
    ("pods", container("ImagePullBackOff", "Back-off pulling"), "image_pull_secrets"),
    (
        "pods",
        unscheduled('persistentvolumeclaim "dongsheng-training" not found'),
        "kubectl -n minecover get pvc",
    ),
    (
        "pods",
        unscheduled("0/3 nodes are available: 3 node(s) had untolerated taint(s)."),
        "no node takes the pod",
    ),
    (
        "events",
        {"reason": "FailedMount", "message": "MountVolume.SetUp failed"},
        "cannot be mounted",
    ),
    (
        "events",
        {"message": 'pods "dongsheng-cube-0" is forbidden: violates PodSecurity "restricted"'},
        "does not admit the pod",
    ),
    (
        "workloads.kueue.x-k8s.io",
        {"status": {"conditions": [{
            "type": "QuotaReserved", "status": "False",
            "message": "couldn't assign flavors to pod set main: insufficient unused quota for cpu",
        }]}},
        "the quota has no room",
    ),
)  # fmt: skip
"""Kind of an object, what it says, and the advice that follows."""


def test_after_two_minutes_it_says_why_pods_wait(cluster: Cluster, small: Path) -> None:
    """Every 12 looks of 10 s; here after two, and each reason once."""
    text = SCRIPT.read_text(encoding="utf-8")
    assert "\npause=10\npatience=12\n" in text
    script = cluster.folder / "run.sh"
    script.write_text(text.replace("patience=12", "patience=2"), encoding="utf-8")
    lists: dict[str, list[dict[str, Any]]] = {}
    for number, (kind, found, _) in enumerate(WAITS):
        lists.setdefault(kind, []).append(found | {"metadata": {"name": f"pod-{number}"}})
    cluster.change(states={"job.batch/dongsheng-catalog": [{}] * 4}, lists=lists)
    done = cluster.call(script, small)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("job.batch/dongsheng-catalog waits:") == 1
    assert done.stdout.count("-> ") == len(WAITS)
    for _, _, advice in WAITS:
        assert advice in done.stdout
    cluster.change(objects={}, states={"job.batch/dongsheng-catalog": [{}]})
    assert "waits" not in cluster.call(script, small).stdout


def test_clean_removes_what_the_survey_made(cluster: Cluster, small: Path) -> None:
    assert cluster.run(small).returncode == 0
    known = json.loads((cluster.folder / "cluster.json").read_text())["objects"]
    assert set(known) == {"serviceaccount/dongsheng", "job.batch/dongsheng-catalog", TRAIN}
    stranger = {"job.batch/other-cube": {"app.kubernetes.io/instance": "other"}}
    cluster.change(objects=known | stranger)
    done = cluster.call(SCRIPT.parent / "clean.sh")
    assert done.returncode == 0, done.stderr
    left = json.loads((cluster.folder / "cluster.json").read_text())["objects"]
    assert set(left) == set(stranger)
