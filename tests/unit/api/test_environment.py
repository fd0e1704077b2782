"""What the fields of a connection mean, and what the messages say when one of them is wrong."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.exceptions import HeapConfigurationError


@pytest.mark.parametrize(
    ("fields", "base_url"),
    [
        ({}, "https://heapanalytics.com"),
        ({"region": "us"}, "https://heapanalytics.com"),
        ({"region": "EU "}, "https://c.eu.heap-api.com"),
        ({"region": "", "host": "", "port": 0, "timeout": None}, "https://heapanalytics.com"),
        ({"port": 8443}, "https://heapanalytics.com:8443"),
        ({"port": 443}, "https://heapanalytics.com"),
        ({"host": "http://127.0.0.1", "port": 443}, "http://127.0.0.1:443"),
        ({"region": "eu", "port": 8443}, "https://c.eu.heap-api.com:8443"),
        ({"host": "proxy.example"}, "https://proxy.example"),
        ({"host": "http://127.0.0.1:8047/"}, "http://127.0.0.1:8047"),
        ({"host": "http://127.0.0.1", "port": 8047}, "http://127.0.0.1:8047"),
        ({"host": "http://127.0.0.1:8047", "port": 9}, "http://127.0.0.1:8047"),
        ({"host": "https://proxy.example/heap/", "port": 1}, "https://proxy.example:1/heap"),
        ({"host": "http://[::1]", "port": 1}, "http://[::1]:1"),
    ],
)
def test_the_base_url_is_what_the_fields_say(fields, base_url):
    assert Environment.parse(app_id="123", **fields).base_url == base_url


@pytest.mark.parametrize("app_id", [None, "", " ", "abc", "12 3", "-1", "1.0", "٣", "app-1"])
def test_an_app_id_is_digits_only(app_id):
    with pytest.raises(HeapConfigurationError, match="digits only"):
        Environment.parse(app_id=app_id)


def test_an_unknown_region_is_refused_with_both_names():
    with pytest.raises(HeapConfigurationError, match="'us' or 'eu'; found 'de'"):
        Environment.parse(app_id="1", region="de")


@pytest.mark.parametrize(
    "host",
    ["ftp://x", "http://", "http://x:port", "http://x:70000", "my host", "http://x?y", "http://x#y", "a,b", "x\\y"],
)
def test_a_host_that_is_not_a_url_is_refused(host):
    with pytest.raises(HeapConfigurationError, match="host"):
        Environment.parse(app_id="1", host=host)


@pytest.mark.parametrize(("given", "seconds"), [(None, 30), ("", 30), (5, 5), ("2.5", 2.5)])
def test_the_timeout_is_a_number_or_its_text(given, seconds):
    assert Environment.parse(app_id="1", timeout=given).timeout == seconds


@pytest.mark.parametrize("timeout", [0, -1, "soon", "nan", "inf", []])
def test_a_timeout_that_is_not_a_number_above_0_is_refused(timeout):
    with pytest.raises(HeapConfigurationError, match="'timeout'"):
        Environment.parse(app_id="1", timeout=timeout)


@pytest.mark.parametrize("host", ["eu", "EU", " us "])
@pytest.mark.parametrize("port", [None, 443])
def test_a_region_in_the_place_of_the_host_is_refused_with_the_right_form(host, port):
    region = host.strip().lower()
    with pytest.raises(HeapConfigurationError, match=f"is a region, not a host.*heap://2388822444@/{region}"):
        Environment.parse(app_id="2388822444", host=host, port=port)


@pytest.mark.parametrize(
    ("host", "port", "base_url", "credentials"),
    [
        ("http://user:pw@gateway", None, "http://gateway", ("user", "pw")),
        ("user:pw@gateway", None, "https://gateway", ("user", "pw")),
        ("http://user:pw@gateway:8080/heap/", 9, "http://gateway:8080/heap", ("user", "pw")),
        ("http://user:pw@gateway/heap", 9, "http://gateway:9/heap", ("user", "pw")),
        ("http://user%40corp:p%2Fw%C3%A9@gateway", None, "http://gateway", ("user@corp", "p/wé")),
        ("http://user@gateway", None, "http://gateway", ("user", "")),
        ("http://user:p@w@gateway", None, "http://gateway", ("user", "p@w")),
        ("https://user:pw@[::1]:1", None, "https://[::1]:1", ("user", "pw")),
        ("https://gateway", None, "https://gateway", None),
    ],
)
def test_credentials_in_the_host_are_kept_apart(host, port, base_url, credentials):
    environment = Environment.parse(app_id="1", host=host, port=port)
    assert (environment.base_url, environment.credentials) == (base_url, credentials)


@given(user=st.text(min_size=1), password=st.text(min_size=1))
def test_credentials_are_shown_nowhere(user, password):
    host = f"http://{quote(user, safe='')}:s3cret{quote(password, safe='')}@gateway"
    environment = Environment.parse(app_id="1", host=host)
    assert environment.credentials == (user, f"s3cret{password}")
    for shown in (repr(environment), str(environment), environment.label, environment.app_url, environment.base_url):
        assert "s3cret" not in shown


@pytest.mark.parametrize(
    "host",
    [
        "http://user:s3c/ret@gateway",
        "http://user:80/s3cret@gateway",
        "http://user:s3c?ret@gateway",
        "http://user:s3c#ret@gateway",
        "http://user:s3cret@gateway:port",
        "ftp://user:s3cret@gateway",
        "http://user:s3cret@my gateway",
        "http://user:s3cret@",
    ],
)
def test_a_message_about_a_host_shows_no_password(host):
    with pytest.raises(HeapConfigurationError, match="host") as error:
        Environment.parse(app_id="1", host=host)
    assert "s3c" not in str(error.value)
    assert "ret" not in str(error.value)


def test_the_api_key_is_shown_nowhere_and_an_empty_one_is_none():
    environment = Environment.parse(app_id="123", api_key=" secret ")
    assert environment.api_key == "secret"
    assert "secret" not in f"{environment!r} {environment} {environment.label}"
    assert Environment.parse(app_id="123", api_key="  ").api_key is None


@pytest.mark.parametrize(
    ("region", "host", "base_url"),
    [
        ("us", None, "https://heapanalytics.com"),
        ("eu", None, "https://heapanalytics.com"),
        ("eu", "https://c.eu.heap-api.com", "https://heapanalytics.com"),
        ("eu", "http://127.0.0.1:8047", "http://127.0.0.1:8047"),
    ],
)
def test_deletions_are_asked_for_at_the_us_host_or_at_one_of_the_users_own(region, host, base_url):
    environment = Environment.parse(app_id="123", region=region, host=host, api_key="secret").for_deletion()
    assert (environment.base_url, environment.region) == (base_url, region)


def test_a_deletion_wants_an_api_key_and_no_credentials_of_a_gateway():
    with pytest.raises(HeapConfigurationError, match=r"'conn': the API key .* is empty.*Privacy & Security"):
        Environment.parse(app_id="123", name="conn").for_deletion()
    with pytest.raises(HeapConfigurationError, match="the Host has a user and a password") as error:
        Environment.parse(app_id="123", host="http://me:pw@gateway", api_key="secret").for_deletion()
    assert "pw@" not in str(error.value)
