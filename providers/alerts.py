"""Alerts: who is told by mail and webhook when a provider or a job changes its state.

Two housekeeping jobs, so that no request waits for another server:

* `write_alerts` compares each state with the one that was told last. A state that has lasted `ALERT_AFTER_MINUTES` is
  told once: a row of `Alert` for each recipient. A state that ends sooner is never told. A provider that is paused or
  was never connected keeps the state that was told.
* `send_alerts` sends one waiting row. A failed one is tried again, each time after four times as long, and given up
  after `MOST_TRIES`. The row is marked after it was sent: a crash in between sends it again (at least once).

    state seen           told before   told now
    -------------------  ------------  ---------------------------------
    held, refused,       another one   that state
    failing, silent
    any other            one of these  that the provider works again
    a job failed         -             the job and the class of the error
    the job is done      failed        that the job works again

A message names the provider or the job, and never a user, a token or a value.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext, override

from providers import outgoing
from providers.audit import check_unchanged, record_act
from providers.events import SYSTEM, Actor, EventKind
from providers.health import State, health_of
from providers.models import INSTALLATION, MOST_TRIES, Alert, AlertSettings, AlertState, JobRun, Provider
from providers.notices import UnsentError, address, clock
from providers.outgoing import OutgoingError
from providers.plain_text import one_line

MOST_ADDRESSES = 20
FIRST_RETRY = timedelta(minutes=5)
DIGEST_HOUR = 7  # in the time zone of mails
# Above this number of changes at once, a recipient gets one message with all of them.
MOST_SINGLE = 5
MOST_LISTED = 50
LONG_PATH = 12  # characters of which four may be shown
SENDING = "send_alerts"  # its failure is shown on the page of jobs: an alert about it could not be sent either
FAILED = "failed"
CALM = ""
# The kinds of messages besides states.
WORKS, MANY, SUMMARY, TEST = "works", "many", "summary", "test"
PRODUCT = "iProva"

_TROUBLES: Mapping[str, tuple[str | Promise, str | Promise]] = {
    State.HELD: (
        gettext_lazy("%(title)s: removals are held back"),
        gettext_lazy("Since %(since)s removals wait for the decision of an administrator."),
    ),
    State.REFUSED: (
        gettext_lazy("%(title)s: requests are refused"),
        gettext_lazy("Since %(since)s the requests of the directory are refused, so its changes do not arrive."),
    ),
    State.FAILING: (
        gettext_lazy("%(title)s: changes fail"),
        gettext_lazy("Since %(since)s many of the changes that the directory sends fail."),
    ),
    State.SILENT: (
        gettext_lazy("%(title)s is silent"),
        gettext_lazy("There was no request since %(contact)s. %(cause)s"),
    ),
    FAILED: (
        gettext_lazy("The job %(title)s failed"),
        gettext_lazy("It failed with %(error)s. The process log has the details."),
    ),
    CALM: (gettext_lazy("%(title)s works again"), gettext_lazy("It has worked since %(since)s.")),
}
# The state of a provider in which nothing is known about its directory.
_UNKNOWN = frozenset({State.PAUSED, State.NOT_CONNECTED})


@dataclass(frozen=True)
class _Subject:
    """A provider or a job, and its state now: CALM or a key of `_TROUBLES`. `names` fill the texts."""

    key: str
    provider_id: int
    state: str
    names: Mapping[str, str]
    url: str
    untold: str = ""  # an address that a notice has told about this state already


@dataclass(frozen=True)
class _Message:
    """A message for all recipients of a provider or of the installation."""

    key: str
    kind: str
    about: str
    subject: str
    body: str


def write_alerts() -> str:
    """Write the messages that are due. Return their number as a text.

    The queries do not grow with the providers, except those for a daily summary, once a day.
    """
    now = timezone.now()
    with override(settings.LANGUAGE_CODE):
        changed = list(_changed([*_providers(now), *_jobs()], now))
        rows = [*_alerts(changed, now), *_digests(now)]
    Alert.objects.bulk_create(rows, ignore_conflicts=True)
    return str(len(rows))


def _providers(now: datetime) -> Iterator[_Subject]:
    known = {provider.pk: provider for provider in Provider.objects.live().order_by("pk")}
    for pk, health in health_of(known.values(), now).items():
        provider = known[pk]
        if health.state in _UNKNOWN:
            continue
        state = str(health.state.value) if health.state in _TROUBLES else CALM
        contact = clock(health.accepted_at) if health.accepted_at else ""
        untold = provider.notification_email if health.state == State.HELD else ""
        names = {"title": _title(provider), "contact": contact, "cause": str(provider.directory.silence)}
        yield _Subject(f"provider {pk}", pk, state, names, address("overview", provider), untold)


def _jobs() -> Iterator[_Subject]:
    url = settings.OPTIONS.base_url + reverse("admin:housekeeping")
    for run in JobRun.objects.exclude(job=SENDING).order_by("job"):
        names = {"title": run.job, "error": one_line(run.result, 100)}
        yield _Subject(f"job {run.job}", INSTALLATION, FAILED if run.has_failed else CALM, names, url)


def _title(provider: Provider) -> str:
    """The title of a provider, without the signs by which chats recognise links and mentions."""
    return one_line(provider.title).translate({ord("<"): "(", ord(">"): ")"})


def _changed(subjects: Sequence[_Subject], now: datetime) -> Iterator[tuple[_Subject, datetime]]:
    """Note each state that is new, and yield those to be told with the moment since when. Two statements."""
    known = AlertState.objects.in_bulk([subject.key for subject in subjects])
    grace = timedelta(minutes=settings.OPTIONS.alert_after_minutes)
    rows = []
    for subject in subjects:
        row = known.get(subject.key)
        before = row and (row.seen, row.told)
        if row is None:
            row = AlertState(subject=subject.key, provider_id=subject.provider_id, since=now)
        if row.seen != subject.state:
            row.seen, row.since = subject.state, now
        if row.told != row.seen and now - row.since >= grace:
            row.told = row.seen
            yield subject, row.since
        if before != (row.seen, row.told):
            rows.append(row)
    columns = ["seen", "since", "told"]
    AlertState.objects.bulk_create(rows, update_conflicts=True, update_fields=columns, unique_fields=["subject"])


def _alerts(changed: Sequence[tuple[_Subject, datetime]], now: datetime) -> Iterator[Alert]:
    for scope in AlertSettings.objects.order_by("pk"):
        own = [pair for pair in changed if scope.pk in (INSTALLATION, pair[0].provider_id)]
        if len(own) > MOST_SINGLE:
            yield from _rows(scope, [_many(own, now)], now)
        else:
            for subject, since in own:
                targets = [target for target in scope.targets if target != subject.untold]
                yield from _rows(scope, [_one(subject, since)], now, targets)


def _one(subject: _Subject, since: datetime) -> _Message:
    title, sentence = _TROUBLES[subject.state]
    names = {**subject.names, "since": clock(since)}
    key = f"{subject.key} {subject.state} {since.isoformat()}"
    kind, about = subject.state or WORKS, names["title"]
    return _Message(key, kind, about, str(title) % names, f"{str(sentence) % names}\n{subject.url}")


def _many(changed: Sequence[tuple[_Subject, datetime]], now: datetime) -> _Message:
    lines = [str(_TROUBLES[subject.state][0]) % subject.names for subject, _since in changed]
    said = ngettext("%(count)d change of state", "%(count)d changes of state", len(lines)) % {"count": len(lines)}
    url = settings.OPTIONS.base_url + reverse("admin:dashboard")
    return _Message(f"many {now.isoformat()}", MANY, PRODUCT, said, "\n".join([*_listed(lines), url]))


def _listed(lines: Sequence[str]) -> list[str]:
    more = len(lines) - MOST_LISTED
    rest = [_("and %(count)d more") % {"count": more}] if more > 0 else []
    return [f"- {line}" for line in lines[:MOST_LISTED]] + rest


def _digests(now: datetime) -> Iterator[Alert]:
    """Yield the summary of the day, once a day from `DIGEST_HOUR` on."""
    local = timezone.localtime(now, timezone.get_default_timezone())
    if local.hour < DIGEST_HOUR:
        return
    keys = {
        f"digest {scope.pk} {local:%Y-%m-%d}": scope
        for scope in AlertSettings.objects.filter(has_digest=True).order_by("pk")
    }
    scopes = [scope.pk for scope in keys.values()]
    told = set(Alert.objects.filter(provider_id__in=scopes, key__in=keys).values_list("key", flat=True))
    for key, scope in keys.items():
        if key not in told:
            yield from _rows(scope, [_digest(key, scope.pk, now)], now)


def _digest(key: str, provider_id: int, now: datetime) -> _Message:
    live = Provider.objects.live()
    known = list(live if provider_id == INSTALLATION else live.filter(pk=provider_id))
    health = health_of(known, now)
    known.sort(key=lambda provider: (health[provider.pk].state.rank, provider.title_key))
    lines = [
        _("%(title)s: %(state)s, %(requests)d requests and %(problems)d problems in 24 hours")
        % {
            "title": _title(provider),
            "state": health[provider.pk].state.label,
            "requests": health[provider.pk].requests,
            "problems": health[provider.pk].problems,
        }
        for provider in known
    ]
    failed = JobRun.objects.filter(has_failed=True).order_by("job") if provider_id == INSTALLATION else []
    lines += [str(_TROUBLES[FAILED][0]) % {"title": run.job} for run in failed]
    url = settings.OPTIONS.base_url + reverse("admin:dashboard")
    subject = _("Summary of %(day)s") % {"day": clock(now)}
    about = PRODUCT if provider_id == INSTALLATION or not known else _title(known[0])
    body = "\n".join([*(_listed(lines) or [_("There is no provider.")]), url])
    return _Message(key, SUMMARY, about, subject, body)


def _rows(
    scope: AlertSettings, messages: Iterable[_Message], now: datetime, targets: Sequence[str] | None = None
) -> Iterator[Alert]:
    for message in messages:
        for target in scope.targets if targets is None else targets:
            yield Alert(
                provider_id=scope.pk,
                key=message.key,
                target=target,
                kind=message.kind,
                about=message.about,
                subject=one_line(message.subject, 300),
                body=message.body,
                created_at=now,
                next_at=now,
            )


def send_alerts() -> int:
    """Send one waiting message. Return 1, or 0 if none is due. Raises `UnsentError` if failed ones wait."""
    now = timezone.now()
    found = Alert.objects.waiting().filter(next_at__lte=now).order_by("pk").first()
    if found is not None:
        _deliver(found, now)
        return 1
    if failed := Alert.objects.waiting().filter(tries__gt=0).count():
        raise UnsentError(f"{failed} alerts wait")
    return 0


def _deliver(alert: Alert, now: datetime) -> None:
    """Send a message and note what became of it. After a failure, the others to the same target wait as long."""
    alert.tries += 1
    try:
        _send(alert)
    except (OSError, OutgoingError) as error:
        if not isinstance(error, OutgoingError):
            error = OutgoingError(gettext_noop("The mail server did not accept it."), type(error).__name__)
        alert.error, alert.detail = error.reason, one_line(error.detail)
        alert.next_at = now + FIRST_RETRY * 4 ** (alert.tries - 1)
        Alert.objects.waiting().filter(target=alert.target, next_at__lt=alert.next_at).update(next_at=alert.next_at)
    else:
        alert.sent_at, alert.error, alert.detail = timezone.now(), "", ""
    alert.save(update_fields=["tries", "error", "detail", "next_at", "sent_at"])
    if alert.sent_at or alert.is_given_up:
        provider = Provider.objects.filter(pk=alert.provider_id).first()
        kind = EventKind.ALERT_SENT if alert.sent_at else EventKind.ALERT_FAILED
        after = {"alert": alert.kind, "to": shown_target(alert.target)}
        record_act(kind, SYSTEM, provider=provider, subject=alert.about, after=after)


def _send(alert: Alert) -> None:
    """Send a message. Raises `OutgoingError`, and `OSError` of the mail server."""
    if not alert.is_webhook:
        if not settings.OPTIONS.email_url:
            raise OutgoingError(gettext_noop("EMAIL_URL is not set"))
        EmailMessage(alert.subject, alert.body, settings.DEFAULT_FROM_EMAIL, [alert.target]).send()
        return
    body = json.dumps({"text": f"{alert.subject}\n{alert.body}"}).encode()
    response = outgoing.post(alert.target, body, {"Content-Type": "application/json"})
    if not 200 <= response.status < 300:
        raise OutgoingError(gettext_noop("The response was not a success:"), str(response.status))


def shown_target(target: str) -> str:
    """Return an address, or the host of a webhook, whose path is a secret, with the last characters of a long path."""
    if not target.startswith("https://"):
        return target
    parts = urlsplit(target)
    return f"https://{parts.hostname}/…{target[-4:] if len(parts.path) >= LONG_PATH else ''}"


def settings_for(provider: Provider | None) -> AlertSettings:
    """Return who is told about a provider, or about the installation; nobody if nothing is stored."""
    pk = provider.pk if provider else INSTALLATION
    return AlertSettings.objects.filter(pk=pk).first() or AlertSettings(pk=pk)


@transaction.atomic
def change_recipients(
    provider: Provider | None,
    actor: Actor,
    *,
    addresses: Sequence[str],
    webhook: str,
    has_digest: bool,
    seen: AlertSettings | None = None,
) -> AlertSettings:
    """Set who is told about a provider, or about the installation. The audit has the end of a webhook only.

    `seen`: what this change was made from. Raises `ChangedMeanwhileError` if it is no longer stored.
    """
    if provider:
        Provider.objects.live().select_for_update(no_key=True).get(pk=provider.pk)
    before = settings_for(provider)
    check_unchanged(_facts(before), _facts(seen) if seen else None)
    after = AlertSettings(pk=before.pk, addresses=list(addresses), webhook=webhook, has_digest=has_digest)
    if _facts(before) != _facts(after):
        after.save()
        subject = "" if provider else PRODUCT
        record_act(
            EventKind.ALERTS_CHANGED,
            actor,
            provider=provider,
            subject=subject,
            before=_facts(before),
            after=_facts(after),
        )
    return after


def _facts(found: AlertSettings) -> dict[str, object]:
    webhook = shown_target(found.webhook) if found.webhook else ""
    return {"alert addresses": found.addresses, "webhook": webhook, "daily summary": found.has_digest}


def send_test(provider: Provider | None) -> list[Alert]:
    """Send a test to each recipient now, without a second try. Return the messages with what became of them."""
    scope, now = settings_for(provider), timezone.now()
    url = address("alerts", provider) if provider else settings.OPTIONS.base_url + reverse("admin:all_alerts")
    with override(settings.LANGUAGE_CODE):
        title = _title(provider) if provider else PRODUCT
        subject = _("Test of the alerts about %(title)s") % {"title": title}
    message = _Message(f"test {uuid.uuid4()}", TEST, title, subject, url)
    rows = list(_rows(scope, [message], now))
    for row in rows:
        row.tries, row.next_at = MOST_TRIES - 1, now
        row.save()
        _deliver(row, now)
    return rows
