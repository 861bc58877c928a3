"""Records in the order of time: pages by key."""

from providers.models import RequestLog
from tests.factories import fill_log
from tests.pages import read
from tests.providers.console.log.conftest import entries


def test_pages_go_back_as_they_went(support, provider):
    fill_log(120, provider_id=str(provider.pk), method="'POST'", status="201")
    ids = [str(pk) for pk in RequestLog.objects.order_by("-id").values_list("id", flat=True)]

    def shown(query: str) -> list[str]:
        links = entries(read(support.get(f"/eum/log/{query}")))
        return [link["href"].removeprefix("/eum/log/").removesuffix("/") for link in links]

    assert shown("") == ids[:50] and shown(f"?before={ids[49]}") == ids[50:100]
    assert shown(f"?before={ids[99]}") == ids[100:] and shown(f"?after={ids[100]}") == ids[50:100]
    assert shown(f"?after={ids[50]}") == ids[:50] and shown("?before=nonsense") == ids[:50]
