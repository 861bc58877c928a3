"""The page *Housekeeping*: what each regular job does, and how its last run went."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from providers.console.frame.badges import Badge
from providers.console.frame.page import Text, ago, grouped
from providers.housekeeping import COUNT_DAYS, JOBS, MONTHS_AHEAD, period_of
from providers.models import KEPT, RECYCLE_BIN_DAYS, JobRun


@dataclass(frozen=True)
class Row:
    """One job as the page shows it; `last` and `run` are None if it never ran."""

    purpose: Text
    badge: Badge
    last: SafeString | None
    run: JobRun | None
    result: str = ""

    @property
    def needs_care(self) -> bool:
        return self.badge.tone != "ok"


@require_safe
def housekeeping(request: HttpRequest) -> HttpResponse:
    """Show the regular jobs."""
    context = {
        "title": _("Housekeeping"),
        "crumbs": [(_("Application management"), reverse("admin:index")), (_("Housekeeping"), "")],
        "rows": rows(),
    }
    return render(request, "console/housekeeping.html", context)


def rows() -> list[Row]:
    """Return every job, in the order in which they run. One query."""
    runs = {run.job: run for run in JobRun.objects.all()}
    purposes = _purposes()
    return [_row(purposes[job.__name__], runs.get(job.__name__), period_of(job)) for job in JOBS]


def _row(purpose: Text, run: JobRun | None, period: timedelta) -> Row:
    if run is None:
        return Row(purpose, Badge(_("Never ran"), "clock"), None, None)
    badge = Badge(_("Done"), "check", "ok")
    if run.has_failed:
        badge = Badge(_("Failed"), "alert", "bad")
    elif timezone.now() - run.ran_at > 2 * period + timedelta(hours=1):  # a single missed run is not reported
        badge = Badge(_("Overdue"), "alert", "warn")
    return Row(purpose, badge, ago(run.ran_at), run, _result(run.result))


def in_words(job: str, result: str) -> str:
    """Return what a job does, its name, and the result of a run, as `manage.py housekeeping` prints them."""
    return _("%(purpose)s (%(job)s): %(result)s") % {"purpose": _purposes()[job], "job": job, "result": _result(result)}


def _result(kept: str) -> str:
    """The stored result of a run in words: a number is a count of rows, anything else is a text of ours."""
    if kept.isdecimal():
        return ngettext("%(count)s row", "%(count)s rows", int(kept)) % {"count": grouped(int(kept))}
    return _(kept) if kept else ""


def _purposes() -> Mapping[str, Text]:
    options = settings.OPTIONS
    return {
        "make_partitions": _("Prepares storage for the next %(count)d months") % {"count": MONTHS_AHEAD},
        "drop_partitions": _("Deletes requests after %(days)d days and changes after %(months)d months")
        % {"days": options.request_log_days, "months": options.change_event_months},
        "forget_bodies": _("Deletes request and response bodies after %(days)d days")
        % {"days": options.request_body_days},
        "empty_recycle_bin": _("Purges users and groups deleted %(days)d days ago") % {"days": RECYCLE_BIN_DAYS},
        "erase_traces": _("Erases the values of purged users from the log, mails and saved filters"),
        "purge_providers": _("Purges providers deleted %(days)d days ago") % {"days": RECYCLE_BIN_DAYS},
        "forget_counts": _("Deletes counts of requests and addresses after %(days)d days, and expired sessions")
        % {"days": COUNT_DAYS},
        "forget_access_tokens": _("Deletes access tokens of OAuth clients that have expired"),
        "seal_app_keys": _("Encrypts the keys of two-step sign-in with the current SECRET_KEY"),
        "forget_exports": _("Deletes exported files after %(hours)d hours") % {"hours": KEPT // timedelta(hours=1)},
        "check_memberships": _("Checks that each membership has the provider of its group and its member"),
        "check_totals": _("Counts the users and groups of each provider, and corrects totals that differ"),
        "count_resources": _("Compares the number of users and groups of each provider with its limits"),
        "write_notices": _(
            "Writes mails about tokens that expire, removals above the limit, and providers that are nearly full"
        ),
        "send_notices": _("Sends queued e-mails"),
        "write_alerts": _("Writes alerts about providers and jobs whose state has changed, and the daily summaries"),
        "send_alerts": _("Sends queued alerts"),
    }
