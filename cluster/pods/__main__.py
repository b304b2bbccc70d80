"""Command: `python -m pods FOLDER IMAGE` (as root): maps a simulated district by pods and without.

The pods are those of `minecover manifests`, run by podman one Job after the other; their store and
their images are buckets of a SeaweedFS on this machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

from small_survey import differences, district, say, wait

from minecover.storage.store import Store
from pods.pod import Cluster, Job, jobs_of
from services.s3 import Server, s3_server

STORE = "s3://minecover/pods"
IMAGES = "s3://minecover/images"


def prepare(folder: Path, server: Server, image: str) -> Path:
    """Put a district's images into a bucket, map it in one process, and write its manifests."""
    server.make_bucket("minecover")
    address = server.environment()
    os.environ |= address | {"NUMBA_CACHE_DIR": str(folder / "numba")}
    survey = district(
        folder / "district", url=f"{IMAGES}/catalog.json", s3_endpoint=address["AWS_ENDPOINT_URL"]
    )
    images = folder / "district" / "catalog"
    for file in images.rglob("*"):
        if file.is_file():
            Store(IMAGES).write(str(file.relative_to(images)), file.read_bytes())
    with (folder / "plain.log").open("wb") as log:
        command = ["minecover", "run", survey, "--store", folder / "plain"]
        subprocess.run(command, stdout=log, stderr=log, check=True)
    say("mapped by one process, into a folder")
    options = ["--store", STORE, "--image", image, "--overlay", "one-machine"]
    shares = ["--completions", "3", "--parallelism", "2"]
    command = ["minecover", "manifests", survey, *options, *shares, "--out", folder / "manifests"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return folder / "manifests" / "base"


def end_a_pod(cluster: Cluster, job: Job) -> None:
    """Tell a pod to end while it works on a tile, as a drained node does."""
    leases = f"ledger/{job.step}/"
    pod = cluster.start(job, 0)
    wait("a lease", lambda: any("/leases/" in name for name in Store(STORE).names(leases)))
    pod.terminate()
    code = pod.wait()
    say(f"{job.step}: a pod that held a tile ended after SIGTERM, exit code {code}")
    if code != 75:
        raise SystemExit(pod.log.read_text())


def run(cluster: Cluster, jobs: list[Job]) -> None:
    """Run all Jobs in turn, and end a pod of the first that works on tiles."""
    tiles = next(job for job in jobs if len(job.indexes) > 1)
    for job in jobs:
        if job is tiles:
            end_a_pod(cluster, job)
        codes = cluster.run(job)
        say(f"{job.step}: {len(codes)} pods, exit codes {sorted(chain(*codes))}")
        if any(each[-1] for each in codes):
            raise SystemExit(f"{job.step} failed: see {cluster.folder}/{job.step}-*/log")


def main() -> int:
    """Do the whole experiment; 1 where something is not as it must be."""
    folder, image = Path(sys.argv[1]).resolve(), sys.argv[2]
    folder.mkdir(parents=True)
    with s3_server(folder / "server") as server:
        jobs, maps = jobs_of(prepare(folder, server, image))
        cluster = Cluster(folder / "pods", maps, server.environment())
        run(cluster, jobs)
        different = differences(str(folder / "plain"), STORE)
    say("the same bytes as by one process" if not different else f"different: {different}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
