"""
What is wrong with the arguments of an operator, said when the DAG file is parsed.

Only what no template can change is looked at here: which arguments were given, and none of their values.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_heap.wording import closest

#: What operators of other providers call a parameter that has another name here.
_ELSEWHERE = {
    "sql": "model",
    "query": "model",
    "table": "model",
    "conn_id": "sql_conn_id",
    "source_conn_id": "sql_conn_id",
    "mapping": "properties",
    "columns": "properties",
}


class _Required:
    """The default of a parameter that has none, so that its absence is answered in our words."""

    def __repr__(self) -> str:
        return "required"


REQUIRED: Any = _Required()


def check_required(operator: Any, **meanings: str) -> None:
    """
    Do nothing, or say which parameters are missing.

    :param operator: the operator, with its parameters as attributes.
    :param meanings: what each required parameter is, with an example.
    :raises TypeError: when one was not given.
    """
    missing = [f"{name}, {meaning}" for name, meaning in meanings.items() if getattr(operator, name) is REQUIRED]
    if missing:
        raise TypeError(f"{_name(operator)} needs {'; and '.join(missing)}.")


def check_exactly_one(operator: Any, meaning: str, *names: str) -> None:
    """
    Do nothing, or say that one of several parameters is to be given.

    :param operator: the operator, with its parameters as attributes.
    :param meaning: what they are for.
    :param names: of the parameters.
    :raises ValueError: when none was given, or more than one.
    """
    given = [name for name in names if getattr(operator, name) is not None]
    if len(given) != 1:
        problem = f"both {' and '.join(given)} were given" if given else "neither was given"
        raise ValueError(f"{_name(operator)} takes exactly one of {' and '.join(names)}, {meaning}: {problem}.")


def check_choices(operator: Any, **choices: tuple[str, ...]) -> None:
    """
    Do nothing, or say which words a parameter may be.

    :param operator: the operator, with its parameters as attributes.
    :param choices: the words of each parameter.
    :raises ValueError: when one is another word.
    """
    for name, words in choices.items():
        if (value := getattr(operator, name)) not in words:
            raise ValueError(f"{_name(operator)}: {name} must be {' or '.join(map(repr, words))}; found {value!r}.")


@contextmanager
def suggesting_parameters(operator_class: type, arguments: Iterable[str]) -> Iterator[None]:
    """
    Add to Airflow's error about unknown arguments which parameters were most likely meant.

    :param operator_class: the class of the operator that is being made.
    :param arguments: names of what is handed on to Airflow.
    """
    try:
        yield
    except (TypeError, AirflowException) as error:
        if not any(words in str(error) for words in ("Invalid arguments", "unexpected keyword argument")):
            raise
        known = {name for cls in operator_class.__mro__ for name in inspect.signature(cls).parameters}
        meant = {name: _ELSEWHERE.get(name) or closest(name, known) for name in arguments if name not in known}
        hints = [f"{other!r} instead of {name!r}" for name, other in meant.items() if other]
        if not hints:
            raise
        raise type(error)(f"{str(error).rstrip()}\nDid you mean {', '.join(hints)}?") from None


def _name(operator: Any) -> str:
    return f"{type(operator).__name__} {operator.task_id!r}"
