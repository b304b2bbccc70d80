"""What a pod's specification says, as options of podman: the part of it that our Jobs use."""

from __future__ import annotations

import base64
import itertools
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["PODMAN", "Cluster", "Job", "jobs_of"]

PODMAN = ("podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs")
"""Bookworm's crun refuses hybrid cgroups."""

LIMITS = ("--ulimit", "nofile=20000:20000", "--ulimit", "nproc=30000:30000", "--shm-size", "64m")
"""Of every pod; where they may not be raised, limits of the machine must be named."""

Spec = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A Job, by its manifest."""

    document: Spec

    @property
    def step(self) -> str:
        """Its name within the survey."""
        return str(self.document["metadata"]["labels"]["minecover.io/step"])

    @property
    def indexes(self) -> range:
        """Indexes of its pods; a Job without has one."""
        return range(self.document["spec"].get("completions", 1))

    @property
    def attempts(self) -> int:
        """How many pods may be started for one index."""
        spec = self.document["spec"]
        return 1 + int(spec.get("backoffLimitPerIndex", spec.get("backoffLimit", 6)))


def jobs_of(base: Path) -> tuple[list[Job], dict[str, Spec]]:
    """Read the Jobs of a kustomization in their order, and its ConfigMaps by name."""
    kustomization = yaml.safe_load((base / "kustomization.yaml").read_text(encoding="utf-8"))
    documents = [
        document
        for name in kustomization["resources"]
        for document in yaml.safe_load_all((base / name).read_text(encoding="utf-8"))
    ]
    maps = {d["metadata"]["name"]: d for d in documents if d["kind"] == "ConfigMap"}
    return [Job(each) for each in documents if each["kind"] == "Job"], maps


class Cluster:
    """Runs the pods of Jobs on this machine, on its own network.

    Parameters
    ----------
    folder
        Gets what pods mount.
    maps
        ConfigMaps by name.
    secret
        Variables that every Secret holds.
    """

    def __init__(self, folder: Path, maps: Mapping[str, Spec], secret: Mapping[str, str]) -> None:
        self.folder, self.maps, self.numbers = folder, maps, itertools.count()
        folder.mkdir(mode=0o755)
        self.secret = folder / "secret.env"
        self.secret.touch(mode=0o600)
        self.secret.write_text("".join(f"{name}={value}\n" for name, value in secret.items()))

    def run(self, job: Job) -> list[list[int]]:
        """Run a Job to its end: the exit codes of each index's pods."""
        with ThreadPoolExecutor(job.document["spec"].get("parallelism", 1)) as pool:
            return list(pool.map(lambda index: self._index(job, index), job.indexes))

    def _index(self, job: Job, index: int) -> list[int]:
        codes: list[int] = []
        while len(codes) < job.attempts and (not codes or codes[-1] not in (0, 2)):
            codes.append(self.start(job, index).wait())
        return codes

    def start(self, job: Job, index: int) -> Pod:
        """Start the pod of an index."""
        name = f"{job.step}-{index}-{next(self.numbers)}"
        own = self.folder / name
        own.mkdir()
        options = [*self._options(job.document["spec"]["template"]["spec"], own)]
        if job.document["spec"].get("completionMode") == "Indexed":
            options[:0] = ["--env", f"JOB_COMPLETION_INDEX={index}"]
        return Pod(f"minecover-{name}", options, own / "log")

    def _options(self, spec: Spec, own: Path) -> Iterator[str]:
        (container,) = spec["containers"]
        user, rights = spec["securityContext"], container["securityContext"]
        yield from ("--user", f"{user['runAsUser']}:{user['runAsGroup']}")
        yield from (
            f"--read-only={str(rights['readOnlyRootFilesystem']).lower()}",
            "--network",
            "host",
        )
        yield from (f"--cap-drop={name}" for name in rights["capabilities"]["drop"])
        if not rights["allowPrivilegeEscalation"]:
            yield "--security-opt=no-new-privileges"
        memory = container["resources"]["limits"]["memory"].removesuffix("Mi")
        yield from (f"--memory={memory}m", f"--memory-swap={memory}m", *LIMITS)
        yield from (f"--env={each['name']}={each['value']}" for each in container["env"])
        yield from (f"--env-file={self.secret}" for _ in container.get("envFrom", ()))
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for mount in container["volumeMounts"]:
            place = self._volume(volumes[mount["name"]], own / mount["name"])
            mode = "ro" if mount.get("readOnly") else "rw"
            yield f"--volume={place}:{mount['mountPath']}:{mode}"
        yield from (container["image"], *container["args"])

    def _volume(self, volume: Spec, place: Path) -> Path:
        place.mkdir()
        if "emptyDir" in volume:
            place.chmod(0o777)
            return place
        content = self.maps[volume["configMap"]["name"]]
        for name, text in content.get("data", {}).items():
            (place / name).write_text(text, encoding="utf-8")
        for name, text in content.get("binaryData", {}).items():
            (place / name).write_bytes(base64.b64decode(text))
        return place


class Pod:
    """A running pod."""

    def __init__(self, name: str, options: list[str], log: Path) -> None:
        self.name, self.log = name, log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [*PODMAN, "run", "--rm", "--name", name, *options], stdout=file, stderr=file
            )

    def wait(self) -> int:
        """Wait for its exit code."""
        return self.process.wait()

    def terminate(self) -> None:
        """Tell it to end, as a node that is drained does."""
        subprocess.run(
            [*PODMAN, "kill", "--signal", "TERM", self.name], check=True, stdout=subprocess.DEVNULL
        )
