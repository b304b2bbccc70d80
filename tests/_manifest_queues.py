"""What must hold among Kueue's queues and the jobs that wait in them."""

from __future__ import annotations

from collections.abc import Iterator

from _manifest_pods import Object, named, pods_of, quantity

QUEUE = "kueue.x-k8s.io/queue-name"


def queues(objects: list[Object]) -> Iterator[str]:
    local, shared = named(objects, "LocalQueue"), named(objects, "ClusterQueue")
    flavors = named(objects, "ResourceFlavor")
    for name, queue in shared.items():
        if "app.kubernetes.io/instance" not in queue["metadata"]["labels"]:
            yield f"ClusterQueue {name} is of no survey: each would overwrite the others'"
        if "cohortName" not in queue["spec"]:
            yield f"ClusterQueue {name} lends nothing to other surveys"
    for name, flavor in flavors.items():
        if "app.kubernetes.io/instance" in flavor["metadata"]["labels"]:
            yield f"ResourceFlavor {name} is of one survey, and all share it"
    for name, queue in local.items():
        if queue["spec"]["clusterQueue"] not in shared:
            yield f"LocalQueue {name}: no ClusterQueue {queue['spec']['clusterQueue']}"
    for name, queue in shared.items():
        for group in queue["spec"]["resourceGroups"]:
            for flavor in group["flavors"]:
                if flavor["name"] not in flavors:
                    yield f"ClusterQueue {name}: no ResourceFlavor {flavor['name']}"
                if [r["name"] for r in flavor["resources"]] != group["coveredResources"]:
                    yield f"ClusterQueue {name}: resources of {flavor['name']} are not its group's"
    for item in objects:
        queue = item["metadata"].get("labels", {}).get(QUEUE)
        if local and item["kind"] in ("Job", "RayJob") and queue not in local:
            yield f"{item['kind']} {item['metadata']['name']} waits in no queue ({queue})"
        elif local and queue and (whole := shared.get(local[queue]["spec"]["clusterQueue"])):
            yield from _admitted(item, whole, flavors)


def _admitted(item: Object, queue: Object, flavors: dict[str, Object]) -> Iterator[str]:
    """Kueue takes for each set of pods the flavour its node selector names, and its quota."""
    used: dict[tuple[str, str], float] = {}
    elastic = "kueue.x-k8s.io/job-min-parallelism" in item["metadata"].get("annotations", {})
    for pods in pods_of(item):
        wanted = (pods.spec.get("nodeSelector") or {}).items()
        labels = {name: flavor["spec"]["nodeLabels"].items() for name, flavor in flavors.items()}
        fitting = [name for name, own in labels.items() if wanted and wanted <= own]
        if len(fitting) != 1:
            yield f"{pods.name}: its nodes are of no single ResourceFlavor"
            continue
        for taint in flavors[fitting[0]]["spec"].get("nodeTaints", ()):
            if not any(t["key"] == taint["key"] for t in pods.spec.get("tolerations", ())):
                yield f"{pods.name} does not tolerate the taint of its pool"
        for container in pods.spec["containers"]:
            for key, value in container["resources"]["requests"].items():
                count = 1 if elastic else pods.count
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
