"""What reaches the person's screen."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from minecover.commands.accuracy import comparison_table
from minecover.errors import SurveyError
from minecover.planning.guard import PlanGuard
from minecover.planning.prices import Prices, load_prices

SCRIPT = """
import warnings
from minecover.commands.terminal import quiet_libraries
quiet_libraries()
warnings.resetwarnings()  # as threads of scikit-learn leave them at times
warnings.warn("use the other name", DeprecationWarning)
warnings.warn("`sklearn.utils.parallel.delayed` should be used", UserWarning)
warnings.warn("the data\\n  look odd", UserWarning)
"""


def test_libraries_are_quiet_whatever_became_of_the_filters() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True)
    assert ran.stderr == "minecover: note: the data look odd\n"


def test_quiet_says_nothing_and_verbose_all_that_libraries_say() -> None:
    script = SCRIPT + (
        "from minecover.commands.terminal import console, set_loudness\n"
        "set_loudness(quiet=True, verbose=True)\n"
        "console.print('news')\n"
        "warnings.warn('use the other name', DeprecationWarning)\n"
        "import logging\n"
        "logging.getLogger('distributed').info('connected')\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert ran.stdout == ""
    assert "DeprecationWarning: use the other name" in ran.stderr
    assert ran.stderr.endswith("distributed: connected\n")


def test_the_price_list_of_the_examples_is_one() -> None:
    prices = load_prices(Path(__file__).parents[3] / "examples" / "prices.yaml")
    assert set(prices.model_fields_set) == set(Prices.model_fields)


@pytest.mark.parametrize("budget", [float("nan"), -1.0])
def test_a_budget_that_is_none_is_refused(budget: float) -> None:
    with pytest.raises(SurveyError, match="give how much may be spent"):
        PlanGuard(Prices(), budget)


def test_a_comparison_ends_with_its_table() -> None:
    figures = {"mean": 0.9375, "deviation": 0.0125}
    row = {"split": "spatial_blocks", "model": "rf", "layers": "both", "best": True}
    rows = [
        {**row, "overall_accuracy": {"mean": 0.5, "deviation": None}, "kappa": None, "best": False},
        {**row, "model": "resnet50", "overall_accuracy": figures, "kappa": {"mean": 0.9}},
    ]
    screen = Console(width=80, file=io.StringIO())
    screen.print(comparison_table({"rows": rows}))
    assert isinstance(screen.file, io.StringIO)
    lines = [line.split() for line in screen.file.getvalue().splitlines()]
    assert lines[-2:] == [
        ["spatial", "blocks", "resnet50", "both", "93.75", "%", "±", "1.25", "0.9000"],
        ["spatial", "blocks", "rf", "both", "50.00", "%"],
    ]
