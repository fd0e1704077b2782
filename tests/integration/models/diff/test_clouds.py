"""The hashes of Snowflake and BigQuery, column by column, and the keys that Python must find by their hash."""

from __future__ import annotations

import pytest

from airflow_provider_heap.models.diff.dialects.base import DiffColumn, key_hash
from airflow_provider_heap.models.diff.dialects.bigquery import BigQueryDialect
from airflow_provider_heap.models.diff.dialects.snowflake import SnowflakeDialect
from airflow_provider_heap.operators.heap import HeapRedriveOperator
from airflow_provider_heap.sandbox import Faults

pytestmark = pytest.mark.slow
snowflake = pytest.mark.parametrize("source", ["snowflake"], indirect=True)
bigquery = pytest.mark.parametrize("source", ["bigquery"], indirect=True)

TEXTS = [
    "null", "''", "' '", "'a'", "'A'", "'a '", "' a'", "'\u00e1'", "'a\u0301'", "'-'", "'1:a'", "'null'", "'NULL'",
    "'1'", "'1.0'", "'😀'", "'😁'", "'\"'", "'\\\\'", "'{}'", "'[]'", "repeat('x', 9000)", "repeat('x', 9001)",
]  # fmt: skip
FLOATS = ["null", "0.0", "0.3", "1.0", "1e300", "1e-300", "'nan'", "'inf'", "'-inf'", "9007199254740994.0"]
NUMBERS = ["null", "0", "1", "-1", "1.5", "1.05", "99.9", "123456789012.01", "123456789012.02"]
INTEGERS = ["null", "0", "1", "9007199254740992", "9007199254740993", "9223372036854775807"]
MOMENTS = ["null", "'2026-01-02 03:04:05'", "'2026-01-02 03:04:05.000001'", "'2026-01-02 03:04:05.1'", "'1969-12-31'"]
JSONS = ['{"a":1}', '{"a":null}', "{}", '{"a":"1"}', '{"a":[1,2]}', '{"a":{"b":1}}', "[]", "[[1],[2]]", "[[1,2]]"]

#: By the driver's name of the type: values, no two of which may be taken for each other.
SNOWFLAKE = {
    "TEXT": TEXTS,
    "REAL": ["0.1::float + 0.2::float", *(f"cast({value} as float)" for value in FLOATS)],
    "FIXED": [f"cast({value} as number(18, 2))" for value in NUMBERS],
    "BOOLEAN": ["cast(null as boolean)", "true", "false"],
    "DATE": ["cast(null as date)", "'2026-01-02'::date", "'2026-01-03'::date"],
    "TIME": ["cast(null as time)", "'10:00:00'::time", "'10:00:01'::time"],
    "TIMESTAMP_NTZ": [f"cast({value} as timestamp_ntz)" for value in MOMENTS],
    "TIMESTAMP_LTZ": [f"cast({value} as timestamp_ltz)" for value in MOMENTS],
    "TIMESTAMP_TZ": [f"cast({value} as timestamp_tz)" for value in MOMENTS],
    "BINARY": ["cast(null as binary)", "x'00ff'::binary", "x'00fe'::binary", "x'00'::binary"],
    "VARIANT": ["cast(null as variant)", *(f"parse_json('{value}')" for value in JSONS)],
    "OBJECT": ["object_construct()", "object_construct('a', 1)", "object_construct('a', '1')"],
    "ARRAY": ["array_construct()", "array_construct('a')", "array_construct('a', 'b')", "array_construct('a,b')"],
}
BIGQUERY = {
    "STRING": TEXTS,
    "FLOAT64": ["0.1 + 0.2", *(f"cast({value} as float64)" for value in FLOATS)],
    "NUMERIC": [f"cast({value} as numeric)" for value in NUMBERS],
    "BIGNUMERIC": [f"cast({value} as bignumeric)" for value in NUMBERS],
    "INT64": [f"cast({value} as int64)" for value in INTEGERS],
    "BOOL": ["cast(null as bool)", "true", "false"],
    "DATE": ["cast(null as date)", "date '2026-01-02'", "date '2026-01-03'"],
    "TIME": ["cast(null as time)", "time '10:00:00'", "time '10:00:00.000001'"],
    "TIMESTAMP": [f"cast({value} as timestamp)" for value in MOMENTS],
    "DATETIME": [f"cast({value} as datetime)" for value in MOMENTS],
    "BYTES": ["cast(null as bytes)", "from_hex('00ff')", "from_hex('00fe')", "from_hex('00')", "from_hex('')"],
    "JSON": ["cast(null as json)", *(f"json '{value}'" for value in JSONS)],
    "STRUCT": ["struct('a' as x, 'b' as y)", "struct('ab' as x, '' as y)", "struct('' as x, 'ab' as y)"],
    "ARRAY<STRING>": ["['a']", "['a', 'b']", "['a,b']", "['']"],
    "ARRAY<INT64>": ["[1]", "[1, 2]", "[12]"],
    "GEOGRAPHY": ["st_geogpoint(1.5, 2.25)", "st_geogpoint(1.5000000000000002, 2.25)"],
}


@snowflake
@pytest.mark.parametrize("kind", SNOWFLAKE)
def test_no_two_values_of_a_column_in_snowflake_are_taken_for_each_other(source, kind):
    dialect = SnowflakeDialect()
    expression = dialect.row_hash("0", [DiffColumn("C", kind)])
    made = [source.run(f"select {expression} as h from (select {value} as C) m")[0][0] for value in SNOWFLAKE[kind]]
    assert len(set(made)) == len(made)
    assert {len(each) for each in made} == {32}


@bigquery
@pytest.mark.parametrize("kind", BIGQUERY)
def test_no_two_values_of_a_column_in_bigquery_are_taken_for_each_other(source, kind):
    dialect = BigQueryDialect()
    expression = dialect.row_hash("0", [DiffColumn("C", kind)])
    rows = " union all ".join(f"select {n} as n, {value} as C" for n, value in enumerate(BIGQUERY[kind]))
    made = [row[0] for row in source.run(f"select {expression} as h from ({rows}) m")]
    assert len(set(made)) == len(made) == len(BIGQUERY[kind])
    assert {len(each) for each in made} == {32}


def assert_keys(source, dialect, keys):
    for kind, value, text in keys:
        expression = dialect.key_hash("ab12", [DiffColumn("C", kind), DiffColumn("D")])
        [[made]] = source.run(f"select {expression} as h from (select {value} as C, 'Ü' as D) m")
        assert made == (key_hash("ab12", [text, "Ü"]) if text is not None else None), (kind, value)


@snowflake
def test_python_finds_the_keys_of_snowflake(source):
    keys = [
        ("TEXT", "'é😀 '", "é😀 "),
        ("TEXT", "null", None),
        ("FIXED", "cast(42 as number(12, 2))", "42"),
        ("FIXED", "cast(42.50 as number(12, 2))", "42.50"),
        ("FIXED", "cast(1200 as number(38, 0))", "1200"),
        ("REAL", "cast(42 as float)", "42"),
        ("REAL", "cast(1e15 as float)", "1000000000000000"),
        ("REAL", "cast(null as float)", None),
        ("DATE", "'2026-01-02'::date", "2026-01-02"),
    ]
    assert_keys(source, SnowflakeDialect(), keys)


@bigquery
def test_python_finds_the_keys_of_bigquery(source):
    keys = [
        ("STRING", "'é😀 '", "é😀 "),
        ("STRING", "cast(null as string)", None),
        ("INT64", "42", "42"),
        ("FLOAT64", "42.0", "42"),
        ("FLOAT64", "1e15", "1000000000000000"),
        ("FLOAT64", "cast('nan' as float64)", "nan"),
        ("DATE", "date '2026-01-02'", "2026-01-02"),
    ]
    assert_keys(source, BigQueryDialect(), keys)


@pytest.mark.parametrize(("source", "prefix"), [("snowflake", "db1"), ("bigquery", "proj")], indirect=["source"])
def test_a_refused_row_is_sent_again_from_the_file_and_by_the_next_run(
    heap_sandbox, source, prefix, users, run, tmp_path
):
    source.run("create table users (email varchar(200), n integer)")
    source.run("insert into users values ('a@example.com', 1), ('b@example.com', 2)")
    schema = f"{prefix}.{source.schema.lower()}"  # as people write it
    operator = users(diff_schema=schema, max_rejected=1, rejects_path=str(tmp_path / "rejects"))
    heap_sandbox.faults = Faults(refuse={"b@example.com"})
    report = run(operator)
    assert (report["sent"], report["rejected"]) == (1, 1)
    heap_sandbox.faults = Faults()
    assert run(HeapRedriveOperator(task_id="again", path=report["rejects"]))["sent"] == 1
    report = run(operator)
    assert (report["sent"], report["unchanged"]) == (1, 1)
    assert run(operator)["unchanged"] == 2
    assert len(source.tables) == 1


@pytest.mark.parametrize("source", ["snowflake", "bigquery"], indirect=True)
def test_the_hold_may_be_in_postgresql_while_the_rows_are_in_the_cloud(heap_sandbox, source, users, run, postgres):
    source.run("create table users (email varchar(200), n integer)")
    source.run("insert into users values ('a@example.com', 1), ('b@example.com', 2)")
    operator = users(state_conn_id="pg")
    assert run(operator)["sent"] == 2
    source.run("update users set n = 3 where email = 'b@example.com'")
    report = run(operator)
    assert (report["sent"], report["unchanged"]) == (1, 1)
    assert run(operator)["unchanged"] == 2
    assert len(source.tables) == 1
    tables = "select table_name from information_schema.tables where table_schema = current_schema()"
    assert {name for [name] in postgres.execute(tables)} >= {"heap_sync_state_diffs", "heap_sync_state_holders"}
    assert postgres.execute("select count(*) from heap_sync_state").fetchall() == [(0,)]
