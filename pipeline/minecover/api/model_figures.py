"""Figures of what models learn from, how they compare, and what more workers bring."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from minecover.api.axes import legend_beside, new_axes, opened, words_of
from minecover.api.results import Results
from minecover.api.scale_table import ScaleSheet
from minecover.errors import StoreError
from minecover.products.comparison import SPLITS, overview
from minecover.products.palette import INKS, SERIES
from minecover.products.report_tables import ranked_layers
from minecover.storage.names import PRODUCTS_FOLDER

__all__ = ["comparison", "importance", "scaling"]


def importance(results: Results, most: int = 20, *, ax: Axes | None = None) -> Axes:
    """Draw the layers of the highest ranks with their scores, as shares of the best.

    Parameters
    ----------
    results
        `run`, once its layers are ranked. Those that were chosen are printed bold.
    most
        How many layers.
    ax
        Axes to draw on.
    """
    table = results.selection
    kinds = {"relieff": "relieff", "impurity": "forest"}
    layers = ranked_layers(
        {
            "chosen": list(table.index[table["chosen"]]),
            "ranks": table["rank"].to_dict(),
            "scores": {kind: table[key].to_dict() for key, kind in kinds.items() if key in table},
        },
        {},
    )[:most]
    ax = new_axes(ax, 7.2, 0.26 * len(layers) + 1.4)
    at = np.arange(len(layers))
    for place, (key, label) in enumerate((("relieff", "Relief-F"), ("forest", "random forest"))):
        scores = [getattr(layer, key) for layer in layers]
        if None not in scores:
            ax.barh(at + 0.4 * (place - 0.5), scores, 0.36, color=INKS[key][0], label=label)
    ax.set_yticks(at, [words_of(layer.name) for layer in layers])
    for text, layer in zip(ax.get_yticklabels(), layers, strict=True):
        text.set_fontweight("bold" if layer.chosen else "normal")
    ax.invert_yaxis()
    ax.set(title="Layers by rank", xlabel="score, share of the best")
    ax.legend(frameon=False, loc="lower right")
    return opened(ax)


def comparison(results: Results, *, ax: Axes | None = None) -> Axes:
    """Draw the overall accuracy of each kind of model, by random split and by spatial blocks.

    Parameters
    ----------
    results
        `run`, once `minecover compare` was run. Bars are deviations over its seeds.
    ax
        Axes to draw on.

    Raises
    ------
    StoreError
        Nothing was compared.
    """
    key = f"{PRODUCTS_FOLDER}comparison.json"
    document = results.store.read_json(key)
    if document is None:
        raise StoreError(f"{results.store.url}/{key}: not there; run `minecover compare`")
    names = {name: name for name in document["models"]}
    rows = overview(document, document["table_5"]["layers"], names)
    ax = new_axes(ax, 7.2, 0.5 * len(rows) + 1.4)
    for place, title in enumerate(SPLITS.values()):
        dots = {name: dots[title] for name, dots in rows.items() if title in dots}
        means = np.array([dot["mean"] for dot in dots.values()])
        spread = np.array([dot["deviation"] or 0.0 for dot in dots.values()])
        at = [list(rows).index(name) for name in dots]
        ax.errorbar(means, at, xerr=spread, fmt="o", capsize=3, color=SERIES[place][0], label=title)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.invert_yaxis()
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set(title="Overall accuracy by kind of model", xlabel="share of the points")
    return legend_beside(ax)


def scaling(
    scaled: ScaleSheet, measured: Mapping[int, float] | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw the time that a survey takes by the number of workers.

    Parameters
    ----------
    scaled
        `survey.scale()`.
    measured
        Seconds that it took, by number of workers.
    ax
        Axes to draw on.
    """
    table = scaled.frame
    minutes = table["seconds"] / 60
    ax = new_axes(ax, 7.2, 4.2)
    ideal = minutes.iloc[0] * table.index[0] / table.index
    ax.plot(table.index, ideal, "--", color="0.6", label="as many times faster as workers")
    ax.plot(table.index, minutes, color=SERIES[0][0], marker="o", label="simulated")
    if measured:
        took = [seconds / 60 for seconds in measured.values()]
        ax.plot(list(measured), took, "D", color=SERIES[1][0], label="measured")
    ax.set(xscale="log", yscale="log", xlabel="workers", ylabel="time of the run, minutes")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")
    ax.set_title("More workers")
    ax.legend(frameon=False)
    return opened(ax)
