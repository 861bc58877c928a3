"""A small directory that has each state a page can show: for accessibility checks and screenshots."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from providers.models import Provider, SyncedGroup, SyncedUser, Token
from scim.protocol.attributes import USER
from scim.store import verbs
from tests.factories import call, issue, make_account, make_group, make_provider, make_user

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass(frozen=True)
class Directory:
    contoso: Provider
    empty: Provider
    jane: SyncedUser
    group: SyncedGroup
    token: Token
    administrator: User

    def addresses(self) -> dict[str, str]:
        """Every page of the console that an administrator can open, by name."""
        provider = f"/eum/providers/{self.contoso.pk}/"
        return {
            "home": "/",
            "dashboard": "/eum/",
            "provider-list": "/eum/providers/",
            "add-provider": "/eum/providers/add/",
            "provider": provider,
            "provider-new": f"/eum/providers/{self.empty.pk}/",
            "tokens": f"{provider}tokens/",
            "tokens-none": f"/eum/providers/{self.empty.pk}/tokens/",
            "revoke-token": f"{provider}tokens/{self.token.pk}/revoke/",
            "ip-restriction": f"{provider}ip-restriction/",
            "users": "/eum/users/",
            "users-found": f"/eum/users/?q=jan&provider={self.contoso.pk}",
            "users-empty": "/eum/users/?q=jahne&status=active",
            "user": f"/eum/users/{self.jane.pk}/",
            "groups": "/eum/groups/",
            "group": f"/eum/groups/{self.group.pk}/",
            "not-found": "/eum/nothing/",
            "password": "/password_change/",
        }


def fill() -> Directory:
    administrator = make_account("Administrator", username="a.bakker", first_name="Anna", last_name="Bakker")
    contoso = make_provider("Contoso Entra ID", ip_mode="observe", ranges=("20.190.128.0/18", "2603:1056:2000::/48"))
    empty = make_provider("Revalidatie Entra ID")
    paused = make_provider("Stagiairs Hogeschool")
    Provider.objects.filter(pk=paused.pk).update(paused_at=timezone.now())
    token, _value = issue(contoso)
    Token.objects.filter(pk=token.pk).update(
        last_used_at=timezone.now() - timedelta(minutes=12), last_used_ip="20.190.137.45", created_by=administrator
    )
    jane = make_user(
        contoso,
        "j.deboer@contoso.com",
        displayName="Jane de Boer",
        externalId="9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4",
        active=False,
        name={"givenName": "Jane", "familyName": "de Boer"},
        title="Verpleegkundige",
        emails=[{"type": "work", "value": "j.deboer@contoso.com", "primary": True}],
        phoneNumbers=[{"type": "work", "value": "+31 40 555 0182"}],
        **{ENTERPRISE: {"department": "Kwaliteit", "employeeNumber": "40182"}},
    )
    names = ("Janet Hendriks", "Janë Koçi", "Mary-Jane van Dijk", "Adjane Mensah", "Janelle Wouters", "Jan Visser")
    others = [make_user(contoso, f"{name.split()[-1].lower()}@contoso.com", displayName=name) for name in names]
    verbs.delete(call(contoso, USER), str(others[-1].pk))
    group = make_group(contoso, "iProva users", members=[jane, *others[:-1]])
    make_group(contoso, "Editors", members=others[:2])
    return Directory(contoso, empty, jane, group, token, administrator)
