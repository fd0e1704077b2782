"""What all operators share: a plan made of parameters and connections, a run that a stop ends, what it publishes."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import FrozenInstanceError, replace
from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import Asset

from airflow_provider_heap.api.objects import EVENT, USER
from airflow_provider_heap.exceptions import HeapConfigurationError, ModelError, SyncStoppedError
from airflow_provider_heap.hooks import telemetry
from airflow_provider_heap.hooks.heap import HeapHook
from airflow_provider_heap.operators.delivery import HeapDeliveryOperator
from airflow_provider_heap.sync.items import MappedChunk, MappedRows
from airflow_provider_heap.sync.plan import DeliverySettings, Holder, RunMode, StateSettings
from tests.system.dags import AIRFLOW_2
from tests.unit.sync.delivery.delivered import users


class Operator(HeapDeliveryOperator):
    """Delivers the chunks that it is given."""

    heap_object = USER
    source_label = "the test's rows"

    def __init__(self, *, chunks=(), **parameters):
        super().__init__(**{"task_id": "sync", **parameters})
        self.chunks = chunks

    @contextmanager
    def open_rows(self, plan):
        yield MappedRows(self.chunks, "signature", "email")


class EventOperator(Operator):
    """The same for events, which have a limit of pace."""

    heap_object = EVENT


@pytest.fixture(autouse=True)
def _connections(monkeypatch):
    """Connections of which none can be reached: nobody listens, and there is no such folder."""
    for name, connection in {
        "HEAP_DEFAULT": {"conn_type": "heap", "login": "123", "host": "http://127.0.0.1:9"},
        "STATE": {"conn_type": "postgres", "host": "127.0.0.1", "port": 9, "schema": "nowhere"},
        "SQLITE": {"conn_type": "sqlite", "host": "/no/such/folder/state.db"},
    }.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))


@pytest.fixture
def plan(ti):
    """Return the plan of an operator that is made of parameters."""

    def make(operator=Operator, **parameters):
        return operator(**parameters).plan({"ti": ti})

    return make


# The plan


def test_a_plan_is_made_of_parameters_and_connections_and_opens_nothing(plan, tmp_path):
    made = plan(state_conn_id="state", rejects_path=str(tmp_path / "rejects"), dry_run_path=str(tmp_path / "kept"))
    assert made.environment.base_url == "http://127.0.0.1:9"
    assert (made.heap_object, made.name, made.source_label) == (USER, "adhoc_airflow.sync", "the test's rows")
    assert made.mode is RunMode.SEND
    assert made.state == StateSettings("state", "heap_sync_state")
    assert list(tmp_path.iterdir()) == []


def test_a_plan_is_frozen(plan):
    with pytest.raises(FrozenInstanceError):
        plan().mode = RunMode.DRY_RUN


def test_a_derived_plan_and_a_second_one_leave_the_operator_as_it_was(ti):
    operator = Operator(state_conn_id="state", dry_run="false")
    first = operator.plan({"ti": ti})
    before = dict(vars(operator))
    adoption = replace(first, mode=RunMode.ADOPT, name="another", state=replace(first.state, full_sync=True))
    assert (adoption.mode, adoption.name) == (RunMode.ADOPT, "another")
    assert vars(operator) == before
    assert operator.plan({"ti": ti}) == first


def test_parameters_of_delivery_may_be_texts_from_templates(plan):
    made = plan(batch_size="500", concurrency="2", rate_limit="100", max_rejected="0.1")
    policy = HeapHook.retry_policy
    assert made.delivery == DeliverySettings(500, 2, 100, 0.1, policy)


@pytest.mark.parametrize("unset", [None, "", "None"])
def test_a_rate_limit_that_is_not_given_is_heaps(plan, unset):
    assert plan(EventOperator, rate_limit=unset).rate_limit == EVENT.rate_limit


def test_the_retry_policy_is_the_hooks(ti):
    operator = Operator()
    operator.hook.retry_policy = replace(HeapHook.retry_policy, tries=2)
    assert operator.plan({"ti": ti}).delivery.retry_policy.tries == 2


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"batch_size": "many"}, "batch_size must be a whole number"),
        ({"batch_size": 1001}, "batch_size must be 1 to 1000"),
        ({"concurrency": 0}, "concurrency must be at least 1"),
        ({"rate_limit": "fast"}, "rate_limit must be a whole number"),
        ({"max_rejected": "some"}, "max_rejected must be a count"),
        ({"dry_run": "perhaps"}, "dry_run must be true or false"),
        ({"state_conn_id": "state", "full_sync": "perhaps"}, "full_sync must be true or false"),
        ({"state_conn_id": "state", "hold_timeout": "long"}, "hold_timeout must be a timedelta"),
        pytest.param(
            {"rejects_path": "no-such-scheme://bucket"},
            "rejects_path='no-such-scheme://bucket' is not a folder",
            marks=pytest.mark.skipif(AIRFLOW_2, reason="Airflow 2 looks a scheme up when the run starts"),
        ),
        pytest.param(
            {"dry_run_path": "no-such-scheme://bucket"},
            "dry_run_path='no-such-scheme://bucket' is not a folder",
            marks=pytest.mark.skipif(AIRFLOW_2, reason="Airflow 2 looks a scheme up when the run starts"),
        ),
    ],
)
def test_what_cannot_be_right_is_refused_with_the_parameters_name(plan, parameters, message):
    with pytest.raises(ModelError, match=message):
        plan(**parameters)


def test_a_heap_connection_that_cannot_be_right_is_refused_with_its_name(plan, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps({"conn_type": "heap", "login": "abc"}))
    with pytest.raises(HeapConfigurationError, match="Connection 'other': the App ID"):
        plan(heap_conn_id="other")


@pytest.mark.parametrize(("flag", "mode"), [("true", RunMode.DRY_RUN), (True, RunMode.DRY_RUN), ("", RunMode.SEND)])
def test_a_dry_run_is_a_mode_of_the_plan(plan, flag, mode):
    assert plan(dry_run=flag).mode is mode


def test_each_try_of_each_instance_has_a_rejects_file_and_a_folder_of_its_own(plan, ti, tmp_path):
    ti.map_index, ti.try_number = 4, 2
    made = plan(rejects_path=str(tmp_path), dry_run_path=tmp_path.as_uri())
    place = f"{tmp_path}/dag/task/{ti.run_id}/map-4-try-2"
    assert str(made.rejects_path).removeprefix("file://") == f"{place}.jsonl"
    assert str(made.dry_run_path).removeprefix("file://") == place


@pytest.mark.parametrize("path", [None, ""])
def test_without_a_folder_nothing_is_kept(plan, path):
    made = plan(rejects_path=path, dry_run_path=path)
    assert (made.rejects_path, made.dry_run_path) == (None, None)


def test_a_sync_may_have_a_name_of_its_own(plan):
    assert plan(sync_name="people").name == "people"


def test_state_is_used_as_the_parameters_say(ti):
    operator = Operator(state_conn_id="state", state_table="heap.kept", full_sync="yes", hold_timeout="90")
    operator.state_retention = timedelta(days=2)
    settings = operator.plan({"ti": ti}).state
    assert settings == StateSettings("state", "heap.kept", True, 2 * 24 * 3600.0, 90.0)


def test_without_a_connection_no_state_is_kept_and_no_sync_is_held(plan):
    made = plan(full_sync="not even looked at")
    assert (made.state, made.holder) == (None, None)


def test_instances_of_a_run_hold_a_sync_together_and_a_retry_is_the_same_instance(plan, ti):
    ti.map_index = 3
    first = plan(state_conn_id="state").holder
    assert first == Holder(f"dag/{ti.run_id}", "task[3]")
    ti.try_number = 2
    assert plan(state_conn_id="state").holder == first
    ti.map_index = 4
    assert plan(state_conn_id="state").holder == Holder(first.run, "task[4]")


def test_a_command_without_a_task_instance_is_a_holder_of_its_own():
    operator = Operator(state_conn_id="state")
    first, second = operator.plan({}).holder, operator.plan({}).holder
    assert first.run != second.run


@pytest.mark.parametrize(
    ("operator", "map_index", "rate_limit", "warned"),
    [
        (EventOperator, 0, None, True),
        (EventOperator, 7, "", True),
        (EventOperator, 0, 5000, False),
        (EventOperator, 0, 0, False),
        (EventOperator, -1, None, False),
        (Operator, 0, None, False),
    ],
)
def test_mapped_instances_that_each_go_at_the_pace_of_all_are_warned(plan, ti, operator, map_index, rate_limit, warned):
    ti.map_index = map_index
    warnings = plan(operator, rate_limit=rate_limit).warnings
    assert [
        warning.startswith("This task is mapped, and each instance goes at 15,000 events") for warning in warnings
    ] == ([True] * warned)


def test_the_advice_names_rejects_path_only_where_it_is_not_set(plan, tmp_path):
    assert plan(max_rejected=7).advice == (
        "set rejects_path to see them, fix the model, or raise max_rejected, which is 7"
    )
    assert plan(rejects_path=str(tmp_path)).advice.startswith("fix the model")


# The state's database


def test_a_task_without_state_has_no_database_of_it():
    with pytest.raises(ModelError, match="Task 'sync' keeps no state: it has no state_conn_id"):
        Operator().open_store()


def test_the_database_of_the_state_is_not_connected_before_it_is_used():
    assert Operator(state_conn_id="sqlite").open_store() is not None


# The run


@pytest.fixture
def emitted(monkeypatch):
    """The reports and tags of metrics that were emitted."""
    calls = []
    monkeypatch.setattr(
        telemetry, "emit", lambda hook, environment, heap_object, report, **tags: calls.append((report.as_dict(), tags))
    )
    return calls


def test_a_run_returns_its_counters_and_publishes_them(heap_sandbox, run, ti, emitted):
    asset, failed = Asset("heap://users"), Asset("heap://others")
    events = {asset: type("Event", (), {"extra": {}})()}
    report = run(Operator(chunks=[MappedChunk(users("ada", "bob"))], outlets=[asset]), outlet_events=events)
    assert report["sent"] == len(heap_sandbox.users) == 2
    assert ti.xcom == {"heap_url": f"{heap_sandbox.url}/"}
    # The asset's own URI says what was written.
    assert events[asset].extra == {name: value for name, value in report.items() if name != "sync"}
    assert emitted == [(report, {"dag_id": "adhoc_airflow", "task_id": "sync"})]
    assert failed not in events


def test_a_run_that_fails_publishes_its_counters_too_but_not_with_the_assets(heap_sandbox, run, ti, emitted):
    def chunks():
        yield MappedChunk(users("ada"))
        raise ModelError("half way")

    asset = Asset("heap://users")
    events = {asset: type("Event", (), {"extra": {}})()}
    with pytest.raises(ModelError, match="half way") as raised:
        run(Operator(chunks=chunks(), outlets=[asset]), outlet_events=events)
    assert ti.xcom["report"] == raised.value.report == emitted[0][0]
    assert events[asset].extra == {}


def test_a_plan_that_fails_publishes_nothing(run, ti, emitted):
    with pytest.raises(ModelError):
        run(Operator(batch_size=0))
    assert (ti.xcom, emitted) == ({}, [])


def test_nothing_happens_to_a_task_that_is_stopped_before_it_runs():
    Operator().on_kill()


def test_a_stop_ends_a_run_whose_source_does_not_answer(heap_sandbox, run, ti):
    answered = threading.Event()

    def chunks():
        operator.on_kill()
        answered.wait(60)
        yield MappedChunk(users("ada"))

    operator = Operator(chunks=chunks(), sync_name="people")
    with pytest.raises(SyncStoppedError, match="Sync people was told to stop"):
        run(operator)
    assert ti.xcom["report"]["sent"] == 0
    answered.set()


def test_a_stop_ends_the_wait_for_a_connection(run, ti, monkeypatch):
    answered = threading.Event()

    def environment(hook, heap_object):
        operator.on_kill()
        answered.wait(60)

    monkeypatch.setattr(HeapHook, "environment", environment)
    operator = Operator()
    with pytest.raises(SyncStoppedError, match=r"Sync adhoc_airflow\.sync was told to stop"):
        run(operator)
    assert ti.xcom == {}
    answered.set()


def test_a_second_try_is_not_stopped_by_the_stop_of_the_first(heap_sandbox, run):
    def chunks():
        operator.on_kill()
        threading.Event().wait(0.01)
        while True:
            yield MappedChunk(users())

    operator = Operator(chunks=chunks())
    with pytest.raises(SyncStoppedError):
        run(operator)
    operator.chunks = [MappedChunk(users("ada"))]
    assert run(operator)["sent"] == 1
