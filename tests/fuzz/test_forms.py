"""How the forms of a page are found and filled in."""

from random import Random

from fuzz.forms import Form, Markup, filled, schema_file, service_tags, shape_of, with_parameters

PAGE = """
<h1>Delete Contoso?</h1><a href="/eum/users/?q=1#x">Users</a><a href="?page=2">Next</a><a href="https://evil.example/">x</a>
<form method="post" action="/eum/providers/7/delete/" id="delete">
  <input type="hidden" name="csrfmiddlewaretoken" value="secret">
  <input name="title"><input type="checkbox" name="sure" checked><input type="radio" name="kind" value="a">
  <select name="mode"><option value="off">Off</option><option value="on" selected>On</option></select>
  <textarea name="note"></textarea><input type="file" name="file"><button name="go" value="yes">Delete</button>
</form>
<input name="outside" form="delete" value="1">
<form><input name="q"></form>
"""


def form() -> Form:
    return Markup("/eum/providers/7/delete/?a=b", PAGE).forms["delete"]


def test_the_links_and_forms_of_a_page_are_found():
    markup = Markup("/eum/groups/", PAGE)
    assert markup.links == ["/eum/users/?q=1", "/eum/groups/?page=2"]
    post, get = markup.forms.values()
    assert (post.method, post.action, get.method, get.action) == (
        *("post", "/eum/providers/7/delete/"),
        *("get", "/eum/groups/"),
    )
    assert {one.name: one.value for one in post.fields} == {
        "csrfmiddlewaretoken": "secret",
        "title": "",
        "sure": "on",
        "kind": "a",
        "mode": "on",
        "note": "",
        "file": "",
        "go": "yes",
        "outside": "1",
    }
    assert "Delete Contoso?" in post.words


def test_ids_and_values_do_not_count_for_the_shape_of_an_address():
    assert shape_of("/eum/providers/7/tokens/12/?b=1&a=2") == "/eum/providers/#/tokens/#/?a&b"
    assert shape_of("/eum/users/0197a3a4-0000-7000-8000-000000000001/") == "/eum/users/#/"
    assert form().shape[0] == "/eum/providers/#/delete/"


def test_a_form_keeps_its_token_and_most_values_of_the_page():
    random = Random(1)
    sent = [filled(random, form()) for _ in range(200)]
    assert all(("csrfmiddlewaretoken", "secret") in values for values in sent)
    assert sum(("mode", "on") in values for values in sent) > 100
    assert sum(("title", "Delete Contoso?") in values for values in sent) > 1
    assert {type(value) for values in sent for name, value in values if name == "file"} >= {bytes}
    assert len({str(values) for values in sent}) > 150


def test_files_and_parameters_follow_from_the_choices():
    for make in (schema_file, service_tags):
        assert [make(Random(seed)) for seed in range(30)] == [make(Random(seed)) for seed in range(30)]
    addresses = {with_parameters(Random(seed), "/eum/log/?until=1", ["q", "from"]) for seed in range(50)}
    assert len(addresses) > 20 and all(address.startswith("/eum/log/") for address in addresses)
