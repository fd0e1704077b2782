"""Prepare the comparison of a sync with ``diff_schema``: its columns, its tables, its SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models import Model, ReadContext
from airflow_provider_heap.models.column_types import type_kind
from airflow_provider_heap.models.diff.comparison import WarehouseComparison
from airflow_provider_heap.models.diff.dialects import dialect_of
from airflow_provider_heap.models.diff.dialects.base import DiffColumn, DiffDialect, key_hash
from airflow_provider_heap.models.diff.statements import DiffStatements
from airflow_provider_heap.models.drivers.base import Driver
from airflow_provider_heap.models.parameters import Escape
from airflow_provider_heap.models.sql import open_query
from airflow_provider_heap.models.statement import check_query
from airflow_provider_heap.sync.mapping import Constant, FieldMapping
from airflow_provider_heap.sync.state.state_key import StateKey

if TYPE_CHECKING:
    from airflow_provider_heap.sync.mapping.mapper import RowMapper
    from airflow_provider_heap.sync.plan import SyncPlan

#: Names that the tables have for columns of their own.
_RESERVED = frozenset({"heap_key", "heap_row"})


def compare_in_database(plan: SyncPlan, schema: str, diff_hash: str | None = None) -> SyncPlan:
    """
    Return the plan of a run whose rows are compared in their own database.

    :param plan: of the same run, compared on the worker.
    :param schema: where the tables of the comparison are.
    :param diff_hash: makes the MD5 of ``{text}`` in a database that is not known.
    :raises ModelError: when such rows can't be compared there.
    """
    if plan.heap_object.deletes:
        raise ModelError("diff_schema compares rows that are sent; a deletion is asked for once anyway.")
    if plan.state is None:
        raise ModelError(
            "diff_schema needs state_conn_id too: the connection that keeps who runs the sync, and its last run. It "
            "may be the same as sql_conn_id, but another database is cheaper where a warehouse is billed while it is "
            "awake."
        )
    # A database keeps no order of rows, so none of two with one key could be the last.
    guards = replace(plan.guards, unique_key=True)
    return replace(plan, guards=guards, state=replace(plan.state, diff_schema=schema, diff_hash=diff_hash))


def make_comparison(
    plan: SyncPlan,
    sql: str | None,
    mapping: FieldMapping,
    context: ReadContext,
    wrap: Callable[[Model], Model] | None = None,
    names: Callable[[list[str]], list[str]] | None = None,
) -> WarehouseComparison:
    """
    Return the comparison of a run. The database is asked for the columns of the query, and for no row.

    :param plan: the run's.
    :param sql: the query; None for a model that has none.
    :param mapping: of the sync.
    :param context: gives the SQL hook, the query's parameters and the size of chunks.
    :param wrap: puts a model around the one that is read in a run that changes nothing.
    :param names: gives columns the names that the mapping knows them by; None where those are the database's.
    :raises ModelError: when the database can't compare rows, or the mapping does not fit.
    """
    assert plan.state is not None
    assert plan.state.diff_schema is not None
    schema = plan.state.diff_schema
    if sql is None:
        raise ModelError(
            f"diff_schema: rows are compared by SQL, and {plan.source_label} has none. Leave diff_schema out, and the "
            "worker compares them."
        )
    sql = check_query(sql, getattr(context.get_db_hook(), "conn_type", None))
    dialect, columns, escape = _columns(sql, context, plan.state.diff_hash)
    labels = names([column.name for column in columns]) if names else [column.name for column in columns]
    mapper = mapping.bind(labels)
    unused = set(mapper.unused)
    used = {label: column for label, column in zip(labels, columns, strict=True) if label not in unused}
    if taken := [column.name for column in used.values() if column.name.lower() in _RESERVED]:
        raise ModelError(f"diff_schema: the model has a column named {taken[0]!r}; give it an alias in the query.")
    key = StateKey.of(plan)
    parts = mapper.key_parts
    statements = DiffStatements(
        dialect,
        dialect.table(schema, f"heap_{key.id}"),
        dialect.table(schema, changes := f"heap_{key.id}_{dialect.token}"),
        sql,
        tuple(used.values()),
        tuple(used[part] for part in parts.values() if isinstance(part, str)),
        (key_salt(key, mapper), _row_salt(mapper, used)),
        plan.heap_object.write_once,
        escape,
    )
    return WarehouseComparison(
        context,
        schema,
        f"heap_{key.id}",
        statements,
        changes,
        mapping.bind(list(used)),
        _watched(plan, mapper, used),
        f"{plan.heap_object.key}_null",
        wrap or (lambda model: model),
    )


def key_salt(key: StateKey, mapper: RowMapper) -> str:
    """
    Return what the hash of each key begins with: the same key has another hash in every sync, and for every event.

    :param key: the sync and its target.
    :param mapper: of the sync.
    """
    constants = [repr(part.value) for part in mapper.key_parts.values() if isinstance(part, Constant)]
    return key.id if not constants else blake2b("\x1f".join([key.id, *constants]).encode(), digest_size=8).hexdigest()


def sync_key_hash(key: StateKey, mapper: RowMapper, texts: list[str]) -> str:
    """
    Return the hash of a sync key.

    :param key: the sync and its target.
    :param mapper: of the sync.
    :param texts: the values of the columns that the key is made of.
    """
    return key_hash(key_salt(key, mapper), texts)


def _columns(sql: str, context: ReadContext, diff_hash: str | None) -> tuple[DiffDialect, list[DiffColumn], Escape]:
    """Ask for the columns of a query, and find out which database answers, and how to write SQL around the query."""
    answers: list[tuple[str, Escape]] = []

    def prepare(driver: Driver) -> None:
        answers.append((driver.name, driver.escape(sql, context.parameters)))

    query = f"select * from (\n{sql}\n) heap_check where 1 = 0"
    with open_query(query, context, None, prepare) as rows:
        types = rows.types or [None] * len(rows.columns)
        columns = [DiffColumn(name, kind) for name, kind in zip(rows.columns, types, strict=True)]
    [(driver, escape)] = answers
    return dialect_of(driver, diff_hash), columns, escape


def _row_salt(mapper: RowMapper, used: dict[str, DiffColumn]) -> str:
    """Return what the hash of each row begins with: another mapping, or another type, makes other items."""
    parts = [str(mapper.summary.signature), *(f"{name}:{type_kind(used[name].type)}" for name in sorted(used))]
    return blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _watched(plan: SyncPlan, mapper: RowMapper, used: dict[str, DiffColumn]) -> dict[str, str]:
    origins = mapper.origins
    for name in plan.guards.max_null:
        if origins.get(name) not in used:
            raise ModelError(
                f"diff_schema: max_null names {name!r}, and the database can only count the values of properties that "
                f"are a column: {', '.join(repr(one) for one, origin in origins.items() if origin in used)}."
            )
    return {name: used[origins[name]].name for name in plan.guards.max_null}
