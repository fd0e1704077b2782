"""Checks of dbt's own results before a model is sent: did it and its tests pass, and how old is it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from airflow_provider_heap.exceptions import GateError, ModelError
from airflow_provider_heap.models.dbt.artifacts import (
    MANIFEST,
    RUN_RESULTS,
    SOURCES,
    Artifacts,
    Manifest,
    Metadata,
    Node,
    Result,
    Results,
    load,
)

TESTS, FRESHNESS = "tests", "freshness"
#: Statuses with which a sync goes on, warnings of tests and sources among them.
_GOOD = frozenset({"success", "pass", "warn", "no-op", "reused"})
#: Commands that neither build nor test; dbt writes ``success`` into run_results.json for them too.
_IDLE = frozenset({"compile", "docs", "generate", "list", "parse", "show"})
#: Names that a message lists at most.
_MAX_LISTED = 10


class Gates:
    """
    The gates of one model.

    :param require: ``tests``, ``freshness``, both or none.
    :param max_age: the greatest age of an artifact, by its ``generated_at``; None for any age.
    :raises ModelError: when there is no such gate, or the age is not a time.
    """

    def __init__(self, require: object, max_age: object) -> None:
        if not isinstance(require, Collection) or not set(map(str, require)) <= {TESTS, FRESHNESS}:
            raise ModelError(f'require takes "tests" and "freshness", as in require={{"tests"}}; found {require!r}.')
        if max_age is not None and (not isinstance(max_age, timedelta) or max_age <= timedelta()):
            raise ModelError(f"max_age must be a time, such as timedelta(hours=6); found {max_age!r}.")
        self._require = require
        self._max_age = max_age

    def check(self, node: Node, manifest: Manifest, artifacts: Artifacts) -> None:
        """
        Read the artifacts that the gates need, and check them.

        :param node: the model.
        :param manifest: its project.
        :param artifacts: the artifacts of the run of dbt.
        :raises GateError: when a gate is closed, saying why.
        :raises ModelError: when an artifact is missing.
        """
        self._check_age(manifest.metadata, artifacts.label(MANIFEST))
        if TESTS in self._require:
            results = load(artifacts, RUN_RESULTS, Results)
            self._check_age(results.metadata, artifacts.label(RUN_RESULTS))
            _check_tests(node, manifest, results, artifacts.label(RUN_RESULTS))
        if FRESHNESS in self._require:
            results = load(artifacts, SOURCES, Results)
            self._check_age(results.metadata, artifacts.label(SOURCES))
            _check_freshness(node, manifest, results, artifacts.label(SOURCES))

    def _check_age(self, metadata: Metadata, where: str) -> None:
        if self._max_age is None:
            return
        written = metadata.generated_at
        if written is None:
            raise GateError(f"{where} does not say when dbt wrote it (metadata.generated_at), and max_age is set.")
        age = datetime.now(UTC) - (written if written.tzinfo else written.replace(tzinfo=UTC))
        if age > self._max_age:
            raise GateError(
                f"{where} was written at {written.isoformat(timespec='seconds')}, {_rounded(age)} ago, and max_age is "
                f"{self._max_age}. Run dbt before the sync, or raise max_age."
            )


def _check_tests(node: Node, manifest: Manifest, results: Results, where: str) -> None:
    if results.args.which in _IDLE:
        raise GateError(
            f"{where} was written by 'dbt {results.args.which}', which neither builds nor tests. "
            "Run the sync after 'dbt build', before another command overwrites its results."
        )
    tests = {test.unique_id: test for test in _tests_on(node, manifest)}
    by_id = {result.unique_id: result for result in results.results}
    own = by_id.get(node.unique_id)
    if own is not None and own.status not in _GOOD:
        raise GateError(
            f"dbt's {node.unique_id!r} itself has the status {own.status!r} in {where}, so its rows are not from "
            f"this run of dbt. {_cause(own)}Nothing was sent."
        )
    failed = sorted(unique_id for unique_id in tests if unique_id in by_id and by_id[unique_id].status not in _GOOD)
    if failed:
        outcomes = [f"{tests[unique_id].name!r} ({_outcome(by_id[unique_id])})" for unique_id in failed]
        raise GateError(
            f"{len(failed)} of {len(tests)} dbt tests on {node.unique_id!r} did not pass, according to {where}: "
            f"{_listed(outcomes)}. Nothing was sent. Correct the data or the test, or let the test warn "
            "(severity: warn)."
        )
    if tests and not tests.keys() & by_id.keys():
        raise GateError(
            f"None of the {len(tests)} dbt tests on {node.unique_id!r} was run, according to {where}: "
            f"{_listed(repr(test.name) for test in tests.values())}. 'dbt build' runs a model and its tests."
        )
    if own is None and not tests:
        raise GateError(
            f"{where} says nothing about {node.unique_id!r}: the last command of dbt did not include it, and there "
            "is no test on it. Run dbt for it before the sync, or leave 'tests' out of require."
        )


def _tests_on(node: Node, manifest: Manifest) -> Iterable[Node]:
    """Yield the tests on a node. A test of two models, such as ``relationships``, is on the one that declares it."""
    for test in [*manifest.nodes.values(), *manifest.unit_tests.values()]:
        if test.resource_type in ("test", "unit_test"):
            tested = [test.attached_node] if test.attached_node else test.parents
            if node.unique_id in tested:
                yield test


def _check_freshness(node: Node, manifest: Manifest, results: Results, where: str) -> None:
    sources = _sources_of(node, manifest)
    if not sources:
        raise GateError(
            f"dbt's {node.unique_id!r} is made from no source, so there is no freshness to check. "
            "Leave 'freshness' out of require."
        )
    by_id = {result.unique_id: result for result in results.results if result.unique_id in sources}
    if not by_id:
        raise GateError(
            f"{where} says nothing about the sources of {node.unique_id!r}: {_listed(map(repr, sorted(sources)))}. "
            "Declare a freshness for them in the project, and run 'dbt source freshness' before the sync."
        )
    stale = sorted(unique_id for unique_id, result in by_id.items() if result.status not in _GOOD)
    if stale:
        outcomes = [f"{unique_id!r} ({_outcome(by_id[unique_id])})" for unique_id in stale]
        raise GateError(
            f"{len(stale)} of {len(by_id)} sources of {node.unique_id!r} are not fresh, according to {where}: "
            f"{_listed(outcomes)}. "
            "Nothing was sent. Load them, or leave 'freshness' out of require."
        )


def _sources_of(node: Node, manifest: Manifest) -> set[str]:
    """Return the unique IDs of all sources that a node is made from, directly or through other models."""
    seen, waiting = set(), [node.unique_id]
    while waiting:
        unique_id = waiting.pop()
        if unique_id not in seen:
            seen.add(unique_id)
            waiting += manifest.nodes[unique_id].parents if unique_id in manifest.nodes else []
    return seen & manifest.sources.keys()


def _outcome(result: Result) -> str:
    """Return the result of a node. Not in dbt's words: the message of a test may contain values of rows."""
    if result.failures:
        return f"{result.status}, {result.failures:,} failure{'s' if result.failures > 1 else ''}"
    return f"{result.status}, loaded {result.max_loaded_at}" if result.max_loaded_at else result.status


def _cause(result: Result) -> str:
    if result.status == "skipped":
        return "A model that it is made from, or a test on one, failed. "
    return "dbt's log says why. "


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(names[:_MAX_LISTED]) + more


def _rounded(age: timedelta) -> timedelta:
    return timedelta(seconds=round(age.total_seconds()))
