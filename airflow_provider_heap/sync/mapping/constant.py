"""A value that is the same for every row, and what else can fill a property."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from airflow_provider_heap.sync.mapping.row_template import RowTemplate


@dataclass(frozen=True)
class Constant:
    """
    The same value for every row.

    :param value: any value that a column could hold. (templated)
    """

    template_fields: ClassVar[tuple[str, ...]] = ("value",)

    value: Any


#: What can fill a property: a column by its name, a constant, or a template over the columns of the row.
PropertyValue = str | Constant | RowTemplate
