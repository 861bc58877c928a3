"""What an act in the console changed, in words."""

import re

from tests.factories import issue, make_account
from tests.pages import read


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
        assert page.has("ins", text="+ Waarnemen"), path
        days = [day for text in page.all("ins") for day in text.all("time", datetime=True)]
        assert [day for day in days if day["datetime"][:9] == "2030-05-0" and re.match(r"\d mei 2030", day.text)], path
