from django.apps import AppConfig


class IprovaIdmConfig(AppConfig):
    name = "iprova_idm"
    verbose_name = "iProva identity management"
