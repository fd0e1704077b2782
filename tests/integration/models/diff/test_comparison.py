"""With ``diff_schema``, the database finds the rows that are new or changed, and only they are read and sent."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import GuardError, ModelError, TooManyRejectedError
from airflow_provider_heap.sandbox import Faults


def counts(report):
    return {name: report[name] for name in ("read", "unchanged", "sent", "requests")}


def make_users(source, count=30):
    source.run("create table users (email varchar(200), plan varchar(50), seats integer)")
    rows = ", ".join(f"('u{n}@example.com', 'pro', {n})" for n in range(count))
    source.run(f"insert into users values {rows}")


def test_a_second_run_reads_and_sends_nothing_and_a_third_what_changed(heap_sandbox, source, users, run):
    make_users(source, 2500)
    assert counts(run(users())) == {"read": 2500, "unchanged": 0, "sent": 2500, "requests": 3}
    assert counts(run(users())) == {"read": 2500, "unchanged": 2500, "sent": 0, "requests": 0}
    source.run("update users set seats = -1 where seats = 2001")
    source.run("insert into users values ('new@example.com', 'free', 1)")
    assert counts(run(users())) == {"read": 2501, "unchanged": 2499, "sent": 2, "requests": 1}
    assert heap_sandbox.users["u2001@example.com"] == {source.name("plan"): "pro", source.name("seats"): -1}
    assert counts(run(users())) == {"read": 2501, "unchanged": 2501, "sent": 0, "requests": 0}


def test_only_hashes_are_left_in_one_table(heap_sandbox, source, users, run):
    make_users(source)
    run(users())
    [table] = source.tables
    assert len(source.sent) == 30
    assert all(len(key) == len(row) == 32 for key, row, _ in source.sent)
    assert table.startswith("heap_")


def test_what_heap_refused_or_could_not_be_sent_comes_again_by_itself(heap_sandbox, source, users, run):
    make_users(source)
    source.run("insert into users values (null, 'pro', 1)")
    source.run("insert into users values (null, 'pro', 2)")
    source.run("insert into users values ('  ', 'pro', 2)")
    heap_sandbox.faults = Faults(refuse={"u7@example.com"})
    with pytest.raises(TooManyRejectedError):
        run(users())
    heap_sandbox.faults = Faults()
    report = run(users(max_rejected=3))
    assert (report["read"], report["unchanged"], report["sent"], report["invalid"]) == (33, 29, 1, 3)
    assert "u7@example.com" in heap_sandbox.users
    assert len(source.sent) == 30


def test_a_key_that_comes_more_than_once_is_refused_with_the_sql_that_picks_one(heap_sandbox, source, users, run):
    make_users(source, 3)
    for seats in (5, 6):
        source.run(f"insert into users values ('u1@example.com', 'free', {seats})")
    with pytest.raises(
        GuardError,
        match=r"(?i)1 key \(column 'email'\) came more than once, and diff_schema allows none.*partition by email",
    ):
        run(users())
    assert not heap_sandbox.requests


def test_full_sync_sends_all_and_records_it(heap_sandbox, source, users, run):
    make_users(source)
    run(users())
    assert run(users(full_sync="True"))["sent"] == 30
    assert run(users())["unchanged"] == 30
    assert len(source.sent) == 30


def test_another_mapping_sends_all_again(heap_sandbox, source, users, run):
    make_users(source)
    run(users())
    assert run(users(properties={"Plan": "plan"}))["sent"] == 30
    source.run("update users set seats = 0")
    assert run(users(properties={"Plan": "plan"}))["unchanged"] == 30


def test_a_dry_run_sends_and_makes_nothing(heap_sandbox, source, users, run):
    make_users(source)
    report = run(users(dry_run=True))
    assert (report["read"], report["would_send"], report["unchanged"]) == (30, 30, 0)
    assert not source.tables
    run(users())
    source.run("update users set seats = 99 where seats = 7")
    report = run(users(dry_run=True))
    assert (report["read"], report["would_send"], report["unchanged"]) == (30, 1, 29)
    assert len(source.tables) == 1


def test_guards_speak_before_the_first_row_is_read(heap_sandbox, source, users, run):
    make_users(source)
    plan = source.name("plan")
    with pytest.raises(GuardError, match="fewer than min_rows"):
        run(users(min_rows=31))
    with pytest.raises(GuardError, match="more than max_rows"):
        run(users(max_rows=29))
    source.run("update users set plan = null where seats < 10")
    with pytest.raises(GuardError, match=rf"property '{plan}' has no value in 10 of 30 rows"):
        run(users(max_null={plan: 0.2}))
    assert run(users(max_null={plan: 0.4}, max_changed=0))["sent"] == 30
    source.run("update users set plan = 'x'")
    with pytest.raises(GuardError, match="30 of 30 rows"):
        run(users(max_changed=0.5))
    assert not [name for name in source.tables if name.count("_") > 1]


def test_a_sync_that_was_compared_by_the_worker_meanwhile_starts_over(heap_sandbox, source, users, run):
    make_users(source)
    run(users())
    source.run("update users set seats = 99 where seats = 7")
    run(users(diff_schema=None))
    source.run("update users set seats = 7 where seats = 99")
    assert run(users())["sent"] == 30
    assert heap_sandbox.users["u7@example.com"][source.name("seats")] == 7
    source.run("update users set seats = 99 where seats = 7")
    run(users())
    source.run("update users set seats = 7 where seats = 99")
    assert run(users(diff_schema=None))["sent"] == 30
    assert heap_sandbox.users["u7@example.com"][source.name("seats")] == 7


def test_diff_schema_needs_a_state(heap_sandbox, source, users, run):
    with pytest.raises(ModelError, match="diff_schema needs state_conn_id too"):
        run(users(state_conn_id=None))
