"""Relief-F over Dask is Relief-F on one machine."""

from __future__ import annotations

from collections.abc import Iterator

import dask.array as da
import numpy as np
import pytest
from dask.delayed import delayed
from distributed import Client, LocalCluster

from minecover.errors import DataError, SurveyError
from minecover.selection import distributed as over_dask
from minecover.selection.distributed import relieff_dask
from minecover.selection.relieff import Weighting, relieff

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Two workers in processes of their own, so that what travels is really pickled."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as connected,
    ):
        yield connected


def samples(kind: str, n: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Four classes, one of them small and in one partition only."""
    random = np.random.default_rng(len(kind))
    y = np.where(np.arange(n) < 12, 3, random.integers(0, 3, n))
    x = random.normal(size=(n, 7)) * 100.0
    if "mixed" in kind:
        x[:, :3] = random.integers(0, 4, (n, 3))
    if "tied" in kind:
        x = np.round(x / 100.0)
    if "missing" in kind:
        x[random.random(x.shape) < 0.1] = np.nan
        x[:, 5] = np.nan
    return x, y


@pytest.mark.parametrize("queries", [None, 90])
@pytest.mark.parametrize("weighting", ["skrebate", "kononenko"])
@pytest.mark.parametrize("kind", ["continuous", "mixed", "mixed, missing", "tied"])
def test_equal_to_one_machine(
    client: Client, kind: str, weighting: Weighting, queries: int | None
) -> None:
    x, y = samples(kind)
    whole = relieff(x, y, neighbours=20, weighting=weighting, queries=queries, ties="index")
    parts = relieff_dask(
        da.from_array(x, chunks=(170, 4)),
        da.from_array(y, chunks=200),
        client,
        neighbours=20,
        weighting=weighting,
        queries=queries,
    )
    np.testing.assert_allclose(parts.scores, whole.scores, rtol=0, atol=1e-12)
    assert parts.queries == whole.queries
    if queries is None:
        assert parts.standard_error is None
    else:
        assert parts.standard_error is not None
        assert whole.standard_error is not None
        np.testing.assert_allclose(parts.standard_error, whole.standard_error, rtol=0, atol=1e-12)


def test_cuts_and_batches_do_not_matter(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = samples("continuous")
    expected = relieff(x, y, neighbours=20, ties="index").scores
    monkeypatch.setattr(over_dask, "_BATCH", 130)
    blocks = [delayed(x[a:b]) for a, b in ((0, 1), (1, 1), (1, 133), (133, 500))]
    found = relieff_dask(blocks, y, client, neighbours=20)
    np.testing.assert_allclose(found.scores, expected, rtol=0, atol=1e-12)


def test_errors_come_back_by_name(client: Client) -> None:
    x, y = samples("continuous")
    with pytest.raises(DataError, match="500 samples but labels"):
        relieff_dask(da.from_array(x, chunks=(170, 7)), y[:-1], client)
    with pytest.raises(DataError, match="two classes"):
        relieff_dask(da.from_array(x, chunks=(170, 7)), np.ones(500), client)
    with pytest.raises(DataError, match="infinite"):
        relieff_dask(da.full((500, 7), np.inf, chunks=170), y, client)
    with pytest.raises(DataError, match="every value"):
        relieff_dask(da.full((500, 7), np.nan, chunks=170), y, client)
    with pytest.raises(DataError, match=r"give .samples, features."):
        relieff_dask(da.zeros(500), y, client)
    with pytest.raises(SurveyError, match="neighbours"):
        relieff_dask(da.from_array(x), y, client, neighbours=0)
