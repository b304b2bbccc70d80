"""From a link of the manifest to what GDAL opens."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from urllib.parse import urlsplit

from minecover.errors import DataError, TryAgainError
from minecover.sources.documents import read_json
from minecover.sources.gdal import gdal_path
from minecover.survey import Survey, is_url

__all__ = ["OWN", "Locator"]

OWN = "survey:"
"""Prefix of links to the files that the survey itself names."""

TOKENS = "https://planetarycomputer.microsoft.com/api/sas/v1/token"
BLOBS = ".blob.core.windows.net"


class Locator:
    """Resolves links; signs those that need it when they are used, never before.

    Parameters
    ----------
    survey
        Whose catalog the links belong to.
    """

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self._tokens: dict[str, tuple[str, dt.datetime]] = {}

    def __call__(self, href: str) -> str:
        """Path or URL that GDAL opens.

        Raises
        ------
        DataError
            The link leaves the catalog's folder.
        """
        if href.startswith(OWN):
            section = getattr(self.survey.sources, href.removeprefix(OWN))
            return gdal_path(str(section.path))
        if is_url(href):
            return gdal_path(self._signed(href))
        folder = Path(self.survey.catalog.url).parent.resolve()
        path = (folder / href).resolve()
        if is_url(self.survey.catalog.url) or not path.is_relative_to(folder):
            raise DataError(
                f"manifest: {href} is outside of the catalog {self.survey.catalog.url}; "
                "delete the store's manifest.json and run again"
            )
        return str(path)

    def _signed(self, href: str) -> str:
        parts = urlsplit(href)
        host = parts.hostname or ""
        if self.survey.catalog.sign == "none" or not host.endswith(BLOBS) or parts.query:
            return href
        container = parts.path.split("/")[1]
        return f"{href}?{self._token(host.removesuffix(BLOBS), container)}"

    def _token(self, account: str, container: str) -> str:
        key = f"{account}/{container}"
        token, until = self._tokens.get(key, ("", dt.datetime.min.replace(tzinfo=dt.UTC)))
        if until < dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5):
            answer = read_json(f"{TOKENS}/{key}")
            try:
                token = str(answer["token"])
                until = dt.datetime.fromisoformat(str(answer["msft:expiry"]))
            except (KeyError, ValueError) as error:
                raise TryAgainError(
                    f"catalog.sign: {TOKENS} gives no token for {key}; run again later"
                ) from error
            self._tokens[key] = token, until
        return token
