"""What servers and clouds refuse or ignore beyond schemas, each rule with where that is decided."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from _manifest_pods import Object, Pods, all_pods, named

CLUSTER_WIDE = ("Namespace", "ClusterQueue", "ResourceFlavor")
KEY = re.compile(
    r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?", re.ASCII
)
VALUE = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)

VERSIONS = {
    "v1": "Kubernetes", "batch/v1": "Kubernetes", "policy/v1": "Kubernetes",
    "networking.k8s.io/v1": "Kubernetes", "ray.io/v1": "KubeRay from 1.0",
    "kueue.x-k8s.io/v1beta1": "Kueue before 0.20", "kueue.x-k8s.io/v1beta2": "Kueue from 0.15",
    "kubernetes.dask.org/v1": "Dask operator",
}  # fmt: skip

OPERATORS = (
    {"app.kubernetes.io/name": "kuberay-operator"},
    {"app.kubernetes.io/name": "kuberay", "app.kubernetes.io/component": "kuberay-operator"},
)
"""Labels of KubeRay's own pod: helm-chart/kuberay-operator, ray-operator/config/manager."""


def versions(objects: list[Object]) -> Iterator[str]:
    for item in objects:
        if item["apiVersion"] not in VERSIONS:
            yield f"{item['kind']} {item['metadata']['name']}: who serves {item['apiVersion']}?"


def owners(objects: list[Object]) -> Iterator[str]:
    """An account that may write in one namespace can apply a whole survey."""
    for item in objects:
        survey = item["metadata"].get("labels", {}).get("app.kubernetes.io/instance")
        if survey is not None and item["kind"] in CLUSTER_WIDE:
            yield f"{item['kind']} {item['metadata']['name']}: an administrator's, not {survey}'s"


def labels(objects: list[Object]) -> Iterator[str]:
    # apimachinery/pkg/apis/meta/v1/validation: ValidateLabels; annotations by their keys alone
    places = [(item["metadata"]["name"], item["metadata"]) for item in objects]
    places += [
        (p.name, {"labels": p.labels, "annotations": p.annotations}) for p in all_pods(objects)
    ]
    for name, held in places:
        for key, value in (held.get("labels") or {}).items():
            if not KEY.fullmatch(key) or not isinstance(value, str) or not VALUE.fullmatch(value):
                yield f"{name}: no label is {key}: {value}"
        for key, value in (held.get("annotations") or {}).items():
            if not KEY.fullmatch(key) or not isinstance(value, str):
                yield f"{name}: no annotation is {key}: {value}"


def extended_resources(objects: list[Object]) -> Iterator[str]:
    # kubernetes/pkg/apis/core/validation: ValidateContainerResourceRequirements
    for pods in all_pods(objects):
        for box in pods.spec["containers"]:
            asked, limits = (box["resources"].get(part, {}) for part in ("requests", "limits"))
            for key in asked.keys() | limits.keys():
                if "/" in key and asked.get(key, limits.get(key)) != limits.get(key):
                    yield f"{pods.name}: request and limit of {key} must be equal"


def variables(objects: list[Object]) -> Iterator[str]:
    # kubernetes/pkg/apis/core/validation: ValidateEnv; what is given twice counts as given last
    for pods in all_pods(objects):
        for box in pods.spec["containers"]:
            for name, count in Counter(env["name"] for env in box.get("env", ())).items():
                if count > 1 or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
                    yield f"{pods.name}: variable {name} is there {count} times, or is none"
            known = {env["name"]: env.get("value", "") for env in box.get("env", ())}
            if {"http_proxy", "https_proxy"} & {*known} and ".svc" not in known.get("no_proxy", ""):
                yield f"{pods.name}: reaches pods of its own by a proxy"
            if box.get("terminationMessagePolicy") != "FallbackToLogsOnError":
                yield f"{pods.name}: does not say in its status why it failed"


def alike(objects: list[Object]) -> Iterator[str]:
    """What pods have from the cluster file, all of them have."""
    looks: dict[str, Callable[[Pods], Any]] = {
        "imagePullSecrets": lambda pods: pods.spec.get("imagePullSecrets"),
        "accounts": lambda pods: pods.spec.get("serviceAccountName"),
        "envFrom": lambda pods: [box.get("envFrom") for box in pods.spec["containers"]],
        "proxies": lambda pods: [
            env for box in pods.spec["containers"] for env in box.get("env", ())
            if env["name"].lower().endswith("_proxy")
        ],
    }  # fmt: skip
    for what, look in looks.items():
        found = {str(look(pods)) for pods in all_pods(objects)}
        if len(found) > 1:
            yield f"pods differ in their {what}: {sorted(found)}"


def identities(objects: list[Object]) -> Iterator[str]:
    # azure-workload-identity/pkg/webhook: a pod without the label gets no token of its account's
    accounts = named(objects, "ServiceAccount")
    for pods in all_pods(objects):
        account = accounts.get(pods.spec.get("serviceAccountName"), {"metadata": {}})
        known = account["metadata"].get("annotations", {})
        used = pods.labels.get("azure.workload.identity/use") == "true"
        if "azure.workload.identity/client-id" in known and not used:
            yield f"{pods.name}: its account is one of Azure, and the pod does not use it"


def spreads(objects: list[Object]) -> Iterator[str]:
    # kubernetes/pkg/scheduler: constraints count the pods that their own selector finds
    for pods in all_pods(objects):
        for constraint in pods.spec.get("topologySpreadConstraints", ()):
            if not constraint["labelSelector"]["matchLabels"].items() <= pods.labels.items():
                yield f"{pods.name}: is spread among pods of others"
            if constraint["whenUnsatisfiable"] != "ScheduleAnyway":
                yield f"{pods.name}: waits for a zone that has no nodes left"


def ray_rules(objects: list[Object]) -> Iterator[str]:
    heads = False
    for name, job in named(objects, "RayJob").items():
        heads, spec = True, job["spec"]["rayClusterSpec"]
        # kuberay/ray-operator/controllers/ray/utils/validation.go: ValidateRayClusterSpec
        release = [int(part) for part in spec["rayVersion"].split(".")[:2]]
        if spec.get("authOptions", {}).get("mode") == "token" and release < [2, 52]:
            yield f"{name}: tokens need Ray 2.52"
        # kueue/pkg/controller/jobs/raycluster: one set of pods each, eight at most with the head
        groups = [group["groupName"] for group in spec["workerGroupSpecs"]]
        if len(groups) > 7 or "head" in groups or job["spec"].get("clusterSelector"):
            yield f"{name}: Kueue admits no such groups of workers: {groups}"
    for labels_ in OPERATORS if heads else ():
        if not any(_admits(item, labels_) for item in objects):
            yield f"no NetworkPolicy lets the operator in whose labels are {labels_}"


def _admits(item: Object, wanted: dict[str, str]) -> bool:
    if item["kind"] != "NetworkPolicy":
        return False
    peers = [peer for rule in item["spec"].get("ingress", ()) for peer in rule.get("from", ())]
    return any(
        "namespaceSelector" in peer and peer.get("podSelector", {}).get("matchLabels") == wanted
        for peer in peers
    )


ADMISSION = (
    versions, owners, labels, extended_resources, variables, alike, identities, spreads, ray_rules,
)  # fmt: skip
