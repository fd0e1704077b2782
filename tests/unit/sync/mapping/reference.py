"""The mapping of design.md, cell by cell and as plainly as possible: what the mapping by column must be equal to."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID


class Invalid(Exception):
    pass


def units(text):
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text):
    while units(text) > 1023:
        text = text[:-1]
    return text


def well_formed(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Invalid from None
    return text


def moment(value):
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()


def scalar(value):
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return cut(well_formed(value))
    if isinstance(value, int):
        return value if abs(value) <= 2**53 - 1 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        if Decimal(repr(float(value))) != value:
            return str(value)
        return int(value) if value == int(value) else float(value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, UUID):
        return str(value)
    raise Invalid


def leaves(name, value):
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in leaves(f"{name}.{key}", inner)]
    if isinstance(value, list):
        if any(isinstance(inner, dict | list) for inner in value):
            return [(name, cut(json.dumps(value, separators=(",", ":"), ensure_ascii=False)))]
        texts = [scalar(inner) for inner in value]
        texts = [text if isinstance(text, str) else json.dumps(text) for text in texts if text is not None]
        return [(name, cut("||".join(texts)))]
    return [(name, scalar(value))]


def key(value):
    if isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() > 1000 or value != int(value):
            raise Invalid
        value = int(value)
    if isinstance(value, float):
        if not math.isfinite(value) or value != int(value):
            raise Invalid
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | UUID | date):
        raise Invalid
    text = (
        moment(value) if isinstance(value, datetime) else value.isoformat() if isinstance(value, date) else str(value)
    )
    if not text.strip() or units(text) > 255:
        raise Invalid
    return well_formed(text)


def timestamp(value):
    if isinstance(value, str):
        text = value.strip()
        if len(text) < 10 or text[4] != "-" or text[7] != "-" or text[10:11] not in ("", "T", " "):
            raise Invalid
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise Invalid from None
        return found.replace(tzinfo=found.tzinfo or UTC)
    if isinstance(value, datetime):
        return datetime.fromisoformat(moment(value))
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise Invalid


def event(row, name, columns):
    """Return the item of a row that has identity, insert_id, at and some property columns; or raise Invalid."""
    values = dict(zip(columns, row, strict=True))
    item = {
        "event": name,
        "identity": key(values["identity"]),
        "timestamp": timestamp(values["at"]),
        "idempotency_key": hashlib.blake2b(
            f"{name}\x1f{key(values['insert_id'])}".encode(), digest_size=16
        ).hexdigest(),
        "properties": {},
    }
    taken = set(columns) - {"identity", "insert_id", "at"}
    for column in columns:
        if column in ("identity", "insert_id", "at"):
            continue
        found = leaves(column, values[column])
        names = [leaf for leaf, _ in found if leaf != column]
        if len(names) != len(set(names)) or taken & set(names):
            raise Invalid
        taken |= set(names)
        for leaf, value in found:
            if value is not None:
                item["properties"][well_formed(leaf)] = value
    return item
