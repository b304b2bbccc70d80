"""Fill in the templates of a survey or of a cluster, and write them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from minecover.engines.registry import ENGINES
from minecover.errors import SurveyError
from minecover.kubernetes.cluster import POOLS, Cluster
from minecover.kubernetes.demand import check_demand
from minecover.kubernetes.jobs import StageJob
from minecover.kubernetes.names import queue_name
from minecover.kubernetes.plan import ClusterPlan
from minecover.kubernetes.slurm import SlurmPlan

__all__ = ["render", "render_admin", "render_slurm", "write"]

MACROS = {
    "pod": "_pod.yaml.j2",
    "jobs": "_job.yaml.j2",
    "ray": "overlays/_ray.yaml.j2",
    "pools": "overlays/_pools.yaml.j2",
}


def render(plan: ClusterPlan) -> dict[str, str]:
    """Fill in the base, the overlays of the plan and the scripts that run and remove them.

    Returns
    -------
    Text of each file by its path inside the folder, in a fixed order; the same plan gives the same
    bytes.

    Raises
    ------
    SurveyError
        No quota of the cluster file admits the survey's pods.
    """
    check_demand(plan)
    environment = _environment(plan)
    own = ("setup.yaml", "survey.yaml", *(("volumes.yaml",) if plan.inputs_claim else ()))
    files = {name: _fill(environment, f"base/{name}") for name in own}
    for job in plan.jobs:
        template = "indexed-job.yaml" if job.tiles else "job.yaml"
        files[f"{job.step}.yaml"] = _fill(environment, f"base/{template}", job=job)
    files["kustomization.yaml"] = _fill(environment, "base/kustomization.yaml")
    result = {f"base/{name}": text for name, text in files.items()}
    for name in _overlay_templates(environment, plan):
        result[name] = _fill(environment, name)
    return result | {name: _fill(environment, name) for name in ("run.sh", "clean.sh")}


def render_admin(cluster: Cluster) -> dict[str, str]:
    """Fill in what an administrator applies once: the namespace, the pools and their queue.

    Returns
    -------
    Text of each file by its name.

    Raises
    ------
    SurveyError
        No pool has a quota.
    """
    pools = {name: cluster.pools[name] for name in POOLS if cluster.pools[name].quota is not None}
    if not pools:
        raise SurveyError(
            "--admin: no pool has a quota; give a cluster file by --cluster with what surveys may "
            "use, as in pools: {spot: {labels: ..., quota: {cpu: 400, memory: 1600Gi, disk: 9Gi}}}"
        )
    environment = _templates()
    environment.globals |= {
        "cluster": cluster,
        "pools": pools,
        "gpu": any(pool.quota is not None and pool.quota.gpu for pool in pools.values()),
        "cluster_queue": queue_name(cluster.namespace, cluster.queue),
    }
    names = ("namespace.yaml", "queues.yaml", "kustomization.yaml")
    return {name: _fill(environment, f"admin/{name}") for name in names}


def render_slurm(plan: SlurmPlan) -> dict[str, str]:
    """Fill in the scripts of Slurm; the survey file is beside them.

    Returns
    -------
    Text of each file by its name.
    """
    environment = _templates()
    environment.globals["plan"] = plan
    scripts = {name: _fill(environment, f"slurm/{name}") for name in ("run.sh", "job.sbatch")}
    return {"survey.yaml": plan.survey, **scripts}


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("minecover.kubernetes"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # YAML, not HTML; every free text is a JSON string or a block
    )


def _environment(plan: ClusterPlan) -> Environment:
    environment = _templates()
    environment.globals["plan"] = plan
    environment.globals["time_outs"] = {engine.name: engine.environment for engine in ENGINES}
    for name, template in MACROS.items():
        environment.globals[name] = environment.get_template(template).module
    return environment


def _overlay_templates(environment: Environment, plan: ClusterPlan) -> list[str]:
    wanted = tuple(f"overlays/{overlay}/" for overlay in plan.overlays)
    without = {
        f"overlays/{overlay}/ray.yaml.j2" for overlay, jobs in plan.ray_jobs.items() if not jobs
    }
    return [
        name.removesuffix(".j2")
        for name in environment.list_templates()
        if name.startswith(wanted) and name not in without
    ]


def _fill(environment: Environment, name: str, job: StageJob | None = None) -> str:
    text = environment.get_template(f"{name}.j2").render(job=job)
    lines = (line.rstrip() for line in text.strip().splitlines())
    return "\n".join(lines) + "\n"


def write(files: dict[str, str], folder: Path) -> None:
    """Write the files into a new folder, all of them or none.

    Raises
    ------
    SurveyError
        The folder exists and is not empty, or cannot be written.
    """
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SurveyError(
            f"--out {folder}: it exists and is not empty; give a new folder or delete this one"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise SurveyError(f"--out {folder}: cannot write there: {error.strerror}") from error
    try:
        for name, text in files.items():
            path = scratch / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        scratch.chmod(0o755)
        scratch.replace(folder)
    except OSError as error:
        shutil.rmtree(scratch, ignore_errors=True)
        raise SurveyError(f"--out {folder}: cannot write there: {error.strerror}") from error
