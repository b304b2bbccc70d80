"""How often classes turn into each other in a survey: as it says, or learned from its readings."""

from __future__ import annotations

import math

import numpy as np

from minecover.arrays import Float32Array
from minecover.errors import StoreError
from minecover.geography.grid import Grid
from minecover.storage.names import READINGS_RASTER, TRANSITIONS_FILE, probability_layers
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.transitions.learning import Chain, learn
from minecover.transitions.matrix import class_priors, closed, rates, years_apart
from minecover.transitions.settings import ARROW

__all__ = ["chain_of", "learn_chain"]

MOST_TILES = 64
"""Tiles that are read, at even steps over the area."""

MOST_PIXELS = 200_000
"""Pixels that are learned from, on a lattice in each tile."""


def chain_of(survey: Survey, store: Store) -> Chain:
    """Give what a survey says, or what was learned where it asks for that.

    Raises
    ------
    StoreError
        It asks for it, and nothing was learned.
    """
    if not survey.change.learn:
        return _said(survey)
    document, names = store.read_json(TRANSITIONS_FILE), list(survey.class_codes)
    if document is None:
        raise StoreError(f"{store.url}/{TRANSITIONS_FILE}: missing; run `minecover combine`")
    found = np.zeros((len(names), len(names)))
    for row, before in enumerate(names):
        for column, after in enumerate(names):
            if row != column:
                found[row, column] = document["rates"][f"{before} {ARROW} {after}"]
    return Chain(closed(found), np.array([document["first"][name] for name in names]))


def learn_chain(survey: Survey, store: Store, grid: Grid) -> None:
    """Learn from the readings and write `transitions.json`, where the survey asks for it."""
    if not survey.change.learn:
        return
    names, years = list(survey.class_codes), years_apart(list(survey.spans.values()))
    priors = class_priors(survey.change, names)
    pixels = _pixels(survey, store, grid)
    chain = learn(pixels, _said(survey), priors, years, survey.change.weight)
    document = {
        "rates": {
            f"{before} {ARROW} {after}": float(chain.rates[row, column])
            for row, before in enumerate(names)
            for column, after in enumerate(names)
            if row != column
        },
        "first": dict(zip(names, chain.first.tolist(), strict=True)),
    }
    store.write_json(TRANSITIONS_FILE, document)


def _said(survey: Survey) -> Chain:
    names = list(survey.class_codes)
    return Chain(rates(survey.change, names), class_priors(survey.change, names))


def _pixels(survey: Survey, store: Store, grid: Grid) -> Float32Array:
    """Read pixels on a lattice that any period saw, (period, class, pixel)."""
    names = probability_layers(survey.class_codes)
    layers = [store.layers(READINGS_RASTER, period) for period in survey.periods]
    tiles = grid.tiles.spread(MOST_TILES)
    step = math.ceil(math.sqrt(len(tiles) * grid.tile_size**2 / MOST_PIXELS))
    parts = []
    for tile in tiles:
        window = grid.window(tile)
        inside = grid.area_mask(window)[::step, ::step]
        read = np.stack([own.read(window, names)[:, ::step, ::step] for own in layers])
        seen = inside & ~np.isnan(read).any(axis=1).all(axis=0)
        parts.append(read[:, :, seen])
    return np.concatenate(parts, axis=2)
