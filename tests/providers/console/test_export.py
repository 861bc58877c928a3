"""Each list as CSV (AC-CSV)."""

import re
import tracemalloc
from datetime import timedelta
from itertools import product

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.db import connection
from django.utils import timezone

from providers import exports
from providers.console.export import LISTS, write_file
from providers.console.site import site
from providers.models import ChangeEvent, SyncedUser
from providers.request_log import writer
from tests.factories import browser_of, issue, make_account, make_calls, make_group, make_user, make_users
from tests.pages import read
from tests.providers.console.conftest import file_of, rows_of
from tests.scim.store.plans import fill_users


@pytest.fixture
def filled(provider, scim):
    names = [f"user{number:03}@x" for number in range(60)]
    people = make_users(provider, names[::2], active=True) + make_users(provider, names[1::2], active=False)
    make_group(provider, "Ward", people[:3])
    client = scim(provider)
    for person in people[:4]:
        client.get(f"/Users/{person.pk}")
    client.post("/Users", {"userName": "user000@x"})
    writer.flush()


@pytest.mark.parametrize(
    ("address", "count"),
    [
        ("users/export/", 60), ("users/export/?status=disabled", 30), ("users/export/?q=user01", 10),
        ("users/export/?p=2", 60),
        ("groups/export/", 1), ("log/export/", 1), ("log/export/?lookups=1", 5), ("log/export/?outcome=rejected", 1),
    ],
)  # fmt: skip
def test_ac_csv_1_rows_are_those_on_screen_over_all_pages(administrator, filled, address, count):
    header, *rows = rows_of(administrator, f"/eum/{address}")
    assert header == LISTS[address.partition("/")[0]].columns.split()
    assert len(rows) == count
    assert all(len(row) == len(header) for row in rows)
    assert len({row[0] for row in rows}) == count


def test_a_file_has_the_days_of_who_asked_and_the_times_of_the_setting(administrator, provider):
    day = (timezone.now() - timedelta(days=2)).replace(hour=16, minute=5, second=9, microsecond=0)
    make_calls(provider, 201, "POST", at=day)  # in Tokyo, it is the next day by then
    there = f"{day + timedelta(hours=9):%Y-%m-%d}"
    assert len(rows_of(administrator, f"/eum/log/export/?from={there}")) == 1
    administrator.cookies["time_zone"] = "Asia/Tokyo"
    header, row = rows_of(administrator, f"/eum/log/export/?from={there}")
    assert row[header.index("time")] == timezone.localtime(day, timezone.get_default_timezone()).isoformat()
    assert row[header.index("time")][-6:] in ("+01:00", "+02:00")


def test_ac_csv_1_every_column_is_documented():
    text = (settings.BASE_DIR / "docs/console.md").read_text("utf-8")
    for name, known in LISTS.items():
        assert re.search(rf"^\| {name} \| {', '.join(known.columns.split())} \|$", text, re.MULTILINE), name


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ('=HYPERLINK("http://x")', "'=HYPERLINK(\"http://x\")"), ("+SUM(a)", "'+SUM(a)"), ("-cmd", "'-cmd"),
        ("@x", "'@x"),
        ("\t=1+cmd", "'=1+cmd"), ("\r=1+cmd", "'=1+cmd"), ("\n=1+cmd", "'=1+cmd"), ("Jane; de, Boer", "Jane; de, Boer"),
    ],
)  # fmt: skip
def test_ac_csv_2_no_cell_is_a_formula(administrator, provider, name, cell):
    make_user(provider, "jane@x", displayName=name)
    assert rows_of(administrator, "/eum/users/export/")[1][2] == cell


def test_l2_no_part_of_a_cell_is_a_formula_with_another_separator(administrator, provider):
    breaks = [";", ",", "\t", "\n", "\r\n", "|", "; ", ';"', "\u2028", ",\t"]
    names = [f"Jan{between}{begin}1+1{between}" for between, begin in product(breaks, "=+-@")]
    for number, name in enumerate(names):
        make_user(provider, f"jane{number}@x", displayName=name)
    for language in ("en", "nl"):
        administrator.post("/language/", {"language": language, "next": "/"})
        file = file_of(administrator, "/eum/users/export/").decode()
        assert file.count("\n") == 1 + len(names)
        for part in re.split(r"[;,\t|\r\n]", file):
            assert part.lstrip(' "')[:1] not in tuple("=+-@"), (part, language)


@pytest.fixture
def cursors(monkeypatch):
    """The rows are read through a cursor of PostgreSQL, as the process of a large export does."""
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", False)


def asked(account, listed="users", query="", **more):
    more = {"language": "en", "time_zone": "", "address": "203.0.113.9", "request_id": None} | more
    return exports.ask(account, listed=listed, query=query, **more)[0]


def test_ac_csv_3_100_000_rows_take_no_more_memory_than_a_few_chunks(anna, provider, cursors):
    """A fifth of the criterion's 50 MB: each chunk is forgotten before the next, and each part after it is written.

    Counting memory takes six times as long as the file, so it is counted while the first 20,000 rows are written.
    """
    fill_users(provider.pk, 100_000)
    export, peaks = asked(anna), []

    def counted(writer, text, rows):
        write(writer, text, rows)
        if writer.row_count == 20_000:
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

    write = exports.FileWriter.write
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(exports.FileWriter, "write", counted)
        tracemalloc.start()
        try:
            write_file(export.pk, site.lists)
        finally:
            tracemalloc.stop()
    export.refresh_from_db()
    assert (export.state, export.row_count) == ("done", 100_000)
    assert peaks and peaks[0] < 10 * 1_000_000
    assert sum(part.count(b"\r\n") for part in exports.contents(export)) == 100_001


def test_ac_csv_4_it_needs_the_right_and_is_written_down_with_its_rows(signed_in, filled):
    for role in ("Support", "Operator"):
        browser = signed_in(role)
        assert browser.post("/eum/users/export/").status_code == 403
        assert not read(browser.get("/eum/users/")).has(test_id="export")
    account = make_account("Support")
    account.user_permissions.add(Permission.objects.get(codename="export_data"))
    granted = browser_of(account)
    assert read(granted.get("/eum/users/")).has(test_id="export")
    rows_of(granted, "/eum/users/export/?status=disabled")
    assert ChangeEvent.objects.get(kind="console.exported").subject == "users: 30 ?status=disabled"
    rows_of(granted, "/eum/groups/export/")
    assert re.fullmatch(r"groups: \d+", ChangeEvent.objects.filter(kind="console.exported").latest("pk").subject)
    assert granted.post("/eum/audit/export/").status_code == 403
    assert granted.post("/eum/nothing/export/").status_code == 404


def test_ac_csv_4_no_token_digest_or_body_is_in_any_file(administrator, provider, scim):
    token, value = issue(provider)
    client = scim(provider)
    client.post("/Users", {"userName": "x@x", "password": "x9Secret", "title": "SeenInBody"})
    writer.flush()
    for name in LISTS:
        text = str(rows_of(administrator, f"/eum/{name}/export/"))
        for secret in (value, token.digest.hex(), "x9Secret", "SeenInBody", client.headers["Authorization"][7:]):
            assert secret not in text


def test_ac_role_4_who_reads_masked_names_exports_masked_names(provider):
    make_user(provider, "jane@contoso.com", displayName="Jane de Boer")
    account = make_account("Operator")
    account.user_permissions.add(Permission.objects.get(codename="export_data"))
    browser = browser_of(account)
    assert rows_of(browser, "/eum/users/export/")[1][1:3] == ["j•••@contoso.com", "J•••"]


def test_the_file_is_named_after_list_provider_day_and_rows(administrator, provider):
    make_user(provider, "jane@x")
    day = timezone.localdate()
    answer = administrator.post(f"/eum/users/export/?provider={provider.pk}", follow=True)
    assert answer["Content-Disposition"] == f'attachment; filename="users-contoso-entra-id-{day}-1-rows.csv"'
    answer = administrator.post("/eum/users/export/?provider=99999999999999999999", follow=True)
    assert answer["Content-Disposition"] == f'attachment; filename="users-{day}-0-rows.csv"'


def test_a_removed_person_is_in_the_file_with_the_day(administrator, provider):
    gone = make_user(provider, "gone@x")
    SyncedUser.objects.filter(pk=gone.pk).update(deleted_at=timezone.now() - timedelta(days=1))
    row = rows_of(administrator, "/eum/users/export/?status=removed")[1]
    assert row[4] == "removed" and row[8].startswith(f"{timezone.localdate() - timedelta(days=1)}T")
