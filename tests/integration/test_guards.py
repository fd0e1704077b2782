"""Guards hold at their edges; a broken one lets nothing out, and an unbroken one changes nothing."""

from __future__ import annotations

import errno
import json
import sqlite3
from contextlib import closing

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_heap.exceptions import GuardError, ModelError
from airflow_provider_heap.operators.heap import Constant, HeapUserSyncOperator
from airflow_provider_heap.sync.delivery.spool import Spool


@pytest.fixture
def state(tmp_path, monkeypatch):
    """The parameters of an operator that keeps its state in SQLite."""
    connection = {"conn_type": "sqlite", "host": str(tmp_path / "state.db")}
    monkeypatch.setenv("AIRFLOW_CONN_STATE", json.dumps(connection))
    return {"state_conn_id": "state"}


def users(model="select * from users", **parameters):
    return HeapUserSyncOperator(task_id="sync", model=model, sql_conn_id="warehouse", identity="email", **parameters)


def broken(run, heap_sandbox, operator):
    """Run a sync whose guard is broken, and return what it says."""
    before = len(heap_sandbox.requests)
    with pytest.raises(GuardError) as caught:
        run(operator)
    assert isinstance(caught.value, AirflowFailException)
    assert len(heap_sandbox.requests) == before
    assert caught.value.report["sent"] == 0
    return str(caught.value)


def execute(path, statement):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize("guard", [{"min_rows": 10}, {"max_rows": 10}, {"min_rows": "10", "max_rows": "10"}])
def test_as_many_rows_as_a_guard_names_are_sent(heap_sandbox, warehouse, run, guard):
    warehouse.users(10)
    assert run(users(**guard))["sent"] == 10


@pytest.mark.parametrize(
    ("guard", "message"),
    [
        ({"min_rows": 11}, "the model has 10 rows, fewer than min_rows=11"),
        ({"max_rows": "9"}, "the model has more than max_rows=9, and"),
        ({"max_rows": 0}, "more than max_rows=0, and"),
    ],
)
def test_a_row_too_few_or_too_many_and_nothing_is_sent(heap_sandbox, warehouse, run, guard, message):
    warehouse.users(10)
    assert message in broken(run, heap_sandbox, users(**guard))


def test_an_empty_model_breaks_min_rows_and_no_other_guard(heap_sandbox, warehouse, run):
    warehouse.users(1)
    nobody = "select * from users where n > 1"
    assert run(users(nobody, max_rows=0, max_null={"plan": 0}, unique_key=True))["read"] == 0
    assert "has 0 rows, fewer than min_rows=1" in broken(run, heap_sandbox, users(nobody, min_rows=1))


def test_a_model_without_end_is_left_as_soon_as_it_has_too_many_rows(heap_sandbox, warehouse, run):
    endless = "with recursive c(n) as (select 1 union all select n + 1 from c) select n as email from c"
    assert "reading stopped after" in broken(run, heap_sandbox, users(endless, max_rows=5000))


@pytest.mark.parametrize("share", [0.29, "0.29"])
@pytest.mark.parametrize("nulls", [29, 30])
def test_nulls_are_a_share_of_the_rows_read(heap_sandbox, warehouse, run, share, nulls):
    warehouse.table("users", [{"email": f"u{n}", "plan": None if n < nulls else "pro"} for n in range(100)])
    operator = users(properties={"Plan": "plan"}, max_null={"Plan": share})
    if nulls == 29:
        assert run(operator)["sent"] == 100
    else:
        assert "property 'Plan' has no value in 30 of 100 rows (30.0%), more than max_null=0.29" in broken(
            run, heap_sandbox, operator
        )


@pytest.mark.parametrize("nulls", ["omit", "empty"])
def test_what_heap_gets_as_no_value_is_a_null_and_an_empty_text_is_none(heap_sandbox, warehouse, run, nulls):
    warehouse.table("users", [{"email": "a", "x": None}, {"email": "b", "x": ""}, {"email": "c", "x": float("inf")}])
    assert "'x' has no value in 2 of 3 rows" in broken(run, heap_sandbox, users(max_null={"x": 0.5}, nulls=nulls))


def test_nulls_are_counted_inside_of_what_is_flattened(heap_sandbox, run):
    from contextlib import contextmanager

    from airflow_provider_heap.models import Rows

    class Flattener:
        @contextmanager
        def open(self, source):
            yield Rows(["email", "at"], [[("a", {"city": "x"}), ("b", {"city": None}), ("c", {}), ("d", None)]])

    def operator(**guard):
        return HeapUserSyncOperator(task_id="sync", model=Flattener(), identity="email", max_null=guard)

    assert "'at.city' has no value in 3 of 4 rows" in broken(run, heap_sandbox, operator(**{"at.city": 0.7}))
    assert "'at' has no value in 1 of 4 rows" in broken(run, heap_sandbox, operator(at=0.2))
    assert "'at.zip' has no value in 4 of 4 rows" in broken(run, heap_sandbox, operator(**{"at.zip": 0.99}))
    assert run(operator(at=0.25, **{"at.city": 0.75}))["sent"] == 4


def test_max_null_names_properties_and_not_columns(heap_sandbox, warehouse, run):
    warehouse.users(1)
    with pytest.raises(ModelError, match=r"names 'plan', which is not a property.*There are: 'Plan', 'By'"):
        run(users(properties={"Plan": "plan", "By": Constant(1)}, max_null={"plan": 0.1}))
    assert heap_sandbox.requests == []


@pytest.mark.parametrize("keeps_state", [False, True])
def test_a_key_that_comes_twice_breaks_unique_key(heap_sandbox, warehouse, run, state, keeps_state):
    warehouse.users(2100)
    parameters = {**(state if keeps_state else {}), "unique_key": "true"}
    twice = "select * from users union all select email, plan, seats, n from users where n in (3, 2000)"
    assert "2 keys (column 'email') came more than once" in broken(run, heap_sandbox, users(twice, **parameters))
    report = run(users(**parameters))
    assert (report["sent"], report["duplicate_keys"]) == (2100, 0)


@pytest.mark.parametrize("most", [3, "3", 0.3, "0.3"])
def test_more_changes_than_expected_are_not_sent_and_not_recorded(heap_sandbox, warehouse, run, state, tmp_path, most):
    warehouse.users(10)
    # Everything is new in a first run, which the guard lets be.
    assert run(users(max_changed=most, **state))["sent"] == 10
    execute(warehouse.path, "update users set seats = 0 where n <= 3")
    assert run(users(max_changed=most, **state))["sent"] == 3
    execute(warehouse.path, "update users set seats = -1 where n <= 3")
    execute(warehouse.path, "insert into users values ('new', 'free', 1, 11)")
    known = "select * from heap_sync_state order by key_hash"
    with closing(sqlite3.connect(tmp_path / "state.db")) as database:
        before = database.execute(known).fetchall()
        message = broken(run, heap_sandbox, users(max_changed=most, **state))
        assert database.execute(known).fetchall() == before
    assert f"4 of 11 rows (36.4%) are new or changed, more than max_changed={most}" in message
    assert "run once with full_sync=True" in message
    assert run(users(max_changed=most, full_sync=True, **state))["sent"] == 11


def test_a_first_run_that_broke_off_is_no_reason_to_refuse_its_retry(heap_sandbox, warehouse, run, state):
    warehouse.users(10)
    model = "select email, abs(case n when 10 then -9223372036854775807 - 1 else n end) as n from users order by n"
    with pytest.raises(Exception, match="overflow"):
        run(users(model, fetch_size=1, batch_size=1, **state))
    assert run(users(max_changed=0.1, **state))["sent"] > 0


def test_max_changed_without_state_has_nothing_to_compare_with(heap_sandbox, warehouse, run):
    with pytest.raises(ModelError, match="set state_conn_id"):
        run(users(max_changed=0.1))


def test_all_broken_guards_stand_in_one_message(heap_sandbox, warehouse, run):
    warehouse.table("users", [{"email": "a", "x": None}, {"email": "a", "x": None}])
    message = broken(run, heap_sandbox, users(min_rows=3, max_null={"x": 0.5}, unique_key=True))
    assert message.startswith("Nothing was sent, because 3 guards are broken: ")
    assert all(name in message for name in ("min_rows", "max_null", "unique_key"))


@pytest.mark.parametrize(
    "guard",
    [{"min_rows": -1}, {"min_rows": 2, "max_rows": 1}, {"max_null": {"x": 1.5}}, {"max_null": 0.2}, {"max_rows": "x"}],
)
def test_a_guard_that_cannot_be_right_is_told_of(heap_sandbox, warehouse, run, guard):
    with pytest.raises(ModelError, match=r"min_rows|max_rows|max_null"):
        run(users(**guard))


def test_what_is_held_back_waits_on_disk_and_then_goes_in_order(heap_sandbox, warehouse, run, capsys):
    warehouse.users(500)
    report = run(users("select 'same' as email, n from users order by n", batch_size=10, min_rows=500))
    assert (report["sent"], report["requests"]) == (500, 50)
    assert heap_sandbox.users["same"]["n"] == 500
    assert "Guards hold all rows back: they wait on disk" in "".join(capsys.readouterr())


def test_a_disk_too_full_to_hold_the_rows_back_is_told_of_and_nothing_is_sent(
    heap_sandbox, warehouse, run, monkeypatch
):
    monkeypatch.setattr(Spool, "put", lambda self, batch: False)
    warehouse.users(500)
    with pytest.raises(OSError, match="full of rows that guards hold back; nothing was sent") as caught:
        run(users(batch_size=10, min_rows=1))
    assert caught.value.errno == errno.ENOSPC
    assert heap_sandbox.requests == []


def test_a_dry_run_counts_all_before_it_tells_of_a_broken_guard(heap_sandbox, warehouse, run):
    warehouse.users(10)
    with pytest.raises(GuardError, match="min_rows=11") as caught:
        run(users(min_rows=11, dry_run=True))
    assert caught.value.report["would_send"] == 10
