"""How gunicorn runs the product, under `make run` and in production alike.

Bodies are limited by the application (MAX_BODY_MIB), where each refusal has a text.
"""

import gc
import json
import os
import socket
import uuid

import gunicorn.util

from iprova_idm.options import read_options

_options = read_options(os.environ)
_host = f"[{_options.host}]" if ":" in _options.host else _options.host
bind = f"{_host}:{_options.port}"
workers = _options.workers

# A request is one short piece of work on one database connection: nothing to gain from threads.
worker_class = "sync"
timeout = 60  # the longest bulk request, with room
graceful_timeout = 30  # a stop lets the requests in flight finish

# Entra ID's longest filters fit; what is longer is an attack (threat V38).
limit_request_line = 8190

# No header decides here who the client is or whether it came over TLS: the application asks TRUSTED_PROXIES.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}

# The provisioning log has every request, redacted. Who switches this one on (`--access-logfile -`)
# gets lines without query string, user agent and referer: filters name people.
accesslog = None
access_log_format = '%(h)s %(t)s "%(m)s %(U)s %(H)s" %(s)s %(B)s %(M)s'

# Heartbeats go through a file; on a slow disk they would get workers killed.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108

# Nothing here is managed through a socket in somebody's home.
control_socket_disable = True

# Connections and the log's writer belong to one process, so each worker loads the application itself.
preload_app = False


def _write_scim_error(sock: socket.socket, status: int, reason: str, message: str) -> None:
    """What gunicorn itself refuses (a request line or header too long, no HTTP) as the SCIM error that clients read."""
    detail = f"{reason}: the request could not be read. {message}"[:500]
    error = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": str(status), "detail": detail}
    body = json.dumps(error).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/scim+json\r\n"
        f"X-Request-Id: {uuid.uuid4()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    gunicorn.util.write_nonblock(sock, head.encode("latin-1") + body)


def post_worker_init(worker: object) -> None:
    """Load what the first request would, then take it all out of the garbage collector's rounds."""
    from django.urls import get_resolver

    gunicorn.util.write_error = _write_scim_error

    _ = get_resolver().url_patterns
    gc.collect()
    gc.freeze()
