"""The expressions of Snowflake; what they give is tried on its emulator, in tests/system and tests/integration."""

from __future__ import annotations

import pytest

from airflow_provider_heap.models.diff.dialects.base import DiffColumn
from airflow_provider_heap.models.diff.dialects.snowflake import SnowflakeDialect
from airflow_provider_heap.models.diff.sent_statements import SentStatements


def test_each_value_has_its_length_before_it():
    columns = [DiffColumn("N", "FIXED"), DiffColumn('a"b', "BOOLEAN")]
    assert SnowflakeDialect().row_hash("0", columns) == (
        "md5(concat('0', coalesce(length(to_varchar(\"N\")) || ':' || to_varchar(\"N\"), '-'), "
        'coalesce(length(to_varchar("a""b")) || \':\' || to_varchar("a""b"), \'-\')))'
    )


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("TEXT", """collate(to_varchar("C"), '')"""),
        (None, """collate(to_varchar("C"), '')"""),
        ("DATE", """to_varchar("C", 'YYYY-MM-DD')"""),
        ("TIMESTAMP_NTZ", """to_varchar("C", 'YYYY-MM-DD HH24:MI:SS.FF9')"""),
        ("TIMESTAMP_LTZ", """to_varchar(convert_timezone('UTC', "C"), 'YYYY-MM-DD HH24:MI:SS.FF9')"""),
        ("TIMESTAMP_TZ", """to_varchar("C", 'YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM')"""),
        ("BINARY", 'hex_encode("C")'),
        ("VARIANT", 'to_json("C")'),
        ("ARRAY", 'to_json(cast("C" as variant))'),
        ("GEOGRAPHY", 'hex_encode(st_asewkb("C"))'),
    ],
)
def test_no_setting_of_the_session_is_in_a_text(kind, text):
    assert SnowflakeDialect().value(DiffColumn("C", kind)) == f"coalesce(length({text}) || ':' || {text}, '-')"


def test_a_float_is_its_text_and_what_it_differs_by_from_that():
    assert (
        SnowflakeDialect()
        .value(DiffColumn("F", "REAL"))
        .endswith("""' ' || coalesce(to_varchar("F" - try_to_double(to_varchar("F"))), ''), '-')""")
    )


def test_numbers_are_keys_without_the_zeros_at_their_end():
    dialect = SnowflakeDialect()
    assert dialect.key_text(DiffColumn("N", "FIXED")) == (
        'iff("N" = floor("N") and abs("N") < 1e37, to_varchar(cast(iff("N" = floor("N") and abs("N") < 1e37, "N", 0) '
        'as number(38, 0))), to_varchar("N"))'
    )
    assert dialect.key_hash("0", [DiffColumn("A"), DiffColumn("B")]) == (
        """md5('0' || collate(to_varchar("A"), '') || chr(31) || collate(to_varchar("B"), ''))"""
    )


@pytest.mark.parametrize(
    ("schema", "quoted"),
    [
        ("heap", '"HEAP"."HEAP_1"'),
        ("Db.heap", '"DB"."HEAP"."HEAP_1"'),
        ('"heap"', '"heap"."HEAP_1"'),
        ('db."my.heap ""x"""', '"DB"."my.heap ""x"""."HEAP_1"'),
        ("my-db.heap", '"my-db"."HEAP"."HEAP_1"'),
    ],
)
def test_names_are_read_as_snowflake_reads_them(schema, quoted):
    assert SnowflakeDialect().table(schema, "heap_1") == quoted


def test_tables_have_no_fail_safe():
    assert SentStatements(SnowflakeDialect(), "t").create_sent.startswith("create transient table if not exists t (")
