"""Exports in Chromium: a small one is downloaded at once, and the page of a large one follows its progress."""

import re
from pathlib import Path

from playwright.sync_api import expect

from providers.console.export import write_file
from providers.console.site import site
from providers.models import Export
from tests.factories import make_account, make_provider, make_user
from tests.providers.test_exports import asked


def test_exports_of_a_few_rows_are_downloaded_with_one_click(visit):
    provider = make_provider()
    for number in range(200):
        make_user(provider, f"user{number:03}@contoso.com")
    page = visit("Administrator").open("/eum/users/")
    for _ in range(2):  # the page stays, and its button can be pressed again
        with page.expect_download() as download:
            page.get_by_test_id("export").click()
        assert re.fullmatch(r"users-[\d-]+-200-rows\.csv", download.value.suggested_filename)
        lines = Path(download.value.path()).read_text("utf-8-sig").splitlines()
        assert len(lines) == 201 and lines[1].split(",")[1] == "user000@contoso.com"
    assert page.url.endswith("/eum/users/")


def test_exports_show_when_they_are_ready(visit):
    account = make_account("Administrator")
    make_user(make_provider(), "jane@contoso.com")
    running = asked(account)
    Export.objects.filter(pk=running.pk).update(expected=1_000, row_count=250)
    page = visit(account=account).open("/eum/exports/")
    expect(page.get_by_role("progressbar")).to_be_visible()
    Export.objects.filter(pk=running.pk).update(row_count=750)
    expect(page.get_by_text("750 of 1,000 rows")).to_be_visible()
    write_file(running.pk, site.lists)
    expect(page.get_by_test_id("download")).to_be_visible()  # the page opened again by itself
    expect(page.get_by_role("progressbar")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_test_id("download").click()
    assert "jane@contoso.com" in Path(download.value.path()).read_text("utf-8-sig")
