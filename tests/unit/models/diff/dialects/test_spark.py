"""The expressions of Spark, and how a table is written anew that no row can be deleted from."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import StateError
from airflow_provider_heap.models.diff.dialects.base import DiffColumn
from airflow_provider_heap.models.diff.dialects.spark import DatabricksDialect, SparkDialect

SENT = "`heap`.`heap_1`"


class Session:
    """
    Takes statements, as Spark does as far as they make, drop and look up tables.

    :param views: what each look at the view shows in turn; the last one stays.
    :param matches: whether any row is to be deleted.
    """

    def __init__(self, views, matches=True):
        self.views = list(views)
        self.matches = matches
        self.statements = []

    def run(self, statement, action):
        """Take a statement."""
        self.statements.append(statement)

    def rows(self, statement, action):
        """Answer a query."""
        if statement.startswith("show tblproperties"):
            view = self.views.pop(0) if len(self.views) > 1 else self.views[0]
            return list(view.items())
        if statement.startswith("show tables"):
            return [("heap", "heap_1_a_1", False), ("heap", "heap_1_a_2", False)]
        return [(1,)] if self.matches else []


def test_values_are_hashed_by_name_with_all_their_digits_and_their_offset():
    sql = SparkDialect().row_hash("aa", [DiffColumn("a b"), DiffColumn("c`d")])
    assert "named_struct('0', 'aa', '1', `a b`, '2', `c``d`)" in sql
    assert "'ignoreNullFields', 'false'" in sql
    assert "SSSSSSXXX" in sql


def test_a_moment_counts_as_the_client_hands_it_over():
    column = DiffColumn("at", "TIMESTAMP")
    assert "'timeZone', 'UTC'" in DatabricksDialect().row_hash("aa", [column])
    assert "timeZone" not in SparkDialect().row_hash("aa", [column])


def test_one_number_is_one_key():
    dialect = SparkDialect()
    assert "rtrim('0'" in dialect.key_text(DiffColumn("n", "DECIMAL"))
    assert "as bigint" in dialect.key_text(DiffColumn("n", "DOUBLE"))
    assert dialect.key_text(DiffColumn("n", "STRING")) == "cast(`n` as string)"


def test_a_column_of_nothing_but_nulls_is_kept_as_text():
    assert SparkDialect().stored(DiffColumn("n", "VOID")) == "cast(d.`n` as string)"
    assert SparkDialect().stored(DiffColumn("n", "INT")) == "d.`n`"


def test_databricks_deletes_rows_as_others_do():
    session = Session([{}])
    DatabricksDialect().delete_keys(session, SENT, "select 1 as heap_key")
    assert session.statements == [f"delete from {SENT} where heap_key in (select 1 as heap_key)"]


def test_rows_that_stay_are_written_into_another_table_which_is_shown_then():
    dialect = SparkDialect()
    session = Session([{"heap_rows": "heap_1_x_1", "heap_before": "heap_1_w_1"}])
    dialect.delete_keys(session, SENT, "select heap_key from c")
    new = f"heap_1_{dialect.token}_1"
    create, show, *dropped = session.statements
    assert create == (
        f"create table `heap`.`{new}` using parquet as select s.heap_key, s.heap_row, s.sent_at from {SENT} s "
        "left anti join (select heap_key from c) k on k.heap_key = s.heap_key"
    )
    assert show.startswith(f"create or replace view {SENT} tblproperties ('heap_rows' = '{new}', 'heap_before' = 'heap")
    assert dropped == ["drop table if exists `heap`.`heap_1_x_1`", "drop table if exists `heap`.`heap_1_w_1`"]


def test_nothing_is_written_when_no_row_is_to_be_deleted():
    session = Session([{}], matches=False)
    SparkDialect().delete(session, SENT, "sent_at < 5")
    assert not session.statements


def test_what_another_run_wrote_meanwhile_is_not_lost():
    dialect = SparkDialect()
    old, other = {"heap_rows": "heap_1_x_1"}, {"heap_rows": "heap_1_y_1"}
    session = Session([old, other])
    dialect.delete(session, SENT, "sent_at < 5")
    assert [statement.split(" as ")[0] for statement in session.statements[:3]] == [
        f"create table `heap`.`heap_1_{dialect.token}_1` using parquet",
        f"drop table if exists `heap`.`heap_1_{dialect.token}_1`",
        f"create table `heap`.`heap_1_{dialect.token}_2` using parquet",
    ]
    busy = Session([{"heap_rows": str(number)} for number in range(9)])
    with pytest.raises(StateError, match="at the same time"):
        dialect.delete(busy, SENT, "sent_at < 5")
    assert not [statement for statement in busy.statements if "view" in statement]


def test_what_a_dead_run_wrote_is_dropped_with_its_changes_unless_it_is_shown():
    session = Session([{"heap_rows": "heap_1_a_2"}])
    SparkDialect().drop(session, "`heap`.`heap_1_a`")
    assert session.statements == ["drop table if exists `heap`.`heap_1_a`", "drop table if exists `heap`.`heap_1_a_1`"]
