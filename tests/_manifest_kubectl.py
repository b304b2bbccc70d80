"""Stands in for `kubectl`, of which the tests have no cluster: what is applied is kept in a file.

`kustomize` and `label --local` need no cluster and are kubectl's own, as is the evaluation of a
JSONPath. The file `cluster.json` beside this program holds

- ``objects``: `KIND/NAME`, as kubectl prints it, to the object's labels,
- ``present``: `KIND/NAME` of objects that others made, and groups of APIs that are served,
- ``refuse``: steps whose objects are refused,
- ``states``: `KIND/NAME` to the statuses that it has one after the other,
- ``lists``: what is found of other kinds, whatever the selector: pods, events, workloads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REAL = os.environ["REAL_KUBECTL"]
GROUPS = {"Job": "job.batch", "RayJob": "rayjob.ray.io"}
ENDED = {
    "job.batch": {"conditions": [{"type": "Complete", "status": "True"}]},
    "rayjob.ray.io": {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"},
}


def documents(text: str) -> list[dict[str, Any]]:
    """Objects of YAML, or of JSON one after the other."""
    if not text.startswith("{"):
        import yaml  # slow: most calls need none

        return list(yaml.load_all(text, yaml.CSafeLoader))
    found, rest, decoder = [], text, json.JSONDecoder()
    while rest := rest.lstrip():
        item, end = decoder.raw_decode(rest)
        found.append(item)
        rest = rest[end:]
    return found


def selected(labels: dict[str, str], selector: str) -> bool:
    for term in selector.split(","):
        key, _, value = term.partition("!=" if "!=" in term else "=")
        if (labels.get(key) == value) == ("!=" in term):
            return False
    return True


def apply(cluster: dict[str, Any], selector: str) -> int:
    step = selector.removeprefix("minecover.io/step=")
    chosen = [
        item
        for item in documents(sys.stdin.read())
        if item["metadata"]["labels"]["minecover.io/step"] == step
    ]
    if not chosen or step in cluster["refuse"]:
        why = "error: the server refused" if chosen else "error: no objects passed to apply"
        print(why, file=sys.stderr)
        return 1
    for item in chosen:
        kind, name = item["kind"], item["metadata"]["name"]
        key = f"{GROUPS.get(kind, kind.lower())}/{name}"
        cluster["objects"][key] = item["metadata"]["labels"]
        cluster["applied"].append(key)
        print(key)
    return 0


def named(cluster: dict[str, Any], kinds: str, selector: str) -> int:
    groups = tuple(f"{kind}." for kind in kinds.split(","))
    for key, labels in cluster["objects"].items():
        if key.startswith(groups) and selected(labels, selector):
            print(key)
    return 0


def printed(item: dict[str, Any], path: str) -> int:
    """Print what a JSONPath, as kubectl evaluates it, finds in an object."""
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}} | item
    command = [REAL, "label", "--local", "-f", "-", "a=b", "-o", path]
    return subprocess.run(command, input=json.dumps(item), text=True, check=False).returncode


def status(cluster: dict[str, Any], key: str, path: str) -> int:
    """Print of an object's status; whoever looks at its state finds the next one."""
    now = cluster["now"].get(key, {})
    if "jobDeploymentStatus" in path or '=="True"' in path:
        queue = cluster["states"].get(key, [])
        now = queue.pop(0) if queue else ENDED[key.partition("/")[0]]
        cluster["now"][key] = now
    return printed({"status": now}, path)


def get(cluster: dict[str, Any], what: str, arguments: list[str]) -> int:
    path = arguments[-1]
    if what in cluster["lists"]:
        # `label` would take an object with items apart
        found = {"spec": {"items": cluster["lists"][what]}}
        return printed(found, path.replace(".items[*]", ".spec.items[*]"))
    if what == "pod":
        pods = {pod["metadata"]["name"]: pod for pod in cluster["lists"]["pods"]}
        return printed(pods[arguments[4]], path)
    if "-l" in arguments and path == "name":
        return named(cluster, what, arguments[arguments.index("-l") + 1])
    if what.startswith(tuple(ENDED)):
        return status(cluster, what, path)
    if what in cluster["present"]:
        print(what)
        return 0
    print(f'Error from server (NotFound): "{what}" not found', file=sys.stderr)
    return 1


def delete(cluster: dict[str, Any], kinds: str, arguments: list[str]) -> int:
    if "-l" not in arguments:
        del cluster["objects"][kinds]
        return 0
    selector = arguments[arguments.index("-l") + 1]
    wanted = {kind.partition(".")[0] for kind in kinds.split(",")}
    for key, labels in list(cluster["objects"].items()):
        if key.partition("/")[0].partition(".")[0] + "s" in wanted and selected(labels, selector):
            del cluster["objects"][key]
            print(f"{key} deleted")
    return 0


def main(arguments: list[str]) -> int:
    if arguments[0] in ("kustomize", "label"):
        os.execv(REAL, [REAL, *arguments])
    file = HERE / "cluster.json"
    cluster = json.loads(file.read_text(encoding="utf-8"))
    if arguments[0] == "apply":
        code = apply(cluster, arguments[arguments.index("-l") + 1])
    elif arguments[0] == "api-resources":
        group = arguments[1].removeprefix("--api-group=")
        print(group if group in cluster["present"] else "")
        code = 0
    else:
        verb = {"get": get, "delete": delete}[arguments[2]]
        code = verb(cluster, arguments[3], arguments)
    file.write_text(json.dumps(cluster), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
