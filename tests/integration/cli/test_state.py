"""``airflow heap state`` tells what is recorded as sent, and changes it."""

from __future__ import annotations

import json

import pytest

from airflow_provider_heap.operators.heap import HeapUserSyncOperator
from airflow_provider_heap.sync.plan import Holder
from airflow_provider_heap.sync.state.lease import Lease
from airflow_provider_heap.sync.state.state_key import StateKey
from airflow_provider_heap.sync.stop_signal import StopSignal

DAG = """
with DAG(dag_id="people", schedule=None):
    common = dict(sql_conn_id="warehouse", identity="email")
    HeapUserSyncOperator(task_id="users", model="select * from users", state_conn_id="state", **common)
    HeapUserSyncOperator(task_id="stateless", model="select * from users", **common)
    event = dict(insert_id="n", timestamp=None, state_conn_id="state", model="select * from users", **common)
    HeapEventSyncOperator(task_id="seen", event="Seen", **event)
    HeapEventSyncOperator(task_id="named", event_column="plan", **event)
    HeapUserSyncOperator.partial(task_id="shards", state_conn_id="state", **common).expand(
        model=["select * from users where n < 3", "select * from users where n > {{ dag_run.conf['from'] }}"])
"""


@pytest.fixture(autouse=True)
def _people(dag_file, warehouse, heap_sandbox, tmp_path, monkeypatch):
    warehouse.users(5)
    monkeypatch.setenv("AIRFLOW_CONN_STATE", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "state.db")}))
    dag_file(DAG)


@pytest.fixture
def sync(run):
    """Run the task ``users`` as its DAG would."""

    def execute():
        operator = HeapUserSyncOperator(
            task_id="users",
            model="select * from users",
            sql_conn_id="warehouse",
            identity="email",
            state_conn_id="state",
            sync_name="people.users",
        )
        return run(operator)

    return execute


def test_it_tells_how_much_is_recorded_and_when(heap, sync, heap_sandbox):
    [before] = json.loads(heap("state", "show", "people", "users", "--output", "json"))
    assert (before["keys"], before["last_run"]) == ("0", "none")
    sync()
    [after] = json.loads(heap("state", "show", "people", "users", "--output", "json"))
    assert (after["sync"], after["object"], after["keys"]) == ("people.users", "users", "5")
    assert (after["target"], after["app_id"]) == (heap_sandbox.url, "2388822444")
    assert after["last_run"] == "dag/manual__2026-11-23T00:00:00+00:00"


def test_it_tells_of_one_key_whether_it_was_sent(heap, sync):
    sync()
    assert "was sent 20" in heap("state", "show", "people", "users", "--key", "u1@example.com")
    assert "the next run sends it" in heap("state", "show", "people", "users", "--key", "nobody")


def test_a_forgotten_key_is_sent_again(heap, sync):
    sync()
    assert heap("state", "forget", "people", "users", "--key", "u1@example.com", "u9@example.com").startswith("1 key")
    assert sync()["sent"] == 1
    assert heap("state", "forget", "people", "users", "--all", "--yes").startswith("5 keys")
    assert sync()["sent"] == 5


def test_all_are_forgotten_only_when_that_is_confirmed(heap, sync, monkeypatch):
    sync()
    monkeypatch.setattr("builtins.input", lambda: "n")
    with pytest.raises(SystemExit, match="Nothing was forgotten"):
        heap("state", "forget", "people", "users", "--all")
    with pytest.raises(SystemExit, match="--key, or --all"):
        heap("state", "forget", "people", "users")
    assert sync()["unchanged"] == 5


def test_an_event_is_found_by_its_insert_id(heap):
    assert heap("state", "adopt", "people", "seen").startswith("5 rows")
    assert "was sent" in heap("state", "show", "people", "seen", "--key", "3")
    assert heap("state", "adopt", "people", "named").startswith("5 rows")
    assert "was sent" in heap("state", "show", "people", "named", "--key", "3", "--event", "pro")
    with pytest.raises(SystemExit, match="which event"):
        heap("state", "show", "people", "named", "--key", "3")


def test_adopted_rows_are_not_sent(heap, sync, heap_sandbox):
    told = heap("state", "adopt", "people", "users")
    assert told.startswith("5 rows of sync people.users were recorded as sent")
    assert heap_sandbox.requests == []
    assert sync()["unchanged"] == 5
    assert heap("state", "adopt", "people", "users").startswith("0 rows")


def test_an_instance_of_a_mapped_task_is_adopted_for_a_run_with_a_conf(heap):
    assert heap("state", "adopt", "people", "shards", "--map-index", "0").startswith("2 rows")
    assert heap("state", "adopt", "people", "shards", "--map-index", "1", "--conf", '{"from": 4}').startswith("1 row")
    with pytest.raises(SystemExit, match="--map-index"):
        heap("state", "adopt", "people", "shards")
    with pytest.raises(SystemExit, match="--conf must be JSON"):
        heap("state", "adopt", "people", "shards", "--map-index", "1", "--conf", "from=4")


def test_state_travels_in_a_file(heap, sync, tmp_path):
    sync()
    file = tmp_path / "state.jsonl"
    assert heap("state", "export", "people", "users", str(file)).startswith("5 keys")
    assert "example.com" not in file.read_text()
    heap("state", "forget", "people", "users", "--all", "--yes")
    assert heap("state", "import", "people", "users", str(file)).startswith("5 keys")
    assert sync()["unchanged"] == 5
    with pytest.raises(SystemExit, match="A renamed task keeps its state by sync_name"):
        heap("state", "import", "people", "seen", str(file))


def test_nothing_is_changed_while_a_run_is_at_work(heap, sync, run):
    sync()
    operator = HeapUserSyncOperator(task_id="users", model="", sync_name="people.users", state_conn_id="state")
    lease = Lease(operator.open_store(), StateKey.of(operator.plan({})), Holder("dag/run"), StopSignal())
    lease.acquire()
    with pytest.raises(SystemExit, match="held by another run"):
        heap("state", "forget", "people", "users", "--all", "--yes")
    with pytest.raises(SystemExit, match="held by another run"):
        heap("state", "adopt", "people", "users")
    lease.release()
    assert sync()["unchanged"] == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nobody", "users"], "There is no DAG 'nobody'"),
        (["people", "nothing"], "its syncs are: 'users', 'stateless', 'seen', 'named', 'shards'"),
        (["people", "stateless"], "it has no state_conn_id"),
        (["people", "users", "--logical-date", "yesterday"], "must be ISO 8601"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_ones(heap, words, message):
    with pytest.raises(SystemExit, match=message):
        heap("state", "show", *words)
