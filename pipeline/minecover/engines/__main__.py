"""`python -m minecover.engines dask|ray`: what to export before a cluster is started by hand.

A driver cannot set what the cluster's own processes read when they start::

    eval "$(python -m minecover.engines dask)"
    dask scheduler --host 10.0.0.1
"""

from __future__ import annotations

import sys

from minecover.engines.registry import ENGINES


def main(names: list[str]) -> int:
    """Print the settings of an engine for a shell."""
    environments = {engine.name: engine.environment for engine in ENGINES if engine.environment}
    if len(names) != 1 or names[0] not in environments:
        print(f"usage: python -m minecover.engines {'|'.join(environments)}", file=sys.stderr)
        return 2
    for name, value in environments[names[0]].items():
        print(f"export {name}={value}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
