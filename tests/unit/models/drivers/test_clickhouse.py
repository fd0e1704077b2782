"""ClickHouse's texts may be of any bytes, and its moments come without their time zone from one of its clients."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_heap.models.drivers import _driver
from airflow_provider_heap.models.drivers.clickhouse import ClickHouseConnect, ClickHouseDriver, StreamingCursor
from airflow_provider_heap.sync.mapping.unreadable import UnreadableValue

UNREADABLE = UnreadableValue("text that is not UTF-8", r"\xff")
BERLIN = ZoneInfo("Europe/Berlin")
NAIVE = datetime(2026, 7, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("String", b"\xc3\xa9", "é"),
        ("String", b"x\0", "x\0"),
        ("FixedString(4)", b"DE\0\0", "DE"),
        ("LowCardinality(Nullable(String))", None, None),
        ("String", b"\xff", UNREADABLE),
        ("Array(String)", [b"x", b"\xff"], ["x", UNREADABLE]),
        ("Tuple(a String, b UInt8)", {b"a": b"x", "b": 1}, {"a": "x", "b": 1}),
        ("Tuple(String, UInt8)", (b"x", 1), ["x", 1]),
        ("Map(String, Array(String))", {"k": [b"x"]}, {"k": ["x"]}),
        ("Dynamic", 42, 42),
        ("String", "x", "x"),
    ],
)
def test_texts_are_utf8(kind, value, text):
    [convert] = ClickHouseConnect(None, "clickhouse_connect").converters(None, [kind]).values()
    assert convert([value]) == [text]


def test_other_columns_are_left_alone():
    assert ClickHouseConnect(None, "clickhouse_connect").converters(None, ["UInt8", "DateTime", None]) == {}


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (NAIVE, NAIVE.replace(tzinfo=BERLIN)),
        (NAIVE.replace(tzinfo=UTC), NAIVE.replace(tzinfo=UTC)),
        ([NAIVE, None], [NAIVE.replace(tzinfo=BERLIN), None]),
        ({"a": NAIVE}, {"a": NAIVE.replace(tzinfo=BERLIN)}),
    ],
)
def test_moments_of_the_native_protocol_are_in_the_servers_time_zone(value, moment):
    server = SimpleNamespace(get_timezone=lambda: "Europe/Berlin")
    cursor = SimpleNamespace(_client=SimpleNamespace(connection=SimpleNamespace(server_info=server)))
    [convert] = ClickHouseDriver(None, "clickhouse_driver").converters(cursor, ["Array(DateTime)"]).values()
    assert convert([value]) == [moment]


class Stream(list):
    """Blocks of rows, as clickhouse-connect hands them over."""

    def __init__(self, blocks, names):
        super().__init__(blocks)
        types = [SimpleNamespace(name="String") for _ in names]
        self.source = SimpleNamespace(column_names=names, column_types=types)
        self.closed = False

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.closed = True


def test_rows_are_fetched_from_blocks_as_they_come():
    stream = Stream([[(1,), (2,)], [(3,)]], ["a"])
    cursor = StreamingCursor(SimpleNamespace(query_row_block_stream=lambda sql, parameters, **kwargs: stream))
    cursor.execute("select a from t")
    assert [column[:2] for column in cursor.description] == [("a", "String")]
    assert [cursor.fetchmany(2), cursor.fetchmany(2), cursor.fetchmany(2)] == [[(1,), (2,)], [(3,)], []]
    cursor.close()
    assert stream.closed


def test_connections_of_airflows_provider_are_those_of_clickhouse_connect():
    module = "airflow.providers.clickhousedb.hooks.clickhouse"
    connection = type("ClickHouseConnection", (), {"__module__": module})()
    assert isinstance(_driver(connection), ClickHouseConnect)
