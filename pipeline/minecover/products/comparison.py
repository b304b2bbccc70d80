"""The comparison as a page: one HTML file that needs neither network nor scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minecover.products.charts import curve_chart, dot_chart
from minecover.products.report import page_environment
from minecover.products.report_tables import STATIC, MatrixRow, matrix_rows, ranked_layers
from minecover.survey import Survey

__all__ = ["render_comparison"]

Json = Any

SPLITS = {"block": "Spatial blocks", "random": "Random split"}

SURE = 0.05
"""p-value below which a difference is called more than chance."""


@dataclass(frozen=True)
class ClassPanel:
    """One classifier's confusion matrix (Figure 7), pooled over the seeds."""

    model: str
    overall: Json
    rows: tuple[MatrixRow, ...]


def render_comparison(
    survey: Survey,
    document: Mapping[str, Json],
    models: Mapping[str, str],
    sets: Mapping[str, str],
) -> str:
    """Render the comparison.

    Parameters
    ----------
    survey
        Its name, classes and seasons.
    document
        As `minecover.comparison.document.comparison_document` gives it.
    models, sets
        What models and sets of layers are called.
    """
    rows = {(row["split"], row["layers"], row["model"]): row for row in document["rows"]}
    chosen = document["table_5"]["layers"]
    groups = {name: tuple(pair) for name, pair in document["groups"].items()}
    layers = ranked_layers(document["figure_5"], groups)
    return (
        page_environment()
        .get_template("comparison.html")
        .render(
            survey=survey,
            document=document,
            models=models,
            sets=sets,
            splits=SPLITS,
            rows=rows,
            chosen=chosen,
            simulated=survey.name.lower().startswith("simulated"),
            sure=SURE,
            best={split: _best(document, split) for split in SPLITS},
            overview=dot_chart(_overview(document, chosen, models)),
            shades=_shades(document["rows"]),
            selected=_selected(document["table_4"], document["seasons"]),
            layers=layers,
            curves=curve_chart(document["figure_6"]),
            panels=_panels(document, chosen, models),
            by_class=dot_chart(_by_class(document, chosen)),
            ablation=_ablation(document["ablation"]),
        )
    )


def _best(document: Mapping[str, Json], split: str) -> Json:
    return next(row for row in document["rows"] if row["split"] == split and row["best"])


def _overview(
    document: Mapping[str, Json], chosen: str, models: Mapping[str, str]
) -> dict[str, dict[str, Json]]:
    """Overall accuracy of each model by split, the best under blocks first."""
    found: dict[str, dict[str, Json]] = {}
    for row in document["rows"]:
        if row["layers"] == chosen:
            found.setdefault(row["model"], {})[row["split"]] = row["overall_accuracy"]
    ordered = sorted(found, key=lambda model: -found[model]["block"]["mean"])
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
            matrix_rows(document["classes"], row["matrix"]),
        )
        for row in mine
    ]


def _by_class(document: Mapping[str, Json], chosen: str) -> dict[str, dict[str, Json]]:
    """F1 of each class by model under blocks, without deviations: many dots share a row."""
    found: dict[str, dict[str, Json]] = {}
    for row in document["rows"]:
        if row["layers"] == chosen and row["split"] == "block":
            for name, item in row["classes"].items():
                if item["f1"] is not None:
                    dot = {"mean": item["f1"]["mean"], "deviation": None}
                    found.setdefault(name.replace("_", " "), {})[row["model"]] = dot
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
