"""Each kernel against its peers: ``python -m benchmarks`` writes ``benchmarks/RESULTS.md``."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # a server and a browser of the tests
