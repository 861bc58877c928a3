"""Microsoft's file of service tags: which ranges are read, and what each unusable file is called."""

import json

import pytest

from providers.ip_rules import MAX_RANGES, read_range
from providers.service_tags import MAX_VALUES, MOST_COMPARED, ServiceTagsError, read_service_tag

TAG = {"name": "AzureActiveDirectory", "properties": {"changeNumber": 7, "addressPrefixes": ["20.190.128.0/18"]}}


def file_of(*tags, cloud="Public"):
    return json.dumps({"cloud": cloud, "values": list(tags)}).encode()


@pytest.mark.parametrize("name", ["AzureActiveDirectory", " azureactivedirectory "])
def test_a_tag_is_found_without_regard_to_case(name):
    found = read_service_tag(file_of({"name": "Other"}, TAG), name)
    assert (found.name, found.change_number) == ("AzureActiveDirectory", 7)
    assert found.networks == [read_range("20.190.128.0/18")]


@pytest.mark.parametrize("number", [None, -1, 2**31, "7"])
def test_a_number_that_cannot_be_stored_is_0(number):
    properties = TAG["properties"] | {"changeNumber": number}
    assert read_service_tag(file_of(TAG | {"properties": properties}), TAG["name"]).change_number == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "JSON"),
        (b"[]", "list of service tags"),
        (file_of(TAG, cloud="China"), "China"),
        (file_of(TAG | {"name": "AzureActiveDirector"}), "Did you mean AzureActiveDirector?"),
        (file_of(TAG | {"properties": {"addressPrefixes": []}}), "no ranges"),
        (file_of(TAG | {"properties": {"addressPrefixes": ["10.0.0.1/8"]}}), "cannot be read"),
        (file_of(TAG | {"properties": {"addressPrefixes": ["10.0.0.0/8"] * (MAX_RANGES + 1)}}), "at most 2,000"),
        (b'{"cloud":"Public","values":[' + b"0," * MAX_VALUES + b"0]}", "too many values"),
    ],
)
def test_a_file_that_cannot_be_used_is_explained(content, reason):
    with pytest.raises(ServiceTagsError, match=reason.replace("?", r"\?")):
        read_service_tag(content, TAG["name"])


def test_a_name_is_compared_with_the_first_tags_only():
    others = [{"name": f"Other{number}"} for number in range(MOST_COMPARED)]
    with pytest.raises(ServiceTagsError) as refused:
        read_service_tag(file_of(*others, TAG), "AzureActiveDirector")
    assert "Did you mean" not in str(refused.value)
    with pytest.raises(ServiceTagsError, match="Did you mean AzureActiveDirectory"):
        read_service_tag(file_of(*others[1:], TAG), "AzureActiveDirector")


NUMBER = "9" * 5_000


@pytest.mark.parametrize(
    "content",
    [
        NUMBER, f'{{"values": [{NUMBER}]}}', '{"values": [], "cloud": "\\ud800"}', "[" * 100_000, "\0", '"\\u0000"', "",
        '{"values": [{"name": "AzureActiveDirector\\udfff"}], "cloud": "Public"}', '{"values": NaN}', "\ufeff{",
        f'{{"values": [{{"name": {"[" * 900}{"]" * 900}}}], "cloud": "Public"}}', f'{{"values": [{"9" * 4_300}]}}',
    ],
)  # fmt: skip
def test_l5_an_odd_file_is_explained(content):
    with pytest.raises(ServiceTagsError) as refused:
        read_service_tag(content.encode("utf-8", "surrogatepass"), "AzureActiveDirectory")
    assert str(refused.value).encode()
