"""The company of `make bench-console`: as many rows as asked, and each as the product would have written it."""

from argparse import Namespace

from bench.fill import company
from providers.models import ChangeEvent, Membership, Provider, RequestCount, RequestLog, SyncedUser


def test_a_company_has_the_sizes_that_were_asked_for(db):
    provider, group, user = company(Namespace(users=200, members=50, log_rows=1_000, providers=3))
    assert Provider.objects.count() == 3 and RequestLog.objects.count() == 1_000
    users = SyncedUser.objects.of(provider)
    assert users.in_recycle_bin().count() == 2 and users.live().count() == 199  # with the one that is copied
    assert Membership.objects.filter(group=group).count() == 50
    assert sum(RequestCount.objects.values_list("count", flat=True)) == 1_000
    assert RequestLog.objects.filter(outcome="rejected").exists()
    copy = users.live().order_by("-id")[0]
    assert copy.user_name == copy.document["userName"] and copy.document["active"] is copy.active
    assert ChangeEvent.objects.of(provider).exists() and users.filter(pk=user).exists()
