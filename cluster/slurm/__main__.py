"""Command: `python -m slurm FOLDER` (as root): maps a simulated district by Slurm and without."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from small_survey import differences, district, say, wait

from minecover.planning.simulation import Pool, simulate
from minecover.survey import load
from scaling.measure import markers_of
from slurm.controller import Slurm, SlurmError, running_slurm


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


def simulate_the_tiles(survey: Path, plain: Path, ours: Path, cpus: int) -> None:
    """Hold how long an array job of tiles took against the simulation of `minecover scale`.

    The simulation knows what tiles took without Slurm, and how long a process is busy before its
    first tile: as long as one that finds all tiles done.
    """
    began = time.monotonic()
    tile = ["minecover", "tile", survey, "--stage", "predict", "--index", "0", "--of", "9"]
    subprocess.run([*tile, "--store", plain], stdout=subprocess.DEVNULL, check=True)
    start = time.monotonic() - began
    alone, array = (
        markers_of(load(survey, store=str(store)), "predict") for store in (plain, ours)
    )
    seconds = np.array([marker["facts"]["seconds"] for marker in alone])
    pool = Pool(cpus, start=start, renewed=1)
    expected = simulate(seconds, pool, np.random.default_rng(0)).seconds
    first = min(marker["at"] - marker["facts"]["seconds"] for marker in array)
    took = max(marker["at"] for marker in array) - first + start
    say(
        f"predict: {len(array)} tasks on {cpus} CPUs took {took:.1f} s; simulated from tiles of "
        f"{seconds.mean():.2f} s and starts of {start:.1f} s: {expected:.1f} s, "
        f"{expected / took - 1:+.0%}"
    )


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
    simulate_the_tiles(survey, plain, ours, int(cpus))
    different = differences(str(plain), str(ours))
    say("the same bytes as without Slurm" if not different else f"different: {different}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
