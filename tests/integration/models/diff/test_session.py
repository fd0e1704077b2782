"""What the role may not, and what the database can't: one clear error each, before anything is sent."""

from __future__ import annotations

import json
import os

import pytest

from airflow_provider_heap.exceptions import ModelError


def test_a_schema_that_is_missing_is_named_with_the_grant(heap_sandbox, source, users, run):
    source.run("create table users (email varchar(200), n integer)")
    with pytest.raises(ModelError, match=r"diff_schema='nowhere': connection .* could not create a table") as raised:
        run(users(diff_schema="nowhere"))
    assert "the role must be allowed to create tables in it" in str(raised.value)


def test_a_role_that_may_only_read_is_told_the_grant(heap_sandbox, postgres, local_state, run, monkeypatch):
    from airflow_provider_heap.operators.heap import HeapUserSyncOperator

    [[schema]] = postgres.execute("select current_schema()").fetchall()
    role = f"{schema}_reader"
    postgres.execute("create table users (email text)")
    postgres.execute(f"drop role if exists {role}; create role {role} login")
    postgres.execute(f"grant usage on schema {schema} to {role}; grant select on users to {role}")
    connection = {**json.loads(os.environ["AIRFLOW_CONN_PG"]), "login": role}
    monkeypatch.setenv("AIRFLOW_CONN_READER", json.dumps(connection))
    operator = HeapUserSyncOperator(
        task_id="sync", model="select * from users", sql_conn_id="reader", identity="email", diff_schema=schema,
        **local_state,
    )  # fmt: skip
    try:
        with pytest.raises(ModelError, match=f'grant usage, create on schema "{schema}" to <the role'):
            run(operator)
    finally:
        postgres.execute(f"drop owned by {role}; drop role {role}")
    assert not heap_sandbox.requests


def test_a_syntax_error_says_that_the_model_is_nested(heap_sandbox, source, users, run):
    with pytest.raises(ModelError, match="syntax error"):
        run(users("select from where"))
