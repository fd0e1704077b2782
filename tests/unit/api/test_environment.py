"""What a connection's fields mean, and what is said when they can't be right."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize("host", ["ftp://x", "http://", "http://x:port"])
def test_a_host_that_is_no_url_is_refused(host):
    with pytest.raises(HeapConfigurationError, match="host"):
        Environment.parse(app_id="1", host=host)


@pytest.mark.parametrize(("given", "seconds"), [(None, 30), ("", 30), (5, 5), ("2.5", 2.5)])
def test_the_timeout_is_a_number_or_its_text(given, seconds):
    assert Environment.parse(app_id="1", timeout=given).timeout == seconds


@pytest.mark.parametrize("timeout", [0, -1, "soon", "nan", "inf", []])
def test_a_timeout_that_is_none_is_refused(timeout):
    with pytest.raises(HeapConfigurationError, match="'timeout'"):
        Environment.parse(app_id="1", timeout=timeout)
