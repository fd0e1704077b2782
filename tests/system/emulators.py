"""
Emulators of warehouses, each in an environment of its own: what they need of other packages contradicts each other.

The environments are made once, in folders that ``make clean`` removes.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT

SPATIAL = "duckdb_extension_spatial/extensions/v1.5.5/spatial.duckdb_extension"
BIGQUERY = ["bqemulator==1.4.0", "duckdb==1.5.5", "duckdb-extension-spatial==1.5.5", "numpy"]
SNOWFLAKE = ["fakesnow[server]==0.12.1", "snowflake-connector-python<5", "uvicorn"]


def environment(name, packages):
    """Return the folder of an environment's programs."""
    folder = ROOT / f".venv-{name}"
    programs = folder / "bin"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
        pip = [uv, "pip", "install", "--python", programs / "python"]
        if not Path(uv).exists():
            pip = [programs / "python", "-m", "pip", "install"]
        try:
            subprocess.run([*pip, "--quiet", *packages], check=True)
        except subprocess.CalledProcessError as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"the emulator could not be installed: {error}")
        (folder / "complete").touch()
    return programs


def free_port():
    """Return a port that nobody listens at."""
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@contextmanager
def served(command, port, folder, **variables):
    """Run a server until the context ends; wait until it listens."""
    log = folder / "emulator.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **variables}
        )
    try:
        for _ in range(600):
            with closing(socket.socket()) as client:
                if not client.connect_ex(("127.0.0.1", port)):
                    break
            if process.poll() is not None:
                pytest.fail(f"the emulator ended: {log.read_text()[-2000:]}")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def bigquery(folder):
    """Run an emulator of BigQuery; give the ports of its REST API and of its Storage API."""
    programs = environment("bqemulator", BIGQUERY)
    # It would download this extension otherwise.
    home = folder / "home"
    extensions = home / ".duckdb/extensions/v1.5.5/linux_amd64"
    extensions.mkdir(parents=True)
    [spatial] = programs.parent.glob(f"lib/python*/site-packages/{SPATIAL}")
    shutil.copy(spatial, extensions)
    rest, grpc = free_port(), free_port()
    command = [programs / "bqemulator", "start", "--rest-port", str(rest), "--grpc-port", str(grpc)]
    with served([*command, "--project", "proj"], rest, folder, HOME=str(home)):
        yield rest, grpc


@contextmanager
def snowflake(folder):
    """Run an emulator of Snowflake; give its port and the certificate that it answers with."""
    programs = environment("fakesnow", SNOWFLAKE)
    certificate = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 9 -subj /CN=localhost"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    subprocess.run(
        ["openssl", *certificate.split(), "-addext", names, "-addext", "basicConstraints=critical,CA:TRUE"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    port = free_port()
    command = [programs / "uvicorn", "fakesnow.server:app", "--host", "127.0.0.1", "--port", str(port)]
    with served([*command, "--ssl-keyfile", "key.pem", "--ssl-certfile", "cert.pem"], port, folder):
        yield port, folder / "cert.pem"


def collect_lineage(monkeypatch):
    """Have hooks keep what they read, as they do where the OpenLineage provider is set up."""
    from airflow.providers.common.sql.hooks import lineage as sql_lineage
    from airflow.sdk.lineage import HookLineageCollector

    from airflow_provider_heap.operators import lineage

    collector = HookLineageCollector()
    for module in (lineage, sql_lineage):
        monkeypatch.setattr(module, "get_hook_lineage_collector", lambda: collector)
