"""What the three sync operators share: a plan, its guards, and the mapping of what is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.operators.heap import Constant
from airflow_provider_heap.sync.plan import GuardSettings
from tests.masking import mask_secret
from tests.unit.operators.test_model import Described, People, operator


@pytest.fixture
def plan(ti, monkeypatch):
    """Return the plan of an operator; its connections cannot be reached."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_HEAP_DEFAULT", json.dumps({"conn_type": "heap", "login": "123", "host": "http://127.0.0.1:9"})
    )
    monkeypatch.setenv("AIRFLOW_CONN_AWAY", json.dumps({"conn_type": "postgres", "host": "127.0.0.1", "port": 9}))
    return lambda one, **context: one.plan({"ti": ti, **context})


# The plan


def test_a_plan_is_made_though_the_database_cannot_be_reached(plan):
    assert plan(operator(sql_conn_id="away")).source_label == "connection 'away'"


def test_a_plan_is_made_though_there_is_no_such_connection_because_nothing_is_opened(plan):
    assert plan(operator(sql_conn_id="no_such_connection")).guards == GuardSettings()


def test_guards_are_values_of_the_plan_and_may_be_texts_from_templates(plan):
    one = operator(
        min_rows="1",
        max_rows=10,
        max_changed="0.5",
        max_null={"Plan": "0.2"},
        unique_key="true",
        state_conn_id="away",
    )
    assert plan(one).guards == GuardSettings(1, 10, 0.5, {"Plan": 0.2}, True)


@pytest.mark.parametrize("unset", [None, "", "None"])
def test_a_guard_whose_template_renders_to_nothing_is_none(plan, unset):
    one = operator(min_rows=unset, max_rows=unset, max_changed=unset, max_null=unset, unique_key=unset)
    assert not plan(one).guards


@pytest.mark.parametrize(
    ("guard", "message"),
    [
        ({"min_rows": "few"}, "min_rows must be a whole number"),
        ({"max_rows": -1}, "max_rows must be 0 or more"),
        ({"max_changed": "0.5"}, "max_changed compares rows with the state.*set state_conn_id"),
        ({"max_null": "0.2"}, "max_null must be a dict of shares"),
        ({"unique_key": "perhaps"}, "unique_key must be true or false"),
    ],
)
def test_a_guard_that_cannot_be_right_is_refused_before_anything_is_read(plan, guard, message):
    with pytest.raises(ModelError, match=message):
        plan(operator(**guard))


# The model


def test_a_query_without_a_connection_cannot_be_run(plan):
    one = operator()
    with pytest.raises(ModelError, match="sql_conn_id is missing"), one.open_rows(plan(one)):
        pass


def test_a_model_that_needs_no_connection_is_not_asked_for_one(plan):
    one = operator(People(), parameters={"a": 1}, fetch_size="50")
    with one.open_rows(plan(one)) as rows:
        [chunk] = rows.chunks
    assert chunk.items.keys == ["ada", "bob"]
    assert rows.key_column == "identity"
    assert rows.signature.startswith("1:")


def test_the_model_gets_parameters_and_fetch_size_and_is_closed_at_the_end(plan):
    one = operator(People(events=[]), parameters={"a": 1}, fetch_size="50")
    with one.open_rows(plan(one)):
        pass
    assert one.model.events == [("opened", 50, {"a": 1}), "closed"]


def test_another_model_may_be_read_instead(plan):
    one = operator(People(events=[]))
    with one.open_rows(plan(one), lambda _: People(rows=(("eve", 1),))) as rows:
        [chunk] = rows.chunks
    assert chunk.items.keys == ["eve"]
    assert one.model.events == []


def test_a_mapping_that_does_not_fit_says_which_rows_it_does_not_fit_and_closes_the_model(plan):
    one = operator(Described(events=[]), properties={"Plan": "nix"}, sql_conn_id="warehouse")
    message = r"^The rows of model 'people' \(connection 'warehouse'\) and their mapping don't fit: .*'nix'"
    with pytest.raises(ModelError, match=message), one.open_rows(plan(one)):
        pass
    assert one.model.events[-1] == "closed"


@pytest.mark.parametrize("fetch_size", [0, -1, "0"])
def test_rows_are_fetched_one_at_a_time_at_least(plan, fetch_size):
    one = operator(People(), fetch_size=fetch_size)
    with pytest.raises(ModelError, match="fetch_size must be at least 1"), one.open_rows(plan(one)):
        pass


def test_rows_with_a_value_are_counted_for_the_guard_that_asks(plan):
    one = operator(People(), max_null={"seats": 0.5})
    with one.open_rows(plan(one)) as rows:
        assert [chunk.filled for chunk in rows.chunks] == [{"seats": 1}]


# Keys


def test_the_key_of_an_account_or_user_is_the_value_itself():
    assert operator().sync_key("ada@example.com") == "ada@example.com"


# What the report says of a sync


def test_a_constant_that_airflow_masks_is_masked_in_the_report(plan):
    mask_secret("hunter2-of-the-gate")
    sync = operator(People(), properties={"Token": Constant("hunter2-of-the-gate"), "Seats": "seats"})
    before = plan(sync).describe()["properties"]
    assert before == [["Token", {"constant": "***"}], ["Seats", "seats"]]
    with sync.open_rows(plan(sync)) as rows:
        assert rows.mapping.properties == {"Token": Constant("***"), "Seats": "seats"}


def test_a_query_of_an_empty_data_interval_is_warned_of(plan):
    at = datetime(2026, 11, 20, 10, tzinfo=UTC)
    task = operator(
        "select identity from users where at >= '{{ data_interval_start }}' and at < '{{ data_interval_end }}'"
    )
    context = {"data_interval_start": at, "data_interval_end": at}
    task.render_template_fields(context)
    assert any("can return no rows" in warning for warning in plan(task, **context).warnings)
