"""A mistake in the configuration is told from a failure that may be over later."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.api.connection_errors import configuration_problem
from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import USER
from airflow_provider_heap.exceptions import HeapConfigurationError

ITEM = b'{"identity":"ada"}'


def send(base_url):
    """Make one request; return the answer."""
    return HeapClient(Environment.parse(app_id="1", host=base_url, name="heap_prod")).send(USER, ITEM, tries=1)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")


class Accepting(BaseHTTPRequestHandler):
    """Answers 200."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for ``localhost`` that no authority has signed, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl")
    return certificate, key


@pytest.fixture
def tls_server(certificate):
    """A server with that certificate; gives its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Accepting)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_certificates_of_a_network_are_accepted(tls_server, certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    assert send(f"https://localhost:{tls_server}").accepted


@pytest.mark.parametrize(
    ("host", "bundle", "problem"),
    [
        ("localhost", None, r"certificate of https://localhost:\d+ is not accepted \(self-signed certificate\)"),
        ("127.0.0.1", "own", r"certificate of https://127.0.0.1:\d+ is not accepted \(IP address mismatch"),
        ("localhost", "missing.pem", r"certificate bundle that REQUESTS_CA_BUNDLE .* names does not exist"),
        ("localhost", "empty.pem", r"certificate bundle that REQUESTS_CA_BUNDLE .* names has no certificates"),
    ],
)
def test_a_certificate_that_is_not_accepted_is_a_mistake(
    tls_server, certificate, monkeypatch, tmp_path, host, bundle, problem
):
    (tmp_path / "empty.pem").write_text("")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    if bundle:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0] if bundle == "own" else tmp_path / bundle))
    with pytest.raises(HeapConfigurationError, match=f"^Connection 'heap_prod': the {problem}"):
        send(f"https://{host}:{tls_server}")


def test_https_to_a_server_without_tls_is_a_mistake(heap_sandbox):
    with pytest.raises(HeapConfigurationError, match="does not speak TLS: correct the port, or write http://"):
        send(heap_sandbox.url.replace("http://", "https://"))


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("https://no-such-host.invalid", "there is no host 'no-such-host.invalid': correct the Host"),
        ("https://a..b", "https://a..b is not a URL that can be reached"),
        (f"https://{'a' * 70}.com", "is not a URL that can be reached"),
    ],
)
def test_a_host_that_cannot_exist_is_a_mistake(host, problem, monkeypatch):
    def resolve(name, *args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(HeapConfigurationError, match=problem):
        send(host)


@pytest.mark.parametrize(
    ("host", "code"),
    [("https://gateway.example", socket.EAI_AGAIN), (None, socket.EAI_NONAME)],
    ids=["the name server does not answer", "a host of Heap itself is not found"],
)
def test_a_network_without_names_may_work_later(host, code, monkeypatch):
    def resolve(name, *args, **kwargs):
        raise socket.gaierror(code, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert send(host).transient


def test_a_proxy_that_is_not_a_url_is_a_mistake(monkeypatch):
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTPS_PROXY", "http://:1")
    with pytest.raises(HeapConfigurationError, match="the proxy that HTTP_PROXY or HTTPS_PROXY names is not a URL"):
        send("https://gateway.example")


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError("Connection aborted."),
        requests.Timeout("timed out"),
        requests.exceptions.SSLError("EOF occurred in violation of protocol"),
        requests.exceptions.ProxyError("Unable to connect to proxy"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_other_failures_may_be_over_later(error):
    assert configuration_problem(error, Environment("1", "https://gateway.example")) is None
