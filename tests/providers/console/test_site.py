"""The console's site has no form of Django's admin (AC-ROLE-5)."""

from providers.console import site
from tests.factories import make_user


def test_ac_role_5_no_address_offers_a_form_of_the_admin(signed_in, provider):
    jane = make_user(provider, "jane@contoso.com")
    browser = signed_in("superuser")
    for model, pk in (("provider", provider.pk), ("synceduser", jane.pk), ("syncedgroup", jane.pk)):
        for path in (
            f"/providers/{model}/add/",
            f"/providers/{model}/{pk}/change/",
            f"/providers/{model}/{pk}/delete/",
        ):
            assert browser.get(path).status_code == 404, path
    for path in (f"/eum/users/{jane.pk}/change/", "/eum/users/add/", "/auth/user/", "/auth/user/add/"):
        assert browser.get(path).status_code == 404, path


def test_ac_role_5_no_model_admin_permits_a_change(rf, signed_in):
    request = rf.get("/")
    request.user = signed_in("superuser") and None
    for model_admin in site._registry.values():
        assert not model_admin.has_add_permission(request)
        assert not model_admin.has_change_permission(request)
        assert not model_admin.has_delete_permission(request)
