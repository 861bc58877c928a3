"""The peers: other SCIM servers from the package registries, each installed into a folder of its own below `.bench/`.

Nothing of the product depends on them. Their versions are fixed in `bench/peers/`, with what each of them needs to be
served. One that cannot be installed or started is left out, and the tables have the reason.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from bench.scim.servers import FOLDER, MissingError, Server, free_port, new_database, started
from iprova_idm.options import PROJECT_DIR

SOURCES = PROJECT_DIR / "bench" / "peers"
TOKEN = "a-token-that-only-the-bench-has"
INSTALL_S = 300

Command = Sequence[str | Path]
GUNICORN = ["-m", "gunicorn", "--workers", "1", "--timeout", "120", "--log-level", "error", "--no-control-socket"]


@contextlib.contextmanager
def django_scim2(url: str) -> Iterator[Server]:
    """django-scim2 with its own adapters in the least Django project, on the same PostgreSQL."""
    python, source, port = _python("django_scim2"), SOURCES / "django_scim2", free_port()
    environment = {
        "DATABASE_URL": new_database(url, "bench_django_scim2"),
        "DJANGO_SETTINGS_MODULE": "settings",
        "BENCH_TOKEN": TOKEN,
        "PYTHONPATH": str(source),
    }
    migrate: Command = [python, "-m", "django", "migrate", "--verbosity", "0"]
    for more in ([], ["--run-syncdb"]):  # Django's own tables first: those of the project refer to them
        _run([*migrate, *more], source, "its tables cannot be made", **environment)
    command: Command = [python, *GUNICORN, "-b", f"127.0.0.1:{port}", "django.core.wsgi:get_wsgi_application()"]
    server = Server("django-scim2", port, "/scim/v2", TOKEN, 0, "bench_django_scim2")
    with started(server, command, folder=source, **environment):
        yield server


@contextlib.contextmanager
def scim2_server(_url: str) -> Iterator[Server]:
    """scim2-server, which keeps everything in memory. Its own command would serve it with wsgiref, which is slower."""
    python, source, port = _python("scim2_server"), SOURCES / "scim2_server", free_port()
    command: Command = [python, *GUNICORN, "-b", f"127.0.0.1:{port}", "application:application"]
    with started(Server("scim2-server", port, "/v2", TOKEN, 0), command, folder=source, BENCH_TOKEN=TOKEN) as server:
        yield server


@contextlib.contextmanager
def scimmy(_url: str) -> Iterator[Server]:
    """SCIMMY with its routers on Node.js, which keeps everything in memory."""
    folder, port = _node("scimmy"), free_port()
    server = Server("SCIMMY", port, "/scim", TOKEN, 0)
    with started(server, ["node", "serve.js"], folder=folder, BENCH_TOKEN=TOKEN, PORT=str(port)):
        yield server


PEERS: dict[str, Callable[[str], AbstractContextManager[Server]]] = {
    "django-scim2": django_scim2,
    "scim2-server": scim2_server,
    "SCIMMY": scimmy,
}


def _python(name: str) -> Path:
    """Install the requirements of a peer into a virtual environment of its own. Return its Python."""
    folder, requirements = FOLDER / name, SOURCES / name / "requirements.txt"
    python = folder / "bin" / "python"

    def install() -> None:
        _run([sys.executable, "-m", "venv", "--clear", folder], PROJECT_DIR, "it has no virtual environment")
        pip: Command = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--require-hashes"]
        _run([*pip, "-r", requirements], PROJECT_DIR, "it cannot be installed")

    _once(folder, requirements, install)
    return python


def _node(name: str) -> Path:
    """Install a peer with npm. Return its folder."""
    folder = FOLDER / name
    if not shutil.which("node") or not shutil.which("npm"):
        raise MissingError("Node.js is not installed")

    def install() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(SOURCES / name, folder)
        _run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], folder, "it cannot be installed")

    _once(folder, SOURCES / name / "package-lock.json", install)
    shutil.copy(SOURCES / name / "serve.js", folder)
    return folder


def _once(folder: Path, versions: Path, install: Callable[[], None]) -> None:
    """Install unless the folder already has these versions."""
    stamp, digest = folder / "installed", hashlib.sha256(versions.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        install()
        stamp.write_text(digest)


def _run(command: Command, folder: Path, failure: str, **environment: str) -> None:
    try:
        subprocess.run(
            command, cwd=folder, env=os.environ | environment, stdin=subprocess.DEVNULL, check=True, timeout=INSTALL_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MissingError(failure) from error
