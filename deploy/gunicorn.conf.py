"""Gunicorn's configuration, for `make run` and for production.

The application limits request bodies (MAX_BODY_MIB), so that a 413 has a SCIM error that explains it.
"""

import gc
import json
import os
import socket
import uuid

import gunicorn.util

from iprova_idm.memory import release_after
from iprova_idm.options import read_options

_options = read_options(os.environ)
_host = f"[{_options.host}]" if ":" in _options.host else _options.host
bind = f"{_host}:{_options.port}"
workers = _options.workers

# A request is one short piece of work on one database connection, so threads would not help.
worker_class = "sync"
timeout = 60  # more than the longest bulk request takes
graceful_timeout = 30  # on a stop, requests in progress can finish

# Entra ID's longest filters fit. Anything longer is an attack (threat V38).
limit_request_line = 8190

# Gunicorn trusts no header about the client's address or TLS; the application does, according to TRUSTED_PROXIES.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}

# The provisioning log has every request, redacted. If you switch this log on (`--access-logfile -`), its lines
# have no query string, user agent or referer, because filters contain names.
accesslog = None
access_log_format = '%(h)s %(t)s "%(m)s %(U)s %(H)s" %(s)s %(B)s %(M)s'

# Workers report to gunicorn by writing to a file. On a slow disk they would be too late, and gunicorn would kill them.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108

# No control socket in a home directory: nothing uses it.
control_socket_disable = True

# Database connections and the log's writer cannot be shared, so each worker loads the application itself.
preload_app = False


def _write_scim_error(sock: socket.socket, status: int, reason: str, message: str) -> None:
    """Send a SCIM error for a request that gunicorn itself rejects (line or header too long, not HTTP)."""
    detail = f"{reason}: the request could not be read. {message}"[:500]
    error = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": str(status), "detail": detail}
    body = json.dumps(error).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/scim+json\r\n"
        f"X-Request-Id: {uuid.uuid4()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    gunicorn.util.write_nonblock(sock, head.encode("latin-1") + body)


def post_request(worker: object, req: object, environ: dict[str, str], resp: object) -> None:
    """Give back the memory of a large request, so that a worker does not stay as large as its largest one made it."""
    release_after(int(environ.get("CONTENT_LENGTH") or 0), getattr(resp, "sent", 0))


def post_worker_init(worker: object) -> None:
    """Load everything that the first request would load, then exempt it from garbage collection."""
    from django.urls import get_resolver

    gunicorn.util.write_error = _write_scim_error

    _ = get_resolver().url_patterns
    gc.collect()
    gc.freeze()
