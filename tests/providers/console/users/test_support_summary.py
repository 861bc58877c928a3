"""The text that support copies from a user's page (AC-PER-7)."""

from tests.factories import make_group, make_user
from tests.providers.console.users.conftest import patch, user_page


def test_ac_per_7_it_holds_what_the_page_shows(support, provider, scim):
    make_user(provider, "taken@contoso.com")
    jane = make_user(provider, "jane@contoso.com", displayName="Jane de Boer")
    client = scim(provider)
    changed = patch(client, jane, "title", "Verpleegkundige")
    group = make_group(provider, "Editors")
    client.patch(f"/Groups/{group.pk}", {"op": "add", "path": "members", "value": [{"value": str(jane.pk)}]})
    refused = client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "userName", "value": "taken@contoso.com"})
    text = user_page(support, jane).one("textarea").value
    identity, not_done, changes, groups, requests = text.split("\n\n")
    for part in (
        f"SCIM id: {jane.pk}",
        f"Provider: Contoso Entra ID ({provider.pk})",
        f"/eum/users/{jane.pk}/",
        "State: Active, version 2",
        "All times are in UTC.",
    ):
        assert part in identity, part
    rejection = f"Update user: 409 uniqueness name-taken, request {refused['X-Request-Id']}"
    assert not_done.startswith("Not done:") and rejection in not_done and rejection in requests
    assert f"title, request {changed['X-Request-Id']}" in changes
    assert f"+ Editors ({group.pk}), request " in groups
    for personal in ("jane", "Jane", "Boer", "Verpleeg", "taken@"):
        assert personal not in text, personal
