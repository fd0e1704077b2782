"""A connection that is missing is answered with the parameter that named it, and with how to add one."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_heap.hooks.connections import find_connection


def test_a_connection_is_found(warehouse):
    assert find_connection("warehouse", "sql_conn_id").conn_type == "sqlite"


def test_a_missing_one_is_named_with_its_parameter_and_the_command_that_adds_it():
    with pytest.raises(AirflowNotFoundException) as raised:
        find_connection("warehous", "sql_conn_id of task 'users'")
    assert str(raised.value) == (
        "sql_conn_id of task 'users' is 'warehous', and Airflow has no connection of this ID. Add it in the UI under "
        "Admin, Connections, or with: airflow connections add warehous --conn-uri 'postgresql://user:password@host:5432/database'"
    )


def test_the_caller_chooses_the_example():
    with pytest.raises(AirflowNotFoundException, match=r"airflow connections add heap_prod --conn-type heap$"):
        find_connection("heap_prod", "heap_conn_id", "--conn-type heap")


def test_a_url_in_place_of_an_id_is_not_repeated_because_it_may_hold_a_password():
    with pytest.raises(AirflowNotFoundException, match="takes the ID of a connection") as raised:
        find_connection("postgresql://me:secret@host/db", "sql_conn_id")
    assert "secret" not in str(raised.value)
