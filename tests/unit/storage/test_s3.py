"""Which server and which credentials stand behind an `s3://` address, by the environment."""

from __future__ import annotations

import pytest

from minecover.errors import SurveyError
from minecover.storage.s3 import S3Access, catalog_access, store_access

STORE, OTHER = "http://store:1", "https://other"
URL = "aws_endpoint_url_s3"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (
        "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_S3_ENDPOINT", "AWS_HTTPS",
        "AWS_VIRTUAL_HOSTING", "AWS_NO_SIGN_REQUEST", "AWS_REGION", "AWS_DEFAULT_REGION",
        "MINECOVER_CATALOG_ACCESS_KEY_ID", "MINECOVER_CATALOG_SECRET_ACCESS_KEY",
        "MINECOVER_CATALOG_SESSION_TOKEN", "MINECOVER_CATALOG_REGION",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_without_variables_both_are_amazons_own() -> None:
    assert store_access() == S3Access()
    assert store_access().config("b") == {}
    assert catalog_access().endpoint == ""
    assert URL not in catalog_access().config("b")


def test_the_variable_for_s3_counts_before_that_for_all_services(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("AWS_ENDPOINT", "http://third:1")
    assert store_access().endpoint == "http://third:1"
    environment.setenv("AWS_ENDPOINT_URL", OTHER)
    assert store_access().endpoint == OTHER
    environment.setenv("AWS_ENDPOINT_URL_S3", STORE)
    assert store_access().config("b") == {URL: STORE}


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"])
def test_the_stores_endpoint_does_not_lead_the_images_there(
    environment: pytest.MonkeyPatch, name: str
) -> None:
    environment.setenv(name, STORE)
    assert catalog_access().endpoint == ""
    assert catalog_access().config("b")[URL] == "https://s3.us-east-1.amazonaws.com"
    environment.setenv("AWS_REGION", "eu-central-1")
    assert catalog_access().config("b")[URL] == "https://s3.eu-central-1.amazonaws.com"
    assert catalog_access(OTHER).config("b")[URL] == OTHER


def test_the_survey_counts_before_gdals_variable(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_S3_ENDPOINT", "images:2")
    assert catalog_access().endpoint == "https://images:2"
    environment.setenv("AWS_HTTPS", "NO")
    assert catalog_access().endpoint == "http://images:2"
    assert store_access().endpoint == ""
    assert catalog_access(OTHER).endpoint == OTHER


def test_a_bucket_may_be_part_of_the_servers_name(environment: pytest.MonkeyPatch) -> None:
    assert catalog_access(OTHER).config("b") == {URL: OTHER, "virtual_hosted_style_request": False}
    environment.setenv("AWS_VIRTUAL_HOSTING", "TRUE")
    assert catalog_access(OTHER).config("b") == {
        URL: "https://b.other", "virtual_hosted_style_request": True,
    }  # fmt: skip


def test_the_catalog_may_have_credentials_of_its_own(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_NO_SIGN_REQUEST", "YES")
    assert catalog_access().unsigned
    assert catalog_access().config("b")["skip_signature"] is True
    environment.setenv("MINECOVER_CATALOG_ACCESS_KEY_ID", "KEY")
    with pytest.raises(SurveyError, match="MINECOVER_CATALOG_SECRET_ACCESS_KEY belong together"):
        catalog_access()
    environment.setenv("MINECOVER_CATALOG_SECRET_ACCESS_KEY", "SECRET")
    environment.setenv("MINECOVER_CATALOG_REGION", "default")
    access = catalog_access()
    assert access.credentials is not None
    assert access.credentials() == {
        "access_key_id": "KEY", "secret_access_key": "SECRET", "token": None, "expires_at": None,
    }  # fmt: skip
    assert not access.unsigned
    assert access.config("b")["region"] == "default"
    assert store_access().credentials is None


def test_credentials_are_not_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MINECOVER_CATALOG_ACCESS_KEY_ID", "HIDDEN")
    environment.setenv("MINECOVER_CATALOG_SECRET_ACCESS_KEY", "HIDDEN")
    environment.setenv("MINECOVER_CATALOG_SESSION_TOKEN", "HIDDEN")
    assert "HIDDEN" not in repr(catalog_access())
