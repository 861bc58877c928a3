"""What a directory deleted can be inspected and restored, by an administrator."""

import pytest

from providers.models import ChangeEvent, Membership, Provider, Resource
from tests.factories import make_group, make_user
from tests.pages import read


@pytest.fixture
def removed(provider, scim):
    jane = make_user(provider, "jane@x", displayName="Jane")
    make_group(provider, "Ward", [jane])
    scim(provider).delete(f"/Users/{jane.pk}")
    return jane


def restore(browser, resource):
    return browser.post(f"/eum/recycle-bin/{resource.pk}/restore/", follow=True)


def test_an_administrator_restores_a_person_with_what_she_held(administrator, provider, scim, removed):
    assert "Kept until" in read(administrator.get(f"/eum/users/{removed.pk}/")).text
    page = read(restore(administrator, removed))
    assert "Jane is restored." in page.text and not page.has(test_id="recycle-bin")
    assert "Restored from the recycle bin on" in page.text
    assert scim(provider).get(f"/Users/{removed.pk}").status_code == 200
    assert Membership.objects.filter(member=removed, left_at=None).count() == 1
    event = ChangeEvent.objects.get(kind="resource.restored")
    assert event.person_name and event.resource_id == removed.pk
    audit = read(administrator.get("/eum/audit/?action=resource.restored"))
    assert "restored jane@x" in audit.text and audit.has("bdi", text="jane@x")
    assert restore(administrator, removed).status_code == 200, "twice is once"
    assert ChangeEvent.objects.filter(kind="resource.restored").count() == 1


def test_ac_role_4_an_operator_reads_no_name_in_the_audit(administrator, operator, removed):
    restore(administrator, removed)
    page = read(operator.get("/eum/audit/?action=resource.restored"))
    assert "restored j•••" in page.text and page.has("bdi", text="j•••")
    assert "Jane" not in page.source and "jane@" not in page.source


def test_a_name_that_is_taken_is_said_and_nothing_is_changed(administrator, provider, removed):
    make_user(provider, "JANE@x")
    page = read(restore(administrator, removed))
    assert "cannot be restored: another user or group of this provider has the name now" in page.text
    assert Resource.objects.get(pk=removed.pk).deleted_at


@pytest.mark.parametrize("role", ["Support", "Operator"])
def test_ac_role_1_and_2_others_inspect_and_restore_nothing(signed_in, removed, role):
    browser = signed_in(role)
    page = read(browser.get(f"/eum/users/{removed.pk}/"))
    assert "Kept until" in page.text and not page.has(test_id="restore")
    assert restore(browser, removed).status_code == 403
    assert Resource.objects.get(pk=removed.pk).deleted_at
    assert ChangeEvent.objects.filter(kind="console.refused").count() == 1


def test_removed_groups_are_found_and_restored(administrator, provider, scim):
    group = make_group(provider, "Ward", [make_user(provider)])
    scim(provider).delete(f"/Groups/{group.pk}")
    assert list(administrator.get("/eum/groups/").context["cl"].result_list) == []
    assert [one.pk for one in administrator.get("/eum/groups/?status=removed").context["cl"].result_list] == [group.pk]
    assert "Ward is restored." in read(restore(administrator, group)).text
    assert Membership.objects.filter(group=group, left_at=None).count() == 1


def test_what_is_not_there_or_went_with_its_provider_is_404(administrator, provider, removed):
    assert administrator.post(f"/eum/recycle-bin/{removed.pk}/restore/").status_code == 302
    Provider.objects.filter(pk=provider.pk).update(deleted_at=removed.created)
    assert restore(administrator, removed).status_code == 404
    assert administrator.get(f"/eum/recycle-bin/{removed.pk}/restore/").status_code == 405


def test_a_purge_by_hand_needs_the_name_and_leaves_a_record_without_values(administrator, provider, scim):
    client = scim(provider)
    jane = make_user(provider, "jane@contoso.com", title="Nurse")
    group = make_group(provider, "Ward", members=[jane])
    address = f"/eum/recycle-bin/{jane.pk}/purge/"
    assert administrator.get(address).status_code == 404  # the user is not in the recycle bin
    client.delete(f"/Users/{jane.pk}")
    asked = read(administrator.get(address))
    assert "nobody can restore them" in asked.text
    wrong = administrator.post(address, {"title": "jane"})
    assert "Type the name exactly" in read(wrong).text and Resource.objects.filter(pk=jane.pk).exists()
    page = read(administrator.post(address, {"title": "jane@contoso.com"}, follow=True))
    assert "jane@contoso.com is purged." in page.text
    assert not Resource.objects.filter(pk=jane.pk).exists()
    assert not Membership.objects.filter(group=group).exists()
    event = ChangeEvent.objects.get(kind="resource.purged")
    assert event.subject == str(jane.pk) and event.changes == [] and event.person_name
    assert administrator.post(address, {"title": "jane@contoso.com"}).status_code == 404
    assert administrator.get(f"/eum/users/{jane.pk}/").status_code == 404
    assert "purged" in read(administrator.get("/eum/audit/")).text


def test_ac_role_2_only_administrators_purge(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    scim(provider).delete(f"/Users/{jane.pk}")
    page = read(support.get(f"/eum/users/{jane.pk}/"))
    assert "/purge/" not in page.source and not page.has(test_id="purge")
    assert support.post(f"/eum/recycle-bin/{jane.pk}/purge/", {"title": "jane@contoso.com"}).status_code == 403
    assert Resource.objects.filter(pk=jane.pk).exists()


def test_a_group_is_purged_with_its_memberships(administrator, provider, scim):
    jane = make_user(provider)
    group = make_group(provider, "Ward", members=[jane])
    scim(provider).delete(f"/Groups/{group.pk}")
    answer = administrator.post(f"/eum/recycle-bin/{group.pk}/purge/", {"title": "Ward"})
    assert answer.status_code == 302 and answer.url == "/eum/groups/"
    assert not Membership.objects.exists() and Resource.objects.filter(pk=jane.pk).exists()
