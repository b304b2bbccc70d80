"""Spectral indices and tasselled cap against xarray on dask, NumPy and a copy of the memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import dask.array as da
import numpy as np
import xarray as xr

from benchmarks.row import Aim, Row, in_turns, on_two_threads, show
from minecover.arrays import Float32Array
from minecover.engines.compiled import in_strips
from minecover.features.fused_indices import FusedIndices
from minecover.features.indices import PAPER_BANDS
from minecover.features.tasselled_cap import TASSELLED_CAPS

SIDE = 2000
WHAT, SIZE = "7 indices + tasselled cap", f"10 x {SIDE} x {SIDE}"

Formula = Callable[[xr.DataArray, xr.DataArray], xr.DataArray]


def bare_difference(a: xr.DataArray, b: xr.DataArray) -> xr.DataArray:
    """Give the normalised difference, unbounded."""
    return (a - b) / (a + b)


def bounded_difference(a: xr.DataArray, b: xr.DataArray) -> xr.DataArray:
    """Give the normalised difference as minecover defines it."""
    a, b = a.clip(min=0), b.clip(min=0)
    total = a + b
    return xr.where(total == 0, np.float32(0), (a - b) / total)


def bounded_ratio(a: xr.DataArray, b: xr.DataArray) -> xr.DataArray:
    """Give the ratio as minecover defines it."""
    a, b = a.clip(min=0), b.clip(min=0)
    return xr.where((a == 0) & (b == 0), np.float32(1), (a / b).clip(max=10))


def formulas(bands: xr.DataArray, bounded: bool) -> xr.DataArray:
    """Compute the ten features with xarray: the bare formulas, or minecover's definitions."""
    b, g, r, n, s1, s2 = (bands.sel(band=k) for k in ("B02", "B03", "B04", "B08", "B11", "B12"))
    difference = bounded_difference if bounded else bare_difference
    below = n + 6 * r - 7.5 * b + 1
    evi = 2.5 * (n - r) / (below.clip(min=1e-6) if bounded else below)
    features = [
        difference(n, r),
        evi.clip(min=-1, max=1) if bounded else evi,
        difference(g, s1),
        difference(n, s1),
        difference(s1, n),
        bounded_ratio(b, n) if bounded else b / n,
        difference(s2, n),
    ]
    cap = TASSELLED_CAPS["shi2019"]
    features += [
        sum(np.float32(w) * x for w, x in zip(weights, (b, g, r, n, s1, s2), strict=True))
        for weights in (cap.brightness, cap.greenness, cap.wetness)
    ]
    with_names = [f.drop_vars("band", errors="ignore") for f in features]
    return xr.concat(with_names, dim="feature")


def scene() -> Float32Array:
    """Reflectance of ten bands."""
    return np.random.default_rng(3).random((10, SIDE, SIDE), np.float32) * np.float32(0.5)


def against_copy(bands: Float32Array) -> list[Row]:
    """Ours against a copy of ten layers; both into memory at hand, then both into fresh memory."""
    kernel, out = FusedIndices(), np.empty_like(bands)

    warm, copy, fresh, fresh_copy = in_turns(
        [
            lambda: kernel.into(bands, out),
            lambda: np.copyto(out, bands),
            lambda: kernel(bands),
            lambda: bands.copy(),
        ]
    )
    pixels = SIDE * SIDE / 1e6
    note = (
        f"new pages are cleared by the system at their first touch: {fresh - warm:.3f} s of ours, "
        f"{max(fresh_copy - copy, 0.0):.3f} s of the copy's; the kernel itself is the row above"
    )
    return [
        Row(WHAT, SIZE, "minecover", warm, pixels / warm, None, None,
            "into memory at hand"),
        Row(WHAT, SIZE, "copy of 10 layers", copy, pixels / copy, copy / warm,
            Aim.at_least(0.6, copy / warm, "x"), "into memory at hand"),
        Row(WHAT, SIZE, "minecover, fresh output", fresh, pixels / fresh),
        Row(WHAT, SIZE, "copy, fresh output", fresh_copy, pixels / fresh_copy,
            fresh_copy / fresh, None, note),
    ]  # fmt: skip


def against_xarray(bands: Float32Array) -> list[Row]:
    """Ours against xarray; every call into fresh memory."""
    eager = xr.DataArray(bands, dims=("band", "y", "x"), coords={"band": list(PAPER_BANDS)})
    chunked = da.from_array(bands, chunks=(10, 500, 500))
    lazy = xr.DataArray(chunked, dims=eager.dims, coords=eager.coords)
    kernel, out = FusedIndices(), np.empty_like(bands)
    names = (
        "xarray on dask", "xarray on dask, bare formulas", "xarray on NumPy",
        "xarray on NumPy, bare formulas",
    )  # fmt: skip
    calls = [
        lambda: formulas(lazy, True).compute(scheduler="synchronous"),
        lambda: formulas(lazy, False).compute(scheduler="synchronous"),
        lambda: formulas(eager, True).values,
        lambda: formulas(eager, False).values,
    ]
    warm, copy, ours, *theirs = in_turns(
        [
            lambda: kernel.into(bands, out),
            lambda: np.copyto(out, bands),
            lambda: kernel(bands),
            *calls,
        ],
        repeats=3,
    )
    pixels = SIDE * SIDE / 1e6
    rows = []
    for peer, seconds in zip(names, theirs, strict=True):
        aim = Aim.at_least(25, seconds / ours, "x") if "dask" in peer else None
        kind = "no bounds" if "bare" in peer else "the same definitions, bounds included"
        note = (
            f"{kind}; {seconds / warm:.1f} x where ours writes into memory at hand, and a mere "
            f"copy of the ten layers into it would be {seconds / copy:.1f} x"
        )
        rows.append(Row(WHAT, SIZE, peer, seconds, pixels / seconds, seconds / ours, aim, note))
    return rows


def on_two(bands: Float32Array) -> Row:
    """Ours on two threads against one, and what a copy of the memory gains by a second thread."""
    one, two, out = FusedIndices(), FusedIndices(threads=2), np.empty_like(bands)
    row = on_two_threads(
        WHAT, SIZE, lambda: one.into(bands, out), lambda: two.into(bands, out), SIDE * SIDE / 1e6
    )

    def copy(threads: int) -> None:
        in_strips(SIDE, threads, lambda a, b: np.copyto(out[:, a:b], bands[:, a:b]))

    single, double = in_turns([lambda: copy(1), lambda: copy(2)])
    note = f"{row.note}; a copy of the same layers gains {single / double:.2f} x by two threads"
    return replace(row, note=note)


def run() -> list[Row]:
    """Measure ours on one and two threads and its peers, in turns."""
    bands = scene()
    return [*against_copy(bands), *against_xarray(bands), on_two(bands)]


if __name__ == "__main__":
    show(run())
