"""Find connections of Airflow, and say how to add one that is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

#: How a SQL connection is added on the command line.
SQL_EXAMPLE = "--conn-uri 'postgresql://user:password@host:5432/database'"


def find_connection(conn_id: str, parameter: str, example: str = SQL_EXAMPLE) -> Connection:
    """
    Return a connection of Airflow.

    The error of a missing one stays Airflow's, which is retried: a secrets backend that is away looks the same.

    :param conn_id: its ID.
    :param parameter: what named it, for the message.
    :param example: the arguments of ``airflow connections add`` that describe the connection.
    :raises AirflowNotFoundException: when Airflow has no connection of this ID, with the command that adds one.
    """
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        pass
    if "://" in str(conn_id):  # which may have a password in it
        raise AirflowNotFoundException(
            f"{parameter} is a URL, but it takes the ID of a connection of Airflow. Add one, and name its ID here: "
            f"airflow connections add my_connection {example}"
        )
    raise AirflowNotFoundException(
        f"{parameter} is {conn_id!r}, and Airflow has no connection of this ID. Add it in the UI under Admin, "
        f"Connections, or with: airflow connections add {conn_id} {example}"
    )
