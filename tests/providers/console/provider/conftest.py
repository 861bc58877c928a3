"""What tests of a provider's IP restriction share: its page, and files of service tags."""

import json
from io import BytesIO

import pytest

from tests.factories import make_provider
from tests.pages import read

ENTRA, OUTSIDE = "20.190.137.45", "52.146.136.12"


def restriction_page(provider, tab=""):
    return f"/eum/providers/{provider.pk}/ip-restriction/{tab}"


def ranges_of(provider):
    return sorted(str(cidr) for cidr in provider.ip_rules.values_list("cidr", flat=True))


def add_ranges(browser, provider, text, **more):
    return read(browser.post(restriction_page(provider, "add/"), {"ip_ranges": text, **more}, follow=True))


def set_mode(browser, provider, mode, **more):
    page = read(browser.post(restriction_page(provider, "mode/"), {"mode": mode, **more}, follow=True))
    provider.refresh_from_db()
    return page


def service_tags(prefixes, *, number=214, name="AzureActiveDirectory", cloud="Public", **more):
    tag = {"name": name, "id": name, "properties": {"changeNumber": number, "addressPrefixes": prefixes}}
    return json.dumps({"changeNumber": 400, "cloud": cloud, "values": [tag], **more}).encode()


def upload_tags(browser, provider, content, tag="AzureActiveDirectory"):
    file = BytesIO(content)
    file.name = "ServiceTags_Public_20261116.json"
    return browser.post(restriction_page(provider, "import/"), {"file": file, "tag": tag})


def plan_on(preview):
    return read(preview).one("input", name="plan").value


def confirm_tags(browser, provider, preview):
    return read(browser.post(restriction_page(provider, "import/"), {"plan": plan_on(preview)}, follow=True))


@pytest.fixture
def observed():
    return make_provider("Observed Entra ID", ip_mode="observe", ranges=("20.190.128.0/18",))
