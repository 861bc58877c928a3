"""`manage.py add_oauth_client PROVIDER` adds a client with a secret, or one that signs in with assertions."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from providers.management.answers import FEDERATED_CLIENT, NEW_CLIENT
from providers.management.script import Exit, ScriptCommand, actor, read_file
from providers.models import Provider
from providers.oauth import Trust, add_client, add_federated_client

MAX_KEYS = 262_144


class Command(ScriptCommand):
    help = "Add an OAuth client to a provider. Its secret is shown only once; with --federated it has none."
    subject = "provider"
    fields = NEW_CLIENT

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--label", default="", help="its name; the default is a number")
        parser.add_argument("--federated", action="store_true", help="it signs in with assertions of an issuer")
        parser.add_argument("--issuer", default="", metavar="URL", help="their iss")
        parser.add_argument("--subject", default="", help="their sub")
        parser.add_argument("--audience", action="append", default=[], help="their aud; may be given several times")
        parser.add_argument("--tenant", default="", help="their tid, if it is to be checked")
        parser.add_argument("--authorized-party", default="", metavar="ID", help="their azp, if it is to be checked")
        keys = parser.add_mutually_exclusive_group()
        keys.add_argument("--jwks-url", default="", metavar="URL", help="where the keys of the issuer are")
        keys.add_argument("--jwks-file", type=Path, metavar="FILE", help="the keys of the issuer, a JWK Set")

    def act(self, *, provider: Provider, label: str, federated: bool, **options: Any) -> Any:
        if not federated:
            return add_client(provider, actor(), label=label)
        self.fields = FEDERATED_CLIENT
        options["audience"] = [audience for audience in options["audience"] if audience]
        missing = [name for name in ("issuer", "subject", "audience") if not options[name]]
        missing += ["jwks-url or --jwks-file"] if not (options["jwks_url"] or options["jwks_file"]) else []
        if missing:
            raise CommandError(f"--federated needs --{', --'.join(missing)}.", returncode=Exit.USAGE)
        trust = Trust(
            issuer=options["issuer"],
            jwks_url=options["jwks_url"],
            keys=_keys(options["jwks_file"]) if options["jwks_file"] else None,
            subject=options["subject"],
            audiences=options["audience"],
            tenant=options["tenant"].lower(),
            authorized_party=options["authorized_party"],
        )
        return add_federated_client(provider, actor(), trust, label=label)


def _keys(path: Path) -> Any:
    try:
        return json.loads(read_file(path, MAX_KEYS))
    except ValueError as error:
        raise CommandError(f"{path} is not JSON.") from error
