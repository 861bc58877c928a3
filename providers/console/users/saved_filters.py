"""Saved filters of the list of users (AC-USR-6).

A filter belongs to the person who saved it, and only they can rename or delete it. If they share it, everybody with
their role sees it too.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from providers.audit import record_act
from providers.console.frame import access
from providers.events import EventKind
from providers.models import SavedFilter
from providers.redaction import redact_text

MOST = 50


class SavedFilterForm(forms.Form):
    """The form *Save filter*: a name, the query string of the list, and whether the role shares it."""

    name = forms.CharField(max_length=60)
    query = forms.CharField(max_length=2_000, required=False)
    is_shared = forms.BooleanField(required=False)

    def clean_query(self) -> str:
        """Return the parameters without the leading `?` and without the number of the page."""
        sent = QueryDict(self.cleaned_data["query"].lstrip("?"), mutable=True)
        sent.pop("p", None)
        return sent.urlencode()


def filters_of(request: HttpRequest) -> list[SavedFilter]:
    """Return the person's own filters, and after them those that are shared with their roles. One query."""
    person: Any = request.user
    visible = SavedFilter.objects.filter(Q(owner=person) | Q(shared_with__in=person.groups.all()))
    found = list(visible.select_related("owner").distinct().order_by("name")[:MOST])
    if not access.may(request, access.VIEW_PERSONAL):
        for one in found:
            if one.owner_id != person.pk:  # somebody who may see names may have searched for one
                one.query = _without_search(one.query)
    return sorted(found, key=lambda one: one.owner_id != person.pk)


@require_POST
def save_filter(request: HttpRequest) -> HttpResponse:
    """Save the filters of the address under a name. Saving under the same name again replaces them."""
    form = SavedFilterForm(request.POST)
    person: Any = request.user
    if not form.is_valid() or not form.cleaned_data["query"]:
        messages.error(request, _("Give the filter a name of up to 60 characters, and filter something."))
        return _back(form.data.get("query", ""))
    sent = form.cleaned_data
    if person.saved_filters.count() >= MOST:
        messages.error(request, _("You have %(most)s filters already: delete one first.") % {"most": MOST})
        return _back(sent["query"])
    role = person.groups.order_by("pk").first() if sent["is_shared"] else None
    name, query = redact_text(sent["name"]), redact_text(sent["query"])  # a token may be pasted into the search
    person.saved_filters.update_or_create(name=name, defaults={"query": query, "shared_with": role})
    if role:
        record_act(EventKind.FILTER_SHARED, access.actor_of(request), subject=f"{sent['name']} ({role.name})")
    messages.success(request, _("Saved as “%(name)s”.") % {"name": sent["name"]})
    return _back(sent["query"])


@require_POST
def rename_filter(request: HttpRequest, filter_id: int) -> HttpResponse:
    """Rename a filter of the person. Raises Http404 for a filter that is not their own."""
    found = _own(request).filter(pk=filter_id)
    saved = get_object_or_404(found)
    name = request.POST.get("name", "").strip()[:60]
    if not name or _own(request).exclude(pk=filter_id).filter(name=name).exists():
        messages.error(request, _("Give the filter a name that no other of yours has."))
    else:
        found.update(name=name)
    return _back(saved.query)


@require_POST
def delete_filter(request: HttpRequest, filter_id: int) -> HttpResponse:
    """Delete a filter of the person. Raises Http404 for a filter that is not their own."""
    saved = get_object_or_404(_own(request), pk=filter_id)
    saved.delete()
    messages.success(request, _("“%(name)s” was deleted.") % {"name": saved.name})
    return _back(saved.query)


def _without_search(query: str) -> str:
    sent = QueryDict(query, mutable=True)
    sent.pop("q", None)
    return sent.urlencode()


def _own(request: HttpRequest) -> QuerySet[SavedFilter]:
    person: Any = request.user
    own: QuerySet[SavedFilter] = person.saved_filters.all()
    return own


def _back(query: str) -> HttpResponse:
    sent = QueryDict(query.lstrip("?"))
    address = reverse("admin:users")
    return HttpResponseRedirect(f"{address}?{sent.urlencode()}" if sent else address)
