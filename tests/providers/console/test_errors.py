"""The pages of failures (AC-ERR-1), and what no template may hold (AC-CSP-2)."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.template import engines

from iprova_idm.management.commands.check_templates import problems_of
from providers.console.errors import server_error


def test_ac_err_1_not_found_has_the_request_id_and_a_way_back(administrator):
    answer = administrator.get("/eum/nothing/")
    page = answer.content.decode()
    assert answer.status_code == 404 and answer["X-Request-Id"] in page and 'href="/"' in page


def test_ac_err_1_refused_has_the_request_id_and_a_way_back(support):
    answer = support.get("/eum/providers/add/")
    page = answer.content.decode()
    assert answer.status_code == 403 and answer["X-Request-Id"] in page and 'href="/"' in page


def test_ac_err_1_a_failure_shows_nothing_of_what_broke(rf):
    request = rf.get("/eum/")
    request.request_id = "0199103e-5c40-7a1b-9d1e-7b3a55c0e2aa"
    answer = server_error(request)
    page = answer.content.decode()
    assert answer.status_code == 500
    assert "0199103e-5c40-7a1b-9d1e-7b3a55c0e2aa" in page and 'href="/"' in page and "Traceback" not in page


def test_ac_err_1_a_failure_of_a_view_ends_on_our_page(administrator, provider, monkeypatch):
    administrator.raise_request_exception = False
    monkeypatch.setattr("providers.console.person.flatten", lambda document: 1 / 0)
    from tests.factories import make_user

    answer = administrator.get(f"/eum/users/{make_user(provider, 'jane@contoso.com').pk}/")
    page = answer.content.decode()
    assert answer.status_code == 500 and "jane" not in page and "ZeroDivision" not in page
    assert answer["X-Request-Id"] in page


def test_ac_csp_1_every_answer_has_the_policy(administrator, client):
    for answer in (administrator.get("/eum/"), administrator.get("/eum/nothing/"), client.get("/login/")):
        policy = answer["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy


def test_ac_csp_2_our_templates_compile_and_hold_nothing_inline(capsys):
    call_command("check_templates")
    assert "templates are fine" in capsys.readouterr().out


@pytest.mark.parametrize(
    "source",
    [
        '<p style="color:red">',
        "<P STYLE = 'x'>",
        '<a onclick="x()">',
        "<body\tonload=x>",
        "<script>alert(1)</script>",
        '<script type="module">x</script>',
        "<style>p{}</style>",
        '<script src="https://cdn.example/x.js"></script>',
        '<img src="//cdn.example/x.png">',
        '<link href="http://fonts.example/x.css">',
        '<a href="javascript:x()">',
        "{% nonsense %}",
        "{% if %}",
    ],
)
def test_ac_csp_2_the_check_finds(tmp_path: Path, source: str):
    file = tmp_path / "page.html"
    file.write_text(f"<p>fine</p>\n{source}")
    assert list(problems_of(file, engines["django"]))


@pytest.mark.parametrize(
    "source", ['<script src="{% static "x.js" %}" defer></script>', "<p class=x>one two</p>", '<a href="/eum/">on</a>']
)
def test_ac_csp_2_the_check_lets_pass(tmp_path: Path, source: str):
    file = tmp_path / "page.html"
    file.write_text("{% load static %}" + source)
    assert not list(problems_of(file, engines["django"]))


def test_ac_csp_2_a_bad_template_fails_the_command(tmp_path: Path, settings, monkeypatch):
    (tmp_path / "bad.html").write_text('<p style="x">')
    monkeypatch.setattr(engines["django"].engine, "dirs", [tmp_path])
    with pytest.raises(CommandError, match=r"bad\.html:1: style="):
        call_command("check_templates")
