"""What the three sync operators share: a model, its mapping, its guards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass, replace
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.hooks.sql import sql_hook
from airflow_provider_heap.models import Model, ReadContext, Rows
from airflow_provider_heap.models.kinds import SqlFile, given_model, read_sql_file, to_model
from airflow_provider_heap.models.sql import SqlModel
from airflow_provider_heap.models.statement import first_word
from airflow_provider_heap.operators.delivery import HeapDeliveryOperator
from airflow_provider_heap.operators.lineage import lineage
from airflow_provider_heap.operators.parameters import (
    is_unset,
    parse_bool,
    parse_count_or_share,
    parse_int,
    parse_shares,
)
from airflow_provider_heap.sync.items import MappedRows
from airflow_provider_heap.sync.mapping import Constant, FieldMapping, PropertyValue
from airflow_provider_heap.sync.plan import GuardSettings, SyncPlan

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from airflow.providers.openlineage.extractors import OperatorLineage
    from sqlalchemy.sql.selectable import SelectBase as Select


#: What SQLite makes of the second of two columns of one name in a nested query.
_RENAMED = re.compile(r":\d+$")


class HeapSyncOperator(HeapDeliveryOperator):
    """
    What the three operators share; use one of them.

    .. seealso:: How the rows are delivered: :class:`.HeapDeliveryOperator`.

    :param model: SQL text, the path of a ``.sql`` file, a SELECT of SQLAlchemy, or a model object. A statement that
        would write is refused before it runs. (templated)
    :param sql_conn_id: connection that the query runs on; its hook must be a ``DbApiHook``. (templated)
    :param parameters: bind parameters of the query. (templated)
    :param hook_params: passed to the SQL hook's constructor.
    :param properties: ``{"Heap property": "column"}``, or a list of columns, or None for every column that has no other
        role. Instead of a column also :class:`.Constant` or :class:`.RowTemplate`. (templated)
    :param nulls: ``omit`` leaves a null property out, ``empty`` sends an empty text.
    :param nested: dict and list values: ``flatten`` to dotted names, with lists joined by ``||``, or ``json`` for one
        compact text.
    :param timezone: of timestamps that carry none.
    :param fetch_size: rows that the database hands over at a time.
    :param min_rows: guard: fewest rows that the model may have. (templated)
    :param max_rows: guard: most rows that it may have. (templated)
    :param max_changed: guard: rows that may be new or changed since they were recorded: an int is a count, a float
        below 1 a share of the rows read. Wants state; does not hold in a first run, or with ``full_sync``. (templated)
    :param max_null: guard: the share of the rows read that may have no value, for each Heap property named, such as
        ``{"Plan": 0.2}``. (templated)
    :param unique_key: guard: no sync key may come twice. (templated)
    """

    template_fields: Sequence[str] = (
        *HeapDeliveryOperator.template_fields,
        "model",
        "sql_conn_id",
        "parameters",
        "properties",
        "min_rows",
        "max_rows",
        "max_changed",
        "max_null",
        "unique_key",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"model": "sql", "parameters": "json", "properties": "json"}

    def __init__(
        self,
        *,
        model: str | PurePath | Model | Select,
        sql_conn_id: str | None = None,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        hook_params: dict[str, Any] | None = None,
        properties: dict[str, PropertyValue] | Sequence[str] | None = None,
        nulls: str = "omit",
        nested: str = "flatten",
        timezone: str = "UTC",
        fetch_size: int | str = 10_000,
        min_rows: int | str | None = None,
        max_rows: int | str | None = None,
        max_changed: int | float | str | None = None,
        max_null: dict[str, float | str] | None = None,
        unique_key: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # Airflow would take any text that ends in .sql for a file, an event's name too. Only a model is read from one.
        self.template_ext = ()
        self.model = given_model(model)
        self.sql_conn_id = sql_conn_id
        self.parameters = parameters
        self.hook_params = hook_params
        self.properties = properties
        self.nulls = nulls
        self.nested = nested
        self.timezone = timezone
        self.fetch_size = fetch_size
        self.min_rows = min_rows
        self.max_rows = max_rows
        self.max_changed = max_changed
        self.max_null = max_null
        self.unique_key = unique_key

    def columns(self) -> Rows:
        """
        Ask the database for the columns and types of the query, and for no row.

        :return: without rows; without types where nobody tells them.
        :raises ModelError: when there is nothing to read rows from; and what the database raises.
        """
        sql = self.sql
        asked: list[Model] = [SqlModel(sql).without_rows()] if sql else []
        # Some databases don't nest every query. What isn't a SELECT is not run for a look at it.
        if not sql or first_word(sql) in ("select", "with"):
            asked.append(self.model_object)
        for model in asked:
            try:
                with model.open(self.read_context()) as rows:
                    if model is not asked[-1] and any(map(_RENAMED.search, rows.columns)):
                        continue
                    return Rows(rows.columns, [], rows.types)
            except Exception:
                if model is asked[-1]:
                    raise
        raise AssertionError

    @cached_property
    def _db_hook(self) -> DbApiHook:
        return self.get_db_hook()

    def get_db_hook(self) -> DbApiHook:
        """
        Return the hook that the query runs on. Override it for a connection whose own hook is not a ``DbApiHook``.

        :raises ModelError: when there is no connection to run on, or its hook can't run SQL.
        """
        if not self.sql_conn_id:
            raise ModelError("sql_conn_id is missing: name the Airflow connection that the query runs on.")
        return sql_hook(self.sql_conn_id, self.hook_params)

    def mapping(self) -> FieldMapping:
        """
        Return which column goes where.

        :raises ModelError: when the parameters contradict each other.
        """
        return FieldMapping(
            self.heap_object,
            self.item_fields(),
            self.properties,
            nulls=self.nulls,
            nested=self.nested,
            timezone=self.timezone,
        )

    def item_fields(self) -> dict[str, str | Constant]:
        """Return the column, or the constant, of each of the item's fields beside its properties."""
        raise NotImplementedError

    def sync_key(self, value: str, event: str | None = None) -> str:
        """
        Return the key that Heap knows an item by.

        :param value: an Account ID, an identity or an insert ID.
        :param event: the event's name, where the task has none of its own.
        :raises ModelError: when the event's name is missing.
        """
        return value

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """
        Return the tables that were read and the Heap object that was written, for OpenLineage.

        :param task_instance: Airflow's.
        """
        return lineage(self.hook, vars(self).get("_db_hook"))

    def resolve_template_files(self) -> None:
        """Read the model's ``.sql`` file, so that Airflow shows its text. One that is not there yet is read later."""
        if isinstance(self.model, SqlFile):
            with suppress(ModelError):
                self.model = read_sql_file(self.model, self.get_template_env())
        super().resolve_template_files()

    def render_template(self, content: Any, *args: Any, **kwargs: Any) -> Any:
        """
        Render constants, models and the keys of dicts too. Constants and models are frozen: a rendered copy takes their
        place.

        :param content: what to render.
        :param args: Airflow's.
        :param kwargs: Airflow's.
        """
        if isinstance(content, SqlFile):
            content = read_sql_file(content, (args[1:2] or [kwargs.get("jinja_env")])[0] or self.get_template_env())
        elif is_dataclass(content) and not isinstance(content, type):
            names = {field.name for field in fields(content)} & set(getattr(content, "template_fields", ()))
            found = {name: self.render_template(getattr(content, name), *args, **kwargs) for name in names}
            return replace(content, **found)
        rendered = super().render_template(content, *args, **kwargs)
        if not isinstance(content, dict) or not any("{{" in key or "{%" in key for key in map(str, content)):
            return rendered
        keys = [self.render_template(key, *args, **kwargs) if isinstance(key, str) else key for key in rendered]
        if len(set(keys)) < len(keys):
            raise ModelError(f"Two of the names {', '.join(map(repr, content))} are rendered to the same name.")
        return dict(zip(keys, rendered.values(), strict=True))

    def plan(self, context: Context) -> SyncPlan:
        """
        Return what a run of this task is going to do. Connections are looked up, but nothing is opened.

        :param context: Airflow's.
        :raises HeapError: when a parameter or a connection can't be right.
        """
        to_model(self.model)  # the least that a run needs
        return replace(super().plan(context), guards=self._guard_settings())

    @contextmanager
    def open_rows(self, plan: SyncPlan, model: Model | None = None) -> Iterator[MappedRows]:
        """
        Open the model, and map its rows as they are read.

        :param plan: the run's.
        :param model: read instead of the task's own.
        :raises ModelError: when there is nothing to read rows from, or the mapping does not fit.
        """
        from airflow_provider_heap.sync.mapping.mapped_chunks import map_chunks

        mapping, fetch_size = self.mapping(), parse_int("fetch_size", self.fetch_size)
        if fetch_size < 1:
            raise ModelError(f"fetch_size must be at least 1; found {fetch_size}.")
        with (model or self.model_object).open(self.read_context(fetch_size)) as rows:
            try:
                mapper = mapping.bind(rows.columns, plan.guards.max_null)
            except ModelError as error:
                raise ModelError(f"The rows of {self.source_label} and their mapping don't fit: {error}") from None
            yield MappedRows(map_chunks(mapper, rows.chunks), mapper.signature, mapper.key_column)

    @property
    def sql(self) -> str | None:
        """The query that is run, as far as it is known before; a model that makes one has a ``compile`` for it."""
        if isinstance(self.model_object, SqlModel):
            return self.model_object.sql
        compiled = getattr(self.model_object, "compile", None)
        return str(compiled(self.read_context())) if compiled else None

    def read_context(self, fetch_size: int = 1) -> ReadContext:
        """
        Return the read context for a model: hook, bind parameters and fetch size.

        :param fetch_size: rows to hand over at a time.
        """
        return ReadContext(lambda: self._db_hook, self.parameters, fetch_size)

    @property
    def model_object(self) -> Model:
        """
        The model; SQL text as a :class:`.SqlModel`.

        :raises ModelError: when what was given is not a model.
        """
        return to_model(self.model)

    @property
    def source_label(self) -> str:
        """How messages call what is read."""
        if describe := getattr(self.model, "describe", None):
            return str(describe(self.sql_conn_id))
        return f"connection {self.sql_conn_id!r}" if self.sql_conn_id else type(self.model).__name__

    def _guard_settings(self) -> GuardSettings:
        def given(name: str, parse: Callable[[str, Any], Any], default: Any = None) -> Any:
            value = getattr(self, name)
            return default if is_unset(value) else parse(name, value)

        return GuardSettings(
            min_rows=given("min_rows", parse_int),
            max_rows=given("max_rows", parse_int),
            max_changed=given("max_changed", parse_count_or_share),
            max_null=given("max_null", parse_shares, {}),
            unique_key=parse_bool("unique_key", self.unique_key),
        )
