"""The IP restriction of a provider."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from providers.console.page import moment
from providers.console.providers import get_provider, tab
from providers.console.status import IP_MODE


@require_safe
def restriction(request: HttpRequest, provider_id: int) -> HttpResponse:
    """The mode and the ranges."""
    provider = get_provider(provider_id)
    rules = [(rule, rule.cidr.version, moment(rule.created_at)) for rule in provider.ip_rules.order_by("cidr")]
    return tab(request, provider, "ip_restriction", {"rules": rules, "ip_mode": IP_MODE[provider.ip_mode]})
