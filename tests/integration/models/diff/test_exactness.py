"""The rows that a database finds to be changed are those whose item changed, whatever their values are."""

from __future__ import annotations

import json
import os
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_heap.operators.heap import HeapUserSyncOperator

#: Tables that are tried on each database; each has a dozen rows.
EXAMPLES = int(os.environ.get("HEAP_DIFF_EXAMPLES", "4"))
#: Texts that are easily taken for each other.
TRICKY = [
    "", " ", "a", "A", "a ", " a", "ab", "b", "á", "a\u0301", "ß", "ss", "SS", "i", "İ", "ı", "null", "NULL",
    "1", "1.0", "a|b", "a,b", '"', "'", "''", '","', "\\", "\\\\", "\n", "\t", "\x1f", "😀", "😁",
    "é" * 700, "x" * 1500, "[]", "{}", "%s", "%",
]  # fmt: skip
TEXTS = st.one_of(
    st.none(),
    st.sampled_from(TRICKY),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5),
)
FLOATS = st.one_of(
    st.none(),
    st.sampled_from([0.1, 0.3, 0.1 + 0.2, 1.0, 1e300, 1e-300, 2**53 + 2.0]),
    st.floats(allow_nan=False, allow_infinity=False),
)
DECIMALS = st.one_of(st.none(), st.decimals(-(10**12), 10**12, places=6, allow_nan=False))
INTEGERS = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))
MOMENTS = st.one_of(
    st.none(),
    st.datetimes(datetime(1970, 1, 2), datetime(2037, 1, 1)).map(lambda at: at.replace(microsecond=at.microsecond)),
)
BOOLEANS = st.sampled_from([None, True, False])
JSONS = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(["a", "b", "c d"]),
        st.one_of(st.none(), st.integers(-9, 9), st.sampled_from(TRICKY[:12])),
        max_size=3,
    ),
    st.lists(st.one_of(st.integers(-9, 9), st.sampled_from(["a", "b", ""])), max_size=3),
)
ARRAYS = st.lists(st.sampled_from(["a", "b", "", "a,b", "x y", '"']), max_size=3)

#: By database: how a column of each kind is declared. JSON, arrays and structs are where the database has them.
COLUMNS = {
    "warehouse": {
        "t": "text", "u": "text", "f": "real", "n": "numeric", "i": "integer", "moment": "text", "b": "boolean",
        "j": "json",
    },
    "pg": {
        "t": "text", "u": "varchar(2000)", "f": "double precision", "n": "numeric", "i": "bigint",
        "moment": "timestamptz", "b": "boolean", "j": "jsonb", "l": "text[]",
    },
    "maria": {
        "t": "longtext character set utf8mb4", "u": "varchar(2000) character set utf8mb4 collate utf8mb4_general_ci",
        "f": "double", "n": "decimal(30, 6)", "i": "bigint", "moment": "datetime(6)", "b": "boolean", "j": "json",
    },
    "duck": {
        "t": "varchar", "u": "varchar collate nocase", "f": "double", "n": "decimal(30, 6)", "i": "bigint",
        "moment": "timestamptz", "b": "boolean", "j": "json", "l": "varchar[]",
    },
    "snow": {
        "t": "varchar", "u": "varchar", "f": "float", "n": "number(30, 6)", "i": "number(38, 0)",
        "moment": "timestamp_ltz", "b": "boolean", "j": "variant", "l": "array",
    },
    "bq": {
        "t": "string", "u": "string", "f": "float64", "n": "numeric", "i": "int64", "moment": "timestamp", "b": "bool",
        "j": "json", "l": "array<string>",
    },
    "click": {
        "t": "Nullable(String)", "u": "Nullable(String)", "f": "Nullable(Float64)", "n": "Nullable(Decimal(30, 6))",
        "i": "Nullable(Int64)", "moment": "Nullable(DateTime64(6, 'Europe/Berlin'))", "b": "Nullable(Bool)",
        "a": "Array(String)",
    },
    "spark": {
        "t": "string", "u": "string", "f": "double", "n": "decimal(30, 6)", "i": "bigint", "moment": "timestamp",
        "b": "boolean", "l": "array<string>",
    },
}  # fmt: skip
#: How databases write values that are not texts in quotes, or numbers.
FORMS = {
    "pg": {"l": "cast(array[{}] as text[])"},
    "duck": {"l": "cast([{}] as varchar[])", "f": "cast({} as double)"},
    "snow": {"l": "array_construct({})", "f": "cast({} as float)", "j": "parse_json({})"},
    "bq": {"l": "array<string>[{}]", "f": "cast({} as float64)", "j": "parse_json({})"},
    "click": {"a": "[{}]", "f": "toFloat64({})", "moment": "toDateTime64({}, 6, 'UTC')"},
    "spark": {"l": "array({})", "f": "cast({} as double)", "moment": "timestamp{}"},
}
VALUES = {
    "t": TEXTS,
    "u": TEXTS,
    "f": FLOATS,
    "n": DECIMALS,
    "i": INTEGERS,
    "moment": MOMENTS,
    "b": BOOLEANS,
    "j": JSONS,
    "l": st.one_of(st.none(), ARRAYS),
    "a": ARRAYS,
}
KEYS = st.one_of(
    st.sampled_from([text for text in TRICKY if text.strip() and len(text) < 200]),
    st.text(st.sampled_from("aAáb 😀'\""), min_size=1, max_size=3),
)


def literal(source, kind, value):
    """Write a value as SQL of a database, for a test's own table."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    form = FORMS.get(source.conn_id, {}).get(kind, "{}")
    if isinstance(value, float):
        return repr(value) if form == "{}" else form.format(quoted(source, repr(value)))
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, datetime):
        offset = "+00:00" if source.conn_id in ("pg", "duck", "bq") else ""
        return form.format(quoted(source, value.isoformat(" ") + offset))
    if isinstance(value, list) and kind in ("l", "a"):
        return form.format(", ".join(quoted(source, each) for each in value))
    return form.format(quoted(source, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))


def quoted(source, text):
    if source.conn_id in ("maria", "snow", "bq", "click", "spark"):
        text = text.replace("\\", "\\\\")
    if source.conn_id in ("click", "spark"):
        text = text.replace("'", "\\'")
        return f"'{text}'"
    if source.conn_id == "bq":
        return "'" + text.replace("'", "\\'").replace("\n", "\\n") + "'"
    literal = "'" + text.replace("'", "''") + "'"
    if source.conn_id == "snow":  # the emulator takes a $ in a literal for a variable
        return "(" + literal.replace("$", "' || chr(36) || '") + ")"
    return literal


def fill(source, rows):
    """Put rows in the place of those of the table."""
    columns = COLUMNS[source.conn_id]
    values = [", ".join(literal(source, name, row[name]) for name in ("k", *columns)) for row in rows.values()]
    if source.conn_id != "spark":
        source.run("delete from people")
    if source.conn_id in ("click", "spark"):
        verb = "insert into" if source.conn_id == "click" else "insert overwrite"
        source.run(f"{verb} people values ({'), ('.join(values)})")
        return
    for row in values:
        source.run(f"insert into people select {row}")


def tables(source):
    row = st.fixed_dictionaries({name: VALUES[name] for name in COLUMNS[source.conn_id]})
    keys = st.lists(KEYS, min_size=6, max_size=12, unique=True)
    return keys.flatmap(
        lambda names: st.tuples(
            *[st.fixed_dictionaries(dict.fromkeys(names, row))] * 2, st.lists(st.sampled_from(names), unique=True)
        )
    )


def operator(source, **parameters):
    given = {
        "task_id": "sync",
        "sql_conn_id": source.conn_id,
        "identity": "k",
        "nulls": "empty",
        "model": "select * from people",
    }
    return HeapUserSyncOperator(**{**given, **parameters})


@pytest.fixture
def kinds(source):
    """A table with a column of each kind."""
    columns = "".join(f", {name} {kind}" for name, kind in COLUMNS[source.conn_id].items())
    key = (
        "varchar(200) character set utf8mb4 collate utf8mb4_general_ci" if source.conn_id == "maria" else "varchar(200)"
    )
    if source.conn_id == "maria":
        source.run("set names utf8mb4")
    stored = " using parquet" if source.conn_id == "spark" else ""  # else as text, in which a line is a row
    source.run(f"create table people (k {key}{columns}){stored}")
    return source


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_what_is_sent_is_what_the_worker_would_send(heap_sandbox, kinds, run, data):
    first, second, changed = data.draw(tables(kinds))
    second = {key: {**(second if key in changed else first)[key]} for key in first}
    fill(kinds, {key: {"k": key, **row} for key, row in first.items()})
    here = {"state_conn_id": "sqlite", "diff_schema": kinds.schema, "sync_name": "here"}
    worker = {"state_conn_id": "sqlite", "sync_name": "worker"}
    run(operator(kinds, full_sync=True, max_rejected=99, **worker))
    heap_sandbox.users.clear()
    run(operator(kinds, full_sync=True, max_rejected=99, **here))
    by_worker = {}
    fill(kinds, {key: {"k": key, **row} for key, row in second.items()})
    heap_sandbox.requests.clear()
    run(operator(kinds, max_rejected=99, **worker))
    by_worker = {item["identity"]: item for request in heap_sandbox.requests for item in request.items}
    heap_sandbox.requests.clear()
    report = run(operator(kinds, max_rejected=99, **here))
    by_database = {item["identity"]: item for request in heap_sandbox.requests for item in request.items}
    assert by_worker.items() <= by_database.items()
    # A change that makes no other item may be sent: another scale of a number, or null and an empty text.
    doubtful = set(by_database) - set(by_worker)
    assert doubtful <= set(changed)
    assert report["read"] == report["unchanged"] + report["sent"] + report["invalid"] == len(first)
    assert run(operator(kinds, max_rejected=99, **here))["sent"] == 0
