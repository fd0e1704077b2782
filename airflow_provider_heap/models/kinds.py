"""What may be given as the model of a sync, beside the objects of :mod:`airflow_provider_heap.models`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.base import Model, ReadContext, Rows
from airflow_provider_heap.models.sql import SqlModel

if TYPE_CHECKING:
    from jinja2 import Environment

_TAKES = (
    "model takes SQL text, the path of a .sql file, a SELECT of SQLAlchemy, or a model object such as DbtModel or "
    "LookerLook"
)


class SqlFile(str):
    """The path of a file of SQL, which is read when Airflow renders the task."""

    __slots__ = ()


def given_model(model: Any) -> Any:
    """
    Return what was given as a model, with the path of a ``.sql`` file as a :class:`SqlFile`.

    :param model: anything.
    """
    if isinstance(model, PurePath | str) and str(model).endswith(".sql"):
        return SqlFile(model)
    return model


def read_sql_file(path: SqlFile, environment: Environment | None = None) -> str:
    """
    Return the text of a ``.sql`` file.

    :param path: absolute, or below a folder in which the environment looks: the DAG's, ``template_searchpath``.
    :param environment: Jinja's, of the DAG; None when it is not known.
    :raises ModelError: when there is no such file.
    """
    try:
        if Path(path).is_absolute():
            return Path(path).read_text(encoding="utf-8")
        if environment is None or environment.loader is None:
            raise FileNotFoundError("the task has no DAG beside whose file to look")
        return environment.loader.get_source(environment, str(path))[0]
    except Exception as error:  # also what Jinja raises
        raise ModelError(
            f"The model is the file {str(path)!r}, which can't be read ({type(error).__name__}: {error}). Give a path "
            "that begins at the root, or one that is seen from the DAG file's folder or from template_searchpath."
        ) from error


def to_model(model: Any) -> Model:
    """
    Return the model that was given.

    :param model: anything.
    :raises ModelError: when it is not a model.
    """
    if isinstance(model, SqlFile):  # of a task that was not rendered
        return SqlModel(read_sql_file(model))
    if isinstance(model, str):
        return SqlModel(model)
    if not isinstance(model, type) and callable(getattr(model, "open", None)) and not isinstance(model, PurePath):
        return model  # type: ignore[no-any-return]
    if getattr(model, "is_select", False) is True and callable(getattr(model, "compile", None)):
        return SqlAlchemyModel(model)
    if isinstance(model, PurePath):
        raise ModelError(f"{_TAKES}; found the path {str(model)!r}.")
    raise ModelError(f"{_TAKES}; found {'None' if model is None else type(model).__name__}.")


@dataclass(frozen=True)
class SqlAlchemyModel:
    """
    A SELECT of SQLAlchemy.

    :param select: the SELECT.
    """

    select: Any

    def compile(self, source: ReadContext) -> str:
        """
        Return the SQL, with its values in it, as the database of the connection writes it.

        :param source: gives the SQL hook, and values for the statement's bind parameters.
        :raises ModelError: when SQLAlchemy can't write it for this database.
        """
        hook = source.get_db_hook()
        try:
            # Other styles of parameters double percent signs, which drivers undo only where there are parameters.
            dialect_class: Any = type(hook.get_sqlalchemy_engine().dialect)
            dialect = dialect_class(paramstyle="named")
            select = self.select.params(source.parameters) if source.parameters else self.select
            return str(select.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
        except Exception as error:
            raise ModelError(
                f"The model is a SELECT that SQLAlchemy can't write for {type(hook).__name__} ({type(error).__name__}: "
                f"{error}). Give it as SQL text."
            ) from error

    @contextmanager
    def open(self, source: ReadContext) -> Iterator[Rows]:
        """
        Run the SELECT; rows are fetched as they are asked for.

        :param source: gives the SQL hook, the parameters and the size of chunks.
        :raises ModelError: when it can't be run.
        """
        with SqlModel(self.compile(source)).open(replace(source, parameters=None)) as rows:
            yield rows
