"""Objects of Kubernetes, and the pods they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

UNITS = {"": 1, "m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


@dataclass(frozen=True)
class Pods:
    """Equal pods that an object stands for: which, how many, and with which labels."""

    owner: Object
    part: str
    count: int
    labels: dict[str, str]
    spec: Object
    annotations: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.owner['kind']} {self.owner['metadata']['name']} ({self.part})"


def pods_of(item: Object) -> Iterator[Pods]:
    """Pods of an object, labelled as their controllers label them."""
    kind, spec = item["kind"], item.get("spec", {})
    if kind == "Job":
        template = spec["template"]
        yield _templated(item, "pod", spec.get("parallelism", 1), template)
    elif kind == "RayJob":
        submitter, cluster = spec["submitterPodTemplate"], spec["rayClusterSpec"]
        head = cluster["headGroupSpec"]["template"]
        yield _templated(item, "submitter", 1, submitter)
        yield _templated(item, "head", 1, head)
        for group in cluster["workerGroupSpecs"]:
            yield _templated(item, group["groupName"], group["replicas"], group["template"])
    elif kind == "DaskCluster":
        # dask-kubernetes 2026.3: build_scheduler_deployment_spec, build_worker_deployment_spec
        own = {**item["metadata"]["labels"], "dask.org/cluster-name": item["metadata"]["name"]}
        for part, count in (("scheduler", 1), ("worker", spec["worker"].get("replicas", 3))):
            labels = {**own, "dask.org/component": part}
            told = spec[part].get("metadata", {}).get("annotations", {})
            yield Pods(item, part, count, labels, spec[part]["spec"], told)


def _templated(item: Object, part: str, count: int, template: Object) -> Pods:
    known = template["metadata"]
    return Pods(item, part, count, known["labels"], template["spec"], known.get("annotations", {}))


def all_pods(objects: list[Object]) -> list[Pods]:
    return [pods for item in objects for pods in pods_of(item)]


def quantity(value: Any) -> float:
    """Cores, bytes or pieces of a resource quantity."""
    match = re.fullmatch(r"([0-9.]+)(m|[KMGT]i)?", str(value))
    assert match, f"{value} is no quantity"
    return float(match[1]) * UNITS[match[2] or ""]


def named(objects: list[Object], kind: str) -> dict[str, Object]:
    return {item["metadata"]["name"]: item for item in objects if item["kind"] == kind}
