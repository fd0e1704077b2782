"""A re-drive's plan has the sync and the object of its files; without items it does nothing."""

from __future__ import annotations

import json

import pytest

from airflow_provider_heap.api.objects import EVENT, USER
from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.operators.heap import HeapRedriveOperator
from airflow_provider_heap.sync.plan import RunMode
from airflow_provider_heap.sync.report import Report


@pytest.fixture(autouse=True)
def _connection(monkeypatch):
    """A Heap that cannot be reached."""
    connection = {"conn_type": "heap", "login": "123", "host": "http://127.0.0.1:9"}
    monkeypatch.setenv("AIRFLOW_CONN_HEAP_DEFAULT", json.dumps(connection))


@pytest.fixture
def rejects(tmp_path):
    """Write a rejects file of lines below a folder of its own."""

    def write(*lines, name="1.jsonl"):
        path = tmp_path / "rejects" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    return write


def user(identity, sync="people", reason="http_400"):
    item = {"identity": identity, "properties": {}}
    return {"row": 1, "kind": "rejected", "reason": reason, "sync": sync, "object": "user", "item": item}


INVALID = {"row": 2, "kind": "invalid", "reason": "identity_null", "column": "email", "values": {}}


def redrive(path, **parameters):
    return HeapRedriveOperator(task_id="again", path=str(path) if path is not None else None, **parameters)


def items(operator, plan):
    with operator.open_rows(plan) as rows:
        return [key for chunk in rows.chunks for key in chunk.items.keys]


def test_sync_and_object_are_those_of_the_file(rejects, ti):
    operator = redrive(rejects(user("ada"), user("bob")))
    plan = operator.plan({"ti": ti})
    assert (plan.name, plan.heap_object, plan.mode) == ("people", USER, RunMode.SEND)
    assert plan.source_label == str(operator.path)
    assert items(operator, plan) == ["ada", "bob"]


def test_a_folder_is_read_with_all_that_is_below_it_in_the_order_of_the_names(rejects, ti, tmp_path):
    rejects(user("second"), name="b/2.jsonl")
    rejects(user("first"), name="a/9.jsonl")
    rejects("not a rejects file", name="a/notes.txt")
    operator = redrive(tmp_path / "rejects")
    assert items(operator, operator.plan({"ti": ti})) == ["first", "second"]


@pytest.mark.parametrize(
    ("parameters", "keys"),
    [
        ({"reason": "http_500"}, ["bob"]),
        ({"reason": ["http_500", "http_400"]}, ["ada", "bob"]),
        ({"key": "ada"}, ["ada"]),
        ({"key": ["ada", "bob", 7]}, ["ada", "bob"]),
        ({"key": "", "reason": "None"}, ["ada", "bob"]),
    ],
)
def test_items_are_chosen_by_reason_and_key(rejects, ti, parameters, keys):
    operator = redrive(rejects(user("ada"), user("bob", reason="http_500")), **parameters)
    assert items(operator, operator.plan({"ti": ti})) == keys


def test_of_files_of_several_syncs_one_has_to_be_named(rejects, ti):
    path = rejects(user("ada"), user("bob", sync="others"))
    with pytest.raises(ModelError, match="name one of the syncs with sync_name"):
        redrive(path).plan({"ti": ti})
    operator = redrive(path, sync_name="others")
    plan = operator.plan({"ti": ti})
    assert plan.name == "others"
    assert items(operator, plan) == ["bob"]


def test_rows_that_never_became_an_item_are_a_warning_of_the_plan(rejects, ti):
    assert redrive(rejects(user("ada"))).plan({"ti": ti}).warnings == ()
    [warning] = redrive(rejects(user("ada"), INVALID)).plan({"ti": ti}).warnings
    assert warning.startswith("Not sent: 1 invalid row of")
    assert "never became an item" in warning


def test_the_warning_comes_after_those_of_every_operator(rejects, ti):
    ti.map_index = 0
    item = {"event": "E", "identity": "ada", "idempotency_key": "key-0001"}
    path = rejects(user("ada") | {"object": "event", "item": item}, INVALID)
    plan = redrive(path).plan({"ti": ti})
    assert plan.heap_object is EVENT
    assert [warning.split(" ")[0] for warning in plan.warnings] == ["This", "Not"]


@pytest.mark.parametrize("path", [None, "", "None"])
def test_an_empty_path_sends_nothing_because_all_rows_arrived(run, path):
    assert run(redrive(path)) | {"seconds": 0} == Report().as_dict() | {"seconds": 0}


def test_a_file_without_a_wanted_item_sends_nothing(rejects, run):
    assert run(redrive(rejects(INVALID)))["sent"] == 0
    assert run(redrive(rejects(user("ada")), key="nobody"))["sent"] == 0


def test_a_path_where_nothing_is_is_refused(tmp_path, run):
    with pytest.raises(ModelError, match=f"There is no rejects file at {tmp_path}/nothing"):
        run(redrive(tmp_path / "nothing"))


def test_a_stop_of_a_task_that_had_nothing_to_send_does_nothing(run):
    operator = redrive("")
    run(operator)
    operator.on_kill()
