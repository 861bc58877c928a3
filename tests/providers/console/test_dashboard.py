"""The dashboard (AC-DASH): the worst first, numbers that are the counts of their lists, a chart with its table."""

import re
from datetime import timedelta
from ipaddress import ip_network

from django.db import connection
from django.utils import timezone

from providers.activity import LOG_JOB
from providers.health import health_of
from providers.housekeeping import JOBS
from providers.models import IpRule, JobRun, Provider, Token
from providers.request_log import writer
from tests.factories import make_calls, make_provider, make_user
from tests.pages import read


def figures_on(page):
    names = ("people", "changes", "problems", "refused")
    found = {name: link for name in names for link in page.all("a", test_id=f"figure-{name}")}
    return {name: (link["href"], link.one("b").text) for name, link in found.items()}


def test_ac_dash_1_the_worst_provider_and_its_reason_come_first(support, busy):
    make_provider("Calm")
    page = read(support.get("/eum/"))
    first, second = page.one("section", aria_labelledby="providers-title").all("li")
    assert "Refused since" in first.text and "Waiting for the first request" in second.text


def test_ac_dash_2_each_number_is_the_count_of_its_page(support, busy):
    figures = figures_on(read(support.get("/eum/")))
    assert {name: number for name, (_, number) in figures.items()} == {
        "people": "3", "changes": "5", "problems": "3", "refused": "1",
    }  # fmt: skip
    for name, (address, number) in figures.items():
        page = support.get(address)
        shown = page.context["cl"].result_count if name == "people" else page.context["query"].counted
        assert str(shown) == number, name


def test_each_figure_says_more_in_small_and_each_provider_has_its_next_step(administrator, support, busy, provider):
    page = read(administrator.get("/eum/"))
    figures = page.one("section", aria_label="Figures").all("a")
    said = ("1 disabled", "since 00:00", "in 9 requests", f"from {provider.title}")
    assert [one.text.endswith(words) for one, words in zip(figures, said, strict=True)] == [True] * 4
    step = page.one("section", aria_labelledby="providers-title").one("a", test_id="next-step")
    assert (step["href"], step.text) == (f"/eum/providers/{provider.pk}/tokens/", "Open tokens")
    make_provider("Calm")
    Provider.objects.filter(title="Calm").update(paused_at=timezone.now())
    assert read(administrator.get("/eum/")).has("button", text="Resume")
    assert not read(support.get("/eum/")).has("button", text="Resume")


def test_ac_dash_4_nothing_is_said_where_nothing_is(support, db):
    page = read(support.get("/eum/"))
    assert "figure-" not in page.source and "NaN" not in page.source and not figures_on(page)
    make_provider("Calm")
    page = read(support.get("/eum/"))
    assert {number for _, number in figures_on(page).values()} == {"0"}
    assert "No changes in this period." in page.text and "Contact in 0 of 36 periods" in page.text


def test_ac_dash_5_the_page_asks_little_whatever_the_number_of_providers(support, busy, django_assert_max_num_queries):
    for number in range(20):
        make_user(make_provider(f"Provider {number}"), "x@x")
    # session, account, two-step sign-in, rights (2), providers and what is known of them (6), five figures, chart (2),
    # contacts, and what needs attention (4: the log, common problems, imported ranges, jobs)
    with django_assert_max_num_queries(23):
        support.get("/eum/")


def test_the_eight_worst_have_a_row_and_the_others_are_counted(support, django_assert_max_num_queries):
    for number in range(200):
        make_provider(f"Province {number:03}")
    make_calls(Provider.objects.get(title="Province 150"), 401)
    Provider.objects.filter(title__in=["Province 160", "Province 161"]).update(paused_at=timezone.now())
    with django_assert_max_num_queries(23):
        page = read(support.get("/eum/"))
    rows = page.one("section", aria_labelledby="providers-title").one("ul", class_="strip").all("h3")
    assert [row.text for row in rows][:4] == ["Province 150", "Province 160", "Province 161", "Province 000"]
    assert len(rows) == 8
    [others] = page.one(test_id="others").all("a", class_="chip")
    assert (others.text, others["href"]) == ("192 Not connected", "/eum/providers/?status=not_connected")
    assert "197 providers" in read(support.get(others["href"])).text


def test_the_page_shows_when_it_was_made_so_that_it_can_be_renewed(support, provider):
    page = read(support.get("/eum/"))
    assert re.fullmatch(r"Updated \d\d:\d\d:\d\d CET", page.one("span", data_part="updated").text)
    assert page.one(data_part="page").has("section", aria_labelledby="providers-title")
    make_calls(provider, 201, "POST", count=60)
    newest = read(support.get("/eum/log/"))
    assert newest.has(test_id="refresh")
    older = read(support.get(f"/eum/log/{newest.one(test_id='older')['href']}"))
    assert not older.has(test_id="refresh")  # its rows stay the same


def cares_on(page):
    cares = page.one(test_id="cares").all("li")
    return [(care.one("a")["href"], care.one("a").text, care.one("p").text) for care in cares]


def test_what_needs_attention_is_what_the_badge_does_not_say(support, busy, provider):
    for job in JOBS:
        JobRun.objects.create(job=job.__name__, ran_at=timezone.now(), took_ms=1, has_failed=False)
    Token.objects.filter(provider=provider).update(revoked_at=None, expires_at=timezone.now() + timedelta(days=8))
    IpRule.objects.create(
        provider=provider, cidr=ip_network("40.126.0.0/18"), tag="AzureActiveDirectory", change_number=1,
        imported_at=timezone.now() - timedelta(days=20),
    )  # fmt: skip
    make_calls(provider, 409, "POST", count=3, scim_type="uniqueness", reason="name-taken")
    assert [said for _address, _title, said in cares_on(read(support.get("/eum/")))][1:] == [
        "userName already taken: 4 in 24 h.",
        "See who was not provisioned, and why.",
    ]
    Provider.objects.filter(pk=provider.pk).update(ip_mode="observe")
    JobRun.objects.filter(job="empty_recycle_bin").update(has_failed=True)
    found = cares_on(read(support.get("/eum/")))
    assert {title for _address, title, _said in found} == {provider.title, "Housekeeping", "Not provisioned"}
    token, conflict, _who, old, jobs = found
    assert "expires in" in token[2] and token[0] == f"/eum/providers/{provider.pk}/tokens/"
    assert "20 days ago" in old[2] and jobs[2] == "1 job needs attention."
    listed = support.get(conflict[0])
    assert listed.context["query"].counted == "4"


def test_ac_log_7_the_dashboard_says_that_the_log_is_not_being_written(support, provider, scim):
    client = scim(provider)
    for _ in range(6):  # five conflicts: health asks the log for what went wrong
        client.post("/Users", {"userName": "a"})
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE providers_requestlog RENAME TO away")
    writer.flush()
    assert client.post("/Users", {"userName": "b"}).status_code == 201
    said = "The provisioning log is not being written"
    assert health_of([provider], timezone.now())[provider.pk].problems == 5
    page = read(support.get("/eum/"))
    assert said in page.text and "ProgrammingError" in page.text and list(figures_on(page)) == ["people"]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE away RENAME TO providers_requestlog")
    assert said in read(support.get("/eum/log/")).text
    writer.flush()
    assert said not in read(support.get("/eum/")).source and said not in read(support.get("/eum/log/")).source
    JobRun.objects.filter(job=LOG_JOB).update(has_failed=True, ran_at=timezone.now() - timedelta(minutes=11))
    assert said not in read(support.get("/eum/")).source


def test_held_and_paused_requests_are_the_same_number_of_problems_on_each_page(support, provider, client):
    make_calls(provider, 503, "PATCH", count=3, reason="removals-held")
    make_calls(provider, 503, "PATCH", count=2, reason="paused")
    make_calls(provider, 403, "PATCH", reason="removals-rejected")
    make_calls(provider, 404)
    make_calls(provider, 500, token_prefix="ipr_test")
    assert figures_on(read(support.get("/eum/")))["problems"][1] == "6"
    assert "Problems, 24 h 6" in read(support.get(f"/eum/providers/{provider.pk}/")).text
    row = read(support.get("/eum/providers/")).one("table").rows[0]
    assert row[4] == "6"
    assert "Requests found: 6." in read(support.get("/eum/log/?outcome=problems&period=24")).text
    figures = client.get("/metrics").content.decode()
    assert f'iprova_provider_errors_24h{{provider="{provider.pk}",title="Contoso Entra ID"}} 6.0' in figures
    assert f'{{outcome="held",provider="{provider.pk}",title="Contoso Entra ID"}} 3.0' in figures
    for outcome, count in (("held", 3), ("paused", 2), ("throttled", 0)):
        assert f"Requests found: {count}." in read(support.get(f"/eum/log/?outcome={outcome}")).text
