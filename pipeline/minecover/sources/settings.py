"""Settings of the catalog and of seasons."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
)

from minecover.settings import Section

__all__ = ["CatalogSettings", "Collections", "DateRanges", "year_of"]

Collections = str | tuple[str, ...]
"""One collection of a catalog, or several that are read as one."""


def _parse_range(text: str) -> str:
    try:
        start, end = (dt.date.fromisoformat(part) for part in text.split("/"))
    except ValueError as error:
        raise ValueError(f"{text!r} is not a date range YYYY-MM-DD/YYYY-MM-DD") from error
    if end < start:
        raise ValueError(f"{text!r} ends before it starts")
    return text


DateRange = Annotated[str, AfterValidator(_parse_range)]


def _as_ranges(given: object) -> object:
    """Write two dates of a list, which YAML may have read as dates already, as one range."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list | tuple):
        return given
    if len(given) == 2 and all(_is_date(item) for item in given):
        return [f"{given[0]}/{given[1]}"]
    return [
        f"{item[0]}/{item[1]}"
        if isinstance(item, list | tuple) and len(item) == 2
        else str(item)
        if isinstance(item, dt.date)
        else item
        for item in given
    ]


def _is_date(value: object) -> bool:
    return isinstance(value, dt.date) or (isinstance(value, str) and "/" not in value)


DateRanges = Annotated[tuple[DateRange, ...], BeforeValidator(_as_ranges)]
"""One range, a list of them, or the first and last date of one."""


def year_of(seasons: Mapping[str, Sequence[str]]) -> int:
    """Give the year in which most days of some seasons lie; of equals the first.

    Examples
    --------
    >>> year_of({"summer": ["2021-06-01/2021-08-31"], "winter": ["2021-12-01/2022-02-28"]})
    2021
    """
    days = Counter[int]()
    for text in (text for texts in seasons.values() for text in texts):
        start, end = (dt.date.fromisoformat(part) for part in text.split("/"))
        for year in range(start.year, end.year + 1):
            first, last = max(start, dt.date(year, 1, 1)), min(end, dt.date(year, 12, 31))
            days[year] += (last - first).days + 1
    return min(days, key=lambda year: (-days[year], year))


def _parse_server(text: str) -> str:
    parts = urlsplit(text)
    extra = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in ("http", "https") or not parts.netloc or extra:
        raise ValueError("give the address of a server, as https://host or http://host:port")
    return f"{parts.scheme}://{parts.netloc}"


ServerUrl = Annotated[str, AfterValidator(_parse_server)]


def _url_or_profile(schema: dict[str, Any]) -> None:
    """Say for editors that a profile brings an address."""
    schema.pop("required")
    schema["anyOf"] = [{"required": ["url"]}, {"required": ["profile"]}]


class CatalogSettings(Section):
    """Where items are looked up, and with which limits."""

    model_config = ConfigDict(json_schema_extra=_url_or_profile)

    profile: str | None = Field(
        None,
        description="provider whose names and settings count where the survey has no others: one "
        "of those of minecover, or a YAML file with the sections catalog and sources",
    )
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
    max_seconds: float = Field(
        3600.0,
        gt=0,
        allow_inf_nan=False,
        description="refuse a look-up whose documents take longer",
    )
    private_hosts: tuple[str, ...] = Field(
        (),
        description="hosts of this machine or its network that links and redirects of a public "
        "catalog may lead to; those of a catalog that lies there itself always may",
    )
    reader: Literal["native", "stackstac", "odc-stac"] = Field(
        "native",
        description="what reads items: native decodes windows as they lie in the files; stackstac "
        "and odc-stac give the same values more slowly",
    )
