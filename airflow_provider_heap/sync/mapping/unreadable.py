"""A mark for values that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

#: Reason code of a row that holds such a value.
UNREADABLE_VALUE = "unreadable_value"


@dataclass(frozen=True)
class UnreadableValue:
    """
    What a model puts in place of a value that its driver cannot read. Its row is invalid, the others go on.

    :param detail: what is wrong with it, for the log: a type or a limit, never the value.
    :param text: the value as the database prints it, for the rejects file.
    """

    detail: str
    text: str = ""

    def __str__(self) -> str:
        return self.text
