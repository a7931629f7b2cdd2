"""A store that speaks S3, on this machine's loopback."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

SETTINGS = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
}


@contextmanager
def s3_server() -> Iterator[str]:
    """Such a server; yields its address, for AWS_ENDPOINT_URL beside `SETTINGS`."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def s3_on(number: int) -> Iterator[dict[str, str]]:
    """Such a server with a bucket `lab`, on the loopback of one of `hosts` alone; what to set."""
    from tests.support.hosts import inside

    port = 5555
    words = inside(number, sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    bucket = f"from tests.support.s3 import make_bucket; make_bucket({endpoint!r}, 'lab')"
    try:
        end = time.monotonic() + 30
        while subprocess.run(
            inside(number, sys.executable, "-c", bucket), capture_output=True, timeout=30
        ).returncode:
            assert server.poll() is None and time.monotonic() < end
            time.sleep(0.5)
        yield {**SETTINGS, "AWS_ENDPOINT_URL": endpoint}
    finally:
        server.kill()
        server.wait()


def make_bucket(endpoint: str, name: str) -> None:
    """A bucket of that name."""
    _ask("PUT", f"{endpoint}/{name}")


def want_credentials(endpoint: str, after: int) -> None:
    """From so many requests on, whoever has no known key is refused; -1 ends that."""
    number = float("inf") if after < 0 else after
    _ask("POST", f"{endpoint}/moto-api/reset-auth", str(number).encode())


def _ask(method: str, url: str, content: bytes | None = None) -> None:
    kind = {"Content-Type": "text/plain"}  # as a form the server would not find it
    request = urllib.request.Request(url, data=content, method=method, headers=kind)
    with urllib.request.urlopen(request, timeout=10):
        pass
