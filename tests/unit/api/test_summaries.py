"""How surveys, results and accuracy show themselves in a notebook."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import minecover as mc
from minecover.accuracy.estimates import from_matrix
from minecover.api.summaries import class_table, matrix_html, overall_facts
from minecover.errors import StoreError
from small_store import begin_stage, small_store
from survey_in_memory import made

HOSTILE = "<script>alert(1)</script> & co"


def words(html: str) -> list[str]:
    """Texts of HTML, which must be well-formed."""
    return [text.strip() for text in ElementTree.fromstring(f"<p>{html}</p>").itertext()]


def test_a_survey_says_what_is_mapped(tmp_path: Path) -> None:
    html = made(tmp_path / HOSTILE)._repr_html_()
    shown = words(html)
    assert "Survey district" in shown
    assert shown[shown.index("seasons") + 1] == "summer"
    assert shown[shown.index("pixels") + 1] == "10 m, tiles of 64"
    assert "background: #336699" in html
    assert escape(HOSTILE) in html
    assert "<script" not in html
    assert "periods" not in shown


def test_results_say_what_is_done_and_how_right_it_is(tmp_path: Path) -> None:
    small = small_store(tmp_path)
    begin_stage(small, "cube", 3)
    small.store.write_json("survey.json", small.results.identity | {"name": HOSTILE})
    html = small.results._repr_html_()
    assert "overall accuracy" not in html
    assert "<script" not in html
    shown = words(html)
    assert shown[shown.index("cube") : shown.index("cube") + 3] == ["cube", "begun", "3 of 12"]
    assert shown[shown.index("select") + 1] == "open"
    split = from_matrix(np.array([[8, 2], [1, 9]]), ("water", "mine")).to_dict()
    small.store.write_json("accuracy.json", {"splits": {"spatial_blocks": split}})
    shown = words(small.results._repr_html_())
    # Wilson's interval of 17 in 20
    assert shown[shown.index("overall accuracy, spatial blocks") + 1] == "85.0 % (64.0 to 94.8)"


def test_results_of_a_carried_model_say_why_nothing_was_measured(tmp_path: Path) -> None:
    small = small_store(tmp_path)
    carried = {"measured_here": False, "statement": "The model was carried; no points here."}
    small.store.write_json("accuracy.json", {"splits": {}, "carried": carried})
    shown = words(small.results._repr_html_())
    assert shown[shown.index("accuracy") + 1] == carried["statement"]
    for read in (lambda: small.results.accuracy, lambda: mc.plot.confusion(small.results)):
        with pytest.raises(StoreError, match=r"accuracy\.json: The model was carried; no points"):
            read()


def test_an_assessment_shows_its_matrix_and_intervals() -> None:
    assessed = mc.assess([HOSTILE, "b", "b", "b"], [HOSTILE, "b", "b", HOSTILE])
    html = assessed._repr_html_()
    assert "<script" not in html
    shown = words(html)
    assert shown[shown.index("overall accuracy") + 1].startswith("75.0 % (")
    assert shown.count(HOSTILE) == 3
    shades = [float(share) for share in re.findall(r"rgba\([^)]* ([\d.]+)\)", html)]
    # 1 of 1, and 1 and 2 of 3
    assert shades == pytest.approx([0.62, 0.62, 0.04 + 0.58 * 2 / 3], abs=0.005)


def test_what_is_not_defined_is_a_dash() -> None:
    assessed = mc.assess(["a", "a"], ["b", "b"], classes={"a": 1, "b": 2})
    rows = {row[0]: row[1:] for row in class_table(assessed.table).rows}
    assert rows["a"][0] == "–"
    assert overall_facts(assessed.table)["overall accuracy"].startswith("0.0 %")
    assert ">0</td>" in matrix_html(assessed.matrix)
