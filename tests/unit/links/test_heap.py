"""The link leads to where a person sees what arrived."""

from __future__ import annotations

import pytest

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.links.heap import HeapLink
from airflow_provider_heap.operators.heap import HeapUserSyncOperator
from airflow_provider_heap.provider_info import get_provider_info


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({}, "https://heapanalytics.com/app/env/2388822444/overview/usage-baselines"),
        ({"region": "eu"}, "https://heapanalytics.com/app/manage/projects"),
        ({"host": "http://127.0.0.1", "port": 8047}, "http://127.0.0.1:8047/"),
    ],
)
def test_it_leads_to_the_environment_or_to_the_page_of_the_sandbox(connection, url):
    assert Environment.parse(app_id="2388822444", **connection).app_url == url


def test_every_operator_has_it_and_airflow_may_load_it():
    operator = HeapUserSyncOperator(task_id="sync", model="select 1")
    [link] = operator.operator_extra_links
    assert isinstance(link, HeapLink)
    assert get_provider_info()["extra-links"] == [f"{HeapLink.__module__}.{HeapLink.__qualname__}"]


def test_a_task_leaves_its_url_before_it_reads_so_that_a_failure_has_the_link_too(heap_sandbox, warehouse, run, ti):
    operator = HeapUserSyncOperator(task_id="sync", model="select * from nowhere", sql_conn_id="warehouse")
    with pytest.raises(Exception, match="nowhere"):
        run(operator)
    assert ti.xcom[HeapLink.key] == f"{heap_sandbox.url}/"
