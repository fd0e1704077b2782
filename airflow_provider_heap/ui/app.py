"""The app that Airflow's API server mounts: the page's files, and what the page asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.staticfiles import StaticFiles
from pydantic import AwareDatetime, Field

from airflow_provider_heap.ui import metadata, run_files
from airflow_provider_heap.ui.access import MAY_LIST, MAY_READ, DagId, MapIndex, RunId, TaskId, may_read_rows
from airflow_provider_heap.ui.counters import take_facts
from airflow_provider_heap.ui.earlier_runs import LastSentReader, count_refused
from airflow_provider_heap.ui.listing import ListReader
from airflow_provider_heap.ui.run_files import FileNotShownError, Instance, locate
from airflow_provider_heap.ui.status import Run, Status, status_of

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser

    from airflow_provider_heap.ui.counters import Counters
    from airflow_provider_heap.ui.metadata import SyncDag
    from airflow_provider_heap.ui.sync_tasks import SyncTask

#: Most runs of a history in one answer.
MAX_RUNS = 500
#: The largest number that Airflow's database can give a run.
MAX_POSITION = 2**31 - 1
#: Days of which the list knows how many rows were refused.
MAX_DAYS = 7

#: A moment, with its distance from UTC, which a database can be asked for.
Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))]


class _Page:
    """
    Answers the page's requests.

    :param dags: knows which DAGs have syncs.
    :param last_sent: knows when they last sent a row.
    """

    def __init__(self, dags: metadata.SyncDagReader, last_sent: LastSentReader) -> None:
        self._dags = dags
        self._last_sent = last_sent
        self._list = ListReader(last_sent)

    def syncs(self, user: GetUserDep) -> Response:
        """Return all syncs of the DAGs that a user may read."""
        with metadata.open_session() as session:
            dags = self._dags.read(session, _dag_ids_of(user))
            return _json({"syncs": self._list.read(session, dags, datetime.now(UTC))})

    def refused(
        self,
        user: GetUserDep,
        start: Annotated[list[Moment], Query(min_length=1, max_length=MAX_DAYS)],
    ) -> Response:
        """Return how many rows were refused on each of some days, for the DAGs that a user may read."""
        earliest = datetime.now(UTC) - timedelta(days=MAX_DAYS + 1)
        starts = sorted(max(day, earliest) for day in start)
        with metadata.open_session() as session:
            dags = self._dags.read(session, _dag_ids_of(user))
            return _json({"syncs": count_refused(session, dags, starts)})

    def history(
        self,
        dag_id: DagId,
        task_id: TaskId,
        limit: Annotated[int, Query(ge=1, le=MAX_RUNS)] = 100,
        before: Annotated[int | None, Query(ge=1, le=MAX_POSITION)] = None,
        due_from: Moment | None = None,
        due_until: Moment | None = None,
    ) -> Response:
        """Return a sync and its runs, the newest first. How it is doing is said beside the newest of all."""
        with metadata.open_session() as session:
            dag, task = self._find(session, dag_id, task_id)
            runs, more = metadata.read_history(
                session, dag_id, task_id, count=limit, before=before, due=(due_from, due_until)
            )
            newest = before is None and due_from is None and due_until is None
            status = self._status(session, dag, task, runs) if newest else None
        return _json(
            {
                "dag_id": dag_id,
                "paused": dag.paused,
                "schedule": dag.schedule,
                "due": dag.due,
                "task": task,
                "status": status,
                "facts": take_facts(run.counters for run in runs),
                "runs": runs,
                "before": more,
            }
        )

    def instances(self, dag_id: DagId, task_id: TaskId, run_id: RunId) -> Response:
        """Return the instances of a task in one run."""
        with metadata.open_session() as session:
            self._find(session, dag_id, task_id)
            runs = metadata.read_instances(session, dag_id, task_id, run_id)
        return _json({"facts": take_facts(run.counters for run in runs), "instances": runs})

    def rejects(
        self,
        dag_id: DagId,
        task_id: TaskId,
        run_id: RunId,
        map_index: MapIndex = -1,
        reason: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=run_files.MAX_ROWS)] = run_files.MAX_ROWS,
    ) -> Response:
        """Return rows of a run that did not arrive."""
        instance = Instance(dag_id, task_id, run_id, map_index)
        path = locate(self._counters(instance).rejects, instance, ".jsonl", run_files.configured_roots())
        return _json(run_files.read_rejects(path, reason=reason, count=limit))

    def payloads(
        self,
        dag_id: DagId,
        task_id: TaskId,
        run_id: RunId,
        map_index: MapIndex = -1,
        number: Annotated[int, Query(ge=1, le=999_999)] = 1,
    ) -> Response:
        """Return a request that a dry run prepared."""
        instance = Instance(dag_id, task_id, run_id, map_index)
        folder = locate(self._counters(instance).dry_run_path, instance, "", run_files.configured_roots())
        return _json(run_files.read_payload(folder, number))

    def _find(self, session: Any, dag_id: str, task_id: str) -> tuple[SyncDag, SyncTask]:
        for dag in self._dags.read(session, {dag_id}):
            for task in dag.tasks:
                if task.task_id == task_id:
                    return dag, task
        raise HTTPException(404, "This is not a sync of the Heap provider, or its DAG is gone.")

    def _status(self, session: Any, dag: SyncDag, task: SyncTask, runs: Sequence[Run]) -> Status:
        key = dag.dag_id, task.task_id
        earlier = self._last_sent.read(session, {key: runs[-1].position} if runs else {})
        return status_of(
            runs, paused=dag.paused, due=dag.due, now=datetime.now(UTC), sent_before=earlier.get(key) is not None
        )

    def _counters(self, instance: Instance) -> Counters:
        with metadata.open_session() as session:
            self._find(session, instance.dag_id, instance.task_id)
            runs = metadata.read_instances(session, instance.dag_id, instance.task_id, instance.run_id)
        for run in runs:
            if run.map_index == instance.map_index and run.counters is not None:
                return run.counters
        raise FileNotShownError("none", "The run left no counters that can be read.")


def create_app() -> FastAPI:
    """Return the app; Airflow's API server mounts it."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    page = _Page(metadata.SyncDagReader(), LastSentReader())
    routes: list[tuple[str, Callable[..., Response], Sequence[Any]]] = [
        ("/api/syncs", page.syncs, MAY_LIST),
        ("/api/refused", page.refused, MAY_LIST),
        ("/api/history", page.history, MAY_READ),
        ("/api/instances", page.instances, MAY_READ),
        ("/api/rejects", page.rejects, may_read_rows("heap_read_rejects")),
        ("/api/payloads", page.payloads, may_read_rows("heap_read_payloads")),
    ]
    for path, endpoint, dependencies in routes:
        app.get(path, dependencies=dependencies)(endpoint)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    app.middleware("http")(_add_headers)
    app.exception_handler(FileNotShownError)(_explain)
    return app


async def _add_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    # What is asked for may be personal data; the page's own files are asked for anew after an upgrade.
    response.headers["Cache-Control"] = "no-store" if "/api/" in request.url.path else "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


async def _explain(_: Request, error: Exception) -> Response:
    code = error.code if isinstance(error, FileNotShownError) else "error"
    return _json({"detail": str(error), "code": code}, 404)


def _dag_ids_of(user: BaseUser) -> set[str]:
    return get_auth_manager().get_authorized_dag_ids(user=user, method="GET")


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
