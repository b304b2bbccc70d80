"""Servers and credentials behind `s3://` addresses: the store's, and those of catalog and images.

The two are often different servers, so neither takes its endpoint from the variables of the other.

==========  ==================================  ==================================================
whose       endpoint                            credentials and region
==========  ==================================  ==================================================
store       `AWS_ENDPOINT_URL_S3`, else         `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
            `AWS_ENDPOINT_URL` or               `AWS_SESSION_TOKEN`, `AWS_REGION`
            `AWS_ENDPOINT`
catalog,    the survey's `catalog.s3_endpoint`  the same with `MINECOVER_CATALOG_` in place of
images      else GDAL's `AWS_S3_ENDPOINT` with  `AWS_` where they are given; `AWS_NO_SIGN_REQUEST`
            `AWS_HTTPS`                         for public buckets
==========  ==================================  ==================================================

Without an endpoint a server is Amazon's own. Credentials are read from the environment when a
bucket is opened; they are kept nowhere.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from minecover.errors import SurveyError

if TYPE_CHECKING:
    from obstore.store import S3Credential

__all__ = ["AMAZON", "S3Access", "S3Credentials", "catalog_access", "store_access"]

STORE_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
"""Variables of the store's endpoint; the first that is set counts, as for Amazon's own tools."""

CATALOG = "MINECOVER_CATALOG_"
"""Prefix of the variables that hold credentials for catalog and images alone."""


@dataclass(frozen=True)
class S3Credentials:
    """An access key, never shown."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(repr=False)

    def __call__(self) -> S3Credential:
        """Give them as obstore wants them."""
        return {
            "access_key_id": self.key,
            "secret_access_key": self.secret,
            "token": self.token or None,
            "expires_at": None,
        }


@dataclass(frozen=True)
class S3Access:
    """How buckets are reached.

    Attributes
    ----------
    endpoint
        URL of the server; empty: Amazon's own.
    region
        For the signature; empty: what `AWS_REGION` says.
    credentials
        None: what `AWS_*` says.
    unsigned
        Requests are not signed: the buckets are public.
    virtual_hosting
        A bucket is part of the server's name, not of the path; None: what the environment says.
    """

    endpoint: str = ""
    region: str = ""
    credentials: S3Credentials | None = None
    unsigned: bool = False
    virtual_hosting: bool | None = None

    def config(self, bucket: str) -> dict[str, object]:
        """Give obstore's settings of a bucket; the environment says the rest."""
        config: dict[str, object] = {}
        place = self.endpoint
        if not place and _first(*STORE_ENDPOINTS):  # that of the store, which is another
            region = self.region or _first("AWS_REGION", "AWS_DEFAULT_REGION") or "us-east-1"
            place = f"https://s3.{region}.amazonaws.com"
        if place and self.virtual_hosting:
            place = place.replace("://", f"://{bucket}.")
        if place:
            config["aws_endpoint_url_s3"] = place  # the name that no variable overrides
        if self.virtual_hosting is not None:
            config["virtual_hosted_style_request"] = self.virtual_hosting
        if self.region:
            config["region"] = self.region
        if self.unsigned:
            config["skip_signature"] = True
        return config


AMAZON = S3Access()
"""Amazon's own servers, by the credentials of the environment."""


def store_access() -> S3Access:
    """Access to the buckets of stores."""
    return S3Access(_first(*STORE_ENDPOINTS))


def catalog_access(endpoint: str | None = None) -> S3Access:
    """Access to the buckets of catalogs and of the images that they name.

    Parameters
    ----------
    endpoint
        The survey's `catalog.s3_endpoint`.

    Raises
    ------
    SurveyError
        Only one half of the catalog's access key is given.
    """
    credentials = _catalog_credentials()
    return S3Access(
        endpoint=endpoint or _gdal_endpoint(),
        region=_first(f"{CATALOG}REGION"),
        credentials=credentials,
        unsigned=credentials is None and _is_on("AWS_NO_SIGN_REQUEST", default=False),
        virtual_hosting=_is_on("AWS_VIRTUAL_HOSTING", default=False),
    )


def _catalog_credentials() -> S3Credentials | None:
    names = [f"{CATALOG}ACCESS_KEY_ID", f"{CATALOG}SECRET_ACCESS_KEY"]
    key, secret = map(_first, names)
    if bool(key) != bool(secret):
        raise SurveyError(f"environment: {' and '.join(names)} belong together; set both or none")
    return S3Credentials(key, secret, _first(f"{CATALOG}SESSION_TOKEN")) if key else None


def _gdal_endpoint() -> str:
    host = _first("AWS_S3_ENDPOINT")
    if not host or "://" in host:
        return host
    return f"{'https' if _is_on('AWS_HTTPS', default=True) else 'http'}://{host}"


def _first(*names: str) -> str:
    """Value of the first of some variables of the environment that is set; empty: none is."""
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def _is_on(name: str, *, default: bool) -> bool:
    """Tell whether a variable is on, by GDAL's rule."""
    text = os.environ.get(name)
    return text.upper() not in ("NO", "FALSE", "OFF", "0") if text else default
