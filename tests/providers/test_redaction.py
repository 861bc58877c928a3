"""What of a request may be kept: no token, no password, in whatever form they were sent."""

import json
import time

import orjson
import pytest

from providers.redaction import HIDDEN, MAX_PARTS, Redactor, redact_path, redact_query, redact_text
from providers.tokens import make_value

TOKEN = "ipr_7Qk2abcdefghijKLMNOPQRSTUVWXYZ0123456789_-abcdefgh"
TAIL = "KLMNOPQRSTUVWXYZ"


def kept_of(body, **more):
    return Redactor().request(body, **more)


def test_bodies_are_cut_at_64_kb_and_marked():
    body = b'{"title":"' + b"x" * 100_000 + b'"}'
    text = kept_of(body, document=orjson.loads(body))
    assert len(text) < 66_000
    assert text.endswith("(cut; 100,012 bytes in all)")


@pytest.mark.parametrize(
    "body",
    [b"[" * 900 + b'"secret"' + b"]" * 900, b"\xff secret", b'{"secret": 1', b"\0", b"", b'"\\ud800"'],
)
def test_any_body_can_be_redacted(body):
    assert isinstance(kept_of(body), str)


def test_a_body_without_secrets_is_kept_as_it_was_sent():
    body = b'{ "userName" : "zo\xc3\xab@x",\n "title":"Secretary, Turkey 100 % basic english" }'
    assert kept_of(body) == body.decode()


@pytest.mark.parametrize(
    "body",
    [
        b'{"pass\\u0077ord": "S3cret"}',
        b'[{"path": "p\\u0061ssword", "value": "S3cret"}]',
        b'{"PassWord": "S3cret"}',
        '{"ｐａｓｓｗｏｒｄ": "S3cret"}'.encode(),
        '{"pass\u200bword": "S3cret"}'.encode(),
        b'{"password": "S3cret", "password": null}',
        b'{"a": {"password": "S3cret"}, "a": 1}',
        b'{"password": ["S3cret", {"value": "S3cret"}]}',
        b'{"Operations": [{"op": "add", "value": "S3cret", "path": "urn:x:User:password"}]}',
        b'{"Operations": [{"op": "add", "path": "password[value eq \\"S3cret\\"]"}]}',
        b'{"Operations": [{"op": "add", "path": "password eq S3cret"}]}',
        b'{"Operations": [{"op": "add", "value": "{\\"password\\": \\"S3cret\\"}"}]}',
        b'{"Operations": [{"op": "add", "value": "password=S3cret"}]}',
        b'{"filter": "userName eq \\"x\\" and password sw \\"S3cret\\""}',
        b'{"wachtwoord": "S3cret", "client_secret": "S3cret", "apiKey": "S3cret"}',
    ],
)
def test_m3_the_value_of_a_secret_is_not_kept_wherever_it_stands(body):
    assert "S3cret" not in kept_of(body)


@pytest.mark.parametrize("padding", [0, 70_000, 200_000])
def test_m3_a_body_is_judged_as_a_whole(padding):
    body = b'{"op":"replace","value":"S3cret",' + b" " * padding + b'"path":"password"}'
    kept = kept_of(body, document=orjson.loads(body))
    assert "S3cret" not in kept and '"path": "password"' in kept


def test_m3_a_body_with_too_many_parts_to_clean_is_not_kept():
    body = orjson.dumps({"password": "S3cret", "list": list(range(MAX_PARTS))})
    redactor = Redactor()
    assert redactor.request(body, orjson.loads(body)).startswith("(not kept: it may name a secret")
    assert "S3cret" not in redactor.response(b'{"detail":"S3cret"}')
    assert redactor.detail('The value "S3cret" of "password".') == f'The value "{HIDDEN}" of "{HIDDEN}".'


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037", ""])
def test_m3_a_body_that_is_not_json_in_utf_8_is_not_kept(encoding):
    text = '{"userName":"jane","password":"S3cret"}'
    body = text.encode(encoding) if encoding else text[:-1].encode()  # cut off
    kept = kept_of(body)
    assert kept.startswith("(not kept: it is not JSON; ")
    assert f"{len(body)} bytes" in kept and body[:4].hex(" ") in kept
    bare = kept.replace("\0", "").replace("\ufffd", "")
    assert "S3cret" not in bare and "jane" not in bare


def test_m3_the_form_of_a_body_shows_what_is_wrong_with_it():
    assert kept_of(b'{"userName": "jane",}').endswith('{"xxxxxxxx": "xxxx",}')
    assert "gzip" in kept_of(b"\x1f\x8b\x08\0")
    assert "UTF-16" in kept_of("{}".encode("utf-16-le"))
    assert kept_of(b"userName=jane&password=S3cret").endswith("xxxxxxxx=xxxx&xxxxxxxx=xxxxxx")


FORMS = {
    "whole": TOKEN,
    "lower-cased": TOKEN.lower(),
    "upper-cased": TOKEN.upper(),
    "encoded": "".join(f"%{ord(char):02x}" for char in TOKEN),
    "encoded twice": "".join(f"%25{ord(char):02X}" for char in TOKEN),
    "encoded four times": "".join(f"%252525{ord(char):02X}" for char in TOKEN),
    "begun in encoding": "%69pr%5F" + TOKEN[4:],
    "escapes": "".join(f"\\u{ord(char):04x}" for char in TOKEN),
    "escaped escapes": "".join(f"\\\\u{ord(char):04x}" for char in TOKEN),
    "partly escaped": "\\u0069pr_" + TOKEN[4:20] + "\\u004b" + TOKEN[21:],
    "broken": f"{TOKEN[:24]}\n{TOKEN[24:]}",
    "broken in encoding": f"{TOKEN[:24]}%0D%0A{TOKEN[24:]}",
    "broken in escapes": f"{TOKEN[:24]}\\r\\n{TOKEN[24:]}",
    "cut off": TOKEN[:30],
    "twice": f"Bearer Bearer {TOKEN}",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("clean", [redact_text, redact_path, redact_query, Redactor().detail, Redactor().name])
def test_m3_a_token_is_kept_in_no_form(form, clean):
    kept = clean(f"before/{form}/after")
    for part in (form[8:], TAIL, TAIL.lower(), TOKEN[24:44]):
        assert part not in kept
    assert kept.startswith("before/") or clean is redact_query


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("body", ['{"title":"%s"}', '{"%s":1}', '{"Operations":[{"path":"%s"}]}', "%s", '{"title":"%s'])
def test_m3_a_token_is_kept_in_no_body(form, body):
    body = (body.replace("%s", form)).encode()
    for kept in (kept_of(body), Redactor().response(body)):
        assert TAIL.lower() not in kept.lower() and TOKEN[24:44] not in kept and "%4b%4c" not in kept.lower()


def test_m3_every_token_that_is_made_is_recognised():
    for _ in range(500):
        value = make_value()
        assert redact_text(f"({value})") == f"(ipr_{HIDDEN})"


@pytest.mark.parametrize(
    "text",
    [
        "Bearer S3cretS3cret",
        "bearer  S3cretS3cret",
        "Bearer+S3cretS3cret",
        "Bearer%20S3cretS3cret",
        "Bearer: S3cretS3cret",
        "Basic dXNlcjpTM2NyZXRTM2NyZXQ=",
        "basic%20dXNlcjpTM2NyZXRTM2NyZXQ=",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJTM2NyZXQifQ.c2lnbmF0dXJl",
    ],
)
def test_m3_words_after_bearer_and_basic_are_not_kept(text):
    for clean in (redact_text, redact_path, Redactor().name, Redactor().detail):
        kept = clean(f"/x/{text} y")
        assert "S3cretS3" not in kept and "U2NyZXQ" not in kept and "TM2NyZXQ" not in kept
    assert redact_text(f"/x/{text} y").endswith(f"{HIDDEN} y")


@pytest.mark.parametrize(
    "text",
    ["Basic Users", "Basic English course", "/scim/Users", "ipr_7Qk2", "100 % eyesight",
     "urn:ietf:params:scim:schemas:core:2.0:User", "eyckenmans@x.example", "Secretary of state"],
)  # fmt: skip
def test_ordinary_texts_are_kept(text):
    assert redact_text(text) == redact_path(text) == text
    assert redact_text("send it as a bearer token.") == "send it as a bearer token."


@pytest.mark.parametrize(
    "query",
    [
        "filter=password+eq+%22S3cret%22",
        "filter=%70assword+eq+%22S3cret%22",
        "filter=%2570assword+eq+%22S3cret%22",
        "filter=%25252570assword+eq+%22S3cret%22",
        "filter=%" + "25" * 200 + "70assword+eq+%22S3cret%22",
        "filter=%ef%bd%90assword+eq+%22S3cret%22",
        "secret=S3cret",
        "access_token=S3cret",
    ],
)
def test_m3_a_query_that_names_a_secret_in_any_encoding_is_not_kept(query):
    assert "S3cret" not in redact_query(query)


@pytest.mark.parametrize(
    "path", ["/scim/Users/password=S3cret", "/scim/password/S3cret", "/scim/%70assword/S3cret", "/scim/x;secret=S3cret"]
)
def test_m3_a_path_that_names_a_secret_loses_what_follows(path):
    assert "S3cret" not in redact_path(path)


def test_m3_what_the_request_hides_is_hidden_in_the_response_too():
    redactor = Redactor()
    redactor.query('filter=password eq "Qu3ry"')
    redactor.request(b'{"password": "S3cret", "secret": ["ab", 12345]}')
    said = 'Values S3cret, "ab", Qu3ry and 12345 were sent; cab is a word.'
    assert redactor.detail(said) == f"Values {HIDDEN}, {HIDDEN}, {HIDDEN} and {HIDDEN} were sent; cab is a word."
    kept = redactor.response(json.dumps({"detail": said}).encode())
    assert "S3cret" not in kept and "12345" not in kept and "Qu3ry" not in kept


RUNS = ["ipr_", "ipr", "bearer ", "basic ", "basic a", "ey", "-ey", "eyaaaaaaaa.", "%", "%25", "%2525", "\\", "\\u00",
        "\\\\", "token", "token ", "password=", "secret(", '"', "{", "[", "a", " ", "=", "\u0130", "ｐ"]  # fmt: skip


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    "clean",
    [redact_text, redact_path, redact_query, lambda text: Redactor().request(orjson.dumps({"title": text})),
     lambda text: Redactor().request(text.encode()), lambda text: Redactor().name(text)],
    ids=["text", "path", "query", "value", "body", "name"],
)  # fmt: skip
def test_v37_cleaning_takes_linear_time(run, clean):
    """A step that is quadratic takes minutes at this length; twice the text may take eight times as long."""

    def seconds(length):
        text = (run * length)[:length] + " %\\"
        started = time.process_time()
        clean(text)
        return time.process_time() - started

    assert seconds(131_072) < max(4 * 2 * seconds(65_536), 0.5)
