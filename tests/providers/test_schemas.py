"""Schema extensions of a provider: definitions, and whether they can be removed."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.pages import read


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"[}", "Regel 1, kolom 2: ongeldige JSON"),
        (b'{"id": "x"}', "moet een URN zijn, zoals urn:example:"),
        (b'{"id": "urn:example:a:User", "attributes": [{"name": "a", "typ": 1}]}', '"typ" hoort niet in een schema'),
        (b'{"id": "urn:example:a:User", "attributes": [{"name": "a", "returned": "never"}]}', "niemand kan teruglezen"),
    ],
)
def test_ac_i18n_2_reasons_against_a_schema_are_dutch(administrator, provider, document, said):
    administrator.post("/language/", {"language": "nl"})
    sent = {"file": SimpleUploadedFile("care.json", document), "resource_type": "User"}
    assert said in read(administrator.post(f"/eum/providers/{provider.pk}/schemas/upload/", sent)).text
