"""Django's settings for the floors: nothing but the framework."""

SECRET_KEY = "the floors sign nothing"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "bench.scim.floors"
USE_TZ = True
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "UNAUTHENTICATED_USER": None,
}
