"""The state of a provider or a token in words, the same on every page: its badge, the reason, and the next step."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from providers.console.frame import access
from providers.console.frame.badges import Badge, badge_of
from providers.console.frame.page import Text, ago, clock, grouped
from providers.console.log.explanations import name_of_problem
from providers.health import EXPIRY_NOTICE, SOME_ERRORS_SHARE, UNUSED_NOTICE, Health, Reason, State
from providers.models import Provider, Token, TokenState
from providers.quota import usages
from providers.removal_limit import removals_query

# The words for a token that was refused, by its present state.
_REFUSED_TOKEN: Mapping[str, Text] = {
    TokenState.EXPIRED: gettext_lazy("expired token"),
    TokenState.REVOKED: gettext_lazy("revoked token"),
    TokenState.SUSPENDED: gettext_lazy("suspended token"),
    TokenState.ACTIVE: gettext_lazy("token"),
}
# What the badge of the state *some errors* shows for each of its reasons.
_WARNINGS: Mapping[Reason, Text] = {
    Reason.REMOVALS: gettext_lazy("Unusual change"),
    Reason.ERRORS: State.SOME_ERRORS.label,
    Reason.FULL: gettext_lazy("Nearly full"),
    Reason.TOKEN_ENDS: gettext_lazy("Token expires"),
    Reason.TOKEN_UNUSED: gettext_lazy("Token expires"),
    Reason.THROTTLED: gettext_lazy("Throttled"),
}
OLD_TOKEN = timedelta(days=365)


@dataclass(frozen=True)
class Step:
    """The next step for the reader: a link. `word_for_others`: without the right to change the provider."""

    word: Text
    url: str
    word_for_others: Text = ""


@dataclass(frozen=True)
class Status:
    """A provider's badge, the sentence with the reason, and the next step if there is one."""

    badge: Badge
    sentence: SafeString
    step: Step | None = None


def provider_status(provider: Provider, health: Health) -> Status:
    """Return a provider's state in words, the only place that has them (AC-HEA-4).

    Sends no query if the caller has selected `paused_by` with a paused provider.
    """
    say = _SENTENCES[health.state]
    badge = badge_of(health.state)
    if health.state is State.SOME_ERRORS and health.reason:
        badge = replace(badge, word=_WARNINGS[health.reason])
    return Status(badge, say(provider, health), _step(provider, health))


def _paused(provider: Provider, health: Health) -> SafeString:
    assert provider.paused_at
    time = clock(provider.paused_at, health.at)
    if provider.paused_by:
        name = access.name_of(provider.paused_by)
        return format_html(_("Paused by {name}, {time}. Its requests get 503."), name=name, time=time)
    return format_html(_("Paused since {time}. Its requests get 503."), time=time)


def _held(provider: Provider, health: Health) -> SafeString:
    assert provider.held_at
    if provider.rejected_at:
        said = ngettext(
            "Removals are rejected since {time}: {count} user is affected.",
            "Removals are rejected since {time}: {count} users are affected.",
            health.waiting,
        )
    elif not health.waiting:
        said = _("Removals are held back since {time}; nobody waits.")
    else:
        said = ngettext(
            "Removals are held back since {time}: {count} user waits for an administrator's decision.",
            "Removals are held back since {time}: {count} users wait for an administrator's decision.",
            health.waiting,
        )
    time = clock(provider.rejected_at or provider.held_at, health.at)
    return format_html(said, time=time, count=grouped(health.waiting))


def _refused(provider: Provider, health: Health) -> SafeString:
    activity = health.activity
    assert activity.refused_since
    count = activity.refused_count
    calls = ngettext("%(count)s call", "%(count)s calls", count) % {"count": grouped(count)}
    if activity.refused_address:
        what = format_html(_("address {address}"), address=activity.refused_address)
    elif health.token:
        what = format_html('{} <span class="mono">{}…</span>', _REFUSED_TOKEN[health.token.state], health.token.prefix)
    else:
        what = format_html("{}", _("a token that no longer exists"))
    said = _("Refused since {time}: {what} ({calls}).")
    return format_html(said, time=clock(activity.refused_since, health.at), what=what, calls=calls)


def _not_connected(provider: Provider, health: Health) -> SafeString:
    return format_html("{}", _("Waiting for the first request."))


def _failing(provider: Provider, health: Health) -> SafeString:
    ours = [(problem, count) for problem, count in health.recent_problems if problem[0] >= 500]
    problem, count = health.recent_problems[0] if health.recent_failed else ours[0]
    if health.recent_failed:
        said = _("{failed} of {changes} changes failed in the last hour; commonest: {problem} ({count}).")
    else:
        said = _("Requests failed on our side in the last hour: {problem} ({count}).")
    return format_html(
        said,
        failed=grouped(health.recent_failed),
        changes=grouped(health.recent_changes),
        problem=f"{problem[0]} {name_of_problem(*problem)}",
        count=grouped(count),
    )


def _silent(provider: Provider, health: Health) -> SafeString:
    assert health.accepted_at
    hours = int((health.at - health.accepted_at).total_seconds() // 3600)
    return format_html(_("No contact for {hours} h. {cause}"), hours=grouped(hours), cause=provider.directory.silence)


def _late(provider: Provider, health: Health) -> SafeString:
    assert health.accepted_at and health.cycle
    said = _("Last contact {time}; {directory} usually calls every {minutes} min.")
    minutes = health.cycle // timedelta(minutes=1)
    return format_html(
        said, time=ago(health.accepted_at, health.at), directory=provider.directory.name, minutes=minutes
    )


def _some_errors(provider: Provider, health: Health) -> SafeString:
    token = health.token
    if health.reason is Reason.REMOVALS:
        count = health.activity.mass_change_count
        said = ngettext(
            "{count} user was disabled, deleted or removed from their groups since {time}.",
            "{count} users were disabled, deleted or removed from their groups since {time}.",
            count,
        )
        assert health.activity.mass_change_since
        return format_html(said, count=grouped(count), time=clock(health.activity.mass_change_since, health.at))
    if health.reason is Reason.FULL:
        used = max(usages(provider), key=lambda usage: usage.count / (usage.limit or math.inf))
        if used.resource_type == "User":
            said = _("It has {count} users, those in the recycle bin included; {most} are allowed.")
        else:
            said = _("It has {count} groups, those in the recycle bin included; {most} are allowed.")
        return format_html(said, count=grouped(used.count), most=grouped(used.limit))
    if health.reason is Reason.THROTTLED:
        count = health.recent_throttled
        said = ngettext(
            "{count} request was throttled in the last hour: too many came in a second (PROVIDER_RATE, or REFUSED_RATE "
            "for refused ones).",
            "{count} requests were throttled in the last hour: too many came in a second (PROVIDER_RATE, or "
            "REFUSED_RATE for refused ones).",
            count,
        )
        return format_html(said, count=grouped(count))
    if health.reason is Reason.ERRORS or token is None:
        failed, number = health.failed_changes, health.changes
        said = _("{failed} of {number} changes failed in 24 h ({share} %).")
        if failed < SOME_ERRORS_SHARE * number or not failed:
            failed, number = health.failed, health.requests
            said = _("{failed} of {number} requests failed in 24 h ({share} %).")
        share = round(100 * failed / (number or 1))
        return format_html(said, failed=grouped(failed), number=grouped(number), share=share)
    assert token.expires_at
    left = timeuntil(token.expires_at, health.at, depth=1)
    if health.reason is Reason.TOKEN_UNUSED:
        said = _("The old token {token} expires in {left}, and the new one has not been used yet.")
    else:
        said = _("Token {token} expires in {left}.")
    return format_html(said, token=format_html('<span class="mono">{}</span>', token.shown), left=left)


def _healthy(provider: Provider, health: Health) -> SafeString:
    assert health.accepted_at
    last = ago(health.accepted_at, health.at)
    if health.next_expected is None or health.next_expected < health.at:
        return format_html(_("Last contact {last}."), last=last)
    return format_html(
        _("Last contact {last}, next expected by {next}."), last=last, next=clock(health.next_expected, health.at)
    )


_SENTENCES = {
    State.PAUSED: _paused,
    State.HELD: _held,
    State.REFUSED: _refused,
    State.NOT_CONNECTED: _not_connected,
    State.FAILING: _failing,
    State.SILENT: _silent,
    State.LATE: _late,
    State.SOME_ERRORS: _some_errors,
    State.HEALTHY: _healthy,
}


def _step(provider: Provider, health: Health) -> Step | None:
    def page(name: str, ending: str = "") -> str:
        return reverse(f"admin:{name}", args=[provider.pk]) + ending

    tokens = Step(_("Open tokens"), page("tokens"))
    problems = Step(_("See the problems"), page("overview", "#problems"))
    match health.state:
        case State.PAUSED:
            return Step(_("Resume"), page("resume_provider"))
        case State.HELD:
            return Step(_("Decide"), page("removals"), _("See who"))
        case State.REFUSED if health.activity.refused_address:
            return Step(_("Open IP restriction"), page("ip_restriction"))
        case State.REFUSED:
            return tokens
        case State.NOT_CONNECTED:
            return Step(_("Open setup guide"), page("guide"))
        case State.LATE | State.SILENT:
            return Step(_("See the last requests"), f"{reverse('admin:log')}?provider={provider.pk}&lookups=1")
        case State.FAILING:
            return problems
        case State.SOME_ERRORS if health.reason is Reason.REMOVALS:
            return Step(_("See who"), page("removed_users", removals_address(health)))
        case State.SOME_ERRORS if health.reason is Reason.FULL:
            return Step(_("Open the recycle bin"), f"{reverse('admin:users')}?status=removed&provider={provider.pk}")
        case State.SOME_ERRORS:
            return problems if health.reason in (Reason.ERRORS, Reason.THROTTLED) else tokens
    return None


def removals_address(health: Health) -> str:
    """Return the query string of the list of exactly these removals (AC-HEA-6)."""
    activity = health.activity
    assert activity.mass_change_since and activity.mass_change_until
    return f"?{removals_query(activity.mass_change_since, activity.mass_change_until)}"


def token_badge(token: Token, successor: Token | None, now: datetime) -> Badge:
    """Return a token's badge: active, suspended, retiring, about to expire, expired or revoked.

    `successor` is the token that replaces it, if it was rotated.
    """
    state = token.state
    if state is not TokenState.ACTIVE or token.expires_at is None:
        return badge_of(state)
    left = token.expires_at - now
    if token.is_retiring:
        is_unused = successor is not None and successor.first_used_at is None and left <= UNUSED_NOTICE
        until = clock(token.expires_at, now)
        return Badge(format_html(_("Retiring until {time}"), time=until), "clock", "warn" if is_unused else "")
    if left <= EXPIRY_NOTICE:
        return Badge(_("Expires in %(left)s") % {"left": timeuntil(token.expires_at, now, depth=1)}, "clock", "warn")
    return badge_of(state)


def age_note(token: Token, now: datetime) -> str:
    """Return a reminder if a token never expires and is more than a year old, otherwise "" (AC-TOK-11)."""
    if token.expires_at or token.is_ended or now - token.created_at < OLD_TOKEN:
        return ""
    return _("%(age)s old: consider a rotation") % {"age": timesince(token.created_at, now, depth=1)}
