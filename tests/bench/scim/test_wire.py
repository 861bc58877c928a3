"""The client of the bench reads a response in each of the forms in which servers send one."""

import socket
import threading

import pytest

from bench.scim.wire import Connection, Request


@pytest.fixture
def responding():
    """A server that sends the given responses, and closes the connection after each that does not keep it."""
    threads = []

    def start(*responses):
        listener = socket.create_server(("127.0.0.1", 0))
        accepted = []

        def serve():
            sock = None
            for response in responses:
                if sock is None:
                    sock, _ = listener.accept()
                    accepted.append(sock)
                while b"\r\n\r\n" not in sock.recv(65_536):
                    pass
                sock.sendall(response)
                if b"keep-alive" not in response:
                    sock.close()
                    sock = None
            listener.close()

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return Connection(listener.getsockname()[1], "/scim", "token"), accepted

    yield start
    for thread in threads:
        thread.join(5)


def test_every_form_of_a_body_is_read(responding):
    kept = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n"
    connection, accepted = responding(
        kept + b"Content-Length: 2\r\n\r\n{}",
        kept + b"Transfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nall of it",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n7",
    )
    with connection:
        found = [connection.send(Request("GET", "/Users")) for _ in range(5)]
    assert [(one.status, one.body) for one in found] == [
        (200, b"{}"),
        (200, b"[1]"),
        (204, b""),
        (404, b"all of it"),
        (200, b"7"),
    ]
    assert found[1].json == [1] and len(accepted) == 2


def test_a_server_that_closes_in_the_middle_is_an_error(responding):
    connection, _ = responding(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    with connection, pytest.raises(ConnectionResetError):
        connection.send(Request("GET", "/Users"))


def test_a_request_has_its_length():
    sent = Connection(80, "/scim", "token").render(Request("POST", "/Users", {"a": 1}))
    head, _, body = sent.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /scim/Users HTTP/1.1\r\n") and b"Bearer token" in head
    assert b"Content-Length: 7" in head and body == b'{"a":1}'
