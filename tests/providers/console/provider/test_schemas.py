"""Pages of a provider's schema extensions: upload, preview, errors with their place, removal when unused."""

import json

import pytest
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile

from providers.models import ChangeEvent, SchemaExtension
from scim.protocol.definitions import read_definition
from tests.factories import make_user
from tests.pages import read

URN = "urn:example:params:scim:schemas:extension:care:1.0:User"
DOCUMENT = {"id": URN, "name": "Care", "attributes": [{"name": "ward", "required": False}]}


def page_of(provider, rest=""):
    return f"/eum/providers/{provider.pk}/schemas/{rest}"


def upload(browser, provider, document, resource_type="User"):
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    sent = {"file": SimpleUploadedFile("care.json", content), "resource_type": resource_type}
    return browser.post(page_of(provider, "upload/"), sent)


def plan_in(answer):
    return read(answer).one("input", name="plan").value


def confirm(browser, provider, answer):
    return read(browser.post(page_of(provider, "upload/"), {"plan": plan_in(answer)}, follow=True))


def test_an_extension_is_previewed_then_added_and_counts_at_once(administrator, provider, scim):
    client = scim(provider)
    preview = upload(administrator, provider, DOCUMENT)
    assert f"{URN}:ward" in read(preview).text and not SchemaExtension.objects.exists()
    page = confirm(administrator, provider, preview)
    assert (
        "Care takes effect with the next request." in page.text
        and f"{URN}:ward" in page.text
        and "Extends User" in page.text
    )
    assert client.post("/Users", {"userName": "jane", URN: {"ward": "North"}}).json()[URN] == {"ward": "North"}
    assert ChangeEvent.objects.get(kind="schema.added").person_name.startswith("administrator")


def test_a_new_version_marks_what_is_new_and_the_same_one_has_no_button(administrator, provider):
    confirm(administrator, provider, upload(administrator, provider, DOCUMENT))
    same = read(upload(administrator, provider, DOCUMENT))
    assert "This is what the provider has already." in same.text and not same.has(test_id="ok")
    more = DOCUMENT | {"attributes": [*DOCUMENT["attributes"], {"name": "badge"}]}
    preview = upload(administrator, provider, more)
    assert len(read(preview).all(text="new")) == 1
    assert f"{URN}:badge" in confirm(administrator, provider, preview).text
    assert ChangeEvent.objects.filter(kind="schema.changed").count() == 1


@pytest.mark.parametrize(
    ("document", "place", "reason"),
    [
        (b'{"id": \n nothing}', "Line 2, column 2", "invalid JSON"),
        (b"\xff\xfe", "Byte 1", "is not UTF-8"),
        (b"[" * 100_000, "", "nested too deep"),
        (b"x" * 300_000, "", "larger than 256 KiB"),
        (DOCUMENT | {"id": "x"}, "id", "must be a URN"),
        (DOCUMENT | {"attributes": [{"name": "a"}, {"name": "b", "type": "text"}]}, "attributes[1].type", "must be"),
        (
            DOCUMENT | {"attributes": [{"name": "ward", "type": "boolean"}]},
            'attributes["ward"].type',
            "cannot",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_nothing_changes(administrator, provider, document, place, reason):
    confirm(administrator, provider, upload(administrator, provider, DOCUMENT))
    answer = upload(administrator, provider, document)
    page = read(answer)
    assert answer.status_code == 200 and place in page.text and reason in page.text and page.has(role="alert")
    assert SchemaExtension.objects.get().document["attributes"][0]["type"] == "string"


def test_a_plan_is_of_one_provider_and_nobody_makes_one_up(administrator, provider, stranger):
    plan = plan_in(upload(administrator, provider, DOCUMENT))
    assert administrator.post(page_of(stranger, "upload/"), {"plan": plan}).status_code == 404
    assert "older than an hour" in read(administrator.post(page_of(provider, "upload/"), {"plan": plan + "x"})).text
    assert "Choose the file first." in read(administrator.post(page_of(provider, "upload/"))).text
    assert not SchemaExtension.objects.exists()


def test_it_is_removed_when_nobody_has_values_of_it(administrator, provider, scim):
    confirm(administrator, provider, upload(administrator, provider, DOCUMENT))
    client, extension = scim(provider), SchemaExtension.objects.get()
    jane = client.post("/Users", {"userName": "jane", URN: {"ward": "North"}}).json()["id"]
    address = page_of(provider, f"{extension.pk}/remove/")
    for _ in range(2):
        asked = read(administrator.get(address))
        assert "1 user or group has values of it" in asked.text and not asked.has(test_id="ok")
        assert "1 user or group has values of it" in read(administrator.post(address)).text
        client.delete(f"/Users/{jane}")  # a user in the recycle bin still has them
    other = client.post("/Users", {"userName": "joan", URN: {"ward": "South"}}).json()["id"]
    administrator.post(f"/eum/recycle-bin/{jane}/purge/", {"title": "jane"})
    client.patch(f"/Users/{other}", {"op": "remove", "path": f"{URN}:ward"})
    assert "No user or group has values of it." in read(administrator.get(address)).text
    assert "Care is removed." in read(administrator.post(address, follow=True)).text
    assert URN not in client.get("/Schemas").content.decode()
    assert "no longer exist" in read(administrator.post(address, follow=True)).text
    assert ChangeEvent.objects.filter(kind="schema.removed").count() == 1


def test_ac_role_2_others_read_and_change_nothing(administrator, support, provider, stranger):
    confirm(administrator, provider, upload(administrator, provider, DOCUMENT))
    page = read(support.get(page_of(provider)))
    assert URN in page.text and "upload-schema" not in page.source and "remove-schema" not in page.source
    remove = page_of(provider, f"{SchemaExtension.objects.get().pk}/remove/")
    assert upload(support, provider, DOCUMENT).status_code == 403 and support.post(remove).status_code == 403
    assert ChangeEvent.objects.filter(kind="console.refused").count() == 2
    assert administrator.post(remove.replace(f"/{provider.pk}/", f"/{stranger.pk}/", 1)).status_code == 302
    assert SchemaExtension.objects.exists()


def test_text_of_a_schema_is_shown_as_text(administrator, provider):
    make_user(provider)
    evil = "<img src=x onerror=alert(1)>"
    page = confirm(
        administrator, provider, upload(administrator, provider, DOCUMENT | {"name": evil, "description": evil})
    )
    assert evil not in page.source and evil in page.text


def test_l10_v6_an_attribute_that_names_a_secret_is_refused_and_an_old_one_is_pointed_out(administrator, provider):
    with_password = DOCUMENT | {"attributes": [{"name": "ward"}, {"name": "loginPassword"}]}
    refused = read(upload(administrator, provider, with_password))
    assert 'attributes["loginPassword"]' in refused.text and "names a secret" in refused.text
    assert not SchemaExtension.objects.exists()
    plan = signing.dumps([provider.pk, "User", with_password], salt="schema extension", compress=True)
    again = read(administrator.post(page_of(provider, "upload/"), {"plan": plan}))
    assert "names a secret" in again.text and not SchemaExtension.objects.exists()
    # An extension from before this rule stays as it is, and can get other attributes.
    held = read_definition(with_password).document
    SchemaExtension.objects.create(provider=provider, urn_key=URN.lower(), resource_type="User", document=dict(held))
    page = read(administrator.get(page_of(provider)))
    assert "loginPassword" in page.one(test_id="secrets").text
    more = with_password | {"attributes": [*with_password["attributes"], {"name": "badge"}]}
    assert f"{URN}:badge" in confirm(administrator, provider, upload(administrator, provider, more)).text


NUMBER = "9" * 5_000


@pytest.mark.parametrize(
    "content",
    [
        NUMBER, f"-{NUMBER}", f"[{NUMBER}]", f'{{"id": {NUMBER}}}', f'{{"id": "{URN}", "attributes": [{NUMBER}]}}',
        f'{{"id": "{URN}", "attributes": [{{"name": {"9" * 4_000}}}]}}', f'{{"id": {"9" * 4_000}, "{"x" * 5_000}": 1}}',
        '{"id": 1e999}', '{"id": NaN, "attributes": Infinity}', f'{{"id": {"[" * 900}{"]" * 900}}}',
        f'{{"id": "{URN}", "attributes": [{{"name": {"[" * 950}{"]" * 950}, "type": {"[" * 950}{"]" * 950}}}]}}',
        "[" * 100_000, '{"a":' * 100_000, '{"id": "\\ud800", "\\ud800": 1}', '"\\u0000"', "\0", "", "null", '"x"',
        f'{{"id": "{URN}", "name": "\\ud800", "attributes": [{{"name": "a", "type": "\\ud800", "\\ud800": 1}}]}}',
    ],
)  # fmt: skip
def test_l5_a_file_that_is_no_schema_is_422_and_not_500(administrator, provider, content):
    answer = upload(administrator, provider, content.encode())
    assert answer.status_code in (200, 422) and read(answer).has(test_id="problems")
    assert not SchemaExtension.objects.exists()
