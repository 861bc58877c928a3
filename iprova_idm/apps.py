"""The Django app of the project itself: it contributes management commands and has no models."""

from django.apps import AppConfig


class IprovaIdmConfig(AppConfig):
    """The project's entry in INSTALLED_APPS."""

    name = "iprova_idm"
    verbose_name = "iProva identity management"
