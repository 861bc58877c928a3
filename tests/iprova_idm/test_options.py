"""Settings: typed, named when refused, and production refuses what is insecure."""

import pytest

from iprova_idm.options import ConfigurationError, read_options
from tests.iprova_idm.conftest import PRODUCTION


def test_defaults_serve_on_loopback():
    options = read_options({})
    assert (options.base_url, options.scim_url) == ("http://127.0.0.1:8000", "http://127.0.0.1:8000/scim")


def test_public_url_gives_the_tenant_url():
    assert read_options({"PUBLIC_URL": "https://idm.example.com/"}).scim_url == "https://idm.example.com/scim"
    assert read_options({"HOST": "::1", "PORT": "9000"}).base_url == "http://[::1]:9000"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "http"),
        ("WORKERS", "-1"),
        ("WORKERS", "0"),
        ("MAX_BODY_MIB", "0"),
        ("PROVIDER_RATE", "1"),
        ("PROVIDER_RATE", "24"),
        ("PROVIDER_RATE", "-1"),
        ("PROVIDER_BURST", "0"),
        ("REFUSED_RATE", "-1"),
        ("LOG_LEVEL", "foo"),
        ("PUBLIC_URL", "https://idm.example.com/base"),
        ("MODE", "prod"),
        ("PUBLIC_URL", "idm.example.com"),
        ("TRUSTED_PROXIES", "x"),
        ("EUM_KEEP_UNTIL_USED", "true"),
        ("SECOND_FACTOR", "yes"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_value(name, value):
    with pytest.raises(ConfigurationError, match=f"{name}='{value}'"):
        read_options({name: value})


def test_production_starts_with_secure_values():
    assert read_options(PRODUCTION).is_production


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", ""),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "a" * 60),
        ("DATABASE_URL", "postgresql://iprova:CHANGE-ME@127.0.0.1/iprova"),
        ("PUBLIC_URL", ""),
        ("PUBLIC_URL", "http://idm.example.com"),
        ("ALLOWED_HOSTS", "*"),
        ("HOST", "0.0.0.0"),
    ],
)
def test_production_refuses_an_insecure_value_by_name(name, value):
    with pytest.raises(ConfigurationError, match=name):
        read_options(PRODUCTION | {name: value})


def test_secrets_are_not_in_the_message():
    with pytest.raises(ConfigurationError) as refused:
        read_options(PRODUCTION | {"SECRET_KEY": "hunter2"})
    assert "hunter2" not in str(refused.value)
    with pytest.raises(ConfigurationError, match="DATABASE_URL cannot be used") as refused:
        read_options({"DATABASE_URL": "mysql://me:hunter2@x"})
    assert "hunter2" not in str(refused.value)
    assert "postgresql" not in repr(read_options(PRODUCTION))


@pytest.mark.parametrize("url", ["mail.example.com", "smtp://", "smtp://x:port", "http://x", "file://", "smtps://:465"])
def test_a_mail_server_that_is_none_is_refused_without_its_password(url):
    with pytest.raises(ConfigurationError, match="EMAIL_URL cannot be used: must be like smtp"):
        read_options({"EMAIL_URL": url})


def test_v30_rates_that_can_be_set():
    assert [read_options({"PROVIDER_RATE": rate}).provider_rate for rate in ("0", "25", "1000", "")] == [
        0,
        25,
        1000,
        50,
    ]
    assert read_options({"REFUSED_RATE": "0"}).refused_rate == 0
    with pytest.raises(ConfigurationError, match="Entra ID sends 25 a second"):
        read_options({"PROVIDER_RATE": "20"})
