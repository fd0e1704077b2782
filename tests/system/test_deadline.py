"""The deadline that the docs show, for Airflow 3.1 and later."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("airflow.sdk.definitions.deadline", reason="Airflow before 3.1 has no deadlines")

from tests.system import deadline
from tests.system.dags import load


def test_a_run_has_a_deadline_and_missing_it_hands_the_callback_to_the_triggerer(capsys):
    from airflow.models import Trigger
    from airflow.models.deadline import Deadline
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    load(Path(deadline.__file__))
    with create_session() as session:
        # Airflow's dag.test() can't run a DAG that has a deadline, so the run is only made.
        run = SerializedDagModel.get_dag("heap_with_deadline", session=session).create_dagrun(
            run_id="manual__1",
            run_after=datetime.now(UTC),
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST,
            state="queued",
            session=session,
        )
        session.flush()
        [found] = session.query(Deadline).filter_by(dagrun_id=run.id)
        assert found.deadline_time - run.queued_at == timedelta(hours=2)
        before = session.query(Trigger).count()
        found.handle_miss(session)
        session.flush()
        assert session.query(Trigger).count() == before + 1
        session.rollback()
    asyncio.run(deadline.late(sync="people", context={"dag_run": {"dag_id": "heap_with_deadline"}}))
    assert "heap_with_deadline is late: people" in capsys.readouterr().out
