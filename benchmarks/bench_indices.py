"""Spectral indices and tasselled cap against xarray on dask, NumPy and a copy of the memory."""

from __future__ import annotations

import dask.array as da
import numpy as np
import xarray as xr
from benchmarks.row import Row, in_turns, show

from minecover.features import S2_BANDS, TASSELLED_CAPS, FloatArray, SpectralIndices

SIDE = 2000


def formulas(bands: xr.DataArray) -> xr.DataArray:
    """Compute the ten features as one would write them with xarray, without any bounds."""
    b, g, r, n, s1, s2 = (bands.sel(band=k) for k in ("B02", "B03", "B04", "B08", "B11", "B12"))
    features = [
        (n - r) / (n + r),
        2.5 * (n - r) / (n + 6 * r - 7.5 * b + 1),
        (g - s1) / (g + s1),
        (n - s1) / (n + s1),
        (s1 - n) / (s1 + n),
        b / n,
        (s2 - n) / (s2 + n),
    ]
    cap = TASSELLED_CAPS["shi2019"]
    features += [
        sum(np.float32(w) * x for w, x in zip(weights, (b, g, r, n, s1, s2), strict=True))
        for weights in (cap.brightness, cap.greenness, cap.wetness)
    ]
    return xr.concat([f.drop_vars("band", errors="ignore") for f in features], dim="feature")


def scene() -> FloatArray:
    """Reflectance of ten bands."""
    return np.random.default_rng(3).random((10, SIDE, SIDE), np.float32) * np.float32(0.5)


def run() -> list[Row]:
    """Measure ours on one and two threads and its peers, in turns."""
    bands = scene()
    eager = xr.DataArray(bands, dims=("band", "y", "x"), coords={"band": list(S2_BANDS)})
    chunked = da.from_array(bands, chunks=(10, 500, 500))
    lazy = xr.DataArray(chunked, dims=eager.dims, coords=eager.coords)
    ours, twice = SpectralIndices(), SpectralIndices(threads=2)
    one, two, dask_s, numpy_s, copy = in_turns(
        [
            lambda: ours(bands),
            lambda: twice(bands),
            lambda: formulas(lazy).compute(scheduler="synchronous"),
            lambda: formulas(eager).values,
            lambda: bands.copy(),
        ],
        repeats=5,
    )
    pixels = SIDE * SIDE / 1e6
    what, size = "7 indices + tasselled cap", f"10 x {SIDE} x {SIDE}"
    return [
        Row(what, size, "minecover", one, pixels / one, 1.0, "", "one thread"),
        Row(what, size, "minecover, 2 threads", two, pixels / two, one / two, "1.8 x one thread"),
        Row(what, size, "xarray on dask, 1 thread", dask_s, pixels / dask_s, dask_s / one, "25 x"),
        Row(what, size, "xarray on NumPy", numpy_s, pixels / numpy_s, numpy_s / one),
        Row(what, size, "copy of 10 layers", copy, pixels / copy, copy / one, "0.6 x (60 %)"),
    ]


if __name__ == "__main__":
    show(run())
