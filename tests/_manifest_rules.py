"""What must hold among Kubernetes objects and no schema says.

A rule takes all objects of an overlay and yields a sentence for each violation.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Callable, Iterator

import yaml

from _manifest_admission import ADMISSION, CLUSTER_WIDE
from _manifest_pods import Object, all_pods, named, quantity
from _manifest_queues import queues
from _manifest_volumes import claims, disks, volumes

Rule = Callable[[list[Object]], Iterator[str]]

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def one_of_each(objects: list[Object]) -> Iterator[str]:
    seen = set()
    for item in objects:
        key = (item["kind"], item["metadata"]["name"])
        if key in seen:
            yield f"{key} is there twice"
        seen.add(key)
        namespace = item["metadata"].get("namespace")
        if item["kind"] not in CLUSTER_WIDE and namespace not in named(objects, "Namespace"):
            yield f"{key} is in namespace {namespace}, which is not among the objects"
        labels = item["metadata"].get("labels", {})
        if "app.kubernetes.io/instance" in labels and "minecover.io/step" not in labels:
            yield f"{key} belongs to no step"


def names(objects: list[Object]) -> Iterator[str]:
    # what the controllers append: an index and five letters; a Ray cluster's suffix and
    # `-head-svc` (KubeRay takes 47); `-scheduler` (dask-kubernetes takes 53)
    longest = {"RayJob": 47, "DaskCluster": 53}
    for item in objects:
        kind, name = item["kind"], item["metadata"]["name"]
        limit = longest.get(kind, 63)
        if kind == "Job":
            last = str(item["spec"].get("completions", 1) - 1)
            limit = 63 - len(last) - 1 if item["spec"].get("completionMode") == "Indexed" else 57
        if not LABEL.fullmatch(name) or len(name) > limit:
            yield f"{kind} {name}: not a DNS label of at most {limit} characters"


def restricted(objects: list[Object]) -> Iterator[str]:
    for pods in all_pods(objects):
        spec, user = pods.spec, pods.spec.get("securityContext", {})
        if user.get("runAsNonRoot") is not True or not user.get("runAsUser", 0) > 0:
            yield f"{pods.name} may run as root"
        if user.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{pods.name} has no seccomp profile"
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{pods.name} mounts a token"
        if any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
            yield f"{pods.name} shares the host's namespaces"
        if any("hostPath" in volume for volume in spec.get("volumes", ())):
            yield f"{pods.name} mounts a path of the host"
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            yield from _restricted_container(pods.name, container.get("securityContext", {}))


def _restricted_container(name: str, context: Object) -> Iterator[str]:
    if context.get("privileged") or context.get("allowPrivilegeEscalation") is not False:
        yield f"{name} is privileged or may become so"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield f"{name} keeps capabilities"
    if context.get("readOnlyRootFilesystem") is not True:
        yield f"{name} may write to its root file system"


def resources(objects: list[Object]) -> Iterator[str]:
    for pods in all_pods(objects):
        for container in pods.spec["containers"]:
            asked = container.get("resources", {}).get("requests", {})
            limits = container.get("resources", {}).get("limits", {})
            if "cpu" not in asked:
                yield f"{pods.name} requests no cpu"
            for key in ("memory", "ephemeral-storage"):
                if key not in asked or asked[key] != limits.get(key):
                    yield f"{pods.name}: {key} asked for and limit differ"
            for key, limit in limits.items():
                if quantity(asked.get(key, limit)) > quantity(limit):
                    yield f"{pods.name}: requests more {key} than its limit"


def images(objects: list[Object]) -> Iterator[str]:
    for pods in all_pods(objects):
        for container in pods.spec["containers"]:
            image = container["image"]
            tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
            if tag == "latest" or not (tag or "@sha256:" in image):
                yield f"{pods.name}: image {image} is not of one version"


def secrets(objects: list[Object]) -> Iterator[str]:
    expected = {f"{instance}-store" for instance in _instances(objects)}
    for item in objects:
        if item["kind"] == "Secret":
            yield f"Secret {item['metadata']['name']} is written into the manifests"
    for pods in all_pods(objects):
        for container in pods.spec["containers"]:
            sources = {source["secretRef"]["name"] for source in container.get("envFrom", ())}
            if sources and sources != expected:
                yield f"{pods.name} reads the secrets {sources}, the survey's is {expected}"
            for variable in container.get("env", ()):
                if re.search(r"KEY|SECRET|TOKEN|PASSWORD", variable["name"]):
                    yield f"{pods.name}: {variable['name']} is written into the manifests"


def _instances(objects: list[Object]) -> set[str]:
    labels = (item["metadata"].get("labels", {}) for item in objects)
    return {label["app.kubernetes.io/instance"] for label in labels
            if "app.kubernetes.io/instance" in label}  # fmt: skip


def jobs(objects: list[Object]) -> Iterator[str]:
    for name, job in named(objects, "Job").items():
        spec, pod = job["spec"], job["spec"]["template"]["spec"]
        policy = spec.get("podFailurePolicy")
        if policy and pod.get("restartPolicy") != "Never":
            yield f"{name}: podFailurePolicy needs restartPolicy Never"
        per_index = spec.get("backoffLimitPerIndex") is not None
        if per_index and spec.get("completionMode") != "Indexed":
            yield f"{name}: backoffLimitPerIndex needs an Indexed Job"
        if per_index and pod.get("restartPolicy") != "Never":
            yield f"{name}: backoffLimitPerIndex needs restartPolicy Never"
        if "backoffLimit" in spec and per_index:
            yield f"{name}: backoffLimit ends the Job before its indexes are tried"
        yield from _policy(name, policy or {"rules": []}, pod, per_index)
        if spec.get("completionMode") == "Indexed":
            yield from _indexes(name, spec, pod)


def _policy(name: str, policy: Object, pod: Object, per_index: bool) -> Iterator[str]:
    containers = {container["name"] for container in pod["containers"]}
    hopeless = "FailIndex" if per_index else "FailJob"
    actions: dict[int, str] = {}
    disrupted = False
    for rule in policy["rules"]:
        if rule["action"] == "FailIndex" and not per_index:
            yield f"{name}: FailIndex needs backoffLimitPerIndex"
        codes = rule.get("onExitCodes")
        if codes and codes.get("containerName") not in containers:
            yield f"{name}: podFailurePolicy names container {codes.get('containerName')}"
        if codes and 0 in codes["values"] and codes["operator"] == "In":
            yield f"{name}: exit code 0 is no failure"
        for code in codes["values"] if codes else ():
            actions.setdefault(code, rule["action"])
        conditions = [c["type"] for c in rule.get("onPodConditions", ())]
        disrupted |= rule["action"] == "Ignore" and "DisruptionTarget" in conditions
    if not disrupted:
        yield f"{name}: a drained node counts as a failure"
    if actions.get(2) != hopeless or actions.get(75) not in ("Count", "Ignore"):
        yield f"{name}: exit code 2 must be {hopeless} and 75 tried again, not {actions}"


def _indexes(name: str, spec: Object, pod: Object) -> Iterator[str]:
    # kubernetes/pkg/apis/batch/validation: limits of Indexed Jobs
    count, failed = spec["completions"], spec.get("maxFailedIndexes")
    if spec["parallelism"] > 100_000:
        yield f"{name}: parallelism over 100000"
    if failed is not None and failed > min(count, 100_000):
        yield f"{name}: maxFailedIndexes over completions"
    if count > 100_000 and (spec["parallelism"] > 10_000 or (failed or 10**9) > 10_000):
        yield f"{name}: over 100000 completions, parallelism and maxFailedIndexes end at 10000"
    arguments = pod["containers"][0]["args"]
    if arguments[arguments.index("--of") + 1] != str(count):
        yield f"{name}: tiles are dealt to another number of indexes than {count}"


def rays(objects: list[Object]) -> Iterator[str]:
    version = importlib.metadata.version("ray")
    for name, job in named(objects, "RayJob").items():
        spec, cluster = job["spec"], job["spec"]["rayClusterSpec"]
        if cluster["rayVersion"] != version:
            yield f"{name}: rayVersion {cluster['rayVersion']}, the image has {version}"
        if not spec.get("shutdownAfterJobFinishes"):
            yield f"{name}: Kueue admits only clusters that end with their job"
        if spec.get("backoffLimit") != 0:
            yield f"{name}: builds another cluster after an error in the survey"
        if cluster.get("authOptions") != {"mode": "token"}:
            yield f"{name}: whoever reaches its head may submit jobs"
        if spec.get("ttlSecondsAfterFinished") != 0:
            yield f"{name}: holds its nodes after Kueue has given their quota to others"
        head = cluster["headGroupSpec"]
        for container in head["template"]["spec"]["containers"]:
            if "nvidia.com/gpu" in container["resources"]["limits"]:
                yield f"{name}: its head holds a GPU"
        if head["rayStartParams"].get("num-cpus") != "0":
            yield f"{name}: its head takes work"
        for group in cluster["workerGroupSpecs"]:
            if not group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]:
                yield f"{name}: replicas of {group['groupName']} are out of bounds"
            limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
            if group["rayStartParams"]["num-gpus"] != str(limits.get("nvidia.com/gpu", 0)):
                yield f"{name}: Ray is told another number of GPUs than the pod has"
        yield from _counted(objects, name, job)


def _counted(objects: list[Object], name: str, job: Object) -> Iterator[str]:
    """The survey counts on as many workers as the cluster has: more wait, fewer lie idle."""
    groups = job["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    replicas = sum(group["replicas"] for group in groups)
    file = job["spec"]["entrypoint"].split()[-1].rpartition("/")[2]
    for item in named(objects, "ConfigMap").values():
        if file in item.get("data", {}):
            workers = yaml.safe_load(item["data"][file])["engine"]["workers"]
            if workers != replicas:
                yield f"{name}: {workers} workers in its survey, {replicas} in its cluster"


def surveys(objects: list[Object]) -> Iterator[str]:
    for item in objects:
        if item["kind"] == "ConfigMap":
            stored = [len(text.encode()) for text in item.get("data", {}).values()]
            stored += [len(text) for text in item.get("binaryData", {}).values()]
            if sum(stored) > 2**20:
                yield f"ConfigMap {item['metadata']['name']} is larger than 1 MiB"
    keys = {key for item in named(objects, "ConfigMap").values() for key in item.get("data", {})}
    for item in objects:
        for path in re.findall(r"/survey/([-.\w]+)", str(item.get("spec"))):
            if path not in keys:
                yield f"{item['metadata']['name']}: no {path} in the survey's ConfigMap"


def selectors(objects: list[Object]) -> Iterator[str]:
    labels = [pods.labels for pods in all_pods(objects)]
    for item in objects:
        kind, name = item["kind"], item["metadata"]["name"]
        spec = item.get("spec", {})
        chosen = {}
        if kind == "PodDisruptionBudget":
            chosen = spec["selector"]["matchLabels"]
            if not isinstance(spec.get("minAvailable"), int):
                yield f"{kind} {name}: the pods of a Job need an integer minAvailable"
        elif kind == "NetworkPolicy":
            chosen = spec["podSelector"]["matchLabels"]
        elif kind == "DaskCluster":
            chosen = spec["scheduler"]["service"]["selector"]
        if chosen and not any(chosen.items() <= own.items() for own in labels):
            yield f"{kind} {name} selects no pod"
    for pods in all_pods(objects):
        if pods.spec.get("serviceAccountName") not in named(objects, "ServiceAccount"):
            yield f"{pods.name}: no ServiceAccount {pods.spec.get('serviceAccountName')}"
        if not any(_closed(item, pods.labels) for item in objects):
            yield f"{pods.name}: no NetworkPolicy closes it"


def _closed(item: Object, labels: dict[str, str]) -> bool:
    if item["kind"] != "NetworkPolicy" or "Ingress" not in item["spec"]["policyTypes"]:
        return False
    return bool(item["spec"]["podSelector"]["matchLabels"].items() <= labels.items())


def metrics(objects: list[Object]) -> Iterator[str]:
    """Prometheus finds a port that is there, and is let in; what exports metrics says so."""
    for pods in all_pods(objects):
        boxes = pods.spec["containers"]
        ports = {port["containerPort"] for box in boxes for port in box.get("ports", ())}
        if pods.annotations.get("prometheus.io/scrape") != "true":
            if ports:
                yield f"{pods.name}: has ports and tells Prometheus of none"
            continue
        port = int(pods.annotations["prometheus.io/port"])
        if port not in ports:
            yield f"{pods.name}: is scraped at {port}, which is no port of it"
        if not any(_lets_in(item, pods.labels, port) for item in objects):
            yield f"{pods.name}: no NetworkPolicy lets Prometheus in"


def _lets_in(item: Object, labels: dict[str, str], port: int) -> bool:
    if not _closed(item, labels):
        return False
    for rule in item["spec"]["ingress"]:
        spaces = [peer.get("namespaceSelector", {}).get("matchLabels", {}) for peer in rule["from"]]
        told = any("kubernetes.io/metadata.name" in space for space in spaces)
        if told and {"protocol": "TCP", "port": port} in rule.get("ports", ()):
            return True
    return False


RULES: tuple[Rule, ...] = (
    one_of_each, names, restricted, resources, images, volumes, claims, disks, secrets, jobs, rays,
    surveys, selectors, metrics, queues, *ADMISSION,
)  # fmt: skip


def violations(objects: list[Object]) -> list[str]:
    return [sentence for rule in RULES for sentence in rule(objects)]
