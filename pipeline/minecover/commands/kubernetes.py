"""The command that writes what runs a survey on a cluster."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minecover.commands.terminal import StoreOption, console, load_survey
from minecover.errors import SurveyError

if TYPE_CHECKING:
    from minecover.kubernetes.cluster import Cluster
    from minecover.kubernetes.request import Request
    from minecover.kubernetes.sizes import Sizes
    from minecover.survey import Survey

__all__ = ["add_kubernetes_commands"]


def add_kubernetes_commands(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command()(manifests)


def manifests(
    out: Annotated[Path, typer.Option(help="new folder for the manifests")],
    survey: Annotated[
        Path | None, typer.Argument(metavar="SURVEY", help="the survey file (YAML)")
    ] = None,
    image: Annotated[
        str | None, typer.Option(help="image of cluster/Dockerfile, with its tag")
    ] = None,
    store: StoreOption = None,
    gpu_image: Annotated[str | None, typer.Option(help="image for GPUs; else --image")] = None,
    cluster: Annotated[
        Path | None, typer.Option(metavar="FILE", help="what the cluster is like (YAML)")
    ] = None,
    overlay: Annotated[
        list[str] | None, typer.Option(help="may be given several times; else all there are")
    ] = None,
    completions: Annotated[int | None, typer.Option(help="indexes of a Job of tiles")] = None,
    parallelism: Annotated[int, typer.Option(help="pods of a pool at once")] = 32,
    memory: Annotated[str | None, typer.Option(help="of a pod on tiles, as 6Gi")] = None,
    stage_memory: Annotated[
        str | None, typer.Option(help="of any other stage, and of Ray's head and workers, as 16Gi")
    ] = None,
    inputs_claim: Annotated[
        str | None, typer.Option(help="PersistentVolumeClaim with the survey's files")
    ] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="write the objects of the whole cluster instead")
    ] = False,
    slurm: Annotated[
        bool, typer.Option("--slurm", help="write job scripts of Slurm instead")
    ] = False,
) -> None:
    """Write the Kubernetes manifests of a survey: see cluster/README.md."""
    from minecover.kubernetes.cluster import load_cluster
    from minecover.kubernetes.names import mebibytes
    from minecover.kubernetes.request import OVERLAYS, Request
    from minecover.kubernetes.sizes import Sizes

    sizes = Sizes(
        completions=completions,
        parallelism=parallelism,
        memory=None if memory is None else mebibytes(memory),
        stage_memory=None if stage_memory is None else mebibytes(stage_memory, "--stage-memory"),
    )
    if slurm and survey is not None:
        return _write_slurm(load_survey(survey, store), sizes, out)
    described = load_cluster(cluster)
    if admin:
        return _write_admin(described, out)
    if survey is None or image is None:
        raise SurveyError(
            "manifests: give SURVEY and --image, SURVEY and --slurm, or --cluster and --admin"
        )
    request = Request(
        image=image,
        gpu_image=gpu_image,
        overlays=tuple(overlay or OVERLAYS),
        inputs_claim=inputs_claim,
        cluster=described,
        **asdict(sizes),
    )
    return _write_kubernetes(load_survey(survey, store), request, out)


def _write_admin(cluster: Cluster, out: Path) -> None:
    """Write the objects of the whole cluster, and say who applies them."""
    from minecover.kubernetes.render import render_admin, write

    write(render_admin(cluster), out)
    console.print(
        f"wrote {out}: an administrator applies it once (kubectl apply --server-side -k {out})",
        soft_wrap=True,
    )


def _write_slurm(survey: Survey, sizes: Sizes, out: Path) -> None:
    """Write the scripts of Slurm, and say how they are started."""
    from minecover.kubernetes.render import render_slurm, write
    from minecover.kubernetes.slurm import plan_slurm

    plan = plan_slurm(survey, sizes)
    write(render_slurm(plan), out)
    console.print(
        f"wrote {out}: {plan.completions} task(s) for the tiles of a stage, each with "
        f"{plan.tile_memory} MiB; start it by `sh {out}/run.sh`",
        soft_wrap=True,
    )


def _write_kubernetes(survey: Survey, request: Request, out: Path) -> None:
    """Write the manifests of a survey, and say what they need."""
    from minecover.kubernetes.plan import plan_cluster
    from minecover.kubernetes.render import render, write

    plan = plan_cluster(survey, request)
    write(render(plan), out)
    keys = f"the Secret {plan.secret}"
    if not plan.cluster.identity.secret:
        keys = f"the identity of the account {plan.name}"
    console.print(
        f"wrote {out}: {plan.completions} index(es) for the tiles of a stage, each with "
        f"{plan.tile_memory} MiB; the store's credentials come from {keys}",
        soft_wrap=True,
    )
    for package, stages in plan.packages.items():
        console.print(
            f"the image must contain the package {package}, used by {', '.join(stages)}",
            soft_wrap=True,
        )
