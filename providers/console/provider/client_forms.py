"""The forms of a provider's OAuth clients: a client with a secret, and whom a client without one trusts."""

import re
from collections.abc import Mapping
from typing import Any

import orjson
from django import forms
from django.conf import settings
from django.utils.translation import gettext as _

from providers.ids import parse_id
from providers.oauth import MAX_AUDIENCES, SECRET_YEARS, Trust, entra_trust
from providers.outgoing import OutgoingError, check_url
from providers.signing_keys import KeySetError, read_key_set

MAX_KEYS = 100_000
_GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_TENANT_OF = re.compile(rf"/({_GUID})/v2\.0/?\Z")
# How a line of what Entra shows begins, in English and Dutch, by the field that it is for.
_LABELS: Mapping[str, re.Pattern[str]] = {
    "jwks_url": re.compile(r"\W*(?:jwks|json web key|keys?|sleutels?)\b", re.IGNORECASE),
    "issuer": re.compile(r"\W*(?:issuer|iss|verlener|uitgever)\b", re.IGNORECASE),
    "subject": re.compile(r"\W*(?:subject|sub|onderwerp)\b", re.IGNORECASE),
    "audience": re.compile(r"\W*(?:audience|aud|doelgroep)\b", re.IGNORECASE),
}
_NO_VALUE = re.compile(r"[A-Za-z]+\W*")  # a word, such as the end of *Subject identifier:*
_VALUE = re.compile(r"(?P<label>(?:.*\s)?(?:[^\s:=/]+[:=](?!//))?)(?P<value>\S+)\Z")


def read_values(text: str) -> dict[str, str]:
    """Return the values in a text with one on each line, by field, as Entra shows them.

    A line may begin with the name of its value. Without one, a URL with *keys* in it is the JWKS URL and another is the
    issuer; of the rest, the subject comes before the audience.
    """
    found: dict[str, str] = {}
    before = ""  # the name that stood alone on the line before
    for line in filter(None, map(str.strip, text.splitlines()[:40])):
        names = [name for name, words in _LABELS.items() if words.match(line)]
        parts = _VALUE.match(line[:2_000])
        if parts is None or (names and _NO_VALUE.fullmatch(parts["value"])):
            before = names[0] if names else ""
            continue
        names = [name for name, words in _LABELS.items() if words.match(parts["label"])]
        name = names[0] if names else before or _guess(parts["value"], found)
        found.setdefault(name, parts["value"])
        before = ""
    return found


def _guess(value: str, found: Mapping[str, str]) -> str:
    if value.startswith("https://"):
        return "jwks_url" if "keys" in value or "jwks" in value else "issuer"
    return "audience" if value.startswith("api://") or "subject" in found else "subject"


class ClientForm(forms.Form):
    """A client with a secret."""

    label = forms.CharField(required=False, max_length=100)
    years = forms.TypedChoiceField(choices=[(years, years) for years in SECRET_YEARS], coerce=int, initial=2)


class TrustForm(forms.Form):
    """Whom a client trusts. `trust` is what was entered, once the form is valid.

    With a tenant alone, the next assertion from it is shown, and an administrator decides.
    """

    label = forms.CharField(required=False, max_length=100)
    pasted = forms.CharField(required=False, max_length=5_000)
    issuer = forms.CharField(required=False, max_length=500)
    jwks_url = forms.CharField(required=False, max_length=1_000)
    subject = forms.CharField(required=False, max_length=500)
    audience = forms.CharField(required=False, max_length=2_000)
    tenant = forms.CharField(required=False, max_length=100)
    authorized_party = forms.CharField(required=False, max_length=500)
    keys = forms.CharField(required=False, max_length=MAX_KEYS)
    is_self_signed = forms.BooleanField(required=False)

    trust = Trust()

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        """`data` is what was sent; the values in its `pasted` fill the fields that are empty."""
        if data is not None:
            data = data.copy()
            for name, value in read_values(data.get("pasted", "")).items():
                data[name] = data.get(name) or value
            data["pasted"] = ""
        super().__init__(data, **kwargs)

    def clean_tenant(self) -> str:
        tenant: str = self.cleaned_data["tenant"]
        if tenant and parse_id(tenant) is None:
            raise forms.ValidationError(_("This is not the id of a tenant."))
        return tenant.lower()

    def clean_jwks_url(self) -> str:
        url: str = self.cleaned_data["jwks_url"]
        if url:
            try:
                host = check_url(url).hostname
            except OutgoingError as error:
                raise forms.ValidationError(str(error)) from error
            if host not in settings.OPTIONS.federation_hosts:
                said = _("Keys may not be fetched from this host: the operator of iProva adds it to FEDERATION_HOSTS.")
                raise forms.ValidationError(said)
        return url

    def clean_keys(self) -> Any:
        text = self.cleaned_data["keys"]
        if not text:
            return None
        try:
            document = orjson.loads(text)
            read_key_set(document)
        except (ValueError, KeySetError) as error:
            raise forms.ValidationError(_("This is not a JWK Set with public keys that have ids.")) from error
        return document

    def clean(self) -> dict[str, Any]:
        sent = self.cleaned_data
        names = ("issuer", "jwks_url", "subject", "audience")
        if sent.get("tenant") and not (any(sent.get(name) for name in names) or sent.get("is_self_signed")):
            self.trust = entra_trust(sent["tenant"])
            return sent
        required = () if sent.get("is_self_signed") else ("issuer", "subject", "audience")
        for name in required:
            if not sent.get(name) and name not in self.errors:
                self.add_error(name, _("Enter this value, or the tenant alone."))
        if not sent.get("jwks_url") and not sent.get("keys") and not {"jwks_url", "keys"} & set(self.errors):
            self.add_error("jwks_url", _("Enter the JWKS URL, or paste the keys."))
        if not self.errors:
            self.trust = self._entered(sent)
        return sent

    def _entered(self, sent: Mapping[str, Any]) -> Trust:
        keys = {"jwks_url": "" if sent["keys"] else sent["jwks_url"], "keys": sent["keys"]}
        if sent["is_self_signed"]:
            return Trust(is_self_signed=True, **keys)
        tenant = _TENANT_OF.search(sent["issuer"])
        return Trust(
            issuer=sent["issuer"],
            subject=sent["subject"],
            audiences=sent["audience"].split()[:MAX_AUDIENCES],
            authorized_party=sent["authorized_party"],
            tenant=sent["tenant"] or (tenant[1].lower() if tenant else ""),
            **keys,
        )
