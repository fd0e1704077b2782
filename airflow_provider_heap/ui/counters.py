"""Read the counters that runs left as XCom, and add those of mapped instances up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Annotated, Any

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]

#: Most bytes of a run's facts. A run writes 2000; a longer entry is not from a run.
MAX_FACTS = 4_000


class Counters(msgspec.Struct, kw_only=True):
    """
    The counters of a run, as :class:`.Report` has them. Whoever may write XComs could have written these, so nothing
    of them is opened or executed.
    """

    read: Count
    unchanged: Count = 0
    invalid: Count = 0
    rejected: Count = 0
    sent: Count = 0
    would_send: Count | None = None
    truncated: Count = 0
    requests: Count = 0
    bytes: Count = 0
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    duplicate_keys: Count | None = None
    reasons: dict[str, Count] = {}
    rejects: str | None = None
    dry_run_path: str | None = None
    sync: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    @property
    def refused(self) -> int:
        """Rows that did not arrive."""
        return self.invalid + self.rejected


class Target(msgspec.Struct):
    """Where a sync writes to."""

    app_id: str = ""
    region: str = ""
    host: str = ""
    connection: str = ""


class SyncKey(msgspec.Struct):
    """The field of the sync key, and the columns that it is made from."""

    field: str = ""
    columns: list[str] = []


class StateFacts(msgspec.Struct):
    """Where the state is, and how many keys were new."""

    table: str = ""
    connection: str = ""
    new_keys: Count | None = None


class SyncFacts(msgspec.Struct, kw_only=True):
    """What a run said of its sync: the entry ``sync`` of its report, as :func:`.description.describe` makes it."""

    name: str = ""
    object: str = ""
    behaviour: str = ""
    source: str = ""
    target: Target = msgspec.field(default_factory=Target)
    key: SyncKey = msgspec.field(default_factory=SyncKey)
    fields: list[tuple[str, Any]] = []
    properties: list[tuple[str, Any]] | None = None
    properties_left_out: Count = 0
    signature: str | None = None
    guards: dict[str, Any] = {}
    max_rejected: float | int = 0
    state: StateFacts | None = None
    items_a_minute: Count | None = None


_decode_facts = msgspec.json.Decoder(SyncFacts).decode
_decode = msgspec.json.Decoder(Counters).decode
_decode_text = msgspec.json.Decoder(str).decode


def read_counters(value: str | bytes | None) -> Counters | None:
    """
    Read the counters from an XCom.

    :param value: the XCom's JSON.
    :return: None when it holds something else: a custom XCom backend's reference, or another task's value.
    """
    if not value:
        return None
    try:
        return _decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    # Airflow's REST API stores the JSON of a value as a text.
    with suppress(msgspec.DecodeError, UnicodeError, RecursionError):
        return _decode(_decode_text(value))
    return None


def add_up(instances: Iterable[Counters]) -> Counters | None:
    """
    Add up the counters of the instances of a mapped task.

    :param instances: their counters.
    :return: None when there are none; ``seconds`` is that of the longest.
    """
    counters = list(instances)
    if len(counters) < 2:
        return counters[0] if counters else None
    reasons: Counter[str] = Counter()
    for one in counters:
        reasons.update(one.reasons)
    dry = [one.would_send for one in counters if one.would_send is not None]
    keys = [one.duplicate_keys for one in counters if one.duplicate_keys is not None]
    return Counters(
        read=sum(one.read for one in counters),
        unchanged=sum(one.unchanged for one in counters),
        invalid=sum(one.invalid for one in counters),
        rejected=sum(one.rejected for one in counters),
        sent=sum(one.sent for one in counters),
        would_send=sum(dry) if dry else None,
        truncated=sum(one.truncated for one in counters),
        requests=sum(one.requests for one in counters),
        bytes=sum(one.bytes for one in counters),
        seconds=max(one.seconds for one in counters),
        duplicate_keys=sum(keys) if keys else None,
        reasons=dict(reasons),
        rejects=next((one.rejects for one in counters if one.rejects), None),
        dry_run_path=next((one.dry_run_path for one in counters if one.dry_run_path), None),
        sync=next((one.sync for one in counters if one.sync), msgspec.UNSET),
    )


def newest_facts(counters: Iterable[Counters | None]) -> SyncFacts | None:
    """
    Return what the first of some runs said of its sync. It is removed from the others: it is large, and the same.

    :param counters: of the runs, the newest first.
    """
    facts = None
    for one in counters:
        if one is None or not isinstance(one.sync, msgspec.Raw):
            continue
        if facts is None and len(one.sync) <= MAX_FACTS:
            with suppress(msgspec.DecodeError, UnicodeError, RecursionError):
                facts = _decode_facts(one.sync)
                continue
        one.sync = msgspec.UNSET
    return facts


def take_facts(counters: Iterable[Counters | None]) -> SyncFacts | None:
    """
    Return what the first of some runs said of its sync, and remove it from all of them.

    :param counters: of the runs, the newest first.
    """
    some = [one for one in counters if one is not None]
    facts = newest_facts(some)
    for one in some:
        one.sync = msgspec.UNSET
    return facts
