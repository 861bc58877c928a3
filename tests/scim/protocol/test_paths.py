"""Paths of PATCH operations (RFC 7644 §3.5.2, §3.10)."""

import pytest

from scim.protocol.attributes import ENTERPRISE_USER
from scim.protocol.errors import ScimError
from scim.protocol.filters import Comparison, Path, parse_path
from scim.protocol.paths import AttrPath

PATHS = [
    ("userName", Path(AttrPath("userName"))),
    ("name.givenName", Path(AttrPath("name", "givenName"))),
    ('emails[type eq "work"]', Path(AttrPath("emails"), Comparison(AttrPath("type"), "eq", "work"))),
    ('emails[type eq "work"].value', Path(AttrPath("emails", "value"), Comparison(AttrPath("type"), "eq", "work"))),
    (f"{ENTERPRISE_USER}:department", Path(AttrPath("department", "", ENTERPRISE_USER))),
    (f"{ENTERPRISE_USER}.manager.value", Path(AttrPath("User", "manager.value", ENTERPRISE_USER[:-5]))),
    (
        f'{ENTERPRISE_USER}.keys[type eq "x"].value',
        Path(AttrPath("User", "keys.value", ENTERPRISE_USER[:-5]), Comparison(AttrPath("type"), "eq", "x")),
    ),
    ('x[a eq "]"].b', Path(AttrPath("x", "b"), Comparison(AttrPath("a"), "eq", "]"))),
]


@pytest.mark.parametrize(("text", "path"), PATHS, ids=[text for text, _ in PATHS])
def test_path_is_read(text, path):
    assert parse_path(text) == path


@pytest.mark.parametrize(
    "text",
    ["emails[type eq", "9x", "a..b", 'a[b eq "c"]d', "a b", '[a eq "b"]', 'a.b[c eq "d"]', 'urn:x:y.a.b[c eq "d"]'],
)
def test_broken_path_is_invalid_path(text):
    with pytest.raises(ScimError) as refused:
        parse_path(text)
    assert refused.value.scim_type == "invalidPath"
