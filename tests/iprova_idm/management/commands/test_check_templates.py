"""`manage.py check_templates`: what no template may contain (AC-CSP-2)."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.template import engines

from iprova_idm.management.commands.check_templates import problems_of


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
        '<p class="x"\n   style="color:red">',
        '<script type="module"\n        defer>x</script>',
        "x" * 121,
        "{% nonsense %}",
        "{% if %}",
    ],
)
def test_ac_csp_2_the_check_finds(tmp_path: Path, source: str):
    file = tmp_path / "page.html"
    file.write_text(f"<p>fine</p>\n{source}")
    assert list(problems_of(file, engines["django"]))


@pytest.mark.parametrize(
    "source",
    [
        '<script src="{% static "x.js" %}" defer></script>',
        '<script type="module"\n        src="{% static "x.js" %}"></script>',
        "<p class=x>one two</p>",
        '<a href="/eum/">on</a>',
    ],
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
