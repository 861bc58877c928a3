"""A small directory that has each state a page can show: for accessibility checks and screenshots."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from providers.models import Provider, SyncedGroup, SyncedUser, Token
from providers.request_log import writer
from scim.protocol.attributes import USER
from scim.store import verbs
from tests.conftest import ScimClient
from tests.factories import call, issue, make_account, make_group, make_provider, make_user

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass(frozen=True)
class Directory:
    contoso: Provider
    empty: Provider
    jane: SyncedUser
    removed: SyncedUser
    group: SyncedGroup
    token: Token
    administrator: User
    refused: str

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
            "user-removed": f"/eum/users/{self.removed.pk}/",
            "group": f"/eum/groups/{self.group.pk}/",
            "log": "/eum/log/",
            "log-found": f"/eum/log/?outcome=rejected&provider={self.contoso.pk}&lookups=1",
            "log-empty": "/eum/log/?status=418",
            "log-entry": f"/eum/log/{self.refused}/",
            "log-payload": f"/eum/log/{self.refused}/payload/",
            "refused": "/eum/refused/",
            "audit": "/eum/audit/",
            "accounts": "/accounts/",
            "add-account": "/accounts/add/",
            "account": f"/accounts/{self.administrator.pk}/",
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
    editors = make_group(contoso, "Editors", members=[jane, *others[:2]])
    refused = _play(contoso, jane, editors)
    return Directory(contoso, empty, jane, others[-1], group, token, administrator, refused)


def _play(contoso: Provider, jane: SyncedUser, editors: SyncedGroup) -> str:
    """What a directory did to her over HTTP, so that log and timeline have it; the id of a refused request."""
    second, value = issue(contoso)
    client = ScimClient(value)
    by_entra = {"client-request-id": "4d2b6a0e-1c57-4f0e-9a8e-2f0b7c1d9e33"}
    client.get("/ServiceProviderConfig")
    client.get("/Users", filter='userName eq "0c2e9be6-6b0a-4f0d-8a57-9d3f4c1ef1d4"')
    client.get("/Users", filter='userName eq "j.deboer@contoso.com"')
    client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "active", "value": True})
    client.patch(
        f"/Users/{jane.pk}",
        {"op": "replace", "path": f"{ENTERPRISE}:department", "value": "Zorg"},
        {"op": "replace", "path": "title", "value": "Teamleider"},
        {"op": "remove", "path": 'phoneNumbers[type eq "work"]'},
    )
    for _ in range(12):
        client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "title", "value": "Teamleider"})
    member = [{"value": str(jane.pk)}]
    client.patch(f"/Groups/{editors.pk}", {"op": "remove", "path": "members", "value": member})
    client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "active", "value": False})
    taken = {"userName": "j.deboer@contoso.com", "displayName": "Jan de Boer", "password": "not kept"}
    refused: str = client.post("/Users", taken, headers=by_entra)["X-Request-Id"]
    client.post("/Users", {"displayName": "Nobody"})
    client.get("/Users/unknown")
    Token.objects.filter(pk=second.pk).update(revoked_at=timezone.now())
    client.get("/Users")
    ScimClient(None).get("/Users")
    ScimClient("ipr_nothing").get("/Users")
    writer.flush()
    return refused
