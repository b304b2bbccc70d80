"""The command that writes the Kubernetes manifests of a survey."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minecover.commands.terminal import StoreOption, SurveyFile, console, load_survey

__all__ = ["add_kubernetes_commands"]


def add_kubernetes_commands(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command()(manifests)


def manifests(
    survey: SurveyFile,
    out: Annotated[Path, typer.Option(help="new folder for the manifests")],
    image: Annotated[str, typer.Option(help="image of cluster/Dockerfile, with its tag")],
    store: StoreOption = None,
    gpu_image: Annotated[str | None, typer.Option(help="image for GPUs; else --image")] = None,
    overlay: Annotated[
        list[str] | None, typer.Option(help="may be given several times; else all there are")
    ] = None,
    completions: Annotated[int | None, typer.Option(help="indexes of a Job of tiles")] = None,
    parallelism: Annotated[int, typer.Option(help="pods of a pool at once")] = 32,
    memory: Annotated[str | None, typer.Option(help="of a pod on tiles, as 6Gi")] = None,
    stage_memory: Annotated[
        str | None, typer.Option(help="of any other stage, and of Ray's head and workers, as 16Gi")
    ] = None,
    namespace: Annotated[str, typer.Option(help="where everything goes")] = "minecover",
    inputs_claim: Annotated[
        str | None, typer.Option(help="PersistentVolumeClaim with the survey's files")
    ] = None,
    monitoring: Annotated[str, typer.Option(help="namespace of Prometheus")] = "monitoring",
) -> None:
    """Write the Kubernetes manifests of a survey: see cluster/README.md."""
    from minecover.kubernetes.names import mebibytes
    from minecover.kubernetes.plan import OVERLAYS, Request, plan_cluster
    from minecover.kubernetes.render import render, write

    request = Request(
        image=image,
        gpu_image=gpu_image,
        overlays=tuple(overlay or OVERLAYS),
        completions=completions,
        parallelism=parallelism,
        memory=None if memory is None else mebibytes(memory),
        stage_memory=None if stage_memory is None else mebibytes(stage_memory, "--stage-memory"),
        namespace=namespace,
        inputs_claim=inputs_claim,
        monitoring=monitoring,
    )
    plan = plan_cluster(load_survey(survey, store), request)
    write(render(plan), out)
    console.print(
        f"wrote {out}: {plan.completions} index(es) for the tiles of a stage, each with "
        f"{plan.tile_memory} MiB; the store's credentials are read from the Secret {plan.secret}",
        soft_wrap=True,
    )
    for package, stages in plan.packages.items():
        console.print(
            f"the image must contain the package {package}, used by {', '.join(stages)}",
            soft_wrap=True,
        )
