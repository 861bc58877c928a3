"""What an act in the console changed, in words."""

import re

from tests.factories import issue, make_account, make_group, make_user
from tests.pages import read
from tests.providers.console.conftest import rows_of


def test_ac_i18n_2_what_acts_changed_is_named_in_dutch(administrator, provider):
    administrator.post("/language/", {"language": "nl"})
    make_account("Support", username="b.visser")
    administrator.post(
        f"/eum/providers/{provider.pk}/ip-restriction/add/", {"ip_ranges": "192.0.2.0/24\n198.51.100.0/24"}
    )
    for path in (f"/eum/providers/{provider.pk}/history/", "/eum/audit/"):
        page = read(administrator.get(path))
        assert "Toegestane bereiken" in page.text and "Titel" in page.text, path
        assert not {"ranges", "title", "ip_mode"} & {name.text for name in page.all("th", scope="row")}, path


def test_ac_i18n_2_values_of_acts_are_words_too(administrator, provider):
    page_of = f"/eum/providers/{provider.pk}/"
    token, _value = issue(provider)
    administrator.post("/language/", {"language": "nl"})
    administrator.post("/eum/providers/add/", {"title": "Zonder bereiken"})
    assert not read(administrator.get("/eum/audit/")).has("th", text="Toegestane bereiken")
    administrator.post(page_of + "ip-restriction/mode/", {"mode": "observe"})
    administrator.post(f"{page_of}tokens/{token.pk}/expiry/", {"last_day": "2030-05-06"})
    for path in (page_of + "history/", "/eum/audit/"):
        page = read(administrator.get(path))
        assert {"− Uit", "− Nooit"} <= {text.text for text in page.all("del")}, path
        assert page.has("ins", text="+ Meekijken"), path
        days = [day for text in page.all("ins") for day in text.all("time", datetime=True)]
        assert [day for day in days if day["datetime"][:9] == "2030-05-0" and re.match(r"\d mei 2030", day.text)], path


def test_a_row_of_the_audit_shows_what_changed(administrator, provider):
    page_of = f"/eum/providers/{provider.pk}/"
    administrator.post(page_of + "ip-restriction/add/", {"ip_ranges": "192.0.2.0/24\n198.51.100.0/24"})
    administrator.post(page_of + "ip-restriction/add/", {"ip_ranges": "203.0.113.0/24"})
    for mode in ("observe", "off"):
        administrator.post(page_of + "ip-restriction/mode/", {"mode": mode})
    rows_of(administrator, "/eum/users/export/")
    page = read(administrator.get("/eum/audit/"))
    for said in (
        "Allowed ranges: 2 added",
        "Allowed ranges: + 203.0.113.0/24",
        "IP restriction: Observing → Off",
        "exported 0 rows of Users.",
    ):
        assert said in page.text, said


def test_members_that_changed_are_counted(administrator, provider, scim):
    client, users = scim(provider), [make_user(provider) for _number in range(3)]
    group = make_group(provider, members=users[:1])
    added = {"op": "add", "path": "members", "value": [{"value": str(user.pk)} for user in users[1:]]}
    gone = {"op": "remove", "path": f'members[value eq "{users[0].pk}"]'}
    assert client.patch(f"/Groups/{group.pk}", added, gone).status_code < 300
    page = read(administrator.get(f"/eum/providers/{provider.pk}/history/?what=people"))
    assert f"changed the members of {group.display_name}. (2 added, 1 removed)" in page.text
