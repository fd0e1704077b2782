"""The link leads to where a person sees what arrived."""

from __future__ import annotations

import pytest

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.links.heap import HeapLink, SyncHistoryLink
from airflow_provider_heap.operators.heap import HeapUserSyncOperator
from airflow_provider_heap.provider_info import get_provider_info
from tests.system.dags import AIRFLOW_2


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
    links = [type(link) for link in operator.operator_extra_links]
    assert links == [HeapLink, SyncHistoryLink]
    assert get_provider_info()["extra-links"] == [f"{link.__module__}.{link.__qualname__}" for link in links]


@pytest.mark.skipif(AIRFLOW_2, reason="its UI has no page Heap")
def test_the_history_is_on_the_page_below_the_base_path(monkeypatch, ti):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/af/")
    url = SyncHistoryLink().get_link(None, ti_key=ti)
    assert url == (
        "https://airflow.example.com/af/plugin/heap?dag_id=dag&task_id=task"
        "&run_id=manual__2026-11-23T00%3A00%3A00%2B00%3A00"
    )
    monkeypatch.setenv("AIRFLOW__HEAP__PAGE", "False")
    assert SyncHistoryLink().get_link(None, ti_key=ti) == ""


def test_a_task_leaves_its_url_before_it_reads_so_that_a_failure_has_the_link_too(heap_sandbox, warehouse, run, ti):
    operator = HeapUserSyncOperator(task_id="sync", model="select * from nowhere", sql_conn_id="warehouse")
    with pytest.raises(Exception, match="nowhere"):
        run(operator)
    assert ti.xcom[HeapLink.key] == f"{heap_sandbox.url}/"


def test_a_task_that_failed_before_it_read_its_connection_asks_for_no_xcom(monkeypatch):
    def ask(*args, **kwargs):
        raise AssertionError("Airflow 3 logs an error for an XCom that is not there")

    monkeypatch.setattr(HeapLink, "key", property(ask))
    operator = HeapUserSyncOperator(task_id="sync", model="select 1")
    assert HeapLink().get_link(operator, ti_key=None) == ""
    operator.app_url = "https://heap.example/"
    assert HeapLink().get_link(operator, ti_key=None) == "https://heap.example/"
