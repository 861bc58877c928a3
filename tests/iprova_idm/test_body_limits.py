"""How long a body may be, by its address: forms of the console are limited before they are read (L13)."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from iprova_idm.body_limits import FORM, MIB, SIGN_IN, UPLOADS, largest_body
from iprova_idm.options import read_options
from providers import service_tags
from scim.protocol import definitions
from tests.pages import read

IMPORT = "/eum/providers/1/ip-restriction/import/"
LIMITS = [
    ("/scim/Users", 16 * MIB),
    ("/SCIM/Users", 16 * MIB),
    ("/%73cim/Users", 16 * MIB),
    ("/scimitar", FORM),
    ("/login/", SIGN_IN),
    ("/login/code/", SIGN_IN),
    ("/eum/users/", FORM),
    ("/eum/providers/1/schemas/upload/", FORM),
    (IMPORT, 20 * MIB),
    ("/", FORM),
]


@pytest.mark.parametrize(("path", "most"), LIMITS)
def test_l13_each_address_has_its_limit(path, most):
    assert largest_body(read_options({}), path) == most


def test_l13_the_files_that_the_console_takes_fit():
    assert UPLOADS["/ip-restriction/import/"] > service_tags.MAX_BYTES
    assert UPLOADS["/schemas/upload/"] > 3 * definitions.MAX_BYTES  # its preview is sent back, signed and encoded


def unread(*, length):
    """A body that must not be read."""

    class Unread:
        def read(self, *_):
            raise AssertionError("the body was read")

        readline = read

    return {"wsgi.input": Unread(), "CONTENT_LENGTH": str(length)}


@pytest.mark.parametrize(("path", "length"), [("/login/", SIGN_IN + 1), ("/login/", 60 * MIB), (IMPORT, FORM + 1)])
def test_l13_a_stranger_gets_413_before_the_form_is_read(db, path, length):
    answer = Client(enforce_csrf_checks=True).generic("POST", path, **unread(length=length))
    assert answer.status_code == 413
    assert "That is too large to send" in read(answer).source


def test_l13_only_a_person_who_has_signed_in_can_upload_a_large_file(administrator, provider):
    path = IMPORT.replace("/1/", f"/{provider.pk}/")
    assert administrator.generic("POST", path, **unread(length=20 * MIB + 1)).status_code == 413
    form = {"file": SimpleUploadedFile("tags.json", b"x" * (2 * MIB))}
    assert administrator.post(path, form).status_code == 200


def test_l13_a_scim_body_that_is_too_long_is_refused_unread(scim, provider):
    client = scim(provider)
    answer = client.client.generic("POST", "/scim/Users", headers=client.headers, **unread(length=16 * MIB + 1))
    assert answer.status_code == 413
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
