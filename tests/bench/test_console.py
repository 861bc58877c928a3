"""What `make bench-console` measures is asked of a small company, so that its limits of queries hold in every run."""

from argparse import Namespace

from bench.console import measure, measure_export, pages
from bench.fill import company
from providers.models import RequestCount, SyncedUser
from tests.factories import browser_of, make_account


def test_ac_usr_4_ac_log_6_ac_dash_5_no_page_asks_more_than_its_limit(db):
    administrator = browser_of(make_account("Administrator"))
    provider, group, person = company(Namespace(users=300, members=200, log_rows=3_000, providers=60))
    assert SyncedUser.objects.live().count() == 298 and RequestCount.objects.exists()
    asked = {page: measure(administrator, page, 1)[0] for page in pages(provider.pk, group, person)}
    assert not {page.path: queries for page, queries in asked.items() if queries > page.max_queries}
    assert " 900 " in measure_export(administrator, "/eum/log/export/")
