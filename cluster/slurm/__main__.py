"""Command: `python -m slurm FOLDER` (as root): maps a simulated district by Slurm and without."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from minecover.demo.district import build_district
from slurm.controller import Slurm, SlurmError, running_slurm

SIZE, TILE = 96, 32
"""Pixels of the district's edge and of a tile's: nine tiles."""

PATIENCE = 1200.0
"""Seconds that a step of the experiment may take on a busy machine."""

COMPARED = ("cube.zarr", "map.zarr", "selection.json", "accuracy.json", "products/landuse.tif")


def say(text: str) -> None:
    """Print with the time."""
    print(time.strftime("%H:%M:%S"), text, flush=True)


def wait(what: str, ready: Callable[[], bool]) -> None:
    """Wait until something is so; `what` names it."""
    end = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > end:
            raise SlurmError(f"{what}: not within {PATIENCE:.0f} s")
        time.sleep(0.5)


def district(folder: Path) -> Path:
    """Write a simulated district, and a survey of it in nine tiles."""
    survey = build_district(folder, size=SIZE, points_scale=4).survey
    content = yaml.safe_load(survey.read_text(encoding="utf-8"))
    content["grid"]["tile"] = TILE
    content |= {"model": {"kind": "rf"}, "features": {"keep": "none"}}
    content["samples"] |= {"block": 240, "folds": 3}
    content["selection"] = {"keep": 20, "trees": 50}
    content["engine"] = {"tiles": "local", "prediction": "local", "training": "local", "workers": 1}
    survey.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return survey


def submit(slurm: Slurm, scripts: Path) -> dict[str, str]:
    """Submit the survey, and give the number of each step's job."""
    printed = slurm.call("sh", str(scripts / "run.sh"))
    return dict(line.replace(": job ", " ").split() for line in printed.splitlines())


def cancel_a_task(slurm: Slurm, scripts: Path) -> None:
    """Cancel a running task: what depends on it is not started."""
    jobs = submit(slurm, scripts)
    say(f"submitted: {jobs}")
    wait("a task runs", lambda: "RUNNING" in slurm.tasks(jobs["cube"]).values())
    time.sleep(1)
    task = next(k for k, state in slurm.tasks(jobs["cube"]).items() if state == "RUNNING")
    slurm.call("scancel", f"{jobs['cube']}_{task}")
    say(f"cancelled task {task} of cube")
    wait("the queue is empty", lambda: not slurm.queued())
    log = (scripts / "logs" / f"cube-{task}.log").read_text(encoding="utf-8")
    say(f"the queue is empty; last line of the task: {log.strip().splitlines()[-1:]}")


def drain_the_node(slurm: Slurm, scripts: Path) -> None:
    """Submit again, drain the node amid the cube's tasks, and give it back."""
    jobs = submit(slurm, scripts)
    say(f"submitted again: {jobs}")
    wait("a task runs", lambda: "RUNNING" in slurm.tasks(jobs["cube"]).values())
    slurm.drain()
    before = slurm.tasks(jobs["cube"])
    say(f"node drained; tasks of cube: {sorted(before.values())}")
    wait("running tasks end", lambda: "RUNNING" not in slurm.tasks(jobs["cube"]).values())
    time.sleep(3)
    after = slurm.tasks(jobs["cube"])
    say(f"running tasks ended, tasks of cube that wait: {len(after)}")
    if not after or set(after.values()) != {"PENDING"}:
        raise SlurmError(f"a drained node took work: {after}")
    slurm.resume()
    say("node given back")
    wait("the queue is empty", lambda: not slurm.queued())


def count_restarts(slurm: Slurm, scripts: Path) -> None:
    """Run what always ends with 75: it comes back ten times, and no more."""
    log = scripts / "logs" / "faulty.log"
    log.parent.mkdir()
    command = ["sbatch", "--parsable", f"--output={log}", str(scripts / "job.sbatch")]
    slurm.call(*command, "sh", "-c", "echo run; exit 75")
    wait("the faulty job is given up", lambda: not slurm.queued())
    lines = log.read_text(encoding="utf-8").splitlines()
    runs = lines.count("run")
    say(f"a job that always ends with 75 ran {runs} times; {lines[-1]}")
    if runs != 11 or "given up" not in lines[-1]:
        raise SlurmError(f"{runs} runs: {lines[-1]}")


def differences(one: Path, other: Path) -> list[str]:
    """Names of files that are not the same bytes in both stores."""
    missing = [name for name in COMPARED if not (one / name).exists()]
    if missing:
        raise SlurmError(f"{one} has no {', '.join(missing)}")
    files = [
        path.relative_to(one)
        for name in COMPARED
        for path in ([one / name] if (one / name).is_file() else sorted((one / name).rglob("*")))
        if path.is_file()
    ]
    say(f"{len(files)} files compared")
    return [
        str(name)
        for name in files
        if not (other / name).is_file() or (one / name).read_bytes() != (other / name).read_bytes()
    ]


def main() -> int:
    """Do the whole experiment; 1 where something is not as it must be."""
    folder = Path(sys.argv[1]).resolve()
    os.environ["NUMBA_CACHE_DIR"] = str(folder / "numba")
    survey, scripts = district(folder / "district"), folder / "scripts"
    plain, ours = folder / "plain", folder / "slurm-store"
    subprocess.run(
        ["minecover", "run", survey, "--store", plain], stdout=subprocess.DEVNULL, check=True
    )
    say("mapped without Slurm")
    made = ["--store", ours, "--slurm", "--completions", "9", "--memory", "2Gi", "--out", scripts]
    subprocess.run(["minecover", "manifests", survey, *made], check=True)
    with running_slurm(folder / "slurm") as slurm:
        version, cpus = slurm.call("sinfo", "--version"), slurm.call("sinfo", "-h", "-o", "%c")
        say(f"{version}, one node of {cpus} CPUs")
        count_restarts(slurm, scripts)
        cancel_a_task(slurm, scripts)
        drain_the_node(slurm, scripts)
    different = differences(plain, ours)
    say("the same bytes as without Slurm" if not different else f"different: {different}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
