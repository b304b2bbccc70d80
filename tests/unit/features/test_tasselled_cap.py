from __future__ import annotations

import numpy as np
import pytest

from minecover.errors import SurveyError
from minecover.features.indices import PAPER_BANDS
from minecover.features.tasselled_cap import TASSELLED_CAPS, tasselled_cap


def deviation(rows: np.ndarray) -> float:
    """Largest difference of a length from one, or of a product of two rows from zero."""
    lengths = np.linalg.norm(rows, axis=1)
    products = rows @ rows.T - np.diag(lengths**2)
    return float(max(np.abs(lengths - 1).max(), np.abs(products).max()))


def rows(name: str) -> np.ndarray:
    cap = TASSELLED_CAPS[name]
    return np.array([cap.brightness, cap.greenness, cap.wetness])


@pytest.mark.parametrize("name", ["shi2019", "crist1985"])
def test_published_sets_are_orthonormal(name: str) -> None:
    assert deviation(rows(name)) < 1e-4


def test_nedkov_is_orthonormal_with_the_60_m_bands_only() -> None:
    # B01, B09, B10 of Nedkov 2017, which the catalogue does not read
    coarse = np.array(
        [[0.0356, 0.0949, 0.0009], [-0.0635, 0.0467, -0.0009], [0.0649, -0.0302, 0.0003]]
    )
    assert deviation(np.hstack([rows("nedkov2017"), coarse])) < 1e-4
    assert 5e-3 < deviation(rows("nedkov2017")) < 6e-3


def test_the_matrix_puts_coefficients_under_their_bands() -> None:
    matrix = TASSELLED_CAPS["shi2019"].matrix(PAPER_BANDS)
    assert matrix[0, PAPER_BANDS.index("B08")] == np.float32(0.7196)
    assert matrix[2, PAPER_BANDS.index("B12")] == np.float32(-0.5308)
    assert not matrix[:, PAPER_BANDS.index("B8A")].any()


def test_an_unknown_set_is_refused() -> None:
    with pytest.raises(SurveyError, match="tasselled cap is 'kauth1976'"):
        tasselled_cap("kauth1976")
