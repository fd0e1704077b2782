"""The expressions of BigQuery; what they give is tried on its emulator, in tests/system and tests/integration."""

from __future__ import annotations

import pytest

from airflow_provider_heap.models.diff.dialects.base import DiffColumn
from airflow_provider_heap.models.diff.dialects.bigquery import BigQueryDialect
from airflow_provider_heap.models.diff.sent_statements import SentStatements


def test_a_row_is_hashed_as_the_json_of_a_struct():
    columns = [DiffColumn("a", "STRUCT"), DiffColumn("g", "GEOGRAPHY")]
    assert BigQueryDialect().row_hash("0", columns) == (
        "to_hex(md5(to_json_string(struct('0', `a`, to_hex(st_asbinary(`g`))))))"
    )


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("STRING", "cast(`k` as string)"),
        ("NUMERIC", "cast(`k` as string)"),
        ("TIMESTAMP", "string(`k`, 'UTC')"),
        ("BYTES", "to_json_string(`k`)"),
        ("ARRAY<STRING>", "to_json_string(`k`)"),
        ("FLOAT64", "if(`k` = safe_cast(`k` as int64), cast(safe_cast(`k` as int64) as string), cast(`k` as string))"),
    ],
)
def test_the_text_of_a_key_has_nothing_of_the_session(kind, text):
    assert BigQueryDialect().key_text(DiffColumn("k", kind)) == text


def test_quotes_and_backslashes_of_names_are_escaped():
    assert BigQueryDialect().quoted("a`b\\c") == "`a\\`b\\\\c`"


@pytest.mark.parametrize(
    ("schema", "quoted"),
    [
        ("heap", "`heap`.`t`"),
        ("my-proj.heap", "`my-proj`.`heap`.`t`"),
        ("example.com:proj.heap", "`example.com:proj`.`heap`.`t`"),
    ],
)
def test_a_dataset_may_have_its_project_before_it(schema, quoted):
    assert BigQueryDialect().table(schema, "t") == quoted


def test_hashes_are_found_by_their_keys():
    assert SentStatements(BigQueryDialect(), "t").create_sent == (
        "create table if not exists t (heap_key string not null, heap_row string not null, sent_at int64 not null) "
        "cluster by heap_key"
    )
