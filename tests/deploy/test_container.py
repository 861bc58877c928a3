"""`deploy/Containerfile` and `deploy/compose.yml` agree with the product. `make image` builds and starts the image."""

import re

import yaml

from iprova_idm.options import PROJECT_DIR, describe_options, read_options

CONTAINERFILE = (PROJECT_DIR / "deploy" / "Containerfile").read_text()
COMPOSE = yaml.safe_load((PROJECT_DIR / "deploy" / "compose.yml").read_text())
OF_THE_IMAGE = [name for name, service in COMPOSE["services"].items() if "iprova-idm" in service["image"]]


def test_the_image_has_every_package_of_the_product_and_nothing_else():
    copied = set(re.findall(r"^COPY (.+) \S+$", CONTAINERFILE, re.MULTILINE)) - {"--from=build /opt/iprova-idm"}
    named = {name for line in copied for name in line.split()}
    lines = (PROJECT_DIR / ".containerignore").read_text().splitlines()
    assert named == {line.removeprefix("!") for line in lines if line.startswith("!")}
    packages = {
        "iprova_idm",
        "providers",
        "scim",
        "templates",
        "static",
        "locale",
        "manage.py",
        "deploy/gunicorn.conf.py",
    }
    assert packages <= named and "requirements/base.txt" in named
    assert "--require-hashes -r requirements/base.txt" in CONTAINERFILE


def test_the_image_runs_as_a_user_who_owns_nothing():
    assert re.findall(r"^USER (.+)$", CONTAINERFILE, re.MULTILINE) == ["10001:10001"] and "--chown" not in CONTAINERFILE
    assert re.search(r"^FROM .*\n(?:.*\n)*^FROM ", CONTAINERFILE, re.MULTILINE) and "HEALTHCHECK" in CONTAINERFILE


def test_every_service_of_the_image_is_read_only_with_settings_that_production_accepts():
    assert OF_THE_IMAGE == ["migrate", "web", "jobs"]
    known = {option.name for option in describe_options()}
    filled = {"PUBLIC_URL": "https://idm.example.com", "POSTGRES_PASSWORD": "x" * 20, "SECRET_KEY": "abcdefghij" * 5}
    for name in OF_THE_IMAGE:
        service = COMPOSE["services"][name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["user"] == "10001:10001"
        settings = {
            key: re.sub(r"\$\{(\w+):[?-]\}", lambda match: filled.get(match[1], ""), value)
            for key, value in service["environment"].items()
        }
        assert settings.keys() <= known and read_options(settings).is_production


def test_nginx_reaches_the_web_service_as_its_configuration_says():
    nginx = COMPOSE["services"]["nginx"]
    assert (
        nginx["network_mode"] == "service:web"
        and "./nginx.conf:/etc/nginx/conf.d/iprova-idm.conf:ro" in nginx["volumes"]
    )
    assert COMPOSE["services"]["web"]["environment"]["HOST"] == "127.0.0.1"
    assert "proxy_pass http://127.0.0.1:8000" in (PROJECT_DIR / "deploy" / "nginx.conf").read_text()
