"""Stands in for `kubectl`, of which the tests have no cluster: what is applied is kept in a file.

`kustomize` and `label --local` need no cluster and are kubectl's own, as is the evaluation of a
JSONPath. The file `cluster.json` beside this program holds

- ``objects``: `KIND/NAME`, as kubectl prints it, to the object's labels,
- ``refuse``: steps whose objects are refused,
- ``states``: `KIND/NAME` to the statuses that it has one after the other.
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


def status(cluster: dict[str, Any], key: str, path: str) -> int:
    queue = cluster["states"].get(key, [])
    now = queue.pop(0) if queue else ENDED[key.partition("/")[0]]
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "status": now}
    command = [REAL, "label", "--local", "-f", "-", "a=b", "-o", path]
    return subprocess.run(command, input=json.dumps(item), text=True, check=False).returncode


def main(arguments: list[str]) -> int:
    if arguments[0] in ("kustomize", "label"):
        os.execv(REAL, [REAL, *arguments])
    file = HERE / "cluster.json"
    cluster = json.loads(file.read_text(encoding="utf-8"))
    if arguments[0] == "apply":
        code = apply(cluster, arguments[arguments.index("-l") + 1])
    elif "-l" in arguments:
        code = named(cluster, arguments[3], arguments[arguments.index("-l") + 1])
    else:
        code = status(cluster, arguments[3], arguments[-1])
    file.write_text(json.dumps(cluster), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
