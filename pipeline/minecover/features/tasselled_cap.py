"""Tasselled cap coefficients for the ten Sentinel-2 bands of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minecover.arrays import Float32Array
from minecover.features.kernel import check_choice

__all__ = ["TASSELLED_CAPS", "TasselledCap", "tasselled_cap"]


@dataclass(frozen=True)
class TasselledCap:
    """One published set of coefficients.

    Attributes
    ----------
    name
        Name of the set in the survey file.
    bands
        Sentinel-2 bands the coefficients apply to.
    brightness, greenness, wetness
        One coefficient per band; a component is the sum of coefficient x reflectance.
    source
        The publication.
    derived_for
        The quantity the coefficients were derived from. minecover applies all of them to surface
        reflectance; where they were derived otherwise, values carry a bias that is the same for
        all dates of one sensor.
    """

    name: str
    bands: tuple[str, ...]
    brightness: tuple[float, ...]
    greenness: tuple[float, ...]
    wetness: tuple[float, ...]
    source: str
    derived_for: str

    def matrix(self, bands: tuple[str, ...]) -> Float32Array:
        """``(3, len(bands))`` float32 coefficients, zero for bands the set does not use."""
        full = np.zeros((3, len(bands)), np.float32)
        for row, component in enumerate((self.brightness, self.greenness, self.wetness)):
            for band, coefficient in zip(self.bands, component, strict=True):
                full[row, bands.index(band)] = coefficient
        return full


_SIX_BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")

TASSELLED_CAPS: dict[str, TasselledCap] = {
    cap.name: cap
    for cap in (
        TasselledCap(
            "shi2019",
            _SIX_BANDS,
            (0.3510, 0.3813, 0.3437, 0.7196, 0.2396, 0.1949),
            (-0.3599, -0.3533, -0.4734, 0.6633, 0.0087, -0.2856),
            (0.2578, 0.2305, 0.0883, 0.1071, -0.7611, -0.5308),
            "Shi & Xu 2019, IEEE JSTARS 12(10), doi:10.1109/JSTARS.2019.2938388",
            "Sentinel-2 MSI top-of-atmosphere reflectance",
        ),
        TasselledCap(
            "crist1985",
            _SIX_BANDS,
            (0.2043, 0.4158, 0.5524, 0.5741, 0.3124, 0.2303),
            (-0.1603, -0.2819, -0.4934, 0.7940, -0.0002, -0.1446),
            (0.0315, 0.2021, 0.3102, 0.1594, -0.6806, -0.6109),
            "Crist 1985, Remote Sensing of Environment 17, 301-306 (Landsat TM bands 1-5 and 7)",
            "Landsat TM reflectance factors, near the ground",
        ),
        TasselledCap(
            # The bands at 60 m (B01, B09, B10) are not in the catalogue; the set is used without
            # them, which costs it a little of its orthonormality.
            "nedkov2017",
            ("B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12"),
            (0.0822, 0.1360, 0.2611, 0.3895, 0.2964, 0.3338, 0.3877, 0.4750, 0.3882, 0.1366),
            (-0.1128, -0.1680, -0.3480, 0.3165, -0.3303, 0.0852, 0.3302, 0.3625, -0.4578, -0.4064),
            (0.1363, 0.2802, 0.3072, -0.0807, 0.5288, 0.1379, -0.0001, -0.1389, -0.4064, -0.5602),
            "Nedkov 2017, Comptes rendus de l'Academie bulgare des sciences 70(5), 687-692",
            "Sentinel-2 MSI, all 13 bands (B10 is delivered at top of atmosphere only)",
        ),
    )
}


def tasselled_cap(name: str) -> TasselledCap:
    """Return the set of coefficients called `name`.

    Raises
    ------
    SurveyError
        If there is no such set.
    """
    check_choice("tasselled cap", name, tuple(TASSELLED_CAPS))
    return TASSELLED_CAPS[name]
