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
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "1,10.0.0.0/8"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "fe80::1%eth0"),
        ("TRUSTED_PROXIES", "010.0.0.1"),
        ("OPEN_TO", "10.0.0.0/33"),
        ("OPEN_TO", "office"),
        ("OPEN_TO", "*"),
        ("EUM_KEEP_UNTIL_USED", "true"),
        ("SECOND_FACTOR", "yes"),
        ("TIME_ZONE", "CET"),
        ("TIME_ZONE", "europe/amsterdam"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_value(name, value):
    with pytest.raises(ConfigurationError, match=f"{name}='{value}'"):
        read_options({name: value})


OPEN = {"HOST": "0.0.0.0", "OPEN_TO": "10.0.0.5"}


@pytest.mark.parametrize("mode", [{}, PRODUCTION], ids=["local", "production"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "idm.example.com"])
def test_h3_an_open_host_needs_to_know_who_may_connect(mode, host):
    proxies = {"HOST": host, "TRUSTED_PROXIES": "10.0.0.5"}
    with pytest.raises(ConfigurationError, match="set OPEN_TO to the addresses that may connect"):
        read_options(mode | proxies)
    assert len(read_options(mode | proxies | {"OPEN_TO": "10.0.0.5, 2001:db8::/32"}).open_to) == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_h3_a_loopback_host_needs_no_more_settings(host):
    assert read_options({"HOST": host}).open_to == ()


@pytest.mark.parametrize("proxies", ["0", "1"])
def test_m5_production_on_an_open_host_names_its_proxies(proxies):
    """A number was enough once. It counts for a proxy on this machine only, and the message names what replaced it."""
    with pytest.raises(ConfigurationError, match="set TRUSTED_PROXIES to the addresses of the proxies"):
        read_options(PRODUCTION | OPEN | {"TRUSTED_PROXIES": proxies})
    assert read_options(PRODUCTION | OPEN | {"TRUSTED_PROXIES": "10.0.0.5"}).trusted_proxies
    assert read_options(PRODUCTION | {"TRUSTED_PROXIES": "1"}).trusted_proxies == 1


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
