"""Read-only lists on Django's change list: search, filters, sorting and paging, without editing.

Users and groups are what a directory sent; nobody changes them here, superusers included (AC-ROLE-5).
An address may hold only the filters that its list names.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import IntegerField, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

from providers.console.frame.page import grouped

PAGE_SIZE = 50
# Counting stops here: nobody pages further, and counting a million rows takes longer than showing fifty.
COUNT_LIMIT = 10_000


class CountOf(Subquery):
    """The number of rows of a correlated query. Slice that query to bound the cost."""

    template = "(SELECT count(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """A paginator that counts to COUNT_LIMIT at most; a page number beyond the last page shows the last page."""

    @cached_property
    def count(self) -> int:
        return min(self._counted, COUNT_LIMIT)

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: COUNT_LIMIT + 1].count())

    @property
    def is_capped(self) -> bool:
        return self._counted > COUNT_LIMIT

    def validate_number(self, number: Any) -> int:
        try:
            return min(max(int(number), 1), self.num_pages)
        except ValueError:
            return 1


class ConsoleChangeList(ChangeList):
    """Django's change list with the console's links, and with words for its filters and its number of rows."""

    paginator: CappedPaginator
    model_admin: "ReadOnlyAdmin"
    filter_specs: "list[ChoiceFilter]"  # type: ignore[assignment]

    def url_for_result(self, result: Any) -> str:
        return reverse(self.model_admin.page_name, args=[result.pk])

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.page_num = self.paginator.validate_number(self.page_num)

    def get_ordering_field(self, field_name: Any) -> Any:
        """Return what a column is sorted by; None for a column that this person may not sort by, also by address."""
        return super().get_ordering_field(field_name) if field_name in (self.sortable_by or ()) else None

    @property
    def counted(self) -> str:
        """The number of rows in words: `11 users`, or `more than 10,000 users`."""
        number = grouped(self.result_count)
        shown = gettext("more than %(number)s") % {"number": number} if self.paginator.is_capped else number
        return str(self.model_admin.counted(self.result_count) % {"count": shown})

    def chips(self) -> Iterator[tuple[str, str]]:
        """Yield each filter that is on, with the address without it."""
        for spec in self.filter_specs:
            value = spec.value()
            if value is not None:
                names = {str(choice): str(name) for choice, name in spec.lookup_choices}
                without = self.get_query_string(remove=[spec.parameter_name])
                yield f"{spec.title}: {names.get(value, value)}", without


class _AllRows(ConsoleChangeList):
    """The rows under the filters of an address, of which no page is read."""

    def get_results(self, request: HttpRequest) -> None:
        self.result_list = []


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list whose rows link to pages of the console. Nobody can add, change or delete a row."""

    actions = None
    list_per_page = PAGE_SIZE
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = CappedPaginator
    page_name = ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ConsoleChangeList

    def rows_under(self, request: HttpRequest) -> Any:
        """Return the query of the rows under the filters of a request, over all pages."""
        own: Any = self
        found = _AllRows(
            request,
            self.model,
            self.list_display,
            own.list_display_links,
            self.get_list_filter(request),
            self.date_hierarchy,
            self.get_search_fields(request),
            self.list_select_related,
            self.list_per_page,
            self.list_max_show_all,
            self.list_editable,
            self,
            self.sortable_by,
            own.search_help_text,
        )
        return found.queryset

    def counted(self, count: int) -> str:
        """Return the words for `count` rows, with `%(count)s` in place of the number."""
        raise NotImplementedError

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow the list's own filters only: with any other, a masked value could be guessed letter by letter."""
        return lookup in {spec.parameter_name for spec in self.list_filter}  # type: ignore[union-attr]


class ChoiceFilter(admin.SimpleListFilter):
    """A filter whose value must be one of its choices; any other value finds nothing."""

    parameter_name: str

    @cached_property
    def _values(self) -> set[str]:
        return {str(value) for value, _ in self.lookup_choices}

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        if value is None:
            return queryset
        return self.chosen(queryset, value) if value in self._values else queryset.none()

    def chosen(self, queryset: Any, value: str) -> Any:
        """Return the rows of `queryset` that match the choice `value`."""
        raise NotImplementedError

    def has_output(self) -> bool:
        return True
