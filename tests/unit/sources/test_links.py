"""Signatures and passwords in links: neither shown nor kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from _catalogs import CatalogWriter, frozen, locator_of, survey_over
from minecover.errors import MinecoverError, SurveyError
from minecover.sources import locate
from minecover.sources.catalog import open_catalog
from minecover.sources.links import is_secret, redacted, unsigned
from minecover.sources.web import ApiCatalog
from minecover.survey import Survey

BLOB = "https://account.blob.core.windows.net/data/b.tif"
SAS = "sv=2024-01-01&st=2026-01-01&se=2026-01-02&sr=c&sp=rl&skoid=1&sktid=2&sig=SECRET%2B"


def test_what_is_shown_of_a_link() -> None:
    assert redacted("https://me:pw@host:8000/a.tif?sig=x#frag") == "https://host:8000/a.tif"
    text = "'/vsicurl/https://host/a.tif?sig=x' failed (url: /stac?token=x) for https://h/b#t=1"
    assert redacted(text) == "'/vsicurl/https://host/a.tif' failed (url: /stac for https://h/b"
    for plain in ("s3://bucket/a.tif", "/data/#1/a.tif", "what? #5 failed"):
        assert redacted(plain) in (plain, plain.replace("?", ""))


@pytest.mark.parametrize(
    "query",
    [
        SAS,
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=k&X-Amz-Expires=9&X-Amz-Signature=s",
        "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=k&X-Goog-Signature=s",
        "Expires=1&Signature=s&Key-Pair-Id=k",
        "AWSAccessKeyId=k&Signature=s&Expires=1",
        "token=s",
    ],
)
def test_every_signature_is_known(query: str) -> None:
    assert is_secret(f"https://host/a.tif?{query}")
    assert unsigned(f"https://host/a.tif?{query}") == "https://host/a.tif"
    assert unsigned(f"https://host/a.tif?version=1&{query}") == "https://host/a.tif?version=1"


@pytest.mark.parametrize(
    "link", ["https://host/a.tif?versionId=3&st=day", "s3://bucket/a b.tif", "item/a.tif"]
)
def test_other_parameters_are_nobodys_secret(link: str) -> None:
    assert not is_secret(link)
    assert unsigned(link) == link


def catalog_with(folder: Path, href: str, **catalog: str) -> Survey:
    writer = CatalogWriter(folder)
    item = writer.sentinel2("first", "2021-06-10T03:00:00Z", np.full((64, 64), 2000, np.uint16))
    item["assets"]["B04"]["href"] = href
    return survey_over(writer.write(), catalog=dict(catalog))


def test_a_link_that_is_signed_anew_is_kept_unsigned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = set()
    for sas in (SAS, SAS.replace("SECRET", "OTHER")):
        survey = catalog_with(tmp_path, f"{BLOB}?{sas}", sign="planetary-computer")
        manifest = frozen(survey)
        assert manifest.found[0].assets["B04"].href == BLOB
        marks.add(manifest.fingerprint)
    assert len(marks) == 1
    answer = {"token": "sig=NEW", "msft:expiry": "2999-01-01T00:00:00Z"}
    monkeypatch.setattr(locate, "read_json", lambda place: answer)
    assert locator_of(survey)(BLOB) == f"{BLOB}?sig=NEW"
    assert locator_of(survey)(f"{BLOB}?versionid=3") == f"{BLOB}?versionid=3&sig=NEW"


@pytest.mark.parametrize(
    "href", [f"{BLOB}?{SAS}", "https://me:SECRET@host/b.tif", "https://host/b.tif?token=SECRET"]
)
def test_a_secret_that_cannot_be_renewed_is_refused_with_what_to_do(
    tmp_path: Path, href: str
) -> None:
    with pytest.raises(
        SurveyError, match=r"item first, asset B04: .*catalog\.sign.*netrc"
    ) as caught:
        frozen(catalog_with(tmp_path, href))
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://me:SECRET@127.0.0.1:9/stac?token=SECRET"])
def test_a_catalogs_own_address_is_shown_without_its_secrets(url: str) -> None:
    for ask in (lambda: open_catalog(url), lambda: ApiCatalog(url).collections()):
        with pytest.raises(MinecoverError, match=r"127\.0\.0\.1") as caught:
            ask()
        assert "SECRET" not in str(caught.value)
