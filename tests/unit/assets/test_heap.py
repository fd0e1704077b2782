"""Assets of the scheme ``heap`` are found by Airflow, have one form each, and are datasets of OpenLineage."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import Asset

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import ACCOUNT, EVENT, USER
from airflow_provider_heap.assets.heap import asset_uri, convert_asset_to_openlineage


@pytest.mark.parametrize(
    ("heap_object", "environment", "uri"),
    [
        (USER, {}, "heap://heapanalytics.com/2388822444/users"),
        (ACCOUNT, {"region": "eu"}, "heap://c.eu.heap-api.com/2388822444/accounts"),
        (EVENT, {"host": "http://127.0.0.1:8047/heap"}, "heap://127.0.0.1:8047/2388822444/events"),
    ],
)
def test_what_a_sync_writes_to_has_a_uri_that_airflow_leaves_as_it_is(heap_object, environment, uri):
    assert asset_uri(Environment.parse(app_id="2388822444", **environment), heap_object) == uri
    assert Asset(uri).uri == uri


@pytest.mark.parametrize(
    ("written", "namespace", "name"),
    [
        ("heap://HeapAnalytics.com/2388822444/users/", "heap://heapanalytics.com", "2388822444/users"),
        ("heap://users", "heap://users", "users"),
    ],
)
def test_an_asset_is_a_dataset_of_openlineage(written, namespace, name):
    dataset = convert_asset_to_openlineage(Asset(written), None)
    assert (dataset.namespace, dataset.name) == (namespace, name)
