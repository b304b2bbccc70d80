"""Settings of the catalog and of seasons."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
)

from minecover.settings import Section

__all__ = ["CatalogSettings", "DateRange"]


def _parse_range(text: str) -> str:
    try:
        start, end = (dt.date.fromisoformat(part) for part in text.split("/"))
    except ValueError as error:
        raise ValueError(f"{text!r} is not a date range YYYY-MM-DD/YYYY-MM-DD") from error
    if end < start:
        raise ValueError(f"{text!r} ends before it starts")
    return text


DateRange = Annotated[str, AfterValidator(_parse_range)]


def _parse_server(text: str) -> str:
    parts = urlsplit(text)
    extra = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in ("http", "https") or not parts.netloc or extra:
        raise ValueError("give the address of a server, as https://host or http://host:port")
    return f"{parts.scheme}://{parts.netloc}"


ServerUrl = Annotated[str, AfterValidator(_parse_server)]


class CatalogSettings(Section):
    """Where items are looked up, and with which limits."""

    url: str = Field(description="STAC API, or catalog.json of a static catalog")
    sign: Literal["none", "planetary-computer"] = Field(
        "none", description="how asset addresses are signed when they are read"
    )
    s3_endpoint: ServerUrl | None = Field(
        None,
        description="server of s3:// addresses of the catalog and of its images, as "
        "https://eodata.dataspace.copernicus.eu; null: what AWS_S3_ENDPOINT says, else Amazon's "
        "own. The endpoint of the store never counts",
    )
    max_items: int = Field(20_000, ge=1, description="refuse a search that finds more")
    reader: Literal["stackstac", "odc-stac"] = Field(
        "stackstac", description="library that reads items onto the grid"
    )
