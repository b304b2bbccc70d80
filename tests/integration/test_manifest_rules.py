"""Each rule that objects must obey among themselves catches what it is there for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from _manifest_pods import Object
from _manifest_rules import violations
from _manifest_schemas import overlay

Change = Callable[[dict[tuple[str, str], Object]], Any]


def spec_of(objects: dict[tuple[str, str], Object], kind: str, name: str) -> Object:
    spec: Object = objects[kind, f"dongsheng-{name}"]["spec"]
    return spec


def pod(objects: dict[tuple[str, str], Object], job: str = "cube") -> Object:
    found: Object = spec_of(objects, "Job", job)["template"]["spec"]
    return found


def box(objects: dict[tuple[str, str], Object]) -> Object:
    found: Object = pod(objects)["containers"][0]
    return found


def head(objects: dict[tuple[str, str], Object]) -> Object:
    cluster = spec_of(objects, "RayJob", "train")["rayClusterSpec"]
    found: Object = cluster["headGroupSpec"]["template"]["spec"]["containers"][0]
    return found


def head_annotations(objects: dict[tuple[str, str], Object]) -> Object:
    cluster = spec_of(objects, "RayJob", "train")["rayClusterSpec"]
    found: Object = cluster["headGroupSpec"]["template"]["metadata"]["annotations"]
    return found


def workers(objects: dict[tuple[str, str], Object]) -> Object:
    found: Object = spec_of(objects, "RayJob", "train")["rayClusterSpec"]["workerGroupSpecs"][0]
    return found


def failures(objects: dict[tuple[str, str], Object], job: str) -> list[Object]:
    found: list[Object] = spec_of(objects, "Job", job)["podFailurePolicy"]["rules"]
    return found


def cluster_queue(objects: dict[tuple[str, str], Object]) -> Object:
    return next(item for (kind, _), item in objects.items() if kind == "ClusterQueue")


def group(objects: dict[tuple[str, str], Object]) -> Object:
    found: Object = cluster_queue(objects)["spec"]["resourceGroups"][0]
    return found


def rename(item: Object, name: str) -> None:
    item["metadata"]["name"] = name


PLANTED: dict[str, tuple[Change, str]] = {
    "policy without Never": (
        lambda o: pod(o).update(restartPolicy="OnFailure"),
        "podFailurePolicy needs restartPolicy Never",
    ),
    "per index without Indexed": (
        lambda o: spec_of(o, "Job", "cube").pop("completionMode"),
        "backoffLimitPerIndex needs an Indexed Job",
    ),
    "FailIndex in a plain Job": (
        lambda o: failures(o, "select")[1].update(action="FailIndex"),
        "FailIndex needs backoffLimitPerIndex",
    ),
    "bad data tried again": (
        lambda o: failures(o, "cube").pop(1),
        "exit code 2 must be FailIndex",
    ),
    "drained node counted": (
        lambda o: failures(o, "cube").pop(0),
        "a drained node counts",
    ),
    "policy of no container": (
        lambda o: failures(o, "cube")[1]["onExitCodes"].update(containerName="main"),
        "podFailurePolicy names container main",
    ),
    "too many pods at once": (
        lambda o: spec_of(o, "Job", "cube").update(parallelism=100_001),
        "parallelism over 100000",
    ),
    "too many completions for the parallelism": (
        lambda o: spec_of(o, "Job", "cube").update(completions=100_001, parallelism=10_001),
        "over 100000 completions",
    ),
    "more failed indexes than there are": (
        lambda o: spec_of(o, "Job", "cube").update(maxFailedIndexes=12),
        "maxFailedIndexes over completions",
    ),
    "tiles dealt otherwise": (
        lambda o: spec_of(o, "Job", "cube").update(completions=10),
        "dealt to another number of indexes",
    ),
    "GPU on the head": (
        lambda o: head(o)["resources"]["limits"].update({"nvidia.com/gpu": 1}),
        "its head holds a GPU",
    ),
    "another Ray": (
        lambda o: spec_of(o, "RayJob", "train")["rayClusterSpec"].update(rayVersion="2.9.0"),
        "rayVersion 2.9.0",
    ),
    "cluster outlives its job": (
        lambda o: spec_of(o, "RayJob", "train").update(shutdownAfterJobFinishes=False),
        "clusters that end with their job",
    ),
    "nodes held after the job": (
        lambda o: spec_of(o, "RayJob", "train").update(ttlSecondsAfterFinished=600),
        "holds its nodes after Kueue",
    ),
    "fewer workers than the survey counts on": (
        lambda o: workers(o).update(replicas=2, maxReplicas=2),
        "1 workers in its survey, 2 in its cluster",
    ),
    "latest image": (lambda o: box(o).update(image="minecover:latest"), "not of one version"),
    "image without tag": (
        lambda o: box(o).update(image="host:5000/minecover"),
        "not of one version",
    ),
    "mount of no volume": (
        lambda o: box(o)["volumeMounts"].append({"name": "data", "mountPath": "/data"}),
        "mounts data, which is no volume",
    ),
    "no room to write": (
        lambda o: box(o)["volumeMounts"][0].update(mountPath="/scratch"),
        "cannot write to /tmp",
    ),
    "disk without request": (
        lambda o: box(o)["resources"]["requests"].pop("ephemeral-storage"),
        "ephemeral-storage asked for and limit differ",
    ),
    "more disk than requested": (
        lambda o: pod(o)["volumes"][0]["emptyDir"].update(sizeLimit="5Gi"),
        "may write more to its node's disk than it requests",
    ),
    "disk without limit": (
        lambda o: pod(o)["volumes"][0]["emptyDir"].clear(),
        "an emptyDir without limit",
    ),
    "more disk than a node has": (
        lambda o: box(o)["resources"]["requests"].update({"ephemeral-storage": "1Ti"}),
        "requests more disk than a node has",
    ),
    "room that nobody needs": (
        lambda o: pod(o, "select")["volumes"][0]["emptyDir"].update(sizeLimit="50Gi"),
        "much room in /tmp for a step that builds no products",
    ),
    "disk that Kueue does not know": (
        lambda o: (
            [group(o)["coveredResources"].remove("ephemeral-storage")]
            + [flavor["resources"].pop(2) for flavor in group(o)["flavors"]]
        ),
        "has too little ephemeral-storage",
    ),
    "quota that nobody can borrow": (
        lambda o: cluster_queue(o)["spec"].pop("cohortName"),
        "lends nothing to other namespaces",
    ),
    "no such ConfigMap": (
        lambda o: pod(o)["volumes"][1]["configMap"].update(name="other"),
        "no ConfigMap other",
    ),
    "no such claim": (
        lambda o: pod(o)["volumes"][2]["persistentVolumeClaim"].pop("readOnly"),
        "no PersistentVolumeClaim dongsheng-inputs",
    ),
    "another secret": (
        lambda o: box(o)["envFrom"][0]["secretRef"].update(name="keys"),
        "reads the secrets {'keys'}",
    ),
    "key in the open": (
        lambda o: box(o)["env"].append({"name": "AWS_SECRET_ACCESS_KEY", "value": "x"}),
        "AWS_SECRET_ACCESS_KEY is written into",
    ),
    "queue that is not there": (
        lambda o: o["Job", "dongsheng-cube"]["metadata"]["labels"].update(
            {"kueue.x-k8s.io/queue-name": "gold"}
        ),
        "waits in no queue (gold)",
    ),
    "queue of no cluster queue": (
        lambda o: o["LocalQueue", "minecover"]["spec"].update(clusterQueue="gold"),
        "no ClusterQueue gold",
    ),
    "flavour that is not there": (
        lambda o: rename(o["ResourceFlavor", "minecover-gpu"], "gold"),
        "no ResourceFlavor minecover-gpu",
    ),
    "resources in another order": (
        lambda o: group(o)["coveredResources"].reverse(),
        "are not its group's",
    ),
    "more than the quota": (
        lambda o: pod(o, "select")["containers"][0]["resources"].update(
            requests={"cpu": "1", "memory": "999Gi", "ephemeral-storage": "5Gi"},
            limits={"memory": "999Gi", "ephemeral-storage": "5Gi"},
        ),
        "never admitted",
    ),
    "taint not tolerated": (
        lambda o: workers(o)["template"]["spec"].pop("tolerations"),
        "does not tolerate the taint",
    ),
    "privileged": (
        lambda o: box(o)["securityContext"].update(privileged=True),
        "is privileged or may become so",
    ),
    "capabilities": (
        lambda o: box(o)["securityContext"].pop("capabilities"),
        "keeps capabilities",
    ),
    "writable root": (
        lambda o: box(o)["securityContext"].update(readOnlyRootFilesystem=False),
        "may write to its root file system",
    ),
    "root": (lambda o: pod(o)["securityContext"].update(runAsUser=0), "may run as root"),
    "token": (lambda o: pod(o).pop("automountServiceAccountToken"), "mounts a token"),
    "host network": (lambda o: pod(o).update(hostNetwork=True), "shares the host's namespaces"),
    "memory not held": (
        lambda o: box(o)["resources"]["requests"].update(memory="1Mi"),
        "memory asked for and limit differ",
    ),
    "requests over limits": (
        lambda o: box(o)["resources"]["limits"].update(cpu="500m"),
        "requests more cpu than its limit",
    ),
    "budget for nobody": (
        lambda o: spec_of(o, "PodDisruptionBudget", "stage")["selector"].update(
            matchLabels={"a": "b"}
        ),
        "selects no pod",
    ),
    "budget as a share": (
        lambda o: spec_of(o, "PodDisruptionBudget", "stage").update(minAvailable="50%"),
        "an integer minAvailable",
    ),
    "open to all": (
        lambda o: spec_of(o, "NetworkPolicy", "own-pods-only").update(policyTypes=["Egress"]),
        "no NetworkPolicy closes it",
    ),
    "metrics at another port": (
        lambda o: head_annotations(o).update({"prometheus.io/port": "9090"}),
        "is scraped at 9090, which is no port of it",
    ),
    "metrics of which nobody is told": (
        lambda o: head_annotations(o).clear(),
        "has ports and tells Prometheus of none",
    ),
    "Prometheus shut out": (
        lambda o: spec_of(o, "NetworkPolicy", "ray-worker-metrics")["ingress"][0]["ports"].clear(),
        "no NetworkPolicy lets Prometheus in",
    ),
    "no such account": (
        lambda o: pod(o).update(serviceAccountName="root"),
        "no ServiceAccount root",
    ),
    "survey too large": (
        lambda o: o["ConfigMap", "dongsheng-survey"]["data"].update(more="x" * 2**20),
        "larger than 1 MiB",
    ),
    "survey that is not there": (
        lambda o: box(o)["args"].__setitem__(2, "/survey/other.yaml"),
        "no other.yaml",
    ),
    "name too long": (
        lambda o: rename(o["Job", "dongsheng-cube"], "a" * 61),
        "not a DNS label of at most 60",
    ),
    "name with a capital": (
        lambda o: rename(o["RayJob", "dongsheng-train"], "Train"),
        "RayJob Train: not a DNS label",
    ),
    "name too long for Ray": (
        lambda o: rename(o["RayJob", "dongsheng-train"], "a" * 48),
        "not a DNS label of at most 47",
    ),
    "another namespace": (
        lambda o: o["Job", "dongsheng-cube"]["metadata"].update(namespace="default"),
        "namespace default, which is not",
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_rules_catch(planted: str) -> None:
    change, expected = PLANTED[planted]
    objects = overlay("gpu-pool")
    change({(item["kind"], item["metadata"]["name"]): item for item in objects})
    found = violations(objects)
    assert any(expected in sentence for sentence in found), found
