"""A Look of Looker: its SQL, run on a connection of the user's, or the rows that Looker itself returns."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.base import ReadContext, Rows
from airflow_provider_heap.models.sql import SqlModel

if TYPE_CHECKING:
    from looker_sdk.sdk.api40.models import Query

    from airflow_provider_heap.models.looker.api import Looker
    from airflow_provider_heap.models.looker.results import Field, Results

log = logging.getLogger(__name__)

#: Where Looker stops for a user who lacks the permission download_without_limit
#: (https://cloud.google.com/looker/docs/best-practices/row-limits-in-looker).
_CAPS = frozenset({5_000, 100_000})


@dataclass(frozen=True)
class LookerLook:
    """
    A Look.

    :param look_id: the number in the Look's URL. (templated)
    :param looker_conn_id: connection of the Google provider's type ``gcp_looker``. (templated)
    :param mode: ``sql`` asks Looker for the Look's SQL and runs it through ``sql_conn_id``; what Looker would add to
        the rows afterwards is refused. ``results`` gets the rows from Looker itself, and needs no ``sql_conn_id``.
    :param by: columns are named after the field's ``name``, such as ``users.email``, or by its ``label``.
    :param limit: rows at most; -1 for all. None reads all rows, but ``mode="sql"`` refuses a Look that has a row limit.
        (templated)
    """

    template_fields: ClassVar[tuple[str, ...]] = ("look_id", "looker_conn_id", "limit")

    look_id: int | str
    looker_conn_id: str = "looker_default"
    mode: str = "sql"
    by: str = "name"
    limit: int | str | None = None

    def describe(self, sql_conn_id: str | None) -> str:
        """
        Return its name in messages.

        :param sql_conn_id: the connection that its SQL runs on.
        """
        look = f"Look {self.look_id} of connection {self.looker_conn_id!r}"
        return f"{look} (SQL on connection {sql_conn_id!r})" if self.mode == "sql" else look

    @contextmanager
    def open(self, source: ReadContext) -> Iterator[Rows]:
        """
        Read the Look.

        :param source: has the size of chunks, and for the mode ``sql`` the SQL hook.
        :raises ModelError: when it cannot be read, or its SQL does not give all that the Look shows.
        :raises ModelUnavailableError: when Looker cannot be reached or fails.
        """
        limit = self._check_parameters(source)
        with (self._open_sql if self.mode == "sql" else self._open_results)(source, limit) as rows:
            yield rows

    def query(self, source: ReadContext) -> tuple[str, Callable[[Sequence[str]], list[str]]] | None:
        """
        Return the SQL of the Look, and a function that gives its columns their names; None for the mode ``results``.

        :param source: has the parameters, of which a Look takes none.
        :raises ModelError: when it cannot be read, or its SQL does not give all that the Look shows.
        :raises ModelUnavailableError: when Looker cannot be reached or fails.
        """
        limit = self._check_parameters(source)
        return self._query(limit) if self.mode == "sql" else None

    def _query(self, limit: int | None) -> tuple[str, Callable[[Sequence[str]], list[str]]]:
        from airflow_provider_heap.models.looker import sql as looker_sql
        from airflow_provider_heap.models.looker.api import Looker
        from airflow_provider_heap.models.looker.results import column_names

        with Looker(self.looker_conn_id) as looker:
            title, query = self._load(looker)
            looker_sql.check_query(query, limit, title)
            wanted = -1 if limit is None else limit
            sql = looker.sql(self._id, wanted)
            looker_sql.check_limit(sql, wanted, title)
            fields = self._fields(looker, query, title)
        return sql, lambda columns: column_names(looker_sql.match_fields(columns, fields), self.by, title)

    @contextmanager
    def _open_sql(self, source: ReadContext, limit: int | None) -> Iterator[Rows]:
        sql, names = self._query(limit)
        with SqlModel(sql).open(source) as rows:
            yield Rows(names(rows.columns), rows.chunks, rows.types)

    @contextmanager
    def _open_results(self, source: ReadContext, limit: int | None) -> Iterator[Rows]:
        from airflow_provider_heap.models.looker.api import Looker
        from airflow_provider_heap.models.looker.results import Results, column_names
        from airflow_provider_heap.models.looker.sql import table_calculations

        # On disk, so that Looker's query does not wait for Heap.
        with tempfile.TemporaryFile() as file:
            with Looker(self.looker_conn_id) as looker:
                title, query = self._load(looker)
                wanted = -1 if limit is None else limit
                result_format = looker.results(self._id, wanted, file, bool(table_calculations(query)))
            results = Results(file, result_format, title)
            yield Rows(
                column_names(results.fields, self.by, title), _warn_at_cap(results, source.fetch_size, wanted, title)
            )

    @property
    def _id(self) -> str:
        return str(self.look_id).strip()

    def _load(self, looker: Looker) -> tuple[str, Query]:
        """Return the name of the Look in messages, and its query."""
        from airflow_provider_heap.models.looker.results import pivots_message

        look = looker.look(self._id)
        title = f"Look {self._id} ({look.title!r})" if look.title else f"Look {self._id}"
        if look.deleted:
            raise ModelError(f"{title} is in Looker's trash. Ask an admin to restore it, or name another Look.")
        if look.query is None:
            raise ModelError(
                f"{title} has no query of its own. That is so for merged results, which Looker merges after their "
                "queries ran. Join them in an Explore, or sync a Look for each."
            )
        if look.query.pivots:
            raise ModelError(pivots_message(title))
        return title, look.query

    def _fields(self, looker: Looker, query: Query, title: str) -> list[Field]:
        """Return the fields of the Look. Looker gives their labels only together with rows, so one row is read."""
        from airflow_provider_heap.models.looker.results import Field, Results

        if self.by == "name":
            return [Field(name, name) for name in query.fields or ()]
        with tempfile.TemporaryFile() as file:
            return Results(file, looker.results(self._id, 1, file, False), title).fields

    def _check_parameters(self, source: ReadContext) -> int | None:
        """Check the parameters, and return the limit."""
        try:
            import ijson  # noqa: F401
            import looker_sdk  # noqa: F401
        except ImportError as error:
            raise ModelError(
                f"Looker needs its SDK on the workers ({error}): pip install 'airflow-provider-heap[looker]'."
            ) from None
        for name, value, choices in (("mode", self.mode, ("sql", "results")), ("by", self.by, ("name", "label"))):
            if value not in choices:
                raise ModelError(f"{name} of LookerLook must be {choices[0]!r} or {choices[1]!r}; found {value!r}.")
        if not self._id.isdecimal():
            raise ModelError(
                f"LookerLook needs the number of a Look, which is in its URL in Looker; found {self.look_id!r}."
            )
        if source.parameters:
            raise ModelError("parameters are for queries of your own; the filters of a Look are in Looker.")
        if self.limit is None or str(self.limit).strip() in ("", "None"):
            return None
        try:
            limit = int(self.limit)
        except ValueError:
            limit = 0
        if limit < -1 or limit == 0:
            raise ModelError(f"limit of LookerLook must be a count of rows, or -1 for all; found {self.limit!r}.")
        return limit


def _warn_at_cap(results: Results, size: int, limit: int, title: str) -> Iterator[Sequence[Sequence[Any]]]:
    """Yield the rows, and warn when they are exactly as many as Looker gives to users who may not have all."""
    count = 0
    for chunk in results.chunks(size):
        count += len(chunk)
        yield chunk
    if limit == -1 and count in _CAPS:
        log.warning(
            "%s gave exactly %s rows, which is where Looker stops for a user without the permission "
            "download_without_limit: check that the user of the API key has it",
            title,
            f"{count:,}",
        )
