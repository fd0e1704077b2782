"""What a table most likely holds: users, accounts or events, their key and their properties. A person corrects it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from airflow_provider_heap.api.objects import ACCOUNT, EVENT, KEPT_OBJECTS, USER, FieldKind, HeapObject
from airflow_provider_heap.models.column_types import type_kind

#: How the names of tables of each object begin or end, in the singular; whatever is none of them holds users.
_TABLES: dict[HeapObject, str] = {
    EVENT: "event order payment purchase transaction session invoice click visit ticket booking message login signup",
    ACCOUNT: "account company organization organisation org tenant workspace team",
    USER: "user customer person people contact member profile lead subscriber",
}
_TABLES |= {heap_object: heap_object.name for heap_object in KEPT_OBJECTS if heap_object not in _TABLES}
#: How columns are called, the likeliest first.
_PERSONS = (
    *USER.person_fields,
    *("email", "user_email", "customer_email", "email_address"),
    *EVENT.person_fields,
    *("customer_id", "username"),
)
_ACCOUNTS = (
    *ACCOUNT.person_fields,
    *("company_id", "organization_id", "organisation_id", "org_id", "tenant_id", "workspace_id"),
)
#: How the column of the key is called, where it has more names than Heap's own.
_KEYS = {USER: _PERSONS, ACCOUNT: _ACCOUNTS}
_MOMENTS = (
    *(field.name for field in EVENT.fields if field.kind is FieldKind.TIMESTAMP),
    *("event_time", "occurred_at", "happened_at", "created_at", "updated_at", "time", "date"),
)
#: Parts of names that are written in capitals, and such that say that a column is nobody's business.
_CAPITALS = frozenset({"id", "ltv", "mrr", "arr", "url", "ip", "utm", "nps", "crm", "csm", "sku", "vat", "uuid"})
_SECRETS = re.compile(r"passw|secret|token|_hash$|salt$|ssn|iban|card_number|cvv", re.IGNORECASE)


@dataclass(frozen=True)
class TableColumn:
    """
    A column of a table.

    :param name: the database's.
    :param type: the database's name of its type; None where the driver does not report it.
    """

    name: str
    type: str | None = None


@dataclass(frozen=True)
class Proposal:
    """
    A sync of a table.

    :param heap_object: what the rows become.
    :param key: column of the Account ID or the identity, or of the insert ID of events.
    :param person: column of the identity of events.
    :param timestamp: column of the time of events.
    :param properties: Heap property by column.
    :param left_out: why a column is not sent, by column.
    """

    heap_object: HeapObject
    key: str
    person: str | None = None
    timestamp: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def singular(table: str) -> str:
    """
    Return what one row of a table is called: ``order`` for ``shop.orders``.

    :param table: its name, may be ``schema.table``.
    """
    name = re.sub(r"\W+", "_", table.rpartition(".")[2].strip('"`[]')).lower()
    name = re.sub(r"^(dim|fct|fact|stg|mart|raw)_", "", name)
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def guess_object(table: str, columns: Sequence[TableColumn]) -> HeapObject:
    """
    Return what the rows of a table most likely are.

    :param table: its name.
    :param columns: its columns.
    """
    words = singular(table).split("_")
    for heap_object, names in _TABLES.items():
        if {words[0], words[-1]} & set(names.split()):
            return heap_object
    lower = {column.name.lower() for column in columns}
    return ACCOUNT if lower & set(_ACCOUNTS) and not lower & set(_PERSONS) else USER


def guess_key(heap_object: HeapObject, table: str, columns: Sequence[TableColumn]) -> str:
    """
    Return the column that most likely tells rows apart.

    :param heap_object: what the rows become.
    :param table: the table's name.
    :param columns: its columns, at least one.
    """
    row = singular(table)
    if heap_object.derives_key:
        return _first((f"{row}_id", "event_id", "id", "uuid", f"{row}_number"), columns) or columns[0].name
    likely = _KEYS.get(heap_object, heap_object.person_fields)
    return _first((*likely, f"{row}_id", "id", "uuid"), columns) or columns[0].name


def guess_person(columns: Sequence[TableColumn]) -> str | None:
    """
    Return the column that most likely names the user; None when there is none.

    :param columns: a table's.
    """
    return _first(_PERSONS, columns)


def guess_timestamp(table: str, columns: Sequence[TableColumn]) -> str | None:
    """
    Return the column that most likely says when an event happened; None when there is none.

    :param table: the table's name.
    :param columns: its columns.
    """
    moments = [column for column in columns if _may_be_moment(column)]
    row = singular(table)
    own = [column.name for column in moments if column.name.lower().startswith(row[:4]) and row]
    likely = _first((*own, *_MOMENTS), moments)
    return likely or (moments[0].name if moments else None)


def propose(
    heap_object: HeapObject,
    table: str,
    columns: Sequence[TableColumn],
    key: str,
    person: str | None = None,
    timestamp: str | None = None,
) -> Proposal:
    """
    Return a sync of a table: each column that has no other role becomes a property.

    :param heap_object: what the rows become.
    :param table: the table's name.
    :param columns: its columns.
    :param key: column of the key.
    :param person: column of the identity of events.
    :param timestamp: column of the time of events.
    """
    properties: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for column in columns:
        name = column.name
        if name in (key, person, timestamp):
            continue
        if type_kind(column.type) == "binary":
            left_out[name] = f"{column.type} has no JSON form"
        elif _SECRETS.search(name):
            left_out[name] = "by its name a secret"
        else:
            properties[_unique(property_name(name, heap_object, table), properties)] = name
    return Proposal(heap_object, key, person, timestamp, properties, left_out)


def title(name: str) -> str:
    """
    Return a name for people: ``Trial Ends At`` for ``trial_ends_at``.

    :param name: of a column, or of a field of Heap.
    """
    words = [word for word in re.split(r"[\W_]+", name) if word]
    return " ".join(word.upper() if word.lower() in _CAPITALS else word[:1].upper() + word[1:] for word in words)


def property_name(column: str, heap_object: HeapObject, table: str) -> str:
    """
    Return a name for a property: the column's, for people, where Heap allows it.

    :param column: the column's name.
    :param heap_object: what the rows become.
    :param table: the table's name.
    """
    name = title(column)
    if not name or name.lower() in heap_object.reserved:
        name = f"{singular(table).replace('_', ' ').title()} {name or 'Value'}"
    return name


def _may_be_moment(column: TableColumn) -> bool:
    if column.type is not None:
        return re.match("date|timestamp", column.type.lower()) is not None
    name = column.name.lower()
    return name in _MOMENTS or name.endswith(("_at", "_time", "_date", "_on"))


def _first(names: Sequence[str], columns: Sequence[TableColumn]) -> str | None:
    by_name = {column.name.lower(): column.name for column in reversed(columns)}
    return next((by_name[name.lower()] for name in names if name.lower() in by_name), None)


def _unique(name: str, taken: dict[str, str]) -> str:
    number = 2
    unique = name
    while unique in taken:
        unique, number = f"{name} {number}", number + 1
    return unique
