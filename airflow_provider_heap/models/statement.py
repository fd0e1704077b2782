"""
What a SQL statement says before it runs: whether it reads, writes, or is more than one.

Not every database runs a query in a transaction that can be rolled back, so a statement that would write must be
refused before. The scan is linear: each character is looked at once, by patterns that never go back.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.wording import closest

#: Words that a query begins with, in one database or another.
_QUERIES = frozenset(
    re.findall(
        r"\w+", "select with values table from sel locking pivot unpivot summarize show describe desc explain list"
    )
)
#: Words that other statements begin with.
_WRITES = frozenset(
    re.findall(
        r"\w+",
        "insert update delete merge replace upsert create drop alter truncate rename undrop call exec execute do begin "
        "declare set use grant revoke copy load unload export import put remove vacuum analyze optimize refresh cache "
        "lock msck",
    )
)
#: Words that may follow CTEs.
_VERBS = frozenset(
    {"select", "sel", "values", "from", "insert", "update", "delete", "merge", "replace", "create", "call"}
)
#: Those that a CTE may hold beside UPDATE, and what follows them.
_IN_A_CTE = {"insert": ("into", "overwrite"), "delete": ("from",), "merge": ("into", "using")}
#: Words that T-SQL reserves: there, a statement needs no semicolon before it.
_RESERVED = frozenset({"insert", "update", "delete", "create", "drop", "alter", "truncate", "exec", "execute", "grant"})


@dataclass(frozen=True)
class Syntax:
    """
    How a database writes comments and texts.

    :param hash_comments: ``#`` begins a comment.
    :param slash_comments: ``//`` begins a comment.
    :param nested_comments: a block comment may hold another one.
    :param spaced_dashes: ``--`` begins a comment only before a space.
    :param executable_comments: what is in ``/*! ... */`` is run.
    :param escaped_quotes: quotes in which a backslash escapes.
    :param brackets: ``[...]`` quotes a name.
    :param no_semicolons: a statement may follow another one without a semicolon.
    """

    hash_comments: bool = False
    slash_comments: bool = False
    nested_comments: bool = False
    spaced_dashes: bool = False
    executable_comments: bool = False
    escaped_quotes: str = ""
    brackets: bool = False
    no_semicolons: bool = False


_ANSI = Syntax()
_POSTGRES = Syntax(nested_comments=True)
_MYSQL = Syntax(hash_comments=True, spaced_dashes=True, executable_comments=True, escaped_quotes="'\"")
_SPARK = Syntax(nested_comments=True, escaped_quotes="'\"")
#: By the type of an Airflow connection.
_SYNTAXES = {
    "postgres": _POSTGRES,
    "redshift": _POSTGRES,
    "duckdb": _POSTGRES,
    "mysql": _MYSQL,
    "sqlite": _ANSI,
    "oracle": _ANSI,
    "trino": _ANSI,
    "presto": _ANSI,
    "snowflake": Syntax(slash_comments=True, escaped_quotes="'"),
    "gcpbigquery": Syntax(hash_comments=True, escaped_quotes="'\""),
    "hiveserver2": _SPARK,
    "databricks": _SPARK,
    "clickhouse": Syntax(hash_comments=True, escaped_quotes="'\""),
    "mssql": Syntax(nested_comments=True, brackets=True, no_semicolons=True),
}
#: A statement for any other database must be harmless in each of these.
_ANY = (_POSTGRES, _MYSQL)


class Token(NamedTuple):
    """
    A part of a statement, comments and texts aside.

    :param text: a word in lower case, or one other character; a quote stands for a quoted name or text.
    :param position: where it begins.
    :param depth: parentheses that it is in.
    """

    text: str
    position: int
    depth: int


def check_query(sql: str, conn_type: str | None = None) -> str:
    """
    Return the one query that a SQL text holds, without what follows its last character.

    :param sql: SQL.
    :param conn_type: type of the Airflow connection that it runs on; None when it is not known.
    :raises ModelError: when the text holds no statement, several, or one that would write.
    """
    known = _SYNTAXES.get(conn_type or "")
    queries = [_check(sql, syntax) for syntax in ((known,) if known else _ANY)]
    refusals = [error for error in queries if isinstance(error, _Refusal)]
    if any(error.certain for error in refusals) or len(refusals) == len(queries):
        raise ModelError(next((error for error in refusals if error.certain), refusals[0]).message)
    return next(query for query in queries if isinstance(query, str))


def first_word(sql: str) -> str:
    """
    Return the first word of a statement, in lower case; empty when there is none.

    :param sql: SQL.
    """
    return next((token.text for token in _tokens(sql, _POSTGRES) if token.text != "("), "")


class _Refusal(NamedTuple):
    """Why a statement is refused; not certain when it may only be misread."""

    message: str
    certain: bool


def _check(sql: str, syntax: Syntax) -> str | _Refusal:
    tokens = list(_tokens(sql, syntax))
    end = next((place for place, token in enumerate(tokens) if token.text == ";"), len(tokens))
    while not end and tokens:  # empty statements at the beginning
        tokens.pop(0)
        end = next((place for place, token in enumerate(tokens) if token.text == ";"), len(tokens))
    if not tokens:
        return _Refusal("The model is an empty SQL statement.", False)
    statement = tokens[:end]
    if word := _writing_word(statement, syntax):
        return _Refusal(
            f"The model would write: it has {word.upper()}. A sync only reads, so nothing was run. Write a SELECT, and "
            "run other statements in a task before this one.",
            True,
        )
    if any(token.text != ";" for token in tokens[end:]):
        return _Refusal(
            "The model holds several statements, and a sync runs one query. Keep the SELECT, and run the others in a "
            "task before this one.",
            True,
        )
    first = next((token.text for token in statement if token.text != "("), "")
    if first not in _QUERIES:
        return _Refusal(
            f"The model is not a query: it begins with {first.upper() or '('}. {_instead_of(first, sql)}",
            False,
        )
    return sql[: tokens[end].position if end < len(tokens) else len(sql)].strip()


def _instead_of(first: str, sql: str) -> str:
    """Return what to write in place of a text that is not a query."""
    if re.fullmatch(r"[\w.\"`]+", sql.strip()):
        return f"To send a whole table, write select * from {sql.strip()}"
    meant = closest(first, ("select", "with", "values"))
    if meant:
        return f"Did you mean {meant.upper()}?"
    return "Write a statement that returns rows, such as a SELECT."


def _writing_word(tokens: Sequence[Token], syntax: Syntax) -> str | None:
    """Return the word of a statement that makes it write; None when it only reads."""
    before_query, verbs = True, _followers(tokens, frozenset({"with", "locking"}), _VERBS)
    updates = _followers(tokens, frozenset({"update"}), frozenset({"set"}))
    for place, token in enumerate(tokens):
        previous = tokens[place - 1].text if place else ""
        if before_query and token.text != "(":
            before_query = False
            verb = tokens[verbs.get(place, place)].text
            if verb in _WRITES:
                return verb
            if verb in ("explain", "describe", "desc") and _runs(tokens[place + 1 :]):
                return f"{verb} analyze"
            if verb == "from" and (insert := _first(tokens[place:], frozenset({"insert"}), token.depth)):
                return insert
        elif previous == "(" and (token.text == "with" or _opens_cte(tokens, place - 1)):
            position = verbs.get(place, place)
            if _modifies(tokens, position, updates):
                return tokens[position].text
        elif token.text == "into" and previous not in ("as", ".") and not _names_a_column(tokens, place):
            return "select into"
        elif syntax.no_semicolons and token.text in _RESERVED and not token.depth and previous not in (".", "for"):
            return token.text
    return None


def _followers(tokens: Sequence[Token], words: frozenset[str], wanted: frozenset[str]) -> dict[int, int]:
    """
    Return where the first wanted word stands that follows a word in the same parentheses.

    :param tokens: of a statement.
    :param words: the words that are followed.
    :param wanted: the words that follow.
    :return: positions by the position of the word that is followed.
    """
    positions: dict[int, int] = {}
    waiting: list[tuple[int, int]] = []  # depth and position of each word that nothing has followed yet
    previous = ""
    for place, token in enumerate(tokens):
        while waiting and token.depth < waiting[-1][0]:
            waiting.pop()
        # What follows one of these is the name of a CTE.
        if token.text in wanted and previous not in ("with", "recursive", ","):
            while waiting and token.depth == waiting[-1][0]:
                positions[waiting.pop()[1]] = place
        if token.text in words:
            waiting.append((token.depth, place))
        previous = token.text
    return positions


def _opens_cte(tokens: Sequence[Token], place: int) -> bool:
    return place > 0 and tokens[place - 1].text in ("as", "materialized")


def _modifies(tokens: Sequence[Token], place: int, updates: Container[int]) -> bool:
    """Return whether a word that may as well be a column's name is followed as a statement is."""
    if tokens[place].text == "update":
        return place in updates
    after = tokens[place + 1].text if place + 1 < len(tokens) else ""
    return after in _IN_A_CTE.get(tokens[place].text, ())


def _runs(tokens: Sequence[Token]) -> bool:
    """Return whether a statement is run in order to be explained."""
    for token in tokens:
        if token.text in ("analyze", "analyse"):
            return True
        if token.text in _QUERIES | _WRITES:
            break
    return False


def _first(tokens: Sequence[Token], words: frozenset[str], depth: int) -> str | None:
    return next((token.text for token in tokens if token.text in words and token.depth == depth), None)


def _names_a_column(tokens: Sequence[Token], place: int) -> bool:
    """Return whether this INTO is the one of DuckDB's UNPIVOT."""
    after = tokens[place + 1].text if place + 1 < len(tokens) else ""
    return after == "name" and any(token.text == "unpivot" for token in tokens[:place])


_PARTS = r"""
    (?P<space>\s++ | {line}[^\n]*+ {closing})
  | (?P<block>/\*)
  | (?P<escaped>{escaped})
  | (?P<quoted>'(?:[^']++|'')*+'? | "(?:[^"]++|"")*+"? | `[^`]*+`? {brackets})
  | (?P<dollar>\$(?:[^\W\d]\w*+)?+\$)
  | (?P<word>[^\W\d][\w$]*+)
  | (?P<other>.)
"""
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_EXECUTABLE = re.compile(r"/\*M?!\d*+")


@lru_cache
def _pattern(syntax: Syntax) -> re.Pattern[str]:
    line = [
        r"--(?=\s|\Z)" if syntax.spaced_dashes else "--",
        *(["\\#"] if syntax.hash_comments else []),
        *(["//"] if syntax.slash_comments else []),
    ]
    # E'...' of PostgreSQL escapes too; three quotes are BigQuery's.
    escaped = [r"[eE]'(?:[^'\\]++|\\.|'')*+'?"]
    for quote in syntax.escaped_quotes:
        escaped.append(rf"{quote * 3}(?:[^{quote}\\]++|\\.|{quote}(?!{quote}{quote}))*+(?:{quote * 3})?")
        escaped.append(rf"{quote}(?:[^{quote}\\]++|\\.|{quote}{quote})*+{quote}?")
    parts = _PARTS.format(
        line=f"(?:{'|'.join(line)})",
        closing=r"| \*/" if syntax.executable_comments else "",
        escaped="|".join(escaped),
        brackets=r"| \[[^\]]*+\]?" if syntax.brackets else "",
    )
    return re.compile(parts, re.VERBOSE | re.DOTALL)


def _tokens(sql: str, syntax: Syntax) -> Iterator[Token]:
    pattern = _pattern(syntax)
    position = depth = 0
    while match := pattern.match(sql, position):
        begin, position, kind = position, match.end(), match.lastgroup
        if kind == "block":
            executable = _EXECUTABLE.match(sql, begin) if syntax.executable_comments else None
            position = executable.end() if executable else _end_of_comment(sql, position, syntax.nested_comments)
        elif kind == "dollar":
            end = sql.find(match[0], position)
            position = len(sql) if end < 0 else end + len(match[0])
            yield Token("'", begin, depth)
        elif kind != "space":
            text = match[0].lower() if kind == "word" else match[0][-1] if kind == "other" else match[0][0]
            depth -= text == ")"
            yield Token(text, begin, depth)
            depth += text == "("


def _end_of_comment(sql: str, position: int, nested: bool) -> int:
    if not nested:
        end = sql.find("*/", position)
        return len(sql) if end < 0 else end + 2
    depth = 1
    for edge in _BLOCK_EDGE.finditer(sql, position):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return len(sql)
