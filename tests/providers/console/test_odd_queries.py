"""Parameters that nobody means to send: no page of the console answers 500 (L5)."""

from itertools import product
from urllib.parse import quote_from_bytes

import pytest

from providers import request_log
from tests.conftest import ScimClient
from tests.factories import browser_of, issue, make_account, make_group, make_user

DAYS = [
    "9999-12-31",
    "0001-01-01",
    "0000-01-01",
    "1969-12-31",
    "10000-01-01",
    "2026-02-30",
    "-2026-01-01",
    "９999-12-31",
]
MOMENTS = [
    "9999-12-31T23:59:59-12:00",
    "9999-12-31T23:59:59.999999-23:59",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "2026-11-24T00:00:00+99:99",
    "10889-08-02T05:31:50Z",
]
NUMBERS = ["-1", "9223372036854775808", "9" * 40, "9" * 5_000, "1e999", "٣", "²", "+7"]
IDS = ["0" * 32, "ffffffff-ffff-ffff-ffff-ffffffffffff", "{00000000-0000-0000-0000-000000000000}"]
TEXTS = ["\0", "%\\", "x" * 6_000, "1.2.3.4.5", "-o.-9"]
# Bytes of the raw address: half a surrogate pair, an overlong NUL, and a character that is cut off.
RAW = [b"\xed\xa0\x80", b"\xc0\x80", b"\xe2\x82"]
KINDS = {"day": DAYS, "moment": [*MOMENTS, *DAYS[:4]], "number": NUMBERS, "id": IDS, "text": TEXTS}
LISTED = {"q": "text", "status": "text", "provider": "number", "group": "id", "o": "text", "p": "number"}
# Each page with its parameters and their kinds.
PAGES = {
    "log/": {
        "from": "day", "until": "day", "provider": "number", "status": "number", "slower": "number", "subject": "id",
        "before": "id", "after": "id", "address": "text", "token": "text", "q": "text", "period": "number",
    },
    "audit/": {"person": "number", "provider": "number", "day": "day", "before": "id", "period": "number"},
    "users/": LISTED | {"changed": "number", "error": "text", "all": "text"},
    "groups/": LISTED,
    "groups/{group}/": {"q": "text", "p": "number"},
    "not-provisioned/": {"provider": "number", "period": "number", "q": "text", "p": "number", "status": "text"},
    "find/": {"q": "text"},
    "providers/": {"o": "text", "p": "number"},
    "providers/{provider}/": {"period": "number"},
    "providers/{provider}/history/": {"what": "text", "day": "day", "before": "id", "since": "moment"},
    "providers/{provider}/removals/users/": {"since": "moment", "until": "moment"},
    "providers/{provider}/ip-restriction/": {"p": "number", "check": "text"},
    "providers/{provider}/ip-restriction/remove/": {"range": "number"},
    "recycle-bin/restore/": {"user": "id", "provider": "number", "since": "moment", "filter": "text"},
}  # fmt: skip


@pytest.fixture
def browser(db):
    found = browser_of(make_account("superuser"))
    found.raise_request_exception = False
    return found


@pytest.fixture
def names(provider):
    jane = make_user(provider, "jane@x")
    group = make_group(provider, members=[jane])
    client = ScimClient(issue(provider)[1])
    client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "active", "value": False})
    client.post("/Users", {"userName": "jane@x"})
    request_log.writer.flush()
    return {"provider": provider.pk, "group": group.pk, "user": jane.pk}


@pytest.mark.parametrize("page", PAGES)
def test_l5_odd_parameters_are_no_500(browser, names, page):
    address = f"/eum/{page.format(**names)}"
    for name, kind in PAGES[page].items():
        for value in KINDS[kind]:
            answer = browser.get(address, {name: value})
            assert answer.status_code < 500, (address, name, value[:40])
    for raw in RAW:
        sent = "&".join(f"{name}={quote_from_bytes(raw)}" for name in PAGES[page])
        assert browser.get(f"{address}?{sent}").status_code < 500, (address, raw)


@pytest.mark.parametrize("page", ["providers/{provider}/removals/users/", "providers/{provider}/history/"])
def test_l5_odd_times_are_no_500(browser, names, page):
    for since, until in product(["2026-01-01T00:00:00Z", *MOMENTS], repeat=2):
        sent = {"what": "removals", "since": since, "until": until}
        assert browser.get(f"/eum/{page.format(**names)}", sent).status_code < 500, sent


@pytest.mark.parametrize(
    "page",
    ["providers/{number}/", "providers/{number}/history/", "providers/1/tokens/{number}/rotate/", "users/{number}/",
     "log/{number}/", "users/filters/{number}/rename/", "../accounts/{number}/"],
)  # fmt: skip
def test_l5_an_odd_number_in_an_address_is_404(browser, page):
    for number in ("0", "2147483648", "9223372036854775808", "9" * 40, "9" * 5_000):
        answer = browser.get(f"/eum/{page.format(number=number)}".replace("/eum/..", ""))
        assert answer.status_code in (404, 405), number


FORMS = {
    "providers/{provider}/removals/allow/": {"waiting": [*NUMBERS, "9" * 5_000 + ".x"], "key": TEXTS},
    "providers/{provider}/removals/off/": {"hours": NUMBERS},
    "providers/{provider}/ip-restriction/add/": {"use": [f"{number}:10.0.0.0/8" for number in NUMBERS]},
    "providers/{provider}/edit/": dict.fromkeys(("late_after_minutes", "removal_limit_users", "title"), NUMBERS),
    "providers/{provider}/ip-restriction/import/": {"plan": TEXTS, "tag": TEXTS},
    "recycle-bin/restore/": {"user": IDS, "since": MOMENTS, "provider": NUMBERS},
    "users/filters/save/": {"name": TEXTS, "query": TEXTS},
}


@pytest.mark.parametrize("page", FORMS)
def test_l5_odd_forms_are_no_500(browser, names, page):
    for name, values in FORMS[page].items():
        for value in values:
            answer = browser.post(f"/eum/{page.format(**names)}", {"title": "Contoso", "ip_ranges": "x", name: value})
            assert answer.status_code < 500, (page, name, value[:40])
