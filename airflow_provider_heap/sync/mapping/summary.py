"""What fills what, in a form that can be shown: without rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_provider_heap.sync.mapping.constant import Constant, PropertyValue


@dataclass(frozen=True)
class MappingSummary:
    """
    Which column fills which field and property.

    :param fields: column or constant of each field, by Heap's name of the field.
    :param properties: column, constant or template of each property; None while only the query's answer will say which
        columns there are.
    :param key_columns: the columns that the sync key is made from.
    :param columns: the query's columns that each property is made from; empty before the query ran.
    :param signature: the mapping in a few digits: another signature means other items; None before the query ran.
    """

    fields: Mapping[str, str | Constant]
    properties: Mapping[str, PropertyValue] | None
    key_columns: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    signature: str | None = None

    def mask_constants(self, mask: Callable[[Any], Any]) -> MappingSummary:
        """
        Return the mapping with its constants masked: a template of Airflow may have rendered a secret into one.

        :param mask: returns what may be shown of a value.
        """

        def masked(sources: Mapping[str, Any]) -> dict[str, Any]:
            return {
                name: Constant(mask(source.value)) if isinstance(source, Constant) else source
                for name, source in sources.items()
            }

        properties = None if self.properties is None else masked(self.properties)
        return replace(self, fields=masked(self.fields), properties=properties)
