"""The lineage of a task for OpenLineage: tables in, a Heap object out, both in the one event of the task."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

from airflow_provider_heap.assets.heap import openlineage_dataset

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from airflow.providers.openlineage.extractors import OperatorLineage

log = logging.getLogger(__name__)


def lineage(heap_hook: object, db_hook: DbApiHook | None) -> OperatorLineage[Any, Any] | None:
    """
    Return what the hooks have added to Airflow's lineage collector, in OpenLineage's form.

    By default OpenLineage makes an event of its own from each statement. It would then know what was read and what was
    written, but not that one came from the other.

    :param heap_hook: the hook that added what was written.
    :param db_hook: the hook that the query ran on; None when there was none.
    :return: None without the OpenLineage provider.
    """
    try:
        from airflow.providers.openlineage.extractors import OperatorLineage
    except ImportError:
        return None
    collected = get_hook_lineage_collector().collected_assets  # type: ignore[no-untyped-call]
    result: OperatorLineage[Any, Any] = OperatorLineage(
        outputs=[openlineage_dataset(output.asset.uri) for output in collected.outputs if output.context is heap_hook]
    )
    for extra in collected.extra:
        if db_hook is not None and extra.context is db_hook and extra.key == "sql_job":
            read = _tables_read(db_hook, extra.value["sql"])
            # A dbt model asks for its columns first, and so reads its relation twice.
            result.inputs.extend(table for table in read.inputs if table not in result.inputs)
            result.job_facets.update(read.job_facets)
    return result


def _tables_read(hook: DbApiHook, sql: str) -> OperatorLineage[Any, Any]:
    from airflow.providers.common.compat.openlineage.facet import SQLJobFacet
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.providers.openlineage.sqlparser import SQLParser

    try:
        connection = hook.get_connection(hook.get_conn_id())
        # Not every hook knows what its database is called; SQLite's does not.
        if database := hook.get_openlineage_database_info(connection):
            dialect = hook.get_openlineage_database_dialect(connection)
            parser = SQLParser(dialect, hook.get_openlineage_default_schema())
            return parser.generate_openlineage_metadata_from_sql(sql, hook, database, use_connection=False)
    except Exception:
        log.warning("OpenLineage could not find out which tables the query reads")
        log.debug("The error was", exc_info=True)
    return OperatorLineage(job_facets={"sql": SQLJobFacet(query=SQLParser.normalize_sql(sql))})
