"""What reaches the person's screen."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import warnings
from minecover.commands.terminal import quiet_libraries
quiet_libraries()
warnings.resetwarnings()  # as threads of scikit-learn leave them at times
warnings.warn("use the other name", DeprecationWarning)
warnings.warn("`sklearn.utils.parallel.delayed` should be used", UserWarning)
warnings.warn("the data look odd", UserWarning)
"""


def test_libraries_are_quiet_whatever_became_of_the_filters() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True)
    assert "the data look odd" in ran.stderr
    assert "other name" not in ran.stderr
    assert "sklearn" not in ran.stderr
