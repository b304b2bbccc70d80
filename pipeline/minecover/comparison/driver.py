"""Runs a comparison: the survey up to its samples and layers, the trials, the two products."""

from __future__ import annotations

from functools import partial
from typing import Any

from minecover.comparison.bench import Bench
from minecover.comparison.document import comparison_document
from minecover.comparison.plan import SETS, Options, plan
from minecover.comparison.schedule import Schedule, Watch
from minecover.models.lookup import as_kind, fingerprint_settings, foreign_modules
from minecover.models.registry import MODELS
from minecover.products.comparison import render_comparison
from minecover.sources.manifest import Manifest
from minecover.stages.fitting import checkpoints
from minecover.stages.publish import layer_groups, selection_document, source_facts
from minecover.stages.select import read_selection
from minecover.storage.canonical_json import Json
from minecover.storage.fingerprint import code_version, fingerprint, module_version
from minecover.storage.names import PRODUCTS_FOLDER
from minecover.workflow.run import Run

__all__ = ["compare"]

CODE = (
    "models",
    "validation",
    "comparison/plan.py",
    "comparison/bench.py",
    "comparison/search.py",
)
"""What the result of a trial depends on, beyond the code of the stages before it."""


def compare(run: Run, options: Options, watch: Watch) -> dict[str, Any]:
    """Compare models and layer sets on a survey's own points.

    Writes `products/comparison.json` and `products/comparison.html`.

    Parameters
    ----------
    run
        The survey; its stages up to `select` are done where they are not complete.
    options
        What is compared.
    watch
        Called after every task.

    Returns
    -------
    What was written as JSON.
    """
    run.until("select")
    choices, trials = plan(options, run.survey)
    total = len(choices) + len(trials)
    with checkpoints(run) as folder:
        bench = Bench.of(run, [trial.fold for trial in trials], folder)
        schedule = Schedule(bench, partial(task_fingerprint, run, bench.buffer), watch)
        schedule.carry_out(choices, total)
        schedule.carry_out(trials, total)
    selection = selection_document(read_selection(run), run.survey.selection.method)
    sources = source_facts(run.survey, Manifest.load(run.store))
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
