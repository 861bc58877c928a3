"""The commands that explain: the summary of a user, and who could not be provisioned."""

from django.utils.html import strip_tags

from providers.console.users.history import read_history
from providers.console.users.summary import summary
from providers.management.script import Exit
from providers.models import SyncedUser
from providers.request_log import writer
from tests.factories import make_user
from tests.providers.conftest import DISABLE
from tests.providers.management.conftest import ask, refusal, run


def test_a_users_summary_is_that_of_the_page(provider, scim):
    user = make_user(provider, "jane@contoso.com", externalId="e-1", active=True)
    scim(provider).patch(f"/Users/{user.pk}", DISABLE)
    writer.flush()
    found = ask("show_user", "JANE@contoso.com")
    assert (found["id"], found["state"], found["provider"]) == (str(user.pk), "disabled", provider.title)
    page = summary(read_history(SyncedUser.objects.select_related("provider").get(), can_see_names=True))
    assert found["summary"][0] == strip_tags(page.lead).replace("\xa0", " ")
    assert found["summary"][0].startswith("Disabled on") and "active = false" in found["summary"][0]
    assert found["page"] == f"http://127.0.0.1:8000/eum/users/{user.pk}/"
    for name in ("e-1", user.pk):
        assert ask("show_user", name, "--provider", provider.title) == found
    assert "Disabled on" in run("show_user", user.pk)


def test_a_name_of_several_users_needs_the_provider(provider, stranger):
    own, other = make_user(provider, "jane@x"), make_user(stranger, "jane@x")
    code, said = refusal("show_user", "jane@x")
    assert code == Exit.NOT_FOUND and str(own.pk) in said and str(other.pk) in said
    assert ask("show_user", "jane@x", "--provider", "Fabrikam")["id"] == str(other.pk)
    assert refusal("show_user", "nobody@x") == (Exit.NOT_FOUND, "There is no user 'nobody@x'.")


def test_a_user_who_was_never_created_is_among_the_problems(provider, stranger, scim):
    scim(provider).post("/Users", {"userName": "jane@x", "active": "perhaps"})
    writer.flush()
    assert "tried to create one: see list_problems" in refusal("show_user", "jane@x")[1]
    [row] = ask("list_problems", "--since", "1h")
    assert (row["user_name"], row["attempts"], row["resource_type"]) == ("jane@x", 1, "User")
    assert "active" in row["why"] and row["provider"] == provider.title and row["resource_id"] is None
    assert ask("list_problems", "--provider", stranger.pk) == []
    scim(provider).post("/Users", {"userName": "jane@x"})
    writer.flush()
    assert ask("list_problems") == []
    assert ask("list_problems", "--all")[0]["resolved_at"]
    assert "jane@x" in run("list_problems", "--all")
