"""Copy a store into a folder, run where the store can be reached: `copy_store.py URL FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from minecover.storage.store import Store


def main(url: str, folder: Path) -> None:
    store = Store(url)
    for name in store.names(""):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(store.read(name) or b"")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
