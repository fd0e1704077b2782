"""A state table has the name that the user gives it."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.state.tables import Tables


@pytest.mark.parametrize(
    ("name", "keys", "syncs"),
    [
        ("seen", "seen", "seen_syncs"),
        (" seen ", "seen", "seen_syncs"),
        ("heap.seen", "heap.seen", "heap.seen_syncs"),
        ("db.heap.seen", "db.heap.seen", "db.heap.seen_syncs"),
    ],
)
def test_a_name_may_have_a_schema(name, keys, syncs):
    tables = Tables(name)
    assert (tables.keys.fullname, tables.syncs.fullname) == (keys, syncs)


@pytest.mark.parametrize("name", ["", "  ", "schema."])
def test_a_table_without_a_name_is_refused(name):
    with pytest.raises(ModelError, match="state_table"):
        Tables(name)
