"""Why a request was not done, in words (AC-LOG-4)."""

import pytest
from django.utils import timezone
from django.utils.translation import gettext, override

from providers.console.log.explanations import EXPLANATIONS, explain
from providers.ids import first_id_at
from providers.models import RequestLog
from providers.outcomes import SignInFailure
from providers.request_log import writer
from scim.protocol.errors import Reason
from tests.factories import make_group, make_user
from tests.pages import read


def test_ac_log_4_every_reason_has_an_explanation():
    assert set(EXPLANATIONS) == {*Reason, *SignInFailure}


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        (400, Reason.INVALID_FILTER, "The filter cannot be read."),
        (400, Reason.INVALID_PATH, "The attribute path does not exist."),
        (400, Reason.INVALID_VALUE, "A value is missing or not allowed."),
        (400, Reason.UNKNOWN_MEMBERS, "A value is missing or not allowed."),
        (400, Reason.INVALID_SYNTAX, "The request cannot be read."),
        (400, Reason.NO_TARGET, "There is nothing to change at that path."),
        (400, Reason.READ_ONLY, "The attribute is read-only."),
        (400, Reason.STRICT_PROTOCOL, "The strict protocol rejects this form."),
        (400, Reason.EXPIRED_CURSOR, "The page of the list does not exist any more."),
        (400, Reason.TOO_MANY, "Too much in one request."),
        (401, Reason.TOKEN_REVOKED, "The token was revoked."),
        (401, Reason.TOKEN_EXPIRED, "The token has expired."),
        (401, Reason.TOKEN_SUSPENDED, "The token is suspended."),
        (401, Reason.PROVIDER_DELETED, "The provider of this token was deleted."),
        (403, Reason.ADDRESS_REFUSED, "The address is not allowed."),
        (403, Reason.REMOVALS_REJECTED, "Removals are rejected."),
        (404, Reason.NOT_FOUND, "It is not known to this provider."),
        (404, Reason.UNKNOWN_ROUTE, "There is nothing at this address."),
        (405, Reason.METHOD_NOT_ALLOWED, "This cannot be done at this address."),
        (409, Reason.NAME_TAKEN, "The name is already taken."),
        (412, Reason.VERSION_MISMATCH, "Another request changed it first."),
        (413, Reason.BODY_TOO_LARGE, "The request is too large."),
        (200, Reason.NOTHING_UNDERSTOOD, "Nothing in the request was understood."),
        (415, Reason.CONTENT_ENCODING, "The request body is compressed."),
        (415, Reason.MEDIA_TYPE, "The media type is not SCIM."),
        (500, Reason.INTERNAL_ERROR, "Something went wrong in iProva."),
        (501, Reason.ME, "iProva does not offer this."),
        (503, Reason.PAUSED, "The provider is paused."),
        (503, Reason.REMOVALS_HELD, "Removals are held back."),
        (503, Reason.DATABASE_AWAY, "iProva was briefly unavailable."),
        # Rows that an earlier version wrote while the new one was being installed.
        (418, "", "The request cannot be read."),
        (502, "", "Something went wrong in iProva."),
    ],
)
def test_ac_log_4_each_problem_has_its_own_explanation(support, provider, status, reason, said):
    row = {"method": "GET", "path": "/scim/Users", "duration_ms": 3, "at": timezone.now()}
    row |= {"status": status, "reason": reason}
    made = RequestLog.objects.create(id=first_id_at(timezone.now()), provider_id=provider.pk, **row)
    page = read(support.get(f"/eum/log/{made.pk}/"))
    assert (
        said in page.text
        and "Who must act" in page.text
        and "What to do" in page.text
        and "Traceback" not in page.source
    )
    dutch = read(support.get(f"/eum/log/{made.pk}/", headers={"Accept-Language": "nl"}))
    with override("nl"):
        translated = str(gettext(said))
    assert translated in dutch.text and translated != said and "Wie moet handelen" in dutch.text


def test_ac_log_4_a_success_needs_no_explanation(provider, scim):
    scim(provider).get("/Users")
    writer.flush()
    assert explain(RequestLog.objects.get()) is None


def test_ac_log_4_a_taken_name_links_to_its_holder(support, operator, provider, scim):
    jane = make_user(provider, "jane@contoso.com", displayName="Jane de Boer")
    answer = scim(provider).post("/Users", {"userName": "JANE@contoso.com"})
    writer.flush()
    page = read(support.get(f"/eum/log/{answer['X-Request-Id']}/"))
    said = page.one(id="what-title")
    assert "JANE@contoso.com belongs to Jane de Boer." in said.text
    assert said.one("a", text="Jane de Boer")["href"] == f"/eum/users/{jane.pk}/"
    masked = read(operator.get(f"/eum/log/{answer['X-Request-Id']}/"))
    assert "Jane" not in masked.source and "jane@" not in masked.source.lower()


def test_ac_log_4_a_taken_name_of_a_change_or_a_group_leads_to_its_holder_too(support, provider, scim):
    client = scim(provider)
    jane, joe = make_user(provider, "jane@contoso.com"), make_user(provider, "joe@contoso.com")
    group = make_group(provider, "Editors")
    rename = client.patch(f"/Users/{joe.pk}", {"op": "replace", "path": "userName", "value": "JANE@contoso.com"})
    again = client.post("/Groups", {"displayName": "editors"})
    writer.flush()
    for answer, page in ((rename, f"/eum/users/{jane.pk}/"), (again, f"/eum/groups/{group.pk}/")):
        assert answer.status_code == 409
        assert read(support.get(f"/eum/log/{answer['X-Request-Id']}/")).one(id="what-title").has("a", href=page)
