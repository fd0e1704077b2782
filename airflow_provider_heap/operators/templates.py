"""Render what Airflow does not render by itself: files of SQL, constants, models, and the keys of dicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.intervals import heap_interval
from airflow_provider_heap.models.kinds import SqlFile, read_sql_file

if TYPE_CHECKING:
    from airflow_provider_heap.operators.model import HeapModelOperator


def render_content(
    operator: HeapModelOperator,
    airflows: Callable[..., Any],
    content: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Any:
    """
    Return a parameter of a task, rendered. Constants and models are frozen: a rendered copy takes their place.

    :param operator: the task.
    :param airflows: renders texts, lists and dicts: the method of Airflow's operators.
    :param content: what to render.
    :param args: what Airflow's method takes beside it.
    :param kwargs: what Airflow's method takes beside it.
    :raises ModelError: when a file can't be read, or two keys of a dict become the same.
    """
    environment = (args[1:2] or [kwargs.get("jinja_env")])[0]
    if environment is not None:
        environment.globals.setdefault("heap_interval", heap_interval)
    if isinstance(content, SqlFile):
        content = read_sql_file(content, environment or operator.get_template_env())
    elif is_dataclass(content) and not isinstance(content, type):
        names = {field.name for field in fields(content)} & set(getattr(content, "template_fields", ()))
        rendered_fields = {name: operator.render_template(getattr(content, name), *args, **kwargs) for name in names}
        return replace(content, **rendered_fields)
    rendered = airflows(content, *args, **kwargs)
    if not isinstance(content, dict) or not any("{{" in key or "{%" in key for key in map(str, content)):
        return rendered
    keys = [operator.render_template(key, *args, **kwargs) if isinstance(key, str) else key for key in rendered]
    if len(set(keys)) < len(keys):
        raise ModelError(f"Two of the names {', '.join(map(repr, content))} are rendered to the same name.")
    return dict(zip(keys, rendered.values(), strict=True))
