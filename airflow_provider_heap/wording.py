"""Words that messages share: a count with its noun, and the name that somebody most likely meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

#: How alike two names are that may be mistaken for each other, from 0 to 1.
LIKENESS = 0.6


def closest(name: str, names: Iterable[str]) -> str | None:
    """
    Return the name most like one that does not exist; None when none is like it.

    :param name: what was typed.
    :param names: those that exist.
    """
    by_lower_case = {other.lower(): other for other in names}
    matches = get_close_matches(name.lower(), by_lower_case, n=1, cutoff=LIKENESS)
    return by_lower_case[matches[0]] if matches else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """
    Return a question to end a message with; empty when no name is like the one that was typed.

    :param name: what was typed.
    :param names: those that exist.
    """
    meant = closest(name, names)
    return "" if meant is None else f" Did you mean {meant!r}?"


def counted(count: int, noun: str) -> str:
    """
    Return a count and its noun, in the singular for one: ``1 row``, ``2,000 rows``.

    :param count: how many.
    :param noun: in the singular; its plural ends in s.
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
