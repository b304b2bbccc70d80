"""The comparison as a page: one HTML file that needs neither network nor scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minecover.products.charts import curve_chart, dot_chart
from minecover.products.page import page_environment
from minecover.products.palette import SERIES
from minecover.products.report_tables import STATIC, MatrixRow, matrix_rows, ranked_layers

__all__ = ["SPLITS", "overview", "render_comparison"]

Json = Any

SPLITS = {"block": "Spatial blocks", "random": "Random split"}

SPLIT_SERIES = {title: split for split, title in SPLITS.items()}
"""What a split is called to its name in the style of the charts."""

SIGNIFICANT = 0.05
"""p-value below which a difference is called significant."""


@dataclass(frozen=True)
class ClassPanel:
    """One classifier's confusion matrix (Figure 7), pooled over the seeds, as the macro has it."""

    model: str
    overall: Json
    names: tuple[str, ...]
    matrix: tuple[MatrixRow, ...]
    totals: tuple[int, ...]
    confusions: tuple[()] = ()


def render_comparison(
    document: Mapping[str, Json],
    models: Mapping[str, str],
    sets: Mapping[str, str],
) -> str:
    """Render the comparison.

    Parameters
    ----------
    document
        What was compared and measured, as it is published beside the page.
    models, sets
        What kinds of model and sets of layers are called.
    """
    rows = {(row["split"], row["layers"], row["model"]): row for row in document["rows"]}
    chosen = document["table_5"]["layers"]
    groups = {name: tuple(pair) for name, pair in document["groups"].items()}
    layers = ranked_layers(document["figure_5"], groups)
    return (
        page_environment()
        .get_template("comparison.html")
        .render(
            document=document,
            models=models,
            sets=sets,
            splits=SPLITS,
            rows=rows,
            chosen=chosen,
            colours=_colours(document["models"]),
            significant=SIGNIFICANT,
            best={split: _best(document, split) for split in SPLITS},
            overview=dot_chart(overview(document, chosen, models), SPLIT_SERIES),
            shades=_shades(document["rows"]),
            selected=_selected(document["table_4"], document["seasons"]),
            layers=layers,
            curves=curve_chart(document["figure_6"]),
            numbers={name: place for place, name in enumerate(document["classes"], start=1)},
            panels=_panels(document, chosen, models),
            by_class=dot_chart(_by_class(document, chosen, models), _series(document, models)),
            ablation=_ablation(document["ablation"]),
        )
    )


def _colours(models: Sequence[str]) -> list[tuple[str, str]]:
    """Colours of the models in their order, on light and on dark."""
    return [SERIES[index % len(SERIES)] for index in range(len(models))]


def _series(document: Mapping[str, Json], models: Mapping[str, str]) -> dict[str, str]:
    """Map what a model is called to its name in the style of the charts."""
    return {models[model]: f"model-{place}" for place, model in enumerate(document["models"])}


def _best(document: Mapping[str, Json], split: str) -> Json:
    return next(row for row in document["rows"] if row["split"] == split and row["best"])


def overview(
    document: Mapping[str, Json], chosen: str, models: Mapping[str, str]
) -> dict[str, dict[str, Json]]:
    """Overall accuracy of each model on a set of layers by split, the best under blocks first."""
    found: dict[str, dict[str, Json]] = {}
    for row in document["rows"]:
        if row["layers"] == chosen:
            dots = found.setdefault(row["model"], {})
            dots[SPLITS[row["split"]]] = row["overall_accuracy"]
    ordered = sorted(found, key=lambda model: -found[model][SPLITS["block"]]["mean"])
    return {models[model]: found[model] for model in ordered}


def _shades(rows: Sequence[Mapping[str, Json]]) -> dict[tuple[str, str, str], float]:
    """How good each cell is among those of its split, 0-1."""
    shades = {}
    for split in SPLITS:
        means = [r["overall_accuracy"]["mean"] for r in rows if r["split"] == split]
        low, high = min(means), max(means)
        for row in rows:
            if row["split"] == split:
                share = (row["overall_accuracy"]["mean"] - low) / ((high - low) or 1.0)
                shades[split, row["layers"], row["model"]] = share
    return shades


def _selected(table: Mapping[str, Json] | None, seasons: Sequence[str]) -> Json:
    """Rows, columns and totals of Table 4."""
    if table is None:
        return None
    cells = table["cells"]
    columns = [*seasons, *([STATIC] if any(STATIC in row for row in cells.values()) else [])]
    totals = [
        {
            key: sum(row[column][key] for row in cells.values() if column in row)
            for key in ("chosen", "available")
        }
        for column in columns
    ]
    return {
        "columns": columns,
        "rows": [(group, [row.get(column) for column in columns]) for group, row in cells.items()],
        "totals": totals,
        "choices": table["choices"],
        "always": table["always"],
        "layers": table["layers"],
    }


def _panels(
    document: Mapping[str, Json], chosen: str, models: Mapping[str, str]
) -> list[ClassPanel]:
    mine = [r for r in document["rows"] if r["layers"] == chosen and r["split"] == "block"]
    mine.sort(key=lambda row: -row["overall_accuracy"]["mean"])
    return [
        ClassPanel(
            models[row["model"]],
            row["overall_accuracy"],
            tuple(document["classes"]),
            matrix_rows(document["classes"], row["matrix"]),
            tuple(sum(column) for column in zip(*row["matrix"], strict=True)),
        )
        for row in mine
    ]


def _by_class(
    document: Mapping[str, Json], chosen: str, models: Mapping[str, str]
) -> dict[str, dict[str, Json]]:
    """F1 of each class by model under blocks, without deviations: many dots share a row."""
    found: dict[str, dict[str, Json]] = {}
    for row in document["rows"]:
        if row["layers"] == chosen and row["split"] == "block":
            for name, item in row["classes"].items():
                if item["f1"] is not None:
                    dot = {"mean": item["f1"]["mean"], "deviation": None}
                    found.setdefault(name.replace("_", " "), {})[models[row["model"]]] = dot
    return found


def _ablation(ablation: Mapping[str, Json] | None) -> Json:
    """Rows of the ablation with the length of their bars, the most missed first."""
    if ablation is None or not ablation["without"]:
        return None
    rows = sorted(ablation["without"], key=lambda row: row["against_all"]["difference"]["mean"])
    reach = max(abs(row["against_all"]["difference"]["mean"]) for row in rows) or 1.0
    return {
        **ablation,
        "rows": [{**row, "bar": row["against_all"]["difference"]["mean"] / reach} for row in rows],
    }
