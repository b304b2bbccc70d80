"""How measured rounds become the table and the figures of cluster/scaling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from scaling.__main__ import areas_section, measured_section
from scaling.areas import AREAS, predicted
from scaling.containers import page
from scaling.figures import draw_areas, draw_measured
from scaling.summary import compare, gains


def turn(way: tuple[int, int, int, int], span: float, tiles: int) -> dict[str, Any]:
    names = ("workers", "shares", "stores", "hosts")
    return {"stage": "cube", **dict(zip(names, way, strict=True)), "span": span, "start": 4.0,
            "seconds": [1.0] * tiles}  # fmt: skip


def measured(strong: float) -> dict[str, Any]:
    turns = [turn((1, 1, 1, 0), 20.0, 16), turn((2, 2, 1, 0), 20.0 / strong, 16),
             turn((2, 2, 1, 2), 11.0, 16), turn((1, 2, 1, 0), 10.0, 8),
             turn((2, 2, 2, 0), 20.0 / 1.9, 16)]  # fmt: skip
    return {"load": 0.5, "turns": turns}


ROUNDS = [measured(2.0), measured(1.9), measured(2.0), measured(1.8)]


def test_equal_tiles_are_predicted_to_the_second() -> None:
    found = {(item.workers, item.shares, item.stores, item.hosts): item for item in compare(ROUNDS)}
    # 16 tiles of 1 s in 20 s: a quarter of a second between two of them
    assert found[1, 1, 1, 0].predicted == pytest.approx(20.0)
    assert found[2, 2, 1, 0].predicted == pytest.approx(10.0)
    assert found[1, 2, 1, 0].predicted == pytest.approx(10.0)
    assert found[1, 1, 1, 0].error == pytest.approx(0.0)
    assert found[2, 2, 1, 0].span == pytest.approx(20 / 1.9)
    assert len(found[2, 2, 1, 0].spans) == 3  # the first round is what the prediction is made from


def test_gains_are_by_round() -> None:
    strong, weak, own = gains(ROUNDS, "cube")
    assert strong == pytest.approx([2.0, 1.9, 2.0, 1.8])
    assert weak == pytest.approx([2.0, 1.9, 2.0, 1.8])
    assert own == pytest.approx([1.9] * 4)


def test_results_and_figures(tmp_path: Path) -> None:
    compared = compare(ROUNDS)
    text = "\n".join(measured_section(ROUNDS, compared))
    row = "| cube | 1.95 x (1.80 to 2.00) | 1.95 x | 1.90 x (1.90 to 1.90) | 103% | 1.9 x, yes |"
    assert row in text
    assert "| cube | 2 hosts, all tiles | 16 | 11.00 | 11.00 to 11.00 | 10.00 | -9.1% |" in text
    district = predicted("district", (1, 10, 100))
    assert district.tiles == pytest.approx(AREAS["district"] * 1e4 / 512**2, rel=0.3)
    rows = "\n".join(areas_section([district], "EUR"))
    assert rows.count("| district, 2,160 km² |") == 3
    times = [item.seconds for item in district.calm]
    assert times == sorted(times, reverse=True)
    draw_measured(compared, tmp_path / "measured.png")
    draw_areas([district, district, district], "EUR", tmp_path / "areas.png")
    for name in ("measured", "areas"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert min(picture.size) > 400


def test_containers_with_a_limit_of_cores() -> None:
    def measured(slower: float) -> dict[str, Any]:
        spans = {(1, 1): 18.0, (1, 2): 10.0, (2, 1): 12.0, (2, 2): 9.0}
        turns = [
            {"cores": cores, "workers": workers, "span": span * slower, "start": 5.0,
             "seconds": [span / 9] * 9}
            for (cores, workers), span in spans.items()
        ]  # fmt: skip
        return {"load": 3.0, "turns": turns}

    text = page([measured(1.0), measured(1.0), measured(1.25)], "podman 4")
    # nine tiles of 2 s by two workers: one of them has five; the later rounds' median is 11.25
    assert "| 2 | 1 | 11.25 | 10.00 to 12.50 | 10.00 | -11.1% | 1.80 x |" in text
    assert "| 2 | 2 | 10.12 | 9.00 to 11.25 | 6.67 | -34.2% | 2.00 x |" in text
    assert "9 tiles of the cube" in text
    assert "load average after each round 3.0, 3.0, 3.0" in text
