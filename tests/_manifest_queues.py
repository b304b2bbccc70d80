"""What must hold among Kueue's queues and the jobs that wait in them."""

from __future__ import annotations

from collections.abc import Iterator

from _manifest_pods import Object, named, pods_of, quantity

QUEUE = "kueue.x-k8s.io/queue-name"
LEAST = "kueue.x-k8s.io/job-min-parallelism"


def queues(objects: list[Object]) -> Iterator[str]:
    local, shared = named(objects, "LocalQueue"), named(objects, "ClusterQueue")
    flavors = named(objects, "ResourceFlavor")
    yield from _lent(local, shared, flavors)
    versions = {item["apiVersion"] for item in objects if "kueue.x-k8s.io/" in item["apiVersion"]}
    if len(versions) > 1:
        yield f"objects of Kueue are of several versions: {sorted(versions)}"
    for item in objects:
        queue = item["metadata"].get("labels", {}).get(QUEUE)
        if queue is not None:
            yield from _elastic(item)
            if queue not in local:
                yield f"{item['kind']} {item['metadata']['name']} waits in no queue ({queue})"
            elif whole := shared.get(local[queue]["spec"]["clusterQueue"]):
                yield from _admitted(item, whole, flavors)
    waiting = [item for item in objects if item["kind"] in ("Job", "RayJob")]
    queued = [item for item in waiting if QUEUE in item["metadata"]["labels"]]
    if queued and len(queued) != len(waiting):
        yield "some Jobs wait in a queue and others in none"


def _lent(
    local: dict[str, Object], shared: dict[str, Object], flavors: dict[str, Object]
) -> Iterator[str]:
    for name, queue in shared.items():
        if not {"cohort", "cohortName"} & {*queue["spec"]}:
            yield f"ClusterQueue {name} lends nothing to other namespaces"
        # kueue/pkg/webhooks/clusterqueue_webhook.go: validateFlavorQuotas
        for group in queue["spec"]["resourceGroups"]:
            for flavor in group["flavors"]:
                if flavor["name"] not in flavors:
                    yield f"ClusterQueue {name}: no ResourceFlavor {flavor['name']}"
                if [r["name"] for r in flavor["resources"]] != group["coveredResources"]:
                    yield f"ClusterQueue {name}: resources of {flavor['name']} are not its group's"
    for name, queue in local.items():
        if queue["spec"]["clusterQueue"] not in shared:
            yield f"LocalQueue {name}: no ClusterQueue {queue['spec']['clusterQueue']}"


def _least(item: Object) -> int | None:
    """Pods that are enough for Kueue to start a Job; None: all of them."""
    least = item["metadata"].get("annotations", {}).get(LEAST)
    return None if least is None else int(least)


def _elastic(item: Object) -> Iterator[str]:
    # kueue/pkg/controller/jobs/job/job_webhook.go: validatePartialAdmissionCreate
    least, spec = _least(item), item["spec"]
    if least is None:
        return
    pods = min(spec.get("parallelism", 1), spec.get("completions", spec.get("parallelism", 1)))
    if not 0 < least < pods:
        yield f"{item['metadata']['name']}: min-parallelism {least} of {pods} pod(s) is refused"


def _admitted(item: Object, queue: Object, flavors: dict[str, Object]) -> Iterator[str]:
    """Kueue takes for each set of pods the flavour its node selector names, and its quota."""
    used: dict[tuple[str, str], float] = {}
    least = _least(item)
    for pods in pods_of(item):
        wanted = (pods.spec.get("nodeSelector") or {}).items()
        labels = {name: flavor["spec"]["nodeLabels"].items() for name, flavor in flavors.items()}
        fitting = [name for name, own in labels.items() if wanted and wanted <= own]
        if len(fitting) != 1:
            yield f"{pods.name}: its nodes are of no single ResourceFlavor"
            continue
        for taint in flavors[fitting[0]]["spec"].get("nodeTaints", ()):
            if not any(t["key"] == taint["key"] for t in pods.spec.get("tolerations", ())):
                yield f"{pods.name} does not tolerate the taint {taint['key']} of its pool"
        for container in pods.spec["containers"]:
            for key, value in container["resources"]["requests"].items():
                count = pods.count if least is None else least
                place = (fitting[0], key)
                used[place] = used.get(place, 0) + count * quantity(value)
    for (flavor, resource), amount in used.items():
        if amount > _quota(queue, flavor, resource):
            name = item["metadata"]["name"]
            yield f"{name} is never admitted: {flavor} has too little {resource}"


def _quota(queue: Object, flavor: str, resource: str) -> float:
    for group in queue["spec"]["resourceGroups"]:
        for held in group["flavors"]:
            for quota in held["resources"] if held["name"] == flavor else ():
                if quota["name"] == resource:
                    return quantity(quota["nominalQuota"])
    return 0.0
