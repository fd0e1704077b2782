"""What the page's routes answer, through Airflow's own API server: to whom, and what an attacker gets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

USERS = {"dag_id": "crm", "task_id": "users"}
LINES = [
    {
        "row": 3,
        "kind": "invalid",
        "reason": "identity_null",
        "column": "email",
        "values": {"email": None, "plan": "pro"},
    },
    {"row": 4, "kind": "invalid", "reason": "identity_null", "column": "email", "values": {"email": None, "plan": "x"}},
    {
        "row": 9,
        "kind": "rejected",
        "reason": "http_400",
        "sync": "crm.users",
        "object": "user",
        "item": {"identity": "ada@example.com", "properties": {"Plan": "<b>pro</b>"}},
        "answer": "postBody.users[0] is wrong",
    },
]


@pytest.fixture
def roots(monkeypatch, tmp_path):
    """A folder below which the API server may read files."""
    folder = tmp_path / "rejects"
    folder.mkdir()
    monkeypatch.setenv("AIRFLOW__HEAP__REJECTS_ROOTS", f"s3://nowhere/else, {folder}")
    return folder


def write(folder, *names, lines=LINES):
    """Write a rejects file, and return its path."""
    path = folder.joinpath(*names)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def rejected_run(runs, path, task="users", **changes):
    """Store a run that reports a rejects file; return the parameters of a request for it."""
    value = runs.counters(sent=97, invalid=2, rejected=1, reasons={"identity_null": 2, "http_400": 1}, rejects=path)
    run_id = runs.add_run("crm", task, 1, value, **changes)
    return {"dag_id": "crm", "task_id": task, "run_id": run_id}


ROUTES = {
    "syncs": {},
    "refused": {"start": "2026-11-01T00:00:00Z"},
    "history": USERS,
    "instances": {**USERS, "run_id": "scheduled__0001"},
    "rejects": {**USERS, "run_id": "scheduled__0001"},
    "payloads": {**USERS, "run_id": "scheduled__0001"},
}


@pytest.mark.parametrize("route", ROUTES)
def test_nobody_gets_nothing(client, route):
    assert client(None).get(f"/heap/api/{route}", params=ROUTES[route]).status_code == 401
    wrong = client(None).get(f"/heap/api/{route}", params=ROUTES[route], headers={"Authorization": "Bearer x"})
    assert wrong.status_code in (401, 403)


def test_every_route_below_api_is_in_this_test(api_server):
    [mount] = [route for route in api_server.routes if getattr(route, "path", "") == "/heap"]
    paths = {route.path for route in mount.app.routes}
    assert paths == {f"/api/{name}" for name in ROUTES} | {"/static"}
    assert all(route.methods == {"GET"} for route in mount.app.routes if route.path != "/static")


def test_a_viewer_reads_counters_but_no_rows(client, runs, roots):
    params = rejected_run(runs, write(roots, "crm", "users", "scheduled__0001", "try-1.jsonl"))
    viewer = client("viewer")
    assert viewer.get("/heap/api/syncs").status_code == 200
    assert viewer.get("/heap/api/history", params=USERS).json()["runs"][0]["counters"]["invalid"] == 2
    assert viewer.get("/heap/api/rejects", params=params).status_code == 403
    assert viewer.get("/heap/api/payloads", params=params).status_code == 403


@pytest.mark.parametrize("dag_id", ["~", "..", ".", "crm/../other", "", "c*m"])
@pytest.mark.parametrize("route", ["history", "instances", "rejects", "payloads"])
def test_no_dag_id_stands_for_all_or_leads_elsewhere(client, route, dag_id):
    params = ROUTES[route] | {"dag_id": dag_id}
    assert client("admin").get(f"/heap/api/{route}", params=params).status_code == 422
    del params["dag_id"]
    assert client("admin").get(f"/heap/api/{route}", params=params).status_code == 422


def test_the_list_takes_no_dag_so_that_the_check_is_for_all(client):
    for route in ("syncs", "refused"):
        assert client("viewer").get(f"/heap/api/{route}", params=ROUTES[route] | {"dag_id": "crm"}).status_code == 422


def test_somebody_limited_to_one_dag_sees_that_one(client, runs, monkeypatch):
    from airflow.api_fastapi.app import get_auth_manager

    manager = type(get_auth_manager())
    monkeypatch.setattr(manager, "filter_authorized_dag_ids", lambda *_, dag_ids, **__: dag_ids & {"other"})
    monkeypatch.setattr(
        manager, "is_authorized_dag", lambda *_, details=None, **__: details is None or details.id in (None, "other")
    )
    user = client("user")
    assert {sync["dag_id"] for sync in user.get("/heap/api/syncs").json()["syncs"]} == {"other"}
    runs.add_run("crm", "users", 1, runs.counters(invalid=1, reasons={"identity_null": 1}))
    assert user.get("/heap/api/refused", params=ROUTES["refused"]).json() == {"syncs": []}
    for route in ("history", "instances", "rejects", "payloads"):
        assert user.get(f"/heap/api/{route}", params=ROUTES[route]).status_code == 403
    # The last of two decides in the check and in the answer alike.
    both = [("dag_id", "other"), ("dag_id", "crm"), ("task_id", "users")]
    assert user.get("/heap/api/history", params=both).status_code == 403
    both = [("dag_id", "crm"), ("dag_id", "other"), ("task_id", "users")]
    assert user.get("/heap/api/history", params=both).status_code == 404


def test_a_task_that_is_not_a_sync_is_not_found(client):
    answer = client("admin").get("/heap/api/history", params={"dag_id": "crm", "task_id": "nothing"})
    assert (answer.status_code, answer.json()["detail"][:14]) == (404, "This is not a ")


def test_rejected_rows_are_shown_to_whom_may_edit_and_the_audit_log_says_so(client, runs, roots):
    from airflow.models import Log
    from airflow.utils.session import create_session

    params = rejected_run(runs, write(roots, "crm", "users", "scheduled__0001", "try-1.jsonl"))
    answer = client("user").get("/heap/api/rejects", params=params)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    rows = answer.json()["rows"]
    assert [(row["row"], row["reason"]) for row in rows] == [
        (3, "identity_null"),
        (4, "identity_null"),
        (9, "http_400"),
    ]
    assert rows[0]["values"] == {"email": None, "plan": "pro"}
    assert (rows[2]["item"], rows[2]["answer"]) == (LINES[2]["item"], LINES[2]["answer"])
    with create_session() as session:
        entry = session.query(Log).filter(Log.event == "heap_read_rejects").order_by(Log.id.desc()).first()
        assert (entry.owner, entry.dag_id, entry.task_id, entry.run_id) == (
            "the user",
            "crm",
            "users",
            "scheduled__0001",
        )


def test_rows_can_be_limited_and_chosen_by_reason(client, runs, roots):
    params = rejected_run(runs, write(roots, "crm", "users", "scheduled__0001", "-1-1.jsonl"))
    one = client("user").get("/heap/api/rejects", params=params | {"limit": 1}).json()
    assert (len(one["rows"]), one["more"]) == (1, True)
    some = client("user").get("/heap/api/rejects", params=params | {"reason": "http_400"}).json()
    assert ([row["row"] for row in some["rows"]], some["more"]) == ([9], False)
    assert client("user").get("/heap/api/rejects", params=params | {"limit": 10_000}).status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "OUTSIDE/secret.jsonl",
        "file://OUTSIDE/secret.jsonl",
        "ROOT/other/again/RUN/try-1.jsonl",
        "ROOT/crm/orders/RUN/try-1.jsonl",
        "ROOT/crm/users/scheduled__0002/try-1.jsonl",
        "OUTSIDE/crm/users/RUN/try-1.jsonl",
        "ROOT/../crm/users/RUN/try-1.jsonl",
        "ROOT/crm/../../crm/users/RUN/try-1.jsonl",
        "ROOT/link/crm/users/RUN/try-1.jsonl",
        "ROOTx/crm/users/RUN/try-1.jsonl",
        "ROOT/crm/users/RUN/../../../other/again/RUN/try-1.jsonl",
        "ROOT/crm/users/RUN/map-1-try-1.jsonl",
        "ROOT/crm/users/RUN/try-0.jsonl",
        "ROOT/crm/users/RUN/secret.jsonl",
        "ROOT//crm/users/RUN/try-1.jsonl",
        "s3://ROOT/crm/users/RUN/try-1.jsonl",
        "http://127.0.0.1:1/crm/users/RUN/try-1.jsonl",
        "ROOT/crm/users/RUN/try-1.jsonl\\x",
        "",
    ],
)
def test_a_path_in_an_xcom_opens_nothing_else(client, runs, roots, tmp_path, path):
    """Whoever may write XComs could name any file of the API server. All of these files exist."""
    write(tmp_path, "secret.jsonl")
    write(roots, "crm", "users", "scheduled__0001", "secret.jsonl")
    for folder in (tmp_path, roots, tmp_path / "rejectsx"):
        for name in ("crm/users/scheduled__0001", "crm/users/scheduled__0002", "crm/orders/scheduled__0001"):
            write(folder, *name.split("/"), "try-1.jsonl")
        write(folder, "other", "again", "scheduled__0001", "try-1.jsonl")
    write(roots, "crm", "users", "scheduled__0001", "map-1-try-1.jsonl")
    (roots / "link").symlink_to(tmp_path)
    path = path.replace("ROOT", str(roots)).replace("OUTSIDE", str(tmp_path)).replace("RUN", "scheduled__0001")
    answer = client("user").get("/heap/api/rejects", params=rejected_run(runs, path))
    assert answer.status_code == 404
    assert answer.json()["code"] in ("outside", "none")
    assert "ada@example.com" not in answer.text


@pytest.mark.parametrize(
    "value", ["{}", 7, ["read"], {"read": "many"}, {"read": -1}, {"read": 1, "rejects": {"a": 1}}, "s3://x"]
)
def test_an_xcom_that_is_not_a_report_shows_no_counters(client, runs, roots, value):
    run_id = runs.add_run("crm", "users", 1, value)
    [run] = client("viewer").get("/heap/api/history", params=USERS).json()["runs"]
    assert (run["state"], run["counters"]) == ("success", None)
    answer = client("user").get("/heap/api/rejects", params={**USERS, "run_id": run_id})
    assert (answer.status_code, answer.json()["code"]) == (404, "none")


def test_without_a_root_nothing_is_opened_and_the_answer_says_where_the_file_is(client, runs, tmp_path):
    params = rejected_run(runs, write(tmp_path, "crm", "users", "scheduled__0001", "try-1.jsonl"))
    answer = client("user").get("/heap/api/rejects", params=params)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_roots")
    assert str(tmp_path) in answer.json()["detail"]


def test_a_file_on_the_disk_of_a_worker_is_explained(client, runs, roots):
    params = rejected_run(runs, f"{roots}/crm/users/scheduled__0001/try-1.jsonl")
    answer = client("user").get("/heap/api/rejects", params=params)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "on a disk of the worker" in answer.json()["detail"]


def test_each_instance_of_a_mapped_task_has_its_own_rows(client, runs, roots):
    for index in (0, 1):
        path = write(
            roots, "deep", "er", "crm", "orders", "scheduled__0001", f"map-{index}-try-1.jsonl", lines=LINES[index:]
        )
        value = runs.counters(sent=10 + index, read=12, invalid=2 - index, reasons={"identity_null": 1}, rejects=path)
        runs.add_run("crm", "orders", 1, value, map_index=index)
    orders = {"dag_id": "crm", "task_id": "orders"}
    [run] = client("viewer").get("/heap/api/history", params=orders).json()["runs"]
    assert (run["instances"], run["counters"]["sent"], run["counters"]["reasons"]) == (2, 21, {"identity_null": 2})
    params = orders | {"run_id": "scheduled__0001"}
    instances = client("viewer").get("/heap/api/instances", params=params).json()["instances"]
    assert [(one["map_index"], one["counters"]["sent"]) for one in instances] == [(0, 10), (1, 11)]
    answer = client("user").get("/heap/api/rejects", params=params | {"map_index": 1})
    assert [row["row"] for row in answer.json()["rows"]] == [4, 9]
    assert client("user").get("/heap/api/rejects", params=params).status_code == 404


def test_the_requests_of_a_dry_run_are_shown(client, runs, roots):
    folder = roots / "crm" / "users" / "scheduled__0001" / "try-1"
    folder.mkdir(parents=True)
    body = '{"app_id":"1","users":[{"identity":"ada"}]}'
    (folder / "000001.json").write_text(body)
    value = runs.counters(sent=0, would_send=1, read=1, dry_run_path=folder.as_uri())
    params = {**USERS, "run_id": runs.add_run("crm", "users", 1, value)}
    user = client("user")
    assert user.get("/heap/api/payloads", params=params).json() == {"number": 1, "bytes": len(body), "text": body}
    assert user.get("/heap/api/payloads", params=params | {"number": 2}).json()["code"] == "not_found"
    assert user.get("/heap/api/payloads", params=params | {"number": "../x"}).status_code == 422


def test_the_pages_files_are_checked_for_changes_and_served_to_everybody(client):
    answer = client(None).get("/heap/static/heap.js")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    for path in ("../app.py", "%2e%2e/app.py", "..%2fapp.py", ""):
        assert "create_app" not in client(None).get(f"/heap/static/{path}").text


def test_the_history_says_what_the_dag_knows_of_the_sync(client, runs):
    runs.add_run("crm", "users", 1, runs.counters(seconds=2.5))
    runs.add_run("crm", "users", 2, runs.counters(read=7, sent=0, reasons={}), state="failed", key="report")
    answer = client("viewer").get("/heap/api/history", params=USERS | {"limit": 1}).json()
    assert answer["task"]["properties"] == {"Plan": "plan", "Source": "Constant(value='crm')"}
    assert answer["task"]["flags"] == {"dry_run": "dry_run"}
    [run] = answer["runs"]
    assert (run["run_id"], run["state"], run["counters"]["read"]) == ("scheduled__0002", "failed", 7)
    earlier = client("viewer").get("/heap/api/history", params=USERS | {"before": answer["before"]}).json()
    assert [run["run_id"] for run in earlier["runs"]] == ["scheduled__0001"]
    assert earlier["before"] is None


def test_the_files_in_the_wheel_are_the_files_of_the_page(client):
    folder = Path(__file__).parents[3] / "airflow_provider_heap" / "ui" / "static"
    for path in folder.iterdir():
        assert client(None).get(f"/heap/static/{path.name}").status_code == 200
