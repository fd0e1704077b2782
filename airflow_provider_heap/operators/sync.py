"""What the three sync operators share: how rows are mapped, guarded and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import redact

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.intervals import empty_interval_warnings
from airflow_provider_heap.models import Model
from airflow_provider_heap.models.kinds import SqlAlchemyModel, to_model
from airflow_provider_heap.operators.arguments import check_choices, suggesting_parameters
from airflow_provider_heap.operators.lineage import lineage
from airflow_provider_heap.operators.model import HeapModelOperator
from airflow_provider_heap.operators.parameters import is_unset, parse_guards
from airflow_provider_heap.sync.items import MappedRows
from airflow_provider_heap.sync.mapping import Constant, FieldMapping, PropertyValue
from airflow_provider_heap.sync.mapping.field_mapping import NESTED, NULLS
from airflow_provider_heap.sync.plan import SyncPlan

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

    from airflow_provider_heap.models.diff.comparison import WarehouseComparison


class HeapSyncOperator(HeapModelOperator):
    """
    What the three operators share; use one of them.

    .. seealso:: What is read: :class:`.HeapModelOperator`; how the rows are delivered: :class:`.HeapDeliveryOperator`.

    :param properties: ``{"Heap property": "column"}``, or a list of columns, or None for every column that has no other
        role. Instead of a column also :class:`.Constant` or :class:`.RowTemplate`. (templated)
    :param nulls: ``omit`` leaves a null property out, ``empty`` sends an empty text.
    :param nested: dict and list values: ``flatten`` to dotted names, with lists joined by ``||``, or ``json`` for one
        compact text.
    :param timezone: of timestamps that carry none.
    :param min_rows: guard: fewest rows that the model may have. (templated)
    :param max_rows: guard: most rows that it may have. (templated)
    :param max_changed: guard: rows that may be new or changed since they were recorded: an int is a count, a float
        below 1 a share of the rows read. Wants state; does not hold in a first run, or with ``full_sync``. (templated)
    :param max_null: guard: the share of the rows read that may have no value, for each Heap property named, such as
        ``{"Plan": 0.2}``. (templated)
    :param unique_key: guard: no sync key may come twice. (templated)
    :param diff_schema: schema of ``sql_conn_id`` in which the role may create tables: rows are compared inside of the
        database, and only new and changed ones travel. Wants ``state_conn_id``; no sync key may come twice. (templated)
    :param diff_hash: an expression that makes the MD5 of ``{text}``, such as ``"md5({text})"``, for a database that
        ``diff_schema`` does not know.
    """

    template_fields: Sequence[str] = (
        *HeapModelOperator.template_fields,
        "properties",
        "min_rows",
        "max_rows",
        "max_changed",
        "max_null",
        "unique_key",
        "diff_schema",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **HeapModelOperator.template_fields_renderers,
        "properties": "json",
    }

    def __init__(
        self,
        *,
        properties: dict[str, PropertyValue] | Sequence[str] | None = None,
        nulls: str = "omit",
        nested: str = "flatten",
        timezone: str = "UTC",
        min_rows: int | str | None = None,
        max_rows: int | str | None = None,
        max_changed: int | float | str | None = None,
        max_null: dict[str, float | str] | None = None,
        unique_key: bool | str = False,
        diff_schema: str | None = None,
        diff_hash: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.properties = properties
        self.nulls = nulls
        self.nested = nested
        check_choices(self, nulls=NULLS, nested=NESTED)
        self.timezone = timezone
        self.min_rows = min_rows
        self.max_rows = max_rows
        self.max_changed = max_changed
        self.max_null = max_null
        self.unique_key = unique_key
        self.diff_schema = diff_schema
        self.diff_hash = diff_hash

    @property
    def doc_md(self) -> str | None:
        """The documentation of the task: what the user wrote, or else what the sync says of itself."""
        from airflow_provider_heap.operators.documentation import document

        written: str | None = vars(self).get("_doc_md")
        return document(self) if written is None else written

    @doc_md.setter
    def doc_md(self, text: str | None) -> None:
        self._doc_md = text

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """
        Return the task with what is the same for all mapped instances, which document themselves too.

        :param kwargs: Airflow's.
        """
        from airflow_provider_heap.operators.documentation import document_partial

        with suggesting_parameters(cls, kwargs):
            partial = super().partial(**kwargs)
        if partial.kwargs.get("doc_md") is None:
            partial.kwargs["doc_md"] = document_partial(cls, partial.kwargs)
        return partial

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
        Return tables, the Heap object that was written, columns and counters for OpenLineage, also after a failure.

        :param task_instance: Airflow's.
        """
        return lineage(self.hook, vars(self).get("_db_hook"), vars(self).get("_run"))

    def plan(self, context: Context) -> SyncPlan:
        """
        Return what a run of this task is going to do. Connections are looked up, but nothing is opened.

        :param context: Airflow's.
        :raises HeapError: when a parameter or a connection can't be right.
        """
        to_model(self.model)  # the least that a run needs
        mapping = None
        with suppress(ModelError):  # which the run raises, with its report
            mapping = self.mapping().summary().mask_constants(redact)
        plan = super().plan(context)
        warnings = plan.warnings + empty_interval_warnings(context, self.model_texts, self.parameters)
        plan = replace(plan, mapping=mapping, guards=parse_guards(self), warnings=warnings)
        if is_unset(self.diff_schema):
            return plan
        from airflow_provider_heap.operators.comparison import compare_in_database

        return compare_in_database(plan, str(self.diff_schema).strip(), self.diff_hash)

    @contextmanager
    def open_rows(self, plan: SyncPlan, wrap: Callable[[Model], Model] | None = None) -> Iterator[MappedRows]:
        """
        Open the model, and map its rows as they are read.

        :param plan: the run's.
        :param wrap: puts a model around the one that is read.
        :raises ModelError: when there is nothing to read rows from, or the mapping does not fit.
        """
        from airflow_provider_heap.sync.mapping.mapped_chunks import map_chunks

        mapping, context = self.mapping(), self.read_context(of_run=True)
        if plan.compares_in_database:
            comparison = self.comparison(plan, wrap)
            summary = comparison.mapper.summary
            yield MappedRows(
                (), summary.signature, comparison.mapper.key_column, summary.mask_constants(redact), comparison
            )
            return
        model = wrap(self.model_object) if wrap else self.model_object
        with model.open(context) as rows:
            try:
                mapper = mapping.bind(rows.columns, plan.guards.max_null)
            except ModelError as error:
                raise ModelError(f"The rows of {self.source_label} and their mapping don't fit: {error}") from None
            summary = mapper.summary
            chunks = map_chunks(mapper, rows.chunks)
            yield MappedRows(chunks, summary.signature, mapper.key_column, summary.mask_constants(redact))

    def comparison(self, plan: SyncPlan, wrap: Callable[[Model], Model] | None = None) -> WarehouseComparison:
        """
        Return what compares the rows in their own database, for a plan with a ``diff_schema``.

        :param plan: the run's.
        :param wrap: puts a model around the one that a run reads which changes nothing.
        :raises ModelError: when the database can't compare rows, or the mapping does not fit.
        """
        from airflow_provider_heap.operators.comparison import make_comparison

        context = self.read_context(of_run=True)
        if isinstance(self.model_object, SqlAlchemyModel):  # its values are in its SQL
            context = replace(context, parameters=None)
        named = getattr(self.model_object, "query", None)  # a Look has names of its own for the columns of its SQL
        sql, names = (named(context) or (None, None)) if named else (self.sql, None)
        return make_comparison(plan, sql, self.mapping(), context, wrap, names)
