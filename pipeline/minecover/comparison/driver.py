"""Runs a comparison: the survey up to its samples and layers, the trials, the two products."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from minecover.comparison.bench import Bench
from minecover.comparison.document import comparison_document
from minecover.comparison.plan import SETS, Options, plan
from minecover.comparison.schedule import Schedule
from minecover.engines.report import Report
from minecover.ledger.leases import Lease
from minecover.models.lookup import as_kind, fingerprint_settings, foreign_modules
from minecover.models.registry import MODELS
from minecover.products.comparison import render_comparison
from minecover.sources.manifest import Manifest
from minecover.stages.fitting import checkpoints
from minecover.stages.publish import layer_groups, selection_document, source_facts
from minecover.stages.select import read_selection
from minecover.storage.canonical_json import Json
from minecover.storage.fingerprint import code_version, fingerprint, module_version
from minecover.storage.names import COMPARISON, PRODUCTS_FOLDER, manifest_of
from minecover.workflow.run import Run
from minecover.workflow.steps import reported_steps
from minecover.workflow.waiting import run_exclusively

__all__ = ["compare"]

CODE = (
    "models",
    "validation",
    "comparison/plan.py",
    "comparison/bench.py",
    "comparison/search.py",
)
"""What the result of a trial depends on, beyond the code of the stages before it."""


def compare(run: Run, options: Options) -> dict[str, Any]:
    """Compare models and layer sets on a survey's own points, one driver at a time.

    Writes `products/comparison.json` and `products/comparison.html`.

    Parameters
    ----------
    run
        The survey; its stages up to `select` are done where they are not complete. Its progress
        and ledger are told how far the comparison is.
    options
        What is compared.

    Returns
    -------
    What was written as JSON.

    Raises
    ------
    TryAgainError
        The survey's engine was lost. What was done is kept: the same call goes on there.
    """
    run.until("select")
    began, documents = time.perf_counter(), list[dict[str, Any]]()

    def work(lease: Lease) -> None:
        with reported_steps(COMPARISON, lease, run.progress) as report:
            documents.append(_compared(run, options, report))

    run.progress.started(COMPARISON, None, 0)
    drivers = run.ledger.drivers(COMPARISON, run.survey.engine.lease)
    run_exclusively(drivers, "stage", lambda: bool(documents), work)
    run.progress.finished(COMPARISON, {}, time.perf_counter() - began)
    return documents[0]


def _compared(run: Run, options: Options, report: Report) -> dict[str, Any]:
    choices, trials = plan(options, run.survey)
    total = len(choices) + len(trials)
    with checkpoints(run) as folder:
        bench = Bench.of(run, [trial.fold for trial in trials], folder)
        schedule = Schedule(bench, partial(task_fingerprint, run, bench.buffer), report)
        schedule.carry_out(choices, total)
        schedule.carry_out(trials, total)
    selection = selection_document(read_selection(run), run.survey.selection.method)
    sources = source_facts(
        run.survey, Manifest.load(run.store, manifest_of(run.survey.period_names[-1]))
    )
    document = comparison_document(
        bench,
        options,
        schedule.documents,
        layer_groups(run),
        selection,
        [source.label for source in sources if source.simulated],
    )
    run.store.write_json(f"{PRODUCTS_FOLDER}comparison.json", document)
    labels = {kind.name: kind.label for kind in MODELS}
    page = render_comparison(document, labels, SETS)
    run.store.write(f"{PRODUCTS_FOLDER}comparison.html", page.encode())
    return document


def task_fingerprint(run: Run, buffer: int, model: str | None) -> str:
    """Fingerprint of what the trials of a model depend on; seed and fold are in their names.

    Parameters
    ----------
    run
        The survey.
    buffer
        Edge in pixels of the largest patch that is compared.
    model
        Kind of model; None: choices of layers.
    """
    classes = [item.code for item in run.survey.classes]
    parts: list[Json] = [run.fingerprint("select"), classes, buffer]
    if model is not None:
        settings = as_kind(run.survey.model, model)
        parts.append(fingerprint_settings(settings, "seed"))
        parts += [module_version(name) for name in foreign_modules(settings)]
    return fingerprint(*parts, code_version(*CODE))
