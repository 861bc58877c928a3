"""Gunicorn's configuration, for `make run` and for production.

A new version takes over without a pause: USR2 starts a second gunicorn on the same socket, which loads the application
while the first one serves, and ends that one when its own workers are ready. HUP only replaces the workers, by ones of
the version that runs.

The application limits request bodies (MAX_BODY_MIB), so that a 413 has a SCIM error that explains it.
"""

import contextlib
import gc
import os
import signal
from typing import Any

from gunicorn.systemd import sd_notify

from iprova_idm.memory import release_after
from iprova_idm.options import read_options
from iprova_idm.worker import BufferingWorker

_options = read_options(os.environ)
_host = f"[{_options.host}]" if ":" in _options.host else _options.host
bind = f"{_host}:{_options.port}"
workers = _options.workers

# It waits for all clients at once, and runs one request at a time on its one database connection. docs/quality.md has
# what was measured with slow clients.
worker_class = "iprova_idm.worker.BufferingWorker"
# The worker keeps what a client has not taken yet, and a file that the kernel sends by itself would go past it.
sendfile = False
timeout = 60  # more than the longest bulk request takes
graceful_timeout = 30  # on a stop, requests in progress can finish
# A worker that has served this many is replaced, not all at once. The next one is ready at once (`preload_app`).
max_requests = 10_000
max_requests_jitter = 2_000

# Entra ID's longest filters fit. Anything longer is an attack (threat V38).
limit_request_line = 8190

# Gunicorn trusts no header about the client's address or TLS; the application does, according to TRUSTED_PROXIES.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

# The provisioning log has every request, redacted. If you switch this log on (`--access-logfile -`), its lines
# have no query string, user agent or referer, because filters contain names.
accesslog = None
logger_class = "iprova_idm.process_log.GunicornLogger"  # hides tokens and e-mail addresses
access_log_format = '%(h)s %(t)s "%(m)s %(U)s %(H)s" %(s)s %(B)s %(M)s'

# Workers report to gunicorn by writing to a file. On a slow disk they would be too late, and gunicorn would kill them.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108

# No control socket in a home directory: nothing uses it.
control_socket_disable = True

# Loading it takes more than a second of CPU, and the requests of a worker that does so wait. A worker is a copy of the
# first process instead. That one opens no database connection and starts no thread, which copies could not share.
preload_app = True


def post_request(worker: BufferingWorker, req: object, environ: dict[str, str], resp: object) -> None:
    """Give back the memory of a large request, so that a worker does not stay as large as its largest one made it."""
    if not release_after(int(environ.get("CONTENT_LENGTH") or 0), getattr(resp, "sent", 0)):
        worker.retire()


def when_ready(server: object) -> None:
    """Load everything that the first request would load, then exempt it from garbage collection."""
    from django.urls import get_resolver

    _ = get_resolver().url_patterns
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    """End the gunicorn that this one replaces. Its workers finish the requests that they have begun."""
    replaced = os.environ.get("GUNICORN_PID")  # until that one has ended
    if replaced is None:
        return
    sd_notify(f"MAINPID={worker.ppid}", worker.log)
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(replaced), signal.SIGTERM)
