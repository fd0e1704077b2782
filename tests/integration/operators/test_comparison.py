"""What the operators make of a task with ``diff_schema``."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models import Rows
from airflow_provider_heap.operators.heap import (
    Constant,
    HeapEventSyncOperator,
    HeapUserDeletionOperator,
    HeapUserSyncOperator,
    RowTemplate,
)


def events(source, **parameters):
    given = {
        "task_id": "sync",
        "model": "select * from orders",
        "sql_conn_id": source.conn_id,
        "identity": "email",
        "insert_id": "id",
        "timestamp": None,
        "state_conn_id": "sqlite",
        "diff_schema": source.schema,
    }
    return HeapEventSyncOperator(**{**given, **parameters})


def make_orders(source):
    source.run("create table orders (id integer, email varchar(50), what varchar(50), amount integer)")
    source.run("insert into orders values (1, 'a', 'Order', 5), (2, 'a', 'Order', 5), (1, 'b', 'Refund', 5)")


def test_an_event_is_sent_once_whatever_its_row_says_later(heap_sandbox, source, run):
    make_orders(source)
    assert run(events(source, event_column="what"))["sent"] == 3
    source.run("update orders set amount = 9")
    source.run("insert into orders values (2, 'b', 'Refund', 1)")
    report = run(events(source, event_column="what"))
    assert (report["sent"], report["unchanged"], len(heap_sandbox.events)) == (1, 3, 4)


def test_another_name_of_the_event_makes_other_keys(heap_sandbox, source, run):
    make_orders(source)
    model = "select * from orders where what = 'Order'"
    assert run(events(source, model=model, event="Order"))["sent"] == 2
    assert run(events(source, model=model, event="Purchase"))["sent"] == 2
    assert run(events(source, model=model, event="Order"))["unchanged"] == 2


def test_old_events_are_forgotten(heap_sandbox, source, run):
    make_orders(source)
    run(events(source, event_column="what"))
    table = f"{source.schema}.{source.tables[0]}"
    source.run(f"update {table} set sent_at = sent_at - 90000")
    assert run(events(source, event_column="what", state_retention=1))["sent"] == 3
    assert len(heap_sandbox.events) == 3


def test_templates_and_constants_count_with_their_columns(heap_sandbox, source, users, run):
    make_orders(source)
    model = "select email, max(what) as what, max(amount) as amount, max(id) as id from orders group by email"
    properties = {"Last": RowTemplate("{{ what }}: {{ amount }}"), "Team": Constant("A")}
    assert run(users(model, properties=properties))["sent"] == 2
    source.run("update orders set id = id + 10")
    assert run(users(model, properties=properties))["unchanged"] == 2
    source.run("update orders set amount = 6 where email = 'b'")
    assert run(users(model, properties=properties))["sent"] == 1
    assert heap_sandbox.users["b"] == {"Last": "Refund: 6", "Team": "A"}
    assert run(users(model, properties={**properties, "Team": Constant("B")}))["sent"] == 2


def test_more_than_a_hundred_columns_are_compared(heap_sandbox, source, users, run):
    columns = ", ".join(f"c{n} integer" for n in range(130))
    source.run(f"create table users (email varchar(50), {columns})")
    source.run(f"insert into users values ('a', {', '.join('1' * 130)})")
    run(users())
    source.run("update users set c129 = 2")
    assert run(users())["sent"] == 1
    assert run(users())["unchanged"] == 1


def test_a_column_that_has_a_name_of_the_tables_is_refused(heap_sandbox, source, users, run):
    with pytest.raises(ModelError, match=r"(?i)a column named 'heap_key'"):
        run(users("select 'a' as email, 1 as heap_key"))


def test_only_columns_can_be_watched(heap_sandbox, source, users, run):
    with pytest.raises(ModelError, match=r"max_null names 'Team'.*'n'"):
        run(users("select 'a' as email, 1 as n", properties={"n": "n", "Team": Constant(1)}, max_null={"Team": 0.1}))


def test_a_deletion_has_nothing_to_compare(heap_sandbox, source, run):
    operator = HeapUserDeletionOperator(
        task_id="erase",
        model="select 'a' as email",
        sql_conn_id=source.conn_id,
        identity="email",
        max_rows=1,
        state_conn_id="sqlite",
        diff_schema=source.schema,
    )
    with pytest.raises(ModelError, match="diff_schema compares rows that are sent; a deletion is asked for once"):
        run(operator)
    assert not heap_sandbox.requests


class People:
    """A model without SQL."""

    def open(self, source):
        """Give no rows."""
        return Rows([], [])


def test_a_model_without_sql_is_refused(heap_sandbox, source, users, run):
    with pytest.raises(ModelError, match=r"rows are compared by SQL, and .* has none"):
        run(users(People()))


def test_a_database_that_is_not_known_compares_by_the_users_own_expression(heap_sandbox, postgres, local_state, run):
    [[schema]] = postgres.execute("select current_schema()").fetchall()
    postgres.execute("create table users (email text, plan text, seats numeric, vip boolean, at timestamptz, f float8)")
    row = "('{}', {}, 1.5, true, '2026-01-02 03:04:05.000001+00', 0.3)"
    postgres.execute(f"insert into users values {row.format('a', 'null')}, {row.format('b', 1)}, {row.format('c', 2)}")

    def sync(expression, **options):
        given = {"task_id": "sync", "model": "select * from users", "sql_conn_id": "pg", "identity": "email"}
        return run(HeapUserSyncOperator(**given, **local_state, diff_schema=schema, diff_hash=expression, **options))

    assert sync("md5({text})")["sent"] == 3
    assert sync("md5({text})")["unchanged"] == 3
    changes = ["plan = ''", "plan = 'x'", "seats = 1.50", "vip = null", "at = at + interval '1 microsecond'"]
    for change in [*changes, "f = 0.30000000000000004"]:
        postgres.execute(f"update users set {change} where email = 'a'")
        assert sync("md5({text})")["sent"] == 1, change
    for wrong in ("upper(md5({text}))", "md5(left({text}, 9))", "md5({text} || '')||'x'"):
        with pytest.raises(ModelError, match="takes different rows for equal ones, or makes another MD5"):
            sync(wrong, sync_name="another")
