"""What is on record about a user, and the requests behind it (AC-PER-3)."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from providers.console.frame.page import short_id
from providers.models import RequestLog
from providers.request_log import writer
from tests.database import rewriting_events
from tests.factories import make_group, make_user
from tests.providers.console.users.conftest import patch, user_page


def shift_events(days: int) -> None:
    """Make every change event this many days older."""
    with connection.cursor() as cursor, rewriting_events():
        cursor.execute("UPDATE providers_changeevent SET at = at - make_interval(days => %s)", [days])


def test_ac_per_3_or_says_when_it_expired(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    patch(scim(provider), jane, "title", "Nurse")
    shift_events(100)
    RequestLog.objects.all().delete()
    writer._reset()
    page = user_page(support, jane)
    ended = timezone.localtime(timezone.now() - timedelta(days=10))
    assert f"request expired from the log on {ended:%-d %b %Y}" in page.text


def test_ac_per_3_a_request_that_was_never_written_is_not_promised(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    sent = patch(scim(provider), jane, "title", "Nurse")
    writer._reset()
    page = user_page(support, jane)
    assert f"request {short_id(sent['X-Request-Id'])} is not in the log" in page.text
    assert f"/eum/log/{sent['X-Request-Id']}/" not in page.source


def test_the_number_of_queries_does_not_grow_with_her_history(support, provider, scim, django_assert_max_num_queries):
    jane = make_user(provider, "jane@contoso.com")
    client = scim(provider)
    for number in range(30):
        patch(client, jane, "title", f"Title {number}")
        make_group(provider, f"Group {number}", members=[jane])
    writer.flush()
    # session, account, rights (2), person, events, memberships, their events, requests, their requests, others, the
    # provider's activity, groups around groups, then of the last twenty: events, subjects, providers
    with django_assert_max_num_queries(16):
        assert support.get(f"/eum/users/{jane.pk}/").status_code == 200
