"""The client for outgoing requests: https, public addresses, one resolution, no redirect, limits of time and bytes."""

import contextlib
import dataclasses
import ipaddress
import json
import socket
import ssl
import time

import pytest

from providers import outgoing
from providers.outgoing import OutgoingError, check_url, is_allowed, post
from tests.webhooks import make_certificate, serving, speaking

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


def allow(settings, *networks):
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, webhook_networks=networks)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def chat(certificate, monkeypatch, settings):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    allow(settings, *LOOPBACK)
    with serving(certificate) as found:
        yield found


def send(url):
    return post(url, b'{"text": "x"}', {"Content-Type": "application/json"})


def refused(url):
    with pytest.raises(OutgoingError) as error:
        send(url)
    return str(error.value)


def test_a_request_reaches_the_host_with_its_name_and_path(chat):
    assert send(f"{chat.url}?a=1") == outgoing.Response(200, b"ok")
    [(path, headers)] = chat.requests
    assert path == "/hook/secret-path?a=1" and headers["Content-Type"] == "application/json"
    assert headers["Host"].startswith("localhost:") and chat.texts == ["x"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https://",
        "https:///x",
        "example.com",
        "https://user:password@example.com/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com/a b",
        "https://example.com/\r\nX: y",
        "https://exämple.com/",
        "https://[::1",
        f"https://example.com/{'a' * 1000}",
    ],
)
def test_a_url_that_is_not_https_with_a_host_is_refused(url):
    with pytest.raises(OutgoingError):
        check_url(url)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("20.190.128.1", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("::1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff0e::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:20.190.128.1", True),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("2001:0:1::", False),
    ],
)
def test_v54_only_public_addresses_are_called_unless_a_network_is_allowed(settings, address, allowed):
    found = ipaddress.ip_address(address)
    assert is_allowed(found) is allowed
    allow(settings, ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
    assert is_allowed(found)


def test_v54_a_private_address_is_not_connected_to(chat, settings):
    allow(settings)
    assert "no public address" in refused(chat.url)
    assert "no public address" in refused(chat.url.replace("localhost", "127.0.0.1"))
    assert chat.requests == []


def test_v54_the_name_is_resolved_once_and_the_checked_address_is_called(chat, monkeypatch):
    real, asked = socket.getaddrinfo, []

    def rebinding(host, *arguments, **options):
        asked.append(host)
        is_literal = host == "127.0.0.1"
        return real("127.0.0.1" if is_literal or len(asked) == 1 else "169.254.169.254", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert send(chat.url).status == 200
    assert [host for host in asked if host == "localhost"] == ["localhost"]


def test_addresses_that_are_not_allowed_are_left_out(chat, monkeypatch):
    real = socket.getaddrinfo

    def two(host, *arguments, **options):
        if host != "localhost":
            return real(host, *arguments, **options)
        return real("10.0.0.1", *arguments, **options) + real("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", two)
    assert send(chat.url).status == 200


def test_the_certificate_must_be_trusted_and_for_the_name(chat, certificate, monkeypatch, tmp_path):
    assert "certificate is not valid" in refused(chat.url.replace("localhost", "127.0.0.1"))
    monkeypatch.setenv("SSL_CERT_FILE", str(make_certificate(tmp_path, "other")))
    assert "certificate is not valid" in refused(chat.url)
    assert chat.requests == []


def test_v54_a_redirect_is_not_followed(chat):
    chat.status, chat.headers = 302, {"Location": "https://example.com/"}
    assert "redirect" in refused(chat.url)
    assert len(chat.requests) == 1


def test_other_statuses_are_returned_and_a_large_body_is_cut(chat):
    chat.status, chat.body = 500, b"x" * 1_000_000
    with contextlib.suppress(OSError):
        found = send(chat.url)
    assert found.status == 500 and len(found.body) <= outgoing.MAX_BYTES


def _secured(certificate, peer):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context.wrap_socket(peer, server_side=True)


@pytest.mark.parametrize("kind", ["silent before TLS", "silent after TLS", "a byte at a time"])
def test_all_of_it_takes_no_longer_than_the_limit(chat, certificate, monkeypatch, kind):
    monkeypatch.setattr(outgoing, "TIMEOUT_S", 0.6)

    def say(peer):
        with contextlib.suppress(OSError):
            if kind != "silent before TLS":
                peer = _secured(certificate, peer)
            for sign in b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 20:
                if kind == "a byte at a time":
                    peer.sendall(bytes([sign]))
                time.sleep(0.03)

    started = time.monotonic()
    with speaking(say) as port:
        said = refused(f"https://localhost:{port}/")
        assert "no response within" in said and time.monotonic() - started < 2


def test_a_slow_resolver_is_not_waited_for(chat, monkeypatch):
    monkeypatch.setattr(outgoing, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_o: time.sleep(1))
    assert "no response within" in refused(chat.url)


@pytest.mark.parametrize(
    ("answer", "said"),
    [(b"SSH-2.0-x\r\n\r\n", "not HTTP"), (b"", "not HTTP"), (b"HTTP/1.1 2x0 OK\r\n\r\n", "not HTTP")],
)
def test_what_is_not_http_is_an_error(chat, certificate, answer, said):
    def say(peer):
        secured = _secured(certificate, peer)
        secured.recv(65_536)
        secured.sendall(answer)
        secured.close()

    with speaking(say) as port:
        assert "not HTTP" in refused(f"https://localhost:{port}/")


def test_endless_headers_are_an_error(chat, certificate):
    def say(peer):
        with contextlib.suppress(OSError):
            secured = _secured(certificate, peer)
            secured.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40_000)

    with speaking(say) as port:
        assert refused(f"https://localhost:{port}/")


def test_a_port_that_is_closed_and_a_name_that_does_not_exist_are_sentences(chat, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert "connection failed" in refused(f"https://localhost:{port}/")

    def unknown(*_arguments, **_options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "cannot be resolved" in refused("https://nowhere.invalid/")


def test_the_body_is_sent_as_it_was_given(chat):
    post(chat.url, json.dumps({"text": "é\n"}).encode(), {})
    assert chat.texts == ["é\n"]
