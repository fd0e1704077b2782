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
SPARK = ["pyspark==3.5.9"]
CLICKHOUSE = ["chdb-core==26.9.0"]
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
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:  # some wait for connections that clients keep
            process.kill()
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


@contextmanager
def spark(folder):
    """Run Spark's Thrift server; give its port."""
    require("java", "a Java runtime (apt-get install default-jre-headless)")
    programs = environment("pyspark", SPARK)
    [home] = programs.parent.glob("lib/python*/site-packages/pyspark")
    port = free_port()
    server = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"
    options = {"port": port, "bind.host": "127.0.0.1"}
    command = [home / "bin/spark-submit", "--class", server, "--master", "local[1]", "--conf", "spark.ui.enabled=false"]
    for name, value in options.items():
        command += ["--hiveconf", f"hive.server2.thrift.{name}={value}"]
    # A statement on a few rows takes a tenth of a second with these, and some of them seconds without.
    for setting in (
        "driver.extraJavaOptions=-XX:TieredStopAtLevel=1",
        "hadoop.javax.jdo.option.ConnectionURL=jdbc:derby:memory:metastore;create=true",
        "log.level=WARN",
        "sql.codegen.wholeStage=false",
        "sql.shuffle.partitions=1",
    ):
        command += ["--conf", f"spark.{setting}"]
    command += ["--hiveconf", "hive.server2.authentication=NONE", "spark-internal"]
    with served(command, port, folder, SPARK_HOME=str(home), SPARK_LOCAL_IP="127.0.0.1"):
        yield port


@contextmanager
def clickhouse_http(folder):
    """Run ClickHouse's engine behind HTTP, for clickhouse-connect; give its port."""
    programs = environment("chdb", CLICKHOUSE)
    port = free_port()
    with served([programs / "python", ROOT / "tests/system/clickhouse_server.py", str(port)], port, folder):
        yield port


CLICKHOUSE_CONFIG = """\
<yandex>
  <logger><level>warning</level><console>1</console></logger>
  <tcp_port>{port}</tcp_port><listen_host>127.0.0.1</listen_host>
  <path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path><mark_cache_size>5368709</mark_cache_size>
  <users_config>users.xml</users_config><default_profile>default</default_profile>
  <default_database>default</default_database><timezone>Europe/Berlin</timezone>
</yandex>
"""
CLICKHOUSE_USERS = """\
<yandex>
  <profiles><default/></profiles><quotas><default/></quotas>
  <users><default>
    <password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
  </default></users>
</yandex>
"""


@contextmanager
def clickhouse_native(folder):
    """Run Debian's ClickHouse server, for clickhouse-driver; give its port."""
    require("clickhouse-server", "a ClickHouse server (apt-get install clickhouse-server)")
    port = free_port()
    (folder / "config.xml").write_text(CLICKHOUSE_CONFIG.format(port=port, folder=folder))
    (folder / "users.xml").write_text(CLICKHOUSE_USERS)
    with served(["clickhouse-server", "--config-file=config.xml"], port, folder):
        yield port


def require(program, what):
    """Skip a test for want of a program; in CI nothing may be skipped."""
    if shutil.which(program) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no {what}, and CI must have it")
        pytest.skip(f"no {what}")


def collect_lineage(monkeypatch):
    """Have hooks keep what they read, as they do where the OpenLineage provider is set up."""
    from airflow.providers.common.sql.hooks import lineage as sql_lineage
    from airflow.sdk.lineage import HookLineageCollector

    from airflow_provider_heap.operators import lineage

    collector = HookLineageCollector()
    for module in (lineage, sql_lineage):
        monkeypatch.setattr(module, "get_hook_lineage_collector", lambda: collector)
