"""
A stand-in for the API of dbt Cloud, over TLS on loopback: runs of a job, and their artifacts.

Paths and answers as https://docs.getdbt.com/dbt-cloud/api-v2 describes them.
"""

from __future__ import annotations

import json
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(folder):
    """
    Make a certificate of 127.0.0.1.

    :param folder: for the file.
    :return: the path of a file with it and its key.
    """
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "dbt-cloud.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


class DbtCloud:
    """
    A context manager that runs it on a thread.

    :param certificate: path of its certificate and key.
    :param artifacts: the folder whose files are the artifacts of each run in ``with_artifacts``.
    """

    account, token, job = 11, "s3cret", 70

    def __init__(self, certificate, artifacts):
        self.artifacts = artifacts
        #: Of the job, the latest first: running, failed, succeeded.
        self.runs = [{"id": 903, "status": 3}, {"id": 902, "status": 20}, {"id": 901, "status": 10}]
        self.with_artifacts = {902, 901}
        self.status = None
        self.requests = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.cloud = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc):
        self._server.shutdown()
        self._server.server_close()

    @property
    def host(self):
        """Address and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def answer(self, path, query, token):
        """Return status and body."""
        self.requests.append(f"{path}?{query}" if query else path)
        if self.status:
            return self.status, b"{}"
        if token != f"Token {self.token}":
            return 401, b"{}"
        match path.removeprefix(f"/api/v2/accounts/{self.account}/").strip("/").split("/"):
            case ["runs"]:
                asked = {key: values[0] for key, values in parse_qs(query).items()}
                runs = self.runs if asked.get("job_definition_id") == str(self.job) else []
                assert asked["order_by"] == "-id"
                return 200, json.dumps({"data": runs[: int(asked["limit"])]}).encode()
            case ["runs", run, "artifacts", name] if int(run) in self.with_artifacts:
                return 200, (self.artifacts / name).read_bytes()
        return 404, b"{}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        status, body = self.server.cloud.answer(url.path, url.query, self.headers["Authorization"])
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Say nothing."""
