"""What a task reads: a model, and the connection that it runs on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.hooks.sql import sql_hook
from airflow_provider_heap.models import Model, ReadContext, Rows
from airflow_provider_heap.models.kinds import SqlFile, given_model, read_sql_file, to_model
from airflow_provider_heap.models.sql import SqlModel
from airflow_provider_heap.operators.arguments import REQUIRED, check_required
from airflow_provider_heap.operators.delivery import HeapDeliveryOperator
from airflow_provider_heap.operators.parameters import parse_int
from airflow_provider_heap.operators.templates import render_content

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from sqlalchemy.sql.selectable import SelectBase as Select


class HeapModelOperator(HeapDeliveryOperator):
    """
    What is read; shared by all operators that have a model.

    .. seealso:: How the rows are delivered: :class:`.HeapDeliveryOperator`.

    :param model: SQL text, the path of a ``.sql`` file, a SELECT of SQLAlchemy, or a model object. A statement that
        would write is refused before it runs. Its template has :func:`.heap_interval`, the time that the run covers.
        (templated)
    :param sql_conn_id: connection that the query runs on; its hook must be a ``DbApiHook``. (templated)
    :param parameters: bind parameters of the query. (templated)
    :param hook_params: passed to the SQL hook's constructor.
    :param fetch_size: rows that the database hands over at a time.
    """

    template_fields: Sequence[str] = (*HeapDeliveryOperator.template_fields, "model", "sql_conn_id", "parameters")
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"model": "sql", "parameters": "json"}

    def __init__(
        self,
        *,
        model: str | PurePath | Model | Select = REQUIRED,
        sql_conn_id: str | None = None,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        hook_params: dict[str, Any] | None = None,
        fetch_size: int | str = 10_000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # Airflow would take any text that ends in .sql for a file, an event's name too. Only a model is read from one.
        self.template_ext = ()
        self.model = given_model(model)
        check_required(self, model="the query whose rows are sent, such as model='select email, plan from users'")
        self.sql_conn_id = sql_conn_id
        self.parameters = parameters
        self.hook_params = hook_params
        self.fetch_size = fetch_size

    def columns(self) -> Rows:
        """
        Ask the database for the columns and types of the query, and for no row.

        :return: without rows; without types where nobody tells them.
        :raises ModelError: when there is nothing to read rows from; and what the database raises.
        """
        from airflow_provider_heap.models.query_columns import query_columns

        return query_columns(self.model_object, self.sql, self.read_context())

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
        return sql_hook(self.sql_conn_id, self.hook_params, f"sql_conn_id of task {self.task_id!r}")

    def resolve_template_files(self) -> None:
        """Read the model's ``.sql`` file, so that Airflow shows its text. One that is not there yet is read later."""
        if isinstance(self.model, SqlFile):
            with suppress(ModelError):
                self.model = read_sql_file(self.model, self.get_template_env())
        super().resolve_template_files()

    def render_template(self, content: Any, *args: Any, **kwargs: Any) -> Any:
        """
        Render constants, models and the keys of dicts too. Templates have :func:`.heap_interval`, unless the DAG has a
        macro of this name.

        :param content: what to render.
        :param args: Airflow's.
        :param kwargs: Airflow's.
        """
        return render_content(self, super().render_template, content, args, kwargs)

    @property
    def sql(self) -> str | None:
        """The query that is run, as far as it is known before; a model that makes one has a ``compile`` for it."""
        if isinstance(self.model_object, SqlModel):
            return self.model_object.sql
        compiled = getattr(self.model_object, "compile", None)
        return str(compiled(self.read_context())) if compiled else None

    def read_context(self, *, of_run: bool = False) -> ReadContext:
        """
        Return the read context for a model: hook, bind parameters and fetch size.

        :param of_run: the database hands ``fetch_size`` rows over at a time; otherwise one.
        :raises ModelError: when ``fetch_size`` can't be right.
        """
        fetch_size = parse_int("fetch_size", self.fetch_size) if of_run else 1
        if fetch_size < 1:
            raise ModelError(f"fetch_size must be at least 1; found {fetch_size}.")
        return ReadContext(lambda: self._db_hook, self.parameters, fetch_size)

    @property
    def model_object(self) -> Model:
        """
        The model; SQL text as a :class:`.SqlModel`.

        :raises ModelError: when what was given is not a model.
        """
        return to_model(self.model)

    @property
    def model_texts(self) -> str:
        """The texts of the model that are templated, in one."""
        model = self.model_object
        values = (getattr(model, name) for name in getattr(model, "template_fields", ()))
        return " ".join(value for value in values if isinstance(value, str))

    @property
    def source_label(self) -> str:
        """How messages call what is read."""
        if describe := getattr(self.model, "describe", None):
            return str(describe(self.sql_conn_id))
        return f"connection {self.sql_conn_id!r}" if self.sql_conn_id else type(self.model).__name__
