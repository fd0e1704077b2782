"""
Who may see what. Airflow authenticates nothing in the app of a plugin, so each route names one of these.

`requires_access_dag` takes the DAG from the parameter ``dag_id``, and without one it only checks that a user may list
DAGs at all. So every route but the list wants ``dag_id``, and never one that stands for all.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.api_fastapi.logging.decorators import action_logging
from fastapi import Depends, HTTPException, Query, Request

#: An ID of a DAG or a task, as Airflow allows them; neither ``~`` nor a step up in a path.
_ID = r"^[\w.-]*[\w-][\w.-]*$"
#: A deployment says what its run IDs may look like. No database stores these characters.
_RUN_ID = r"^[^\x00-\x1f\x7f]+$"
#: Most characters of an ID in Airflow's database.
_MAX_LENGTH = 250
_PATTERNS = {"dag_id": re.compile(_ID), "task_id": re.compile(_ID), "run_id": re.compile(_RUN_ID)}

DagId = Annotated[str, Query(pattern=_ID, max_length=_MAX_LENGTH)]
TaskId = Annotated[str, Query(pattern=_ID, max_length=_MAX_LENGTH)]
RunId = Annotated[str, Query(pattern=_RUN_ID, max_length=_MAX_LENGTH)]
MapIndex = Annotated[int, Query(ge=-1)]


def _refuse_odd_ids(_: GetUserDep, request: Request) -> None:
    """
    Refuse IDs that can't be any before they reach a database, which the checks below look into.

    FastAPI checks the parameters of a route after that, and some databases can't be asked for such IDs.
    """
    for name, value in request.query_params.multi_items():
        pattern = _PATTERNS.get(name)
        if pattern is not None and (len(value) > _MAX_LENGTH or not pattern.fullmatch(value)):
            raise HTTPException(422, f"This is not a {name}.")


def _refuse_dag_id(request: Request) -> None:
    if "dag_id" in request.query_params:
        raise HTTPException(422, "The list takes no dag_id.")


#: Runs, their counters, and what their DAGs say of a sync.
MAY_READ: list[Any] = [
    Depends(_refuse_odd_ids),
    Depends(requires_access_dag("GET", DagAccessEntity.XCOM)),
    Depends(requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE)),
]
#: The same of all DAGs that a user may read.
MAY_LIST: list[Any] = [Depends(_refuse_dag_id), *MAY_READ]


def may_read_rows(event: str) -> list[Any]:
    """
    Return what guards personal data: the right to edit the task instance, and an entry in the audit log.

    :param event: its name there.
    """
    return [
        *MAY_READ,
        Depends(requires_access_dag("PUT", DagAccessEntity.TASK_INSTANCE)),
        Depends(action_logging(event)),
    ]
