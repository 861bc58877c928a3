"""Exports in the console: starting one, its progress, fetching the file, and a process that is killed."""

import gzip
import hashlib
import http.client
import os
import re
import signal
import subprocess
import time
import zlib
from base64 import b64decode
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.test import override_settings
from django.utils import timezone

from providers import exports
from providers.console import exports as pages
from providers.models import ChangeEvent, Export
from tests.conftest import SERVER_KEY
from tests.factories import browser_of, make_account, make_provider, make_user
from tests.pages import IN_DUTCH, read
from tests.providers.test_exports import asked, written
from tests.scim.store.plans import fill_users

PAGE = "/eum/exports/"


def row_of(browser, export):
    cells = read(browser.get(PAGE)).one(test_id="exports").all("tr")
    found = [row for row in cells if any(f"/{export.pk}/delete/" in form["action"] for form in row.all("form"))]
    assert len(found) == 1
    return found[0]


def test_exports_of_a_few_rows_lead_straight_to_the_file(administrator, provider):
    make_user(provider, "jane@contoso.com")
    answer = administrator.post("/eum/users/export/?status=active")
    assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}{Export.objects.get().pk}/file/")
    answer = administrator.get(answer["Location"])
    assert b"jane@contoso.com" in answer.getvalue()
    event = ChangeEvent.objects.get(kind="console.exported")
    assert event.subject == "users: 1 ?status=active" and event.address == "127.0.0.1" and event.request_id


def test_exports_of_many_rows_get_a_process_of_their_own(administrator, provider, monkeypatch):
    started = []
    monkeypatch.setattr(exports, "start", started.append)
    monkeypatch.setattr(pages, "SMALL", 2)
    for number in range(3):
        make_user(provider, f"u{number}")
    answer = administrator.post("/eum/users/export/")
    assert answer["Location"] == PAGE and started == [Export.objects.get().pk]
    assert administrator.post("/eum/users/export/")["Location"] == PAGE  # a second click
    assert len(started) == 1


def test_exports_that_are_started_and_cancelled_again_and_again_are_refused(administrator, provider, monkeypatch):
    """Each starts a process, and a cancelled one counts no longer as running."""
    started = []
    monkeypatch.setattr(exports, "start", started.append)
    monkeypatch.setattr(pages, "SMALL", -1)
    make_user(provider)
    for number in range(8):
        page = read(administrator.post(f"/eum/users/export/?q={number}", follow=True))
        Export.objects.all().delete()
    assert len(started) == 5 and "You have started several exports." in page.text
    monkeypatch.setattr(pages, "SMALL", 2_000)
    assert administrator.post("/eum/users/export/")["Location"].endswith("/file/"), "small ones need no process"


def test_exports_show_their_progress_with_and_without_a_script(anna, provider):
    browser, export = browser_of(anna), asked(anna)
    progress = f"{PAGE}{export.pk}/progress/"
    assert "The rows are being counted." in row_of(browser, export).text
    Export.objects.filter(pk=export.pk).update(expected=1_000_000, row_count=250_000)
    row = row_of(browser, export)
    assert "Running" in row.text and "250,000 of 1,000,000 rows" in row.text and not row.has(test_id="download")
    assert row.one("progress")["max"] == "1000000" and row.one("progress")["value"] == "250000"
    assert row.one(data_live=True)["data-live"] == progress
    answer = browser.get(progress)
    assert "250,000 of 1,000,000 rows" in read(answer).text and "X-Live" not in answer
    exports.fail(export.pk, "error")
    assert browser.get(progress)["X-Live"] == "reload"
    row = row_of(browser, export)
    assert "Failed" in row.text and "look in the server's log" in row.text and row.has(test_id="start-again")


def test_exports_can_be_recognised_when_they_were_cut_off(anna, provider):
    """By the length during the transfer; by the number of rows in the name, and by the digest, at any time."""
    for number in range(3):
        make_user(provider, f"u{number}")
    export, browser = written(anna), browser_of(anna)
    answer = browser.get(f"{PAGE}{export.pk}/file/")
    content = answer.getvalue()
    assert int(answer["Content-Length"]) == len(content) == export.size
    assert f'filename="users-{timezone.localdate()}-3-rows.csv"' in answer["Content-Disposition"]
    assert content.count(b"\r\n") == 3 + 1 and content.endswith(b"\r\n")
    digest = hashlib.sha256(content)
    assert b64decode(answer["Repr-Digest"].removeprefix("sha-256=:").removesuffix(":")) == digest.digest()
    row = row_of(browser, export)
    assert digest.hexdigest() in row.text and row.all("td")[1].text == "3"


def test_exports_travel_compressed_if_the_browser_can_read_that(anna, provider, monkeypatch):
    """As one gzip stream of a known length: a browser reports it if less arrives, and reads nothing behind its end."""
    monkeypatch.setattr(exports, "_PART", 100)
    monkeypatch.setattr("providers.console.export.CHUNK", 2)
    for number in range(30):
        make_user(provider, f"u{number}")
    export, browser = written(anna), browser_of(anna)
    address = f"{PAGE}{export.pk}/file/"
    answer = browser.get(address, headers={"Accept-Encoding": "gzip, deflate, br, zstd"})
    sent = answer.getvalue()
    assert answer["Content-Encoding"] == "gzip" and int(answer["Content-Length"]) == len(sent) < export.size
    assert answer["Vary"].startswith("Accept-Encoding") and "Accept-Ranges" not in answer
    assert "Content-Encoding" not in browser.get(address, headers={"Accept-Encoding": "gzip;q=0, identity"})
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert unpack.decompress(sent) == browser.get(address).getvalue()
    assert unpack.eof and not unpack.unused_data and export.parts.count() > 10
    with pytest.raises(EOFError):
        gzip.decompress(sent[:-1])
    export.parts.filter(start=export.size).delete()
    with pytest.raises(exports.StoppedError):
        list(exports.compressed(export))


def test_exports_are_resumed_where_a_transfer_was_cut_off(anna, provider):
    make_user(provider, "jane@contoso.com")
    export, browser = written(anna), browser_of(anna)
    address = f"{PAGE}{export.pk}/file/"
    whole = browser.get(address)
    content, etag = whole.getvalue(), whole["ETag"]
    rest = browser.get(address, headers={"Range": "bytes=20-", "If-Range": etag})
    assert rest.status_code == 206 and rest.getvalue() == content[20:]
    assert rest["Content-Range"] == f"bytes 20-{len(content) - 1}/{len(content)}"
    part = browser.get(address, headers={"Range": "bytes=0-9"})
    assert part.status_code == 206 and part.getvalue() == content[:10] and part["Content-Length"] == "10"
    assert browser.get(address, headers={"Range": f"bytes={len(content)}-"}).status_code == 416
    for other in ({"Range": "bytes=20-", "If-Range": '"other"'}, {"Range": "bytes=9-2"}, {"Range": "lines=1-"}):
        answer = browser.get(address, headers=other)
        assert answer.status_code == 200 and answer.getvalue() == content
    assert browser.head(address)["Content-Length"] == str(len(content))


def test_exports_belong_to_their_account_alone(anna, provider, administrator):
    export = written(anna)
    assert not read(administrator.get(PAGE)).has(test_id="exports")
    for address in (f"{PAGE}{export.pk}/file/", f"{PAGE}{export.pk}/progress/", f"{PAGE}{2**31}/file/"):
        assert administrator.get(address).status_code == 404
    assert administrator.post(f"{PAGE}{export.pk}/delete/").status_code == 404
    assert Export.objects.filter(pk=export.pk).exists()


def test_exports_need_their_rights_when_they_are_fetched_too(provider):
    make_user(provider, "jane@contoso.com")
    account = make_account("Administrator")
    export, audit = written(account), written(account, "audit")
    account.groups.clear()
    for right in ("view_provider", "export_data"):
        account.user_permissions.add(Permission.objects.get(codename=right))
    browser = browser_of(account)
    assert browser.get(f"{PAGE}{export.pk}/file/").status_code == 403, "the file has names, which they see masked now"
    assert browser.get(f"{PAGE}{audit.pk}/file/").status_code == 403
    account.user_permissions.add(Permission.objects.get(codename="view_personal"))
    assert browser.get(f"{PAGE}{export.pk}/file/").status_code == 200
    assert browser.get(f"{PAGE}{audit.pk}/file/").status_code == 403
    account.user_permissions.remove(Permission.objects.get(codename="export_data"))
    for address in (PAGE, f"{PAGE}{export.pk}/file/", f"{PAGE}{export.pk}/progress/"):
        assert browser.get(address).status_code == 403, address
    assert browser.post(f"{PAGE}{export.pk}/delete/").status_code == 403


def test_exports_are_deleted_or_cancelled_by_their_owner(anna, provider):
    export, running, browser = written(anna), asked(anna, "groups"), browser_of(anna)
    assert row_of(browser, export).one(test_id="delete-export").text == "Delete"
    assert row_of(browser, running).one(test_id="delete-export").text == "Cancel"
    assert "The export was deleted." in read(browser.post(f"{PAGE}{export.pk}/delete/", follow=True)).text
    assert "The export was cancelled." in read(browser.post(f"{PAGE}{running.pk}/delete/", follow=True)).text
    assert not Export.objects.exists()
    assert browser.get(f"{PAGE}{export.pk}/file/").status_code == 404


def test_exports_beyond_the_limit_are_refused_with_a_reason(anna, db):
    browser = browser_of(anna)
    asked(anna, "groups"), asked(anna, "log")
    page = read(browser.post("/eum/users/export/", follow=True))
    assert "Two of your exports are running." in page.text


def test_exports_are_started_by_a_form_only(administrator, provider):
    assert administrator.get("/eum/users/export/").status_code == 405
    assert not Export.objects.exists()


def test_exports_that_no_process_can_be_started_for_fail(administrator, provider, monkeypatch):
    def full(export_id):
        raise BlockingIOError

    monkeypatch.setattr(exports, "start", full)
    monkeypatch.setattr(pages, "SMALL", 0)
    make_user(provider)
    administrator.post("/eum/users/export/")
    assert Export.objects.get().failure == "error"


def test_exports_follow_the_language_of_who_asked(provider):
    make_user(provider, "jane@contoso.com")
    account = make_account("Administrator")
    export = written(account, language="nl")
    assert b"".join(exports.contents(export)).startswith("\ufeffid;userName;".encode())
    assert "Exports" not in read(browser_of(account).get(PAGE, headers=IN_DUTCH)).one("h1").text


@pytest.mark.parametrize("count", [1, 30])
def test_exports_page_costs_the_same_for_any_number(anna, db, django_assert_num_queries, count):
    for number in range(min(count, exports.MOST_KEPT)):
        written(anna, "audit", f"day=2026-11-{number + 1:02}")
    browser = browser_of(anna)
    browser.get(PAGE)
    with django_assert_num_queries(5):  # session, account, its two-step sign-in, rights, exports
        browser.get(PAGE)


# With real processes, on the server of `server`


class Window:
    """A browser of one account on a real server, without JavaScript."""

    def __init__(self, server, account):
        self.address = urlsplit(server).netloc
        with override_settings(SECRET_KEY=SERVER_KEY):
            session = browser_of(account).cookies[settings.SESSION_COOKIE_NAME].value
        port = urlsplit(server).port
        self.cookie = f"iprova_session_{port}={session}; iprova_csrf_{port}={'c' * 32}"

    def ask(self, method, path, **headers):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        body = f"csrfmiddlewaretoken={'c' * 32}" if method == "POST" else None
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        connection.request(method, path, body, {"Cookie": self.cookie, **form, **headers})
        return connection.getresponse()

    def page(self):
        return read(self.ask("GET", PAGE).read().decode())


@pytest.fixture(scope="module")
def filled():
    """The provider of `crowded`, once it has been filled. No test changes its users."""
    return []


@pytest.fixture
def crowded(committed, filled):
    """A new account, and a provider with 60,000 users: about two seconds' work."""
    account = make_account("Administrator")
    if not filled:
        filled.append(make_provider(f"Crowded {account.pk}"))
        fill_users(filled[0].pk, 60_000)
    return account, f"/eum/users/export/?provider={filled[0].pk}"


def wait_for(export, condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition(export):
        assert time.monotonic() < end, vars(export)
        time.sleep(0.01)
        export.refresh_from_db()


def process_of(export):
    """The id of the process that writes an export."""
    listed = subprocess.run(["ps", "-axo", "pid=,command="], capture_output=True, text=True, check=True).stdout
    found = re.findall(rf"^\s*(\d+) \S*python\S* \S*manage\.py make_export {export.pk}$", listed, re.MULTILINE)
    assert len(found) == 1, listed
    return int(found[0])


def test_exports_run_two_at_once_and_leave_the_workers_free(server, crowded):
    account, address = crowded
    window = Window(server, account)
    both = []
    for more in ("", "&status=active"):
        begun = time.monotonic()
        answer = window.ask("POST", address + more)
        assert (answer.status, answer.getheader("Location")) == (302, PAGE)
        assert time.monotonic() - begun < 5
        both.append(Export.objects.filter(owner=account).latest("pk"))
    slowest = 0.0
    while any(export.state == "running" for export in both):
        begun = time.monotonic()
        assert Window(server, account).ask("GET", "/healthz").status == 200
        slowest = max(slowest, time.monotonic() - begun)
        for export in both:
            export.refresh_from_db()
    assert slowest < 1
    for export in both:
        assert (export.state, export.row_count, export.expected) == ("done", 60_000, 60_000), export.failure
        answer = window.ask("GET", f"{PAGE}{export.pk}/file/")
        content = answer.read()
        assert content.count(b"\r\n") == 60_001 and hashlib.sha256(content).hexdigest() == export.sha256
        assert len(content) == int(answer.getheader("Content-Length"))


def test_exports_whose_process_is_killed_say_so_and_can_be_started_again(server, crowded):
    account, address = crowded
    window = Window(server, account)
    window.ask("POST", address)
    export = Export.objects.get(owner=account)
    wait_for(export, lambda one: one.row_count)
    assert window.page().has("progress")
    os.kill(process_of(export), signal.SIGKILL)
    wait_for(export, lambda one: one.pk not in exports.held_ids())
    page = window.page()
    assert "The program that wrote the file was stopped." in page.text and not page.has("progress")
    assert window.ask("GET", f"{PAGE}{export.pk}/file/").status == 404
    again = page.one(test_id="start-again").around("form")["action"]
    window.ask("POST", again)
    second = Export.objects.filter(owner=account).latest("pk")
    assert second != export
    wait_for(second, lambda one: one.state != "running")
    assert (second.state, second.row_count) == ("done", 60_000)
    exports.forget_exports()
    assert not export.parts.exists()


def test_exports_that_are_cancelled_end_their_process(server, crowded):
    account, address = crowded
    window = Window(server, account)
    window.ask("POST", address)
    export = Export.objects.get(owner=account)
    wait_for(export, lambda one: one.row_count)
    process = process_of(export)
    assert os.getsid(process) == process, "a signal to the worker's session does not reach it"
    assert window.ask("POST", f"{PAGE}{export.pk}/delete/").status == 302
    end = time.monotonic() + 30
    while _runs(process):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert not Export.objects.filter(owner=account).exists() and not export.parts.exists()


def _runs(process):
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")
