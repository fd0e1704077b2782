"""Hive hands arrays, maps and structs over as JSON; Spark prints them in a form of its own."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest

from airflow_provider_heap.models.drivers.hive import PyHive, decode_spark_texts
from airflow_provider_heap.sync.mapping.unreadable import UnreadableValue

# What Spark 3.5.9 printed.
PRINTED = [
    ("[1,2]", [1, 2]),
    ("[]", []),
    ("{}", {}),
    ('["x",null,""]', ["x", None, ""]),
    ('{"k":1}', {"k": 1}),
    ('{1:"x"}', {1: "x"}),
    ("{2026-01-01:[1]}", {date(2026, 1, 1): [1]}),
    ("{2026-01-02 03:04:05:1}", {datetime(2026, 1, 2, 3, 4, 5): 1}),
    ("{true:1,false:2}", {True: 1, False: 2}),
    (
        '{"plan":"pro","deep":{"a":1,"t":2026-01-02 03:04:05}}',
        {"plan": "pro", "deep": {"a": 1, "t": datetime(2026, 1, 2, 3, 4, 5)}},
    ),
    ("[2026-01-02 03:04:05.123456,null]", [datetime(2026, 1, 2, 3, 4, 5, 123456), None]),
    ("[12345678901234567890.12]", [Decimal("12345678901234567890.12")]),
    ("[1.50,2026-01-02]", [Decimal("1.50"), date(2026, 1, 2)]),
    ("[1.0E300,1.0,1.0E-7]", [1e300, 1.0, 1e-7]),
    ("[Infinity,-Infinity]", [float("inf"), float("-inf")]),
    ('[{"x":1,"y":"y"}]', [{"x": 1, "y": "y"}]),
    (r'["C:\new"]', [r"C:\new"]),
    ('["a\nb"]', ["a\nb"]),
    ('{"q":"it"s "so""}', {"q": 'it"s "so"'}),
    ('{"a b":{"c:d":1}}', {"a b": {"c:d": 1}}),
]


@pytest.mark.parametrize(("text", "value"), PRINTED)
def test_what_spark_prints_is_read(text, value):
    assert decode_spark_texts([text, None]) == [value, None]


@pytest.mark.parametrize(
    "text",
    [
        "[abc]",  # binary
        "[1 00:00:00.000000000]",  # an interval
        '["he said "no", really"]',
        "[+10000-01-01 00:00:00]",
        "[1",
        "",
        "[1]]",
    ],
)
def test_what_may_mean_several_things_is_unreadable(text):
    [value] = decode_spark_texts([text])
    assert value == UnreadableValue("array, map or struct that Spark prints ambiguously; select its parts", text)


def driver_of(server):
    """Return the driver of a connection to a server of this name."""
    value = SimpleNamespace(stringValue=server)
    client = SimpleNamespace(GetInfo=lambda request: SimpleNamespace(infoValue=value))
    return PyHive(SimpleNamespace(client=client, sessionHandle=None), "pyhive")


@pytest.mark.parametrize(("server", "text"), [("Apache Hive", "C:\new"), ("Spark SQL", r"C:\new")])
def test_only_hives_texts_have_escapes(server, text):
    pytest.importorskip("TCLIService")
    driver = driver_of(server)
    cursor = SimpleNamespace(description=[("a", "ARRAY_TYPE"), ("b", "STRING_TYPE")])
    types = driver.types(cursor)
    converters = driver.converters(cursor, types)
    assert (types, list(converters)) == (["ARRAY", "STRING"], [0])
    assert converters[0]([r'["C:\new"]']) == [[text]]


def test_an_error_is_what_the_server_says_of_it():
    answer = SimpleNamespace(status=SimpleNamespace(errorMessage="[PARSE_SYNTAX_ERROR] Syntax error at 'x'.\n"))
    driver = PyHive(None, "pyhive")
    assert driver.error_text(Exception(answer)) == "[PARSE_SYNTAX_ERROR] Syntax error at 'x'."
    assert driver.error_text(Exception("gone")) == "gone"
