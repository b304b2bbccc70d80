"""The leakage statement: fires on a planted case, is silent where there is nothing."""

import json

import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier

from minecover.accuracy.blocks import apart_from, random_folds, spatial_folds
from minecover.accuracy.leakage import Leakage, leakage
from minecover.arrays import Float64Array


def planted(spatial: bool, seed: int = 0) -> tuple[pd.DataFrame, Float64Array]:
    """Points whose class belongs to their neighbourhood, seen through features of two kinds.

    With `spatial` the features tell where a point is and nothing of its class: only a neighbour
    in the training set helps. Without, they tell the class, with noise that knows no place.
    """
    rng = np.random.default_rng(seed)
    row, col = rng.integers(0, 400, (2, 1500))
    classes = rng.integers(1, 4, (20, 20))
    code = classes[row // 20, col // 20].astype(np.uint8)
    frame = pd.DataFrame({"row": row, "col": col, "code": code})
    if spatial:
        return frame, np.column_stack([row, col]).astype(float)
    return frame, code[:, None] + rng.normal(0, 0.4, (1500, 2))


def predicted(frame: pd.DataFrame, features: Float64Array) -> Leakage:
    blocks = spatial_folds(frame, edge=50, folds=5, seed=0)
    answers = []
    for folds in (random_folds(frame, 5, 0), blocks):
        answer = np.zeros(len(frame), dtype=np.uint8)
        for fold in range(5):
            train = apart_from(frame, folds.fold == fold, 1)
            model = KNeighborsClassifier(3).fit(features[train], frame["code"][train])
            answer[folds.fold == fold] = model.predict(features[folds.fold == fold])
        answers.append(answer)
    by_random, by_blocks = answers
    return leakage(frame["code"].to_numpy(), by_random, by_blocks, blocks.block)


def test_fires_on_a_planted_case() -> None:
    result = predicted(*planted(spatial=True))
    assert result.leaks
    assert result.difference > 0.2
    assert "larger than noise" in result.text


def test_silent_where_features_know_no_place() -> None:
    """Nothing leaks in 12 districts; by chance one or two may seem to."""
    results = [predicted(*planted(spatial=False, seed=seed)) for seed in range(12)]
    assert sum(result.leaks for result in results) <= 2
    assert abs(np.mean([result.difference for result in results])) < 0.005


def test_same_predictions_do_not_differ() -> None:
    codes = np.arange(50) % 3
    result = leakage(codes, codes, codes, np.arange(50) // 5)
    assert (result.difference, result.leaks) == (0.0, False)
    assert result.interval is not None
    # ten blocks without a difference leave room for one either way
    assert result.interval[0] == -result.interval[1] < -0.05
    assert "within noise" in result.text


def test_too_few_blocks_are_said() -> None:
    codes = np.ones(20, dtype=np.uint8)
    wrong = codes + 1
    result = leakage(codes, codes, wrong, np.zeros(20, dtype=np.int64))
    assert result.interval is None
    assert not result.leaks
    assert "too few blocks" in result.text


def test_blocks_ahead_of_random_are_said_rightly() -> None:
    result = Leakage(0.80, 0.85, 100, (-0.08, -0.02))
    assert "the random split is 5.0 points lower" in result.text
    assert "(95 % interval: 8.0 points lower to 2.0 points lower)" in result.text
    assert "does not flatter" in result.text


def test_dictionary_is_json() -> None:
    text = json.dumps(predicted(*planted(spatial=True)).to_dict(), allow_nan=False)
    assert json.loads(text)["leaks"] is True


def test_without_a_common_point_nothing_is_compared() -> None:
    none = np.empty(0, dtype=np.int64)
    found = leakage(none, none, none, none).to_dict()
    assert found["statement"].startswith("No point was tested by both divisions")
    assert (found["random"], found["blocked"], found["difference"]) == (None, None, None)
    assert (found["points"], found["interval"], found["leaks"]) == (0, None, False)
    json.dumps(found, allow_nan=False)
