"""What all commands share: their arguments and options, and the console they speak on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

__all__ = ["LogOption", "PricesOption", "StoreOption", "SurveyFile", "console", "point_to"]

SurveyFile = Annotated[Path, typer.Argument(metavar="SURVEY", help="the survey file (YAML)")]
StoreOption = Annotated[
    str | None, typer.Option("--store", help="folder or s3:// instead of the survey's own")
]
LogOption = Annotated[
    str | None,
    typer.Option("--log", metavar="FILE", help="append one line of JSON a tile; - for stdout"),
]
PricesOption = Annotated[
    Path | None, typer.Option("--prices", metavar="FILE", help="price list (YAML)")
]

console = Console(highlight=False)


def point_to(store: str, **products: str) -> None:
    """Say where products lie in a store: file names by what they are."""
    for what, name in products.items():
        path = f"{store.rstrip('/')}/products/{name}"
        console.print(f"   {what:<15} {path}", soft_wrap=True)
