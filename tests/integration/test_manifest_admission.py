"""Each rule of servers and clouds catches what it is there for, whatever the cluster is like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from _manifest_pods import Object
from _manifest_rules import violations
from _manifest_schemas import ROOT, built, check_schema, overlay
from minecover.kubernetes.cluster import Cluster
from minecover.kubernetes.plan import plan_cluster
from minecover.kubernetes.render import render, render_admin, write
from minecover.kubernetes.request import Request
from minecover.survey import load

Objects = dict[tuple[str, str], Object]
Change = Callable[[Objects], Any]


def job(objects: Objects, name: str = "cube") -> Object:
    return objects["Job", f"dongsheng-{name}"]


def pod(objects: Objects, name: str = "cube") -> Object:
    found: Object = job(objects, name)["spec"]["template"]["spec"]
    return found


def box(objects: Objects) -> Object:
    found: Object = pod(objects)["containers"][0]
    return found


def ray(objects: Objects, name: str = "train") -> Object:
    found: Object = objects["RayJob", f"dongsheng-{name}"]["spec"]
    return found


def worker(objects: Objects) -> Object:
    found: Object = ray(objects)["rayClusterSpec"]["workerGroupSpecs"][0]
    return found


def operator(objects: Objects) -> Object:
    found: Object = objects["NetworkPolicy", "dongsheng-ray-operator"]["spec"]["ingress"][0]
    return found


def claim(objects: Objects) -> Object:
    found: Object = objects["PersistentVolumeClaim", "dongsheng-training"]["spec"]
    return found


LEAST = "kueue.x-k8s.io/job-min-parallelism"

PLANTED: dict[str, tuple[Change, str]] = {
    "as many pods at least as there are": (
        lambda o: job(o)["spec"].update(parallelism=1),
        "min-parallelism 1 of 1 pod(s) is refused",
    ),
    "one index": (
        lambda o: job(o)["spec"].update(completions=1, maxFailedIndexes=1),
        "min-parallelism 1 of 1 pod(s) is refused",
    ),
    "no pod at least": (
        lambda o: job(o)["metadata"]["annotations"].update({LEAST: "0"}),
        "min-parallelism 0 of 11 pod(s) is refused",
    ),
    "Kueue of two versions": (
        lambda o: o["LocalQueue", "minecover"].update(apiVersion="kueue.x-k8s.io/v1beta1"),
        "objects of Kueue are of several versions",
    ),
    "a Job that jumps the queue": (
        lambda o: job(o)["metadata"]["labels"].pop("kueue.x-k8s.io/queue-name"),
        "some Jobs wait in a queue and others in none",
    ),
    "a version that nobody serves": (
        lambda o: job(o).update(apiVersion="batch/v1beta1"),
        "who serves batch/v1beta1?",
    ),
    "a namespace of the survey's own": (
        lambda o: o["Namespace", "minecover"]["metadata"]["labels"].update(
            {"app.kubernetes.io/instance": "dongsheng", "minecover.io/step": "setup"}
        ),
        "Namespace minecover: an administrator's, not dongsheng's",
    ),
    "a queue of the survey's own": (
        lambda o: next(v for (k, _), v in o.items() if k == "ClusterQueue")["metadata"][
            "labels"
        ].update({"app.kubernetes.io/instance": "dongsheng", "minecover.io/step": "setup"}),
        "an administrator's, not dongsheng's",
    ),
    "a label that is none": (
        lambda o: job(o)["metadata"]["labels"].update({"minecover.io/area": "43 km"}),
        "no label is minecover.io/area: 43 km",
    ),
    "an annotation that is no text": (
        lambda o: job(o)["metadata"]["annotations"].update({LEAST + "ism": 1}),
        "no annotation is",
    ),
    "a GPU asked for and none granted": (
        lambda o: worker(o)["template"]["spec"]["containers"][0]["resources"]["requests"].update(
            {"nvidia.com/gpu": 2}
        ),
        "request and limit of nvidia.com/gpu must be equal",
    ),
    "a variable twice": (
        lambda o: box(o)["env"].append({"name": "HOME", "value": "/root"}),
        "variable HOME is there 2 times",
    ),
    "a proxy between the pods": (
        lambda o: box(o)["env"].append({"name": "https_proxy", "value": "http://proxy:3128"}),
        "reaches pods of its own by a proxy",
    ),
    "no last words": (
        lambda o: box(o).pop("terminationMessagePolicy"),
        "does not say in its status why it failed",
    ),
    "one pod that may pull": (
        lambda o: pod(o).update(imagePullSecrets=[{"name": "registry"}]),
        "pods differ in their imagePullSecrets",
    ),
    "one pod without the keys": (
        lambda o: box(o).pop("envFrom"),
        "pods differ in their envFrom",
    ),
    "one pod of another account": (
        lambda o: pod(o).update(serviceAccountName="default"),
        "pods differ in their accounts",
    ),
    "an identity that pods do not use": (
        lambda o: o["ServiceAccount", "dongsheng"]["metadata"].update(
            annotations={"azure.workload.identity/client-id": "0f0f"}
        ),
        "its account is one of Azure, and the pod does not use it",
    ),
    "spread among others": (
        lambda o: pod(o)["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"].update(
            {"minecover.io/step": "features"}
        ),
        "is spread among pods of others",
    ),
    "spread at any price": (
        lambda o: pod(o)["topologySpreadConstraints"][0].update(whenUnsatisfiable="DoNotSchedule"),
        "waits for a zone that has no nodes left",
    ),
    "tokens before there were any": (
        lambda o: ray(o)["rayClusterSpec"].update(rayVersion="2.51.1"),
        "tokens need Ray 2.52",
    ),
    "a head that anybody may use": (
        lambda o: ray(o)["rayClusterSpec"].pop("authOptions"),
        "whoever reaches its head may submit jobs",
    ),
    "a second cluster for a bad survey": (
        lambda o: ray(o).update(backoffLimit=2),
        "builds another cluster after an error in the survey",
    ),
    "workers called head": (
        lambda o: worker(o).update(groupName="head"),
        "Kueue admits no such groups of workers",
    ),
    "KubeRay by Helm shut out": (
        lambda o: operator(o)["from"].pop(0),
        "lets the operator in whose labels are {'app.kubernetes.io/name': 'kuberay-operator'}",
    ),
    "KubeRay by kustomize shut out": (
        lambda o: operator(o)["from"].pop(1),
        "lets the operator in whose labels are {'app.kubernetes.io/name': 'kuberay', ",
    ),
    "KubeRay of this namespace alone": (
        lambda o: [peer.pop("namespaceSelector") for peer in operator(o)["from"]],
        "no NetworkPolicy lets the operator in",
    ),
    "a volume of any class": (
        lambda o: claim(o).pop("storageClassName"),
        "the default class may not have ReadWriteMany",
    ),
    "a volume that nobody tried": (
        lambda o: pod(o, "training-volume")["volumes"].pop(),
        "nobody has tried the volume dongsheng-training before",
    ),
    "files that nobody looked for": (
        lambda o: job(o, "inputs-volume")["spec"]["template"]["metadata"]["labels"].update(
            {"minecover.io/step": "cube"}
        ) or pod(o, "training-volume")["volumes"].pop(2),
        "nobody has tried the volume dongsheng-inputs before",
    ),
    "a taint not tolerated": (
        lambda o: worker(o)["template"]["spec"]["tolerations"].pop(),
        "does not tolerate the taint nvidia.com/gpu of its pool",
    ),
}  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED)
def test_rules_catch(planted: str) -> None:
    change, expected = PLANTED[planted]
    objects = overlay("gpu-pool")
    change({(item["kind"], item["metadata"]["name"]): item for item in objects})
    found = violations(objects)
    assert any(expected in sentence for sentence in found), found


def quota(**more: int) -> dict[str, Any]:
    return {"cpu": 64, "memory": "256Gi", "disk": "512Gi", **more}


PLAIN = {
    "spot": {"labels": {"minecover.io/pool": "spot"}, "quota": quota()},
    "on_demand": {"labels": {"minecover.io/pool": "on-demand"}, "quota": quota()},
    "gpu": {"labels": {"minecover.io/pool": "gpu"}, "quota": quota(gpu=64)},
}

CLUSTERS: dict[str, dict[str, Any]] = {
    "training on one node": {"pools": PLAIN},
    "EKS": {
        "namespace": "surveys",
        "queue": "land-use",
        "kueue": "v1beta1",
        "pools": PLAIN,
        "identity": {
            "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/mines"},
            "variables": {"AWS_REGION": "eu-central-1"},
            "secret": False,
        },
        "image_pull_secrets": ["registry", "mirror"],
    },
    "AKS": {
        "pools": {
            **PLAIN,
            "spot": {
                "labels": {"kubernetes.azure.com/scalesetpriority": "spot"},
                "taints": [{"key": "kubernetes.azure.com/scalesetpriority", "value": "spot"}],
                "quota": quota(),
            },
        },
        "identity": {
            "annotations": {"azure.workload.identity/client-id": "0f0f"},
            "pod_labels": {"azure.workload.identity/use": "true"},
        },
        "training_storage_class": "azurefile",
        "spread": "topology.kubernetes.io/zone",
        "proxies": {"https": "http://proxy.example.org:3128", "without": ["10.0.0.0/8"]},
    },
    "Autopilot": {
        "pools": {
            **PLAIN,
            "spot": {"labels": {"cloud.google.com/gke-spot": "true"}, "quota": quota()},
        },
        "identity": {"annotations": {"iam.gke.io/gcp-service-account": "a@b.iam.example.org"}},
        "node_disk": "10Gi",
        "storage_class": "premium-rwo",
    },
}


@pytest.mark.parametrize("name", CLUSTERS)
def test_clusters_of_other_kinds_take_it(name: str, tmp_path: Path) -> None:
    """One of them has a single pod on tiles at once, another a single index."""
    cluster = Cluster.model_validate(CLUSTERS[name])
    survey = load(ROOT / "examples" / "dongsheng.yaml", store="s3://b/p")
    request = Request(
        "minecover:1", inputs_claim="files", parallelism=1 if name == "AKS" else 32,
        cluster=cluster, completions=1 if name == "EKS" else None,
        overlays=("spot-pool",) if name == "Autopilot" else ("gpu-pool",),
    )  # fmt: skip
    write(render(plan_cluster(survey, request)), tmp_path / "out")
    write(render_admin(cluster), tmp_path / "admin")
    whole = built(tmp_path / "admin")
    objects = built(tmp_path / "out" / "overlays" / request.overlays[0])
    assert violations([*whole, *objects]) == []
    for item in [*whole, *objects]:
        check_schema(item)
