"""The Django app of the domain: its models, management commands and console."""

from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    """The domain's entry in INSTALLED_APPS."""

    name = "providers"
    verbose_name = "External user management"
