"""
The objects that Heap takes in bulk, as values of one type: accounts, users, events, and deletions of users.

Nothing outside of :mod:`airflow_provider_heap.api` knows an endpoint, a limit or a field name of Heap. Figures and
names are from Heap's reference, https://developers.heap.io/reference (pages ``bulk-track``,
``bulk-add-user-properties``, ``bulk-add-account-properties`` and ``user-deletion``); a comment says so where one comes
from elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

#: Accounts, users or events that Heap takes in one request; also the rows that are mapped at a time.
MAX_ITEMS = 1000
#: Users whose deletion Heap takes in one request.
MAX_DELETIONS = 10_000

#: Where the API key buys a token for deletions, and where the status of a deletion is asked for, followed by its ID.
TOKEN_ENDPOINT = "/api/public/v0/auth_token"
STATUS_ENDPOINT = "/api/public/v0/deletion_status"
#: How far a deletion is.
PENDING, COMPLETE = "pending", "complete"
#: Not Heap's word: Heap answered 404 to the question.
UNKNOWN = "unknown"

#: Bytes of one request body. Heap documents no limit; with ours a request is small enough to be repeated and halved.
MAX_BYTES = 5_000_000

#: Name of the field that holds an item's properties.
PROPERTIES = "properties"

#: Heap asks for property names and text values of "fewer than 1024 characters". Its own clients count UTF-16 units.
MAX_PROPERTY_LENGTH = 1023

#: Integers beyond this magnitude lose digits in a double, so they are sent as text.
MAX_INTEGER = 2**53 - 1

#: Heap documents no minimum; production code of Heap's customers says that shorter keys are not honoured.
MIN_IDEMPOTENCY_KEY_LENGTH = 8


class FieldKind(Enum):
    """What the value of a field is, which decides how a column becomes that field."""

    KEY = "key"  # names one account, user or insert ID
    USER_ID = "user_id"  # a key that is a number of Heap's own, 0 to 2^53 - 1
    NAME = "name"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True)
class Field:
    """
    A field of an item, besides its properties.

    :param name: Heap's name for it.
    :param kind: what its value is.
    :param max_length: longest text, in UTF-16 units.
    :param required: every item has it.
    """

    name: str
    kind: FieldKind
    max_length: int
    required: bool = False


@dataclass(frozen=True)
class HeapObject:
    """
    A kind of object in Heap that a sync can write.

    :param name: its name in messages, such as ``account``.
    :param endpoint: path of the bulk call.
    :param array_name: name of the array in the request body.
    :param fields: the item's fields besides ``properties``, in the order in which they are written.
    :param key: the field by which items differ: the sync key. Items of one key reach Heap in order.
    :param behaviour: what a sync does with the object, in the words of reverse ETL.
    :param person_fields: the fields that name the person whom an item concerns; an item has exactly one of them.
    :param write_once: Heap keeps what it has under a key: sending the key again changes nothing.
    :param derives_key: the key is derived from the event name and the insert ID, instead of naming the person.
    :param reserved: property names, in lower case, that Heap does not allow in any casing.
    :param rate_limit: items a minute that Heap takes for a whole environment; None when none is documented.
    :param person_rate_limit: items a minute that Heap takes for one person; None when none is documented.
    :param reply: the body of Heap's answer to a request that it accepted, as its reference shows it.
    :param max_items: items that Heap takes in one request.
    :param has_properties: an item has properties beside its fields.
    :param deletes: Heap deletes the users that the items name, in all environments of the account. It takes such a
        request only with a token for the account's API key, answers with the request's ID, and deletes later.
    """

    name: str
    endpoint: str
    array_name: str
    fields: tuple[Field, ...]
    key: str
    behaviour: str
    person_fields: tuple[str, ...]
    write_once: bool = False
    derives_key: bool = False
    reserved: frozenset[str] = frozenset()
    rate_limit: int | None = None
    person_rate_limit: int | None = None
    reply: str = "{}"
    max_items: int = MAX_ITEMS
    has_properties: bool = True
    deletes: bool = False

    @property
    def keyed_by_person(self) -> bool:
        """Whether the sync key is the account or user itself, by whichever field an item names it."""
        return self.key in self.person_fields

    @property
    def exclusive(self) -> bool:
        """Whether two runs of one sync must not be at work at once. Heap counts an event once, whoever sends it."""
        return not self.write_once or self.deletes

    def key_field(self, names: Collection[str]) -> str:
        """
        Return the field that the sync key comes from.

        :param names: the fields that a mapping fills.
        """
        candidates = (self.key, *(self.person_fields if self.keyed_by_person else ()))
        return next((name for name in candidates if name in names), self.key)

    def person_key(self, field: str, value: str) -> str:
        """
        Return the sync key of a person whom a field names. An identity and a user ID of the same digits are two people.

        :param field: one of ``person_fields``.
        :param value: the field's value.
        """
        return value if field == self.key else f"{field}\x1f{value}"

    def key_of(self, fields: Mapping[str, str]) -> str:
        """
        Return the sync key of an item.

        :param fields: its fields by name.
        :raises KeyError: when it has none.
        """
        if not self.keyed_by_person:
            return str(fields[self.key])
        named = [name for name in self.person_fields if name in fields]
        return self.person_key(named[0], str(fields[named[0]])) if named else str(fields[self.key])


ACCOUNT = HeapObject(
    name="account",
    endpoint="/api/add_account_properties",
    array_name="accounts",
    # Heap documents no length for it. It is matched with a user property, and 255 is what Heap allows an identity.
    fields=(Field("account_id", FieldKind.KEY, 255, required=True),),
    key="account_id",
    behaviour="update or create",
    person_fields=("account_id",),
    reply="OK",
)

USER = HeapObject(
    name="user",
    endpoint="/api/add_user_properties",
    array_name="users",
    fields=(Field("identity", FieldKind.KEY, 255, required=True),),
    key="identity",
    behaviour="update or create",
    person_fields=("identity",),
    reserved=frozenset({"id"}),
)

EVENT = HeapObject(
    name="event",
    endpoint="/api/track",
    array_name="events",
    fields=(
        Field("event", FieldKind.NAME, 1024, required=True),
        Field("identity", FieldKind.KEY, 255),
        Field("user_id", FieldKind.USER_ID, 255),
        Field("timestamp", FieldKind.TIMESTAMP, 255),
        Field("session_id", FieldKind.KEY, 255),
        Field("idempotency_key", FieldKind.KEY, 255),
    ),
    key="idempotency_key",
    behaviour="send",
    person_fields=("identity", "user_id"),
    write_once=True,
    derives_key=True,
    rate_limit=15_000,
    person_rate_limit=1_000,
)

USER_DELETION = HeapObject(
    name="user deletion",
    endpoint="/api/public/v0/user_deletion",
    array_name="users",
    # The page names no lengths; these are those of the same fields elsewhere.
    fields=(Field("identity", FieldKind.KEY, 255), Field("user_id", FieldKind.USER_ID, 255)),
    key="identity",
    behaviour="delete",
    person_fields=("identity", "user_id"),
    write_once=True,
    max_items=MAX_DELETIONS,
    has_properties=False,
    deletes=True,
)

#: Every object that Heap takes in bulk.
OBJECTS = (USER, ACCOUNT, EVENT, USER_DELETION)
#: Those that it keeps.
KEPT_OBJECTS = tuple(heap_object for heap_object in OBJECTS if not heap_object.deletes)
