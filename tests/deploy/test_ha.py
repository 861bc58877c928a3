"""The files of `deploy/ha`: each placeholder is filled, each file is installed, and the docs name the same times."""

import re
import subprocess

import pytest

from iprova_idm.options import PROJECT_DIR, describe_options

FOLDER = PROJECT_DIR / "deploy" / "ha"
PROGRAMS = {"configure", "create-database", "site.env.example"}
TEMPLATES = sorted(path.name for path in FOLDER.iterdir() if path.name not in PROGRAMS)
CONFIGURE = (FOLDER / "configure").read_text()


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_template_is_installed_with_known_placeholders(name):
    assert f"write {name} " in CONFIGURE
    known = set(re.search(r"for name in ((?:[A-Z0-9_]+|\\\n|\s)+);", CONFIGURE)[1].replace("\\", "").split())
    assert set(re.findall(r"@([A-Z0-9_]+)@", (FOLDER / name).read_text())) <= known


def test_the_example_of_the_site_has_every_value_and_is_refused_as_it_is():
    example = (FOLDER / "site.env.example").read_text()
    known = set(re.search(r"for name in ((?:[A-Z0-9_]+|\\\n|\s)+);", CONFIGURE)[1].replace("\\", "").split())
    assert set(re.findall(r"^([A-Z0-9_]+)=", example, re.MULTILINE)) == known - {"NAME", "ADDRESS"}
    refused = subprocess.run(
        [FOLDER / "configure", "idm1", FOLDER / "site.env.example"], capture_output=True, text=True
    )
    assert refused.returncode == 1 and "CHANGE-ME" in refused.stderr


def test_the_application_s_file_has_settings_of_the_product_only():
    names = set(re.findall(r"^([A-Z_]+)=", (FOLDER / "iprova-idm.env").read_text(), re.MULTILINE))
    assert names <= {option.name for option in describe_options()}


def test_a_leader_steps_down_before_another_can_be_elected():
    """Patroni's rule for its times; and HAProxy leaves a server that does not answer before the lock expires."""
    found = dict(re.findall(r"^    (ttl|loop_wait|retry_timeout): (\d+)$", (FOLDER / "patroni.yml").read_text(), re.M))
    times = {name: int(value) for name, value in found.items()}
    assert times["ttl"] >= times["loop_wait"] + 2 * times["retry_timeout"]
    proxy = (FOLDER / "haproxy-database.cfg").read_text()
    inter, fast, fall = re.search(r"inter (\d+)ms fastinter (\d+)ms downinter \d+ms fall (\d+)", proxy).groups()
    assert re.search(r"timeout check 1s", proxy)
    assert int(inter) + (int(fall) - 1) * int(fast) + int(fall) * 1000 < (times["ttl"] - times["loop_wait"]) * 1000


def test_no_proxy_waits_for_a_server_that_has_refused():
    """A switch-over would take seconds more: HAProxy asks again each second, and PgBouncer lets all clients fail."""
    assert re.search(r"^    retries 0$", (FOLDER / "haproxy-database.cfg").read_text(), re.MULTILINE)
    [wait] = re.findall(r"^server_login_retry = ([\d.]+)$", (FOLDER / "pgbouncer.ini").read_text(), re.MULTILINE)
    assert float(wait) <= 0.5
