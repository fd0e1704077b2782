"""What a run asks of a comparison is what the database's has."""

from __future__ import annotations

from airflow_provider_heap.models.diff.comparison import WarehouseComparison
from airflow_provider_heap.sync.state.comparison import Comparison


def test_the_databases_comparison_has_all_that_a_run_asks_for():
    wanted = {name for name in vars(Comparison) if not name.startswith("_")}
    assert wanted <= {*dir(WarehouseComparison), *WarehouseComparison.__dataclass_fields__}
