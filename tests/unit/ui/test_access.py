"""An attacker with a login of any role asks for what is not theirs: odd IDs, foreign instances, files behind links."""

from __future__ import annotations

import json

import pytest

SECRET = "ada@example.com"
LINE = {"row": 1, "kind": "invalid", "reason": "identity_null", "values": {"email": SECRET}}
BELOW = "crm/users/scheduled__0001/try-1.jsonl"

ODD_IDS = {
    "a step up": "..",
    "a step up, encoded": "%2e%2e",
    "a step up, encoded twice": "%252e%252e",
    "this folder": ".",
    "all": "~",
    "a path": "crm/../other",
    "a backslash": "crm\\users",
    "NUL": "\x00",
    "NUL at the end": "crm\x00",
    "a line": "crm\n",
    "DEL": "crm\x7f",
    "too long": "x" * 251,
    "very long": "x" * 60_000,
    "full width": "ｃｒｍ",
    "another case": "CRM",
    "a right-to-left mark": "\u202ecrm",
    "SQL": "crm' or '1'='1",
    "a wildcard": "%",
    "nothing": "",
}
#: What no column of Airflow's database takes, or what a path could be made of.
REFUSED = {
    "dag_id": ODD_IDS.keys() - {"full width", "another case"},
    "task_id": ODD_IDS.keys() - {"full width", "another case"},
    "run_id": {"NUL", "NUL at the end", "a line", "DEL", "too long", "very long", "nothing"},
}
ROUTES = ("history", "instances", "rejects", "payloads")


@pytest.fixture
def roots(monkeypatch, tmp_path):
    """A folder below which the API server may read files."""
    folder = tmp_path / "rejects"
    folder.mkdir()
    monkeypatch.setenv("AIRFLOW__HEAP__REJECTS_ROOTS", str(folder))
    return folder


def write(path, text=None):
    """Write a rejects file, or another; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(LINE) + "\n" if text is None else text)
    return path


@pytest.fixture
def refused_run(runs, roots):
    """Store a run with a rejects file, which a user may look at; return the parameters of a request for it."""

    def store(path=None, task="users", map_index=-1):
        path = path or write(roots / BELOW)
        value = runs.counters(sent=99, invalid=1, reasons={"identity_null": 1}, rejects=str(path))
        run_id = runs.add_run("crm", task, 1, value, map_index=map_index)
        return {"dag_id": "crm", "task_id": task, "run_id": run_id}

    return store


@pytest.mark.parametrize("kind", ODD_IDS)
@pytest.mark.parametrize("name", ["dag_id", "task_id", "run_id"])
@pytest.mark.parametrize("route", ROUTES)
def test_an_odd_id_shows_nothing_to_any_role_and_breaks_nothing(client, refused_run, route, name, kind):
    params = refused_run() | {name: ODD_IDS[kind]}
    for role in ("viewer", "user"):
        answer = client(role).get(f"/heap/api/{route}", params=params)
        assert SECRET not in answer.text
        if kind in REFUSED[name]:
            assert answer.status_code == 422
        elif route != "history" or name != "run_id":  # which takes no run
            assert answer.status_code in (403, 404) or answer.json() == {"facts": None, "instances": []}


@pytest.mark.parametrize("name", ["dag_id", "task_id", "run_id"])
def test_an_odd_id_of_nobody_is_nobodys(client, name):
    for route in ROUTES:
        params = {"dag_id": "crm", "task_id": "users", "run_id": "r"} | {name: "\x00"}
        assert client(None).get(f"/heap/api/{route}", params=params).status_code == 401


def test_an_odd_id_is_refused_before_a_database_or_the_audit_log_gets_it(client, refused_run, monkeypatch):
    """PostgreSQL takes neither NUL nor more than 250 characters."""
    from airflow.models import Log
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    asked = []
    monkeypatch.setattr(DagModel, "get_team_name", lambda dag_id: asked.append(dag_id))
    params = refused_run()
    odd = [params | {name: value} for name in params for value in ("\x00", "x" * 251)]
    # The first of two is not looked at by anybody else, but refused all the same.
    odd.append([("dag_id", "\x00"), *params.items()])
    for one in odd:
        for route in ("rejects", "payloads"):
            assert client("user").get(f"/heap/api/{route}", params=one).status_code == 422
    assert asked == []
    with create_session() as session:
        stored = session.query(Log.dag_id, Log.task_id, Log.run_id).filter(Log.event.like("heap_read_%"))
        assert not [row for row in stored if any("\x00" in (value or "") or len(value or "") > 250 for value in row)]


@pytest.mark.parametrize("number", ["99999999999999999999", "2147483648", "0", "-1", "1.5", "0x1", "", "null"])
def test_a_position_is_one_that_a_database_can_have(client, number):
    params = {"dag_id": "crm", "task_id": "users", "before": number}
    answer = client("viewer").get("/heap/api/history", params=params)
    assert answer.status_code == 422


@pytest.mark.parametrize("map_index", ["0", "1", "99999999999999999999", "-2", "~", "", "0\x00"])
def test_an_instance_does_not_open_the_file_of_another(client, refused_run, roots, map_index):
    """The run of the instance 3 names the file of the instance 2, and others ask for either."""
    for index in (0, 1, 2, 3):
        write(roots / f"crm/orders/scheduled__0001/map-{index}-try-1.jsonl")
    path = roots / "crm/orders/scheduled__0001/map-2-try-1.jsonl"
    params = refused_run(path, task="orders", map_index=3)
    user = client("user")
    answers = [user.get("/heap/api/rejects", params=params | {"map_index": index}) for index in (map_index, "2", "3")]
    assert all(answer.status_code in (404, 422) for answer in answers)
    assert all(SECRET not in answer.text for answer in answers)
    assert answers[2].json()["code"] == "outside"


@pytest.mark.parametrize("target", ["outside", "another task", "another instance", "itself", "nothing"])
@pytest.mark.parametrize("place", ["the file", "its folder", "a folder above"])
def test_a_link_below_a_root_does_not_lead_elsewhere(client, refused_run, roots, tmp_path, target, place):
    targets = {
        "outside": tmp_path / "elsewhere" / "crm" / "users" / "scheduled__0001",
        "another task": roots / "other" / "again" / "scheduled__0001",
        "another instance": roots / "crm" / "users" / "scheduled__0002",
    }
    for folder in targets.values():
        write(folder / "try-1.jsonl")
    targets |= {"nothing": roots / "nothing", "itself": roots / "crm" / "users" / "scheduled__0001"}
    link = roots / BELOW
    aim = targets[target] / "try-1.jsonl"
    if place == "its folder":
        link, aim = link.parent, aim.parent
    elif place == "a folder above":
        link, aim = link.parents[2], aim.parents[2] if target in ("outside", "itself") else aim.parent
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.exists():  # a folder of another target
        link.rename(tmp_path / "moved")
    link.symlink_to(aim)
    answer = client("user").get("/heap/api/rejects", params=refused_run(roots / BELOW))
    assert (answer.status_code, answer.json()["code"]) in [(404, "outside"), (404, "not_found")]
    assert SECRET not in answer.text


def test_a_link_to_a_folder_of_the_same_task_is_followed(client, refused_run, roots):
    """A folder that moved to a larger disk below the same root, for example."""
    write(roots / "large" / BELOW)
    (roots / "team").symlink_to(roots / "large")
    answer = client("user").get("/heap/api/rejects", params=refused_run(roots / "team" / BELOW))
    assert (answer.status_code, len(answer.json()["rows"])) == (200, 1)


def test_a_request_of_a_dry_run_is_not_read_through_a_link(client, runs, roots, tmp_path):
    secret = write(tmp_path / "secret.json")
    folder = roots / "crm" / "users" / "scheduled__0001" / "try-1"
    folder.mkdir(parents=True)
    (folder / "000001.json").symlink_to(secret)
    value = runs.counters(sent=0, would_send=1, read=1, dry_run_path=str(folder))
    params = {"dag_id": "crm", "task_id": "users", "run_id": runs.add_run("crm", "users", 1, value)}
    answer = client("user").get("/heap/api/payloads", params=params)
    assert (answer.status_code, answer.json()["code"]) == (404, "outside")
    assert SECRET not in answer.text


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_no_route_writes(client, method):
    for route in ("syncs", *ROUTES):
        answer = getattr(client("admin"), method)(f"/heap/api/{route}", params={"dag_id": "crm", "task_id": "users"})
        assert answer.status_code == 405


@pytest.mark.parametrize(
    "path",
    ["api/../syncs/", "api/%2e%2e/api/syncs", "api/history/../rejects", "api//rejects", "~"],
)
def test_no_other_address_leads_to_a_route_without_its_check(client, path):
    assert client(None).get(f"/heap/{path}").status_code in (401, 404, 405)
