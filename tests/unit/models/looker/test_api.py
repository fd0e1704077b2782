"""Looker's SDK gets its settings from the Airflow connection alone; its errors say whether a retry is worth it."""

from __future__ import annotations

import json

import pytest
import requests

from airflow_provider_heap.exceptions import ModelError, ModelUnavailableError

api = pytest.importorskip("airflow_provider_heap.models.looker.api", exc_type=ImportError)


@pytest.fixture
def connect(monkeypatch):
    """Make the connection ``looker``."""

    def make(**values):
        connection = {"conn_type": "gcp_looker", "host": "https://x.looker.com", "login": "id", "password": "s3cret"}
        monkeypatch.setenv("AIRFLOW_CONN_LOOKER", json.dumps({**connection, **values}))

    return make


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({}, "https://x.looker.com"),
        ({"host": "x.looker.com"}, "https://x.looker.com"),
        ({"host": "http://x.looker.com/"}, "http://x.looker.com"),
        ({"port": 19999}, "https://x.looker.com:19999"),
        ({"host": "x.looker.com/", "port": 19999}, "https://x.looker.com:19999"),
    ],
)
def test_the_url_is_host_and_port_of_the_connection(connect, connection, url):
    connect(**connection)
    assert api._Settings("looker").read_config()["base_url"] == url


def test_the_extra_has_a_timeout_and_whether_certificates_are_checked(connect):
    connect(extra={"verify_ssl": False, "timeout": 7, "other": 1})
    settings = api._Settings("looker")
    assert (settings.verify_ssl, settings.timeout) == (False, 7)
    connect()
    assert (api._Settings("looker").verify_ssl, api._Settings("looker").timeout) == (True, 120)


@pytest.mark.parametrize(
    ("field", "lacks"), [("host", "Looker's URL"), ("login", "the client ID"), ("password", "the client secret")]
)
def test_a_connection_that_lacks_something_is_refused(connect, field, lacks):
    connect(**{field: None})
    with pytest.raises(ModelError, match=f"^Connection 'looker' to Looker lacks {lacks}, its {field}.$"):
        api.Looker("looker")


def failing(error):
    def request():
        raise error

    return request


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (requests.ReadTimeout(), ModelUnavailableError, "did not answer within 120 s when asked for Look 42"),
        (requests.ConnectionError("s3cret"), ModelUnavailableError, "could not be reached, or ended its answer early"),
        (requests.exceptions.InvalidURL("bad"), ModelError, "check the host of the connection: bad"),
        (requests.exceptions.SSLError("bad"), ModelError, "check the host of the connection: bad"),
        (AssertionError(), ModelError, "did not answer like Looker's API when asked for Look 42"),
    ],
)
def test_an_error_says_what_was_asked_for_and_whether_a_retry_is_worth_it(connect, error, kind, message):
    connect()
    with pytest.raises(kind, match=message) as raised:
        api.Looker("looker")._ask("Look 42", failing(error))
    assert str(raised.value).startswith("Looker (connection 'looker')")
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_status_that_may_pass_is_worth_a_retry(connect, status):
    connect()
    with pytest.raises(ModelUnavailableError, match=f"answered {status} when asked for Look 42"):
        api.Looker("looker")._ask("Look 42", failing(api._StatusError(status, "")))


def test_before_the_login_any_other_status_is_about_the_api_key(connect):
    connect()
    with pytest.raises(ModelError, match=r"refuses the API key \(404\)"):
        api.Looker("looker")._ask("Look 42", failing(api._StatusError(404, "")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"message": "Not found."}', "Not found"),
        (json.dumps({"message": "x" * 400}), "x" * api.MAX_MESSAGE_LENGTH),
        ('{"message": 7}', "7"),
        ("{}", "the request was refused"),
        ("[]", "the request was refused"),
        ("<html>", "the request was refused"),
    ],
)
def test_of_lookers_error_the_message_is_shown(text, message):
    assert api._message(text) == message
