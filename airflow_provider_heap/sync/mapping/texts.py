"""Length and encoding of texts, one text or a whole column at a time."""

from __future__ import annotations

from typing import Any

from airflow_provider_heap.api.objects import MAX_PROPERTY_LENGTH
from airflow_provider_heap.sync.mapping.columns import Column
from airflow_provider_heap.sync.mapping.row_errors import NO_JSON_FORM, RowErrors

#: What the log says of a text that is_utf8() refuses.
HALF_A_PAIR = "text with half a surrogate pair"


def utf16_length(text: str) -> int:
    """
    Return the length in UTF-16 units, as Heap's own clients count it.

    :param text: any text.
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_utf8(text: str) -> bool:
    """
    Return whether UTF-8 can hold a text: it cannot hold half a surrogate pair.

    :param text: any text.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def truncate(text: str, length: int = MAX_PROPERTY_LENGTH) -> str:
    """
    Cut a text, never through a surrogate pair.

    :param text: any text.
    :param length: greatest length of the result, in UTF-16 units.
    """
    if text.isascii():
        return text[:length]
    units = text.encode("utf-16-le", "surrogatepass")[: length * 2]
    # A high surrogate at the end has lost its other half.
    if len(units) == length * 2 and 0xD8 <= units[-1] <= 0xDB:
        units = units[:-2]
    return units.decode("utf-16-le", "surrogatepass")


def truncate_column(values: Column, truncated_rows: list[int]) -> Column:
    """
    Cut the texts that are longer than Heap takes.

    :param values: converted values.
    :param truncated_rows: receives the rows whose text was truncated.
    """
    texts = [value for value in values if value.__class__ is str]
    if not texts:
        return values
    longest = max(map(len, texts))
    # A text has at most two UTF-16 units a character, and one for each of ASCII.
    if longest <= MAX_PROPERTY_LENGTH // 2 or (longest <= MAX_PROPERTY_LENGTH and all(map(str.isascii, texts))):
        return values
    result = list(values)
    for row, value in enumerate(values):
        if value.__class__ is str and utf16_length(value) > MAX_PROPERTY_LENGTH:
            result[row] = truncate(value)
            truncated_rows.append(row)
    return result


def drop_unencodable(values: Column, errors: RowErrors, column: str | None) -> list[Any]:
    """
    Replace the texts that UTF-8 cannot hold by None, after the items of a chunk could not be encoded.

    :param values: converted values.
    :param errors: receives the rows of these texts.
    :param column: name of the column, for the errors.
    """
    result: list[Any] = []
    for row, value in enumerate(values):
        if value.__class__ is str and not is_utf8(value):
            errors.add(row, NO_JSON_FORM, column, HALF_A_PAIR)
            value = None
        result.append(value)
    return result
