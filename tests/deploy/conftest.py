"""A real nginx with `deploy/nginx.conf`, in front of the tests' gunicorn."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from iprova_idm.options import PROJECT_DIR
from tests.conftest import free_port


@dataclass
class Nginx:
    """The ports and the folder of logs of a running nginx."""

    http_port: int
    https_port: int
    folder: Path

    @property
    def logs(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*.log"))

    def empty_logs(self) -> None:
        for path in self.folder.glob("*.log"):
            path.write_text("")  # nginx appends to them


def make_certificate(folder: Path) -> None:
    options = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=idm.example.com")
    files = ("-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem")
    subprocess.run(["openssl", "req", *options, *files], check=True, capture_output=True)


def configuration(folder: Path, backend: int, http_port: int, https_port: int) -> str:
    """The shipped file with other ports and folders, inside what Debian's nginx.conf puts around it."""
    shipped = (PROJECT_DIR / "deploy" / "nginx.conf").read_text()
    shipped = re.sub(r"^ *listen \[::\].*\n", "", shipped, flags=re.MULTILINE)
    for old, new in {
        "listen 80;": f"listen 127.0.0.1:{http_port};",
        "listen 443 ssl;": f"listen 127.0.0.1:{https_port} ssl;",
        "/etc/ssl/iprova-idm": str(folder),
        "/var/log/nginx": str(folder),
        "http://127.0.0.1:8000": f"http://127.0.0.1:{backend}",
    }.items():
        assert old in shipped
        shipped = shipped.replace(old, new)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    own = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    return f"pid {folder}/pid; error_log {folder}/start.log crit; events {{}} http {{ {own}\n{shipped} }}"


@pytest.fixture(scope="session")
def nginx(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin")
    if program is None:
        pytest.skip("nginx is not installed (Debian: apt-get install nginx-light)")
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    make_certificate(folder)
    running = Nginx(free_port(), free_port(), folder)
    known = configuration(folder, urlsplit(server).port or 0, running.http_port, running.https_port)
    (folder / "nginx.conf").write_text(known)
    process = subprocess.Popen(
        [program, "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off; master_process off;"],
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 20
    while not (folder / "pid").exists():
        assert process.poll() is None and process.stderr is not None, process.communicate()[1]
        assert time.monotonic() < end, "nginx did not start"
        time.sleep(0.05)
    yield running
    process.terminate()
    process.wait(20)
