"""From a link of the manifest to what GDAL opens."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from minecover.errors import DataError, SurveyError, TryAgainError
from minecover.sources.answers import Web
from minecover.sources.documents import read_json
from minecover.sources.gdal import gdal_path
from minecover.sources.links import is_secret, redacted, unsigned
from minecover.sources.reach import Reach
from minecover.sources.settings import CatalogSettings
from minecover.sources.zarr_images import is_zarr
from minecover.storage.location import is_url
from minecover.storage.s3 import S3Access, catalog_access

__all__ = ["OWN", "Locator"]

OWN = "survey:"
"""Prefix of links to the files that the survey itself names; the survey's key follows."""

TOKENS = "https://planetarycomputer.microsoft.com/api/sas/v1/token"
BLOBS = ".blob.core.windows.net"


class Locator:
    """Resolves links; signs those that need it when they are used, never before.

    Parameters
    ----------
    settings
        Of the catalog that the links belong to.
    own_files
        Files that the survey names for its sources; see `source.own_files`.
    """

    def __init__(self, settings: CatalogSettings, own_files: Mapping[str, str]) -> None:
        self.settings, self.own_files = settings, own_files
        self._tokens: dict[str, tuple[str, dt.datetime]] = {}
        self._followed: set[str] = set()
        self._paths: dict[str, str] = {}

    @cached_property
    def reach(self) -> Reach:
        """Where links of the catalog may lead."""
        return Reach.of(self.settings.url, self.settings.private_hosts, self.s3)

    @cached_property
    def _web(self) -> Web:
        return Web(self.reach)

    @property
    def s3(self) -> S3Access:
        """How buckets of the catalog and of the images are reached."""
        return catalog_access(self.settings.s3_endpoint)

    def __call__(self, href: str) -> str:
        """Path or URL that GDAL opens, or zarr.

        Raises
        ------
        DataError
            The link leaves the catalog's folder, or leads where it may not.
        """
        if href.startswith(OWN):
            own = self.own_files[href.removeprefix(OWN)]
            return own if is_zarr(own) else gdal_path(own)
        if is_url(href):
            if is_zarr(href):  # no file: what it is lies beside its chunks
                self._follow(f"{href.rstrip('/')}/.zarray")
                return self._signed(href)
            self._follow(href)
            return gdal_path(self._signed(href))
        if href not in self._paths:  # to resolve one takes as long as to read from it
            self._paths[href] = self._path(href)
        return self._paths[href]

    def _path(self, href: str) -> str:
        folder = Path(self.settings.url).parent.resolve()
        path = (folder / href).resolve()
        if is_url(self.settings.url) or not path.is_relative_to(folder):
            raise DataError(
                f"manifest: {redacted(href)} is outside of the catalog "
                f"{redacted(self.settings.url)}; "
                "delete the store's manifest.json and run again"
            )
        return str(path)

    def _follow(self, href: str) -> None:
        """Refuse an image whose server leads where the catalog may not; once a process."""
        if self.reach.public and href not in self._followed:
            if not href.startswith("s3://"):
                self._web.check_redirects(self._signed(href), "catalog")
            self._followed.add(href)

    def unsigned_href(self, href: str, where: str) -> str:
        """Link as the manifest keeps it: never signed, as signatures are secret and expire.

        Raises
        ------
        SurveyError
            It is signed or carries a password, and cannot be signed anew whenever it is used.
        """
        if self._signs(href):
            href = unsigned(href)
        if is_secret(href):
            raise SurveyError(
                f"catalog: {where}: the link {redacted(href)} carries a signature or a password, "
                "which would be written into the store, and expire. Set `catalog.sign: "
                "planetary-computer` where it is of the Planetary Computer; else take links "
                "without it (s3:// with credentials in AWS_*, https:// with ~/.netrc or "
                "GDAL_HTTP_HEADERS) or local copies"
            )
        return href

    def _signs(self, href: str) -> bool:
        host = urlsplit(href).hostname or ""
        return self.settings.sign != "none" and host.endswith(BLOBS)

    def _signed(self, href: str) -> str:
        if not self._signs(href):
            return href
        parts = urlsplit(href)
        account, container = str(parts.hostname).removesuffix(BLOBS), parts.path.split("/")[1]
        return f"{href}{'&' if parts.query else '?'}{self._token(account, container)}"

    def _token(self, account: str, container: str) -> str:
        key = f"{account}/{container}"
        token, until = self._tokens.get(key, ("", dt.datetime.min.replace(tzinfo=dt.UTC)))
        if until < dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5):
            answer = read_json(f"{TOKENS}/{key}")
            try:
                token = str(answer["token"])
                until = dt.datetime.fromisoformat(str(answer["msft:expiry"]))
            except (KeyError, TypeError, ValueError) as error:
                raise TryAgainError(
                    f"catalog.sign: {TOKENS} gives no token for {key}; run again later"
                ) from error
            self._tokens[key] = token, until
        return token
