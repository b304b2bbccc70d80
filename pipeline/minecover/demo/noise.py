"""Reproducible random fields: a named stream of random numbers for each simulated thing."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt
from scipy import fft

__all__ = ["Field", "Mask", "fractal", "stream"]

Field = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def stream(seed: int, name: str, index: int = 0) -> np.random.Generator:
    """Open the random stream of one simulated thing.

    Because streams are named, the order in which they are used does not matter.

    Parameters
    ----------
    seed
        Seed of the district, 0 or more.
    name, index
        What the numbers are for, for example ``"clouds"`` and the number of the date.

    Returns
    -------
    numpy.random.Generator
        The same numbers for the same three arguments.
    """
    return np.random.default_rng([seed, zlib.crc32(name.encode()), index])


def fractal(
    rng: np.random.Generator, size: int, *, beta: float, longest: float, shortest: float = 2.0
) -> Field:
    """Draw a random field whose power falls with frequency as ``f ** -beta``.

    Spectral synthesis as in Saupe (1988), "Algorithms for random fractals", in *The Science of
    Fractal Images*: white noise, shaped in the Fourier domain. Wavelengths outside the given
    range are damped. The field is periodic, with mean 0 and standard deviation 1.

    Parameters
    ----------
    rng
        Source of the noise.
    size
        Pixels along each side.
    beta
        Spectral exponent: 0 is white noise, 4 is smooth relief.
    longest, shortest
        Range of wavelengths that are not damped, pixels.

    Returns
    -------
    numpy.ndarray
        float32 of shape ``(size, size)``.
    """
    white = rng.standard_normal((size, size), dtype=np.float32)
    fy = fft.fftfreq(size).astype(np.float32)[:, None]
    fx = fft.rfftfreq(size).astype(np.float32)[None, :]
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = 1.0
    gain = np.hypot(frequency, np.float32(1.0 / longest)) ** np.float32(-beta / 2)
    gain *= np.exp(-((frequency * np.float32(shortest)) ** 2) / 2)
    gain[0, 0] = 0.0
    field = fft.irfft2(fft.rfft2(white) * gain, s=(size, size))
    return np.asarray(field / field.std(), dtype=np.float32)
