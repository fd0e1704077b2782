"""The lineage of a task for OpenLineage: tables in, a Heap object out, both in the one event of the task."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

from airflow_provider_heap.assets.heap import openlineage_dataset
from airflow_provider_heap.sync.mapping.row_template import RowTemplate

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset, Fields, InputField
    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.providers.openlineage.sqlparser import SQLParser

    from airflow_provider_heap.sync.mapping.summary import MappingSummary
    from airflow_provider_heap.sync.run import SyncRun

log = logging.getLogger(__name__)

#: A query whose columns are those of its table.
_WHOLE_TABLE = re.compile(r"\s*select\s+\*\s+from\s", re.IGNORECASE)

ALL_COLUMNS = "*"

#: The columns of tables that each column of a query is made from, by its name in lower case; or by ``*`` the table
#: whose columns all of them are.
Origins = dict[str, list["InputField"]]


def lineage(
    heap_hook: object, db_hook: DbApiHook | None, run: SyncRun | None = None
) -> OperatorLineage[Any, Any] | None:
    """
    Return what the hooks have added to Airflow's lineage collector, in OpenLineage's form.

    By default OpenLineage makes an event of its own from each statement. It would then know what was read and what was
    written, but not that one came from the other.

    :param heap_hook: the hook that added what was written.
    :param db_hook: the hook that the query ran on; None when there was none.
    :param run: the run, for columns and counters; None when there was none.
    :return: None without the OpenLineage provider.
    """
    try:
        from airflow.providers.openlineage.extractors import OperatorLineage
    except ImportError:
        return None
    collected = get_hook_lineage_collector().collected_assets  # type: ignore[no-untyped-call]
    result: OperatorLineage[Any, Any] = OperatorLineage()
    origins: Origins = {}
    for extra in collected.extra:
        if db_hook is not None and extra.context is db_hook and extra.key == "sql_job":
            read, columns = _tables_read(db_hook, extra.value["sql"])
            # A dbt model asks for its columns first, and so reads its relation twice.
            result.inputs.extend(table for table in read.inputs if table not in result.inputs)
            result.job_facets.update(read.job_facets)
            origins |= columns
    uris = [output.asset.uri for output in collected.outputs if output.context is heap_hook]
    result.outputs.extend(_written(uri, run, origins) for uri in uris)
    if run is not None:
        from airflow_provider_heap.operators.run_facet import run_facet

        result.run_facets["heap_sync"] = run_facet(run.report.as_dict(), run.plan.mode.name.lower(), run.plan.name)
    return result


def _written(uri: str, run: SyncRun | None, origins: Origins) -> Dataset:
    """Return the dataset that was written, with which column became which property, and how much was written."""
    from airflow.providers.common.compat.openlineage.facet import (
        ColumnLineageDatasetFacet,
        OutputDataset,
        OutputStatisticsOutputDatasetFacet,
    )

    dataset = openlineage_dataset(uri)
    if run is None:
        return dataset
    fields = dict(_fields(run.mapping, origins)) if run.mapping is not None else {}
    return OutputDataset(
        namespace=dataset.namespace,
        name=dataset.name,
        facets={"columnLineage": ColumnLineageDatasetFacet(fields=fields)} if fields else {},
        outputFacets={
            "outputStatistics": OutputStatisticsOutputDatasetFacet(rowCount=run.report.sent, size=run.report.bytes)
        },
    )


def _fields(mapping: MappingSummary, origins: Origins) -> Iterator[tuple[str, Fields]]:
    """Yield each field and property that comes from columns of a table that is known."""
    from airflow.providers.common.compat.openlineage.facet import Fields, InputField

    tables = origins.get(ALL_COLUMNS, [])
    sources: Mapping[str, Any] = {**mapping.fields, **(mapping.properties or {})}
    for name, source in sources.items():
        columns: Sequence[str] = mapping.columns.get(name, ())
        if isinstance(source, str):
            columns = (source,)
        inputs = [
            origin
            for column in columns
            for origin in origins.get(column.lower(), [InputField(one.namespace, one.name, column) for one in tables])
        ]
        if inputs:
            description = str(source.template) if isinstance(source, RowTemplate) else ""
            yield name, Fields(inputFields=inputs, transformationDescription=description, transformationType="")


def _tables_read(hook: DbApiHook, sql: str) -> tuple[OperatorLineage[Any, Any], Origins]:
    """Return the tables that a query reads, and which of their columns its own are made from."""
    from airflow.providers.common.compat.openlineage.facet import SQLJobFacet
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.providers.openlineage.sqlparser import SQLParser

    try:
        connection = hook.get_connection(hook.get_conn_id())
        # Not every hook knows what its database is called; SQLite's does not.
        if database := hook.get_openlineage_database_info(connection):
            dialect = hook.get_openlineage_database_dialect(connection)
            parser = SQLParser(dialect, hook.get_openlineage_default_schema())
            read = parser.generate_openlineage_metadata_from_sql(sql, hook, database, use_connection=False)
            return read, _origins(parser, sql, read.inputs)
    except Exception:
        log.warning("OpenLineage could not find out which tables the query reads")
        log.debug("The error was", exc_info=True)
    return OperatorLineage(job_facets={"sql": SQLJobFacet(query=SQLParser.normalize_sql(sql))}), {}


def _origins(parser: SQLParser, sql: str, tables: Sequence[Dataset]) -> Origins:
    """Return the columns of tables that each column of a query is made from, as far as OpenLineage's parser sees it."""
    from airflow.providers.common.compat.openlineage.facet import InputField

    def field(column: str, origin: str | None) -> list[InputField]:
        names = [table for table in tables if origin and f".{table.name}".lower().endswith(f".{origin}".lower())]
        return [InputField(table.namespace, table.name, column) for table in names] if len(names) == 1 else []

    parsed = parser.parse(sql)
    if parsed is None:
        return {}
    origins = {
        column.descendant.name.lower(): [
            origin
            for source in column.lineage
            for origin in field(source.name, source.origin and source.origin.qualified_name)
        ]
        for column in parsed.column_lineage
    }
    if not origins and len(tables) == 1 and _WHOLE_TABLE.match(sql):
        origins[ALL_COLUMNS] = field(ALL_COLUMNS, tables[0].name)
    return origins
