"""Django's command line, with the commands of this product first in `manage.py help`."""

from django.core.management import ManagementUtility


class Utility(ManagementUtility):
    """The command line of manage.py."""

    def main_help_text(self, commands_only: bool = False) -> str:
        # The commands need the models, which are loaded only now.
        from iprova_idm.management.catalogue import short_help

        whole: str = super().main_help_text(commands_only)
        return whole if commands_only else "\n".join([*short_help(), "", "All commands, also those of Django:", whole])
