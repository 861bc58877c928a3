"""All commands of this product, by what they are for. `manage.py help` and docs/commands.md show them in this order."""

from collections.abc import Iterator, Mapping, Sequence

from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

from providers.management.script import Exit, ScriptCommand

COMMANDS: Mapping[str, Sequence[str]] = {
    "Providers": (
        "list_providers", "show_provider", "add_provider", "set_provider", "pause_provider", "resume_provider",
        "delete_provider", "restore_provider", "add_schema", "export_configuration", "import_configuration",
    ),
    "Tokens": (
        "list_tokens", "issue_token", "rotate_token", "expire_token", "suspend_token", "restore_token", "revoke_token",
    ),
    "OAuth clients": (
        "list_oauth_clients", "add_oauth_client", "rotate_client_secret", "revoke_client_secret",
        "suspend_oauth_client", "restore_oauth_client", "revoke_oauth_client",
    ),
    "IP restriction": ("show_ip_restriction", "set_ip_restriction", "add_ranges", "remove_ranges", "import_ranges"),
    "Alerts": ("set_alerts", "test_alerts"),
    "Users and removals": ("show_user", "list_problems", "show_removals", "decide_removals"),
    "Console accounts": (
        "list_accounts", "add_account", "set_account", "reset_password", "turn_off_two_step",
        "create_first_administrator",
    ),
    "Running the product": ("housekeeping", "backup", "restore", "make_export"),
    "Developing it": ("fill", "check_templates", "check_migrations", "describe_commands"),
}  # fmt: skip


def load(name: str) -> BaseCommand:
    """Return a command by its name."""
    return load_command_class(get_commands()[name], name)


def short_help() -> Iterator[str]:
    """Yield the lines that `manage.py help` begins with."""
    yield "manage.py COMMAND --help prints the arguments. Commands of this product:"
    for title, names in COMMANDS.items():
        yield f"\n{title}"
        for name in names:
            yield f"  {name:27}{load(name).help.split('. ')[0].rstrip('.')}"


def describe() -> Iterator[str]:
    """Yield the lines of docs/commands.md."""
    yield from (
        "# Commands",
        "",
        "`make docs` writes this page from the commands themselves.",
        "",
        "    .venv/bin/python manage.py COMMAND [arguments]",
        "",
        "Run them with the server's settings: `DATA_DIR` or `DATABASE_URL` for the database, and `HOST`, `PORT` and",
        "`PUBLIC_URL` for addresses. They call what the console calls, so the audit has the same entries, with",
        "`manage.py` and the account of the operating system as the actor. Texts are English, moments are in UTC.",
        "",
        "`--json` prints the fields that stand under *JSON*: a command that lists prints a list of objects, any other",
        "one object. Without it, the same values are printed as text. A value of a token or a password is printed once",
        "and is not stored.",
        "",
        "Every command that sets something can be run again: if nothing is left to do, it changes nothing and exits",
        "with 0. Commands that add have `--if-missing`. A token is issued or rotated, and a password reset, each time.",
        "",
        "## Exit codes",
        "",
        "| Code | Meaning |",
        "|---|---|",
        *(f"| {code.value} | {code.meaning} |" for code in Exit),
    )
    for title, names in COMMANDS.items():
        yield from ("", f"## {title}")
        for name in names:
            yield from _describe(name, load(name))


def _describe(name: str, command: BaseCommand) -> Iterator[str]:
    parser = command.create_parser("manage.py", name)
    known = {action.dest for action in BaseCommand().create_parser("", "")._actions}
    own = [action for action in parser._actions if action.dest not in known and action.dest != "json"]
    yield from ("", f"### {name}", "", command.help)
    if own:
        yield from ("", "| Argument | Meaning |", "|---|---|")
    for action in own:
        value = action.metavar or (f"{{{','.join(map(str, action.choices))}}}" if action.choices else "")
        shown = ", ".join(action.option_strings)
        if shown and action.nargs != 0 and "--no-" not in shown:
            shown += f" {value or action.dest.upper()}"
        elif not shown:
            shown = str(value or action.dest.upper())
        shown += " …" if action.nargs in ("+", "*") else ""
        shown = f"[{shown}]" if action.nargs in ("?", "*") and not action.option_strings else shown
        yield f"| `{shown.replace('|', '/')}` | {action.help or ''} |"
    if isinstance(command, ScriptCommand) and command.fields:
        yield from ("", f"JSON: {', '.join(f'`{field}`' for field in command.fields)}")
