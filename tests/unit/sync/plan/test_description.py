"""What was synced is in each report: small, without values of rows."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import EVENT, USER
from airflow_provider_heap.sync.mapping import Constant, FieldMapping, RowTemplate
from airflow_provider_heap.sync.mapping.summary import MappingSummary
from airflow_provider_heap.sync.plan import DeliverySettings, GuardSettings, RunMode, StateSettings, SyncPlan
from airflow_provider_heap.sync.plan.description import MAX_BYTES, truncate

ENVIRONMENT = Environment.parse(app_id="2388822444", host="http://gate:secret@heap.example.com", name="heap")
MAPPING = FieldMapping(
    USER,
    {"identity": "email"},
    {"Plan": "plan", "Source": Constant("demo"), "Seats": Constant(3), "Name": RowTemplate("{{ first }} {{ last }}")},
)
PLAN = SyncPlan(USER, ENVIRONMENT, "dag.people", "connection 'warehouse'", MAPPING.summary())


def event_mapping(**values):
    fields = {"event": "kind", "identity": "email", "timestamp": "at", "idempotency_key": "id"}
    return replace(FieldMapping(EVENT, fields), **values)


def size(entry):
    return len(json.dumps(entry))


def test_a_plan_says_what_it_syncs_before_the_query_ran():
    assert PLAN.describe() == {
        "name": "dag.people",
        "object": "user",
        "behaviour": "update or create",
        "mode": "send",
        "source": "connection 'warehouse'",
        "target": {
            "app_id": "2388822444",
            "region": "us",
            "host": "http://heap.example.com",
            "connection": "heap",
        },
        "key": {"field": "identity", "columns": ["email"]},
        "fields": [["identity", "email"]],
        "properties": [
            ["Plan", "plan"],
            ["Source", {"constant": "demo"}],
            ["Seats", {"constant": "3"}],
            ["Name", {"template": "{{ first }} {{ last }}"}],
        ],
        "properties_left_out": 0,
        "signature": None,
        "guards": {},
        "max_rejected": 0,
        "state": None,
        "items_a_minute": None,
    }


def test_once_the_query_ran_columns_have_the_databases_names_and_there_is_a_signature():
    mapper = MAPPING.bind(["EMAIL", "PLAN", "FIRST", "LAST"])
    entry = PLAN.describe(mapper.summary)
    assert entry["key"]["columns"] == ["EMAIL"]
    assert entry["properties"][0] == ["Plan", "PLAN"]
    assert entry["signature"].startswith("1:")
    assert mapper.summary.columns == {"Plan": ("PLAN",), "Source": (), "Seats": (), "Name": ("FIRST", "LAST")}


def test_a_list_of_columns_keeps_their_names_and_all_columns_are_known_later():
    assert replace(MAPPING, properties=["plan"]).summary().properties == {"plan": "plan"}
    everything = replace(MAPPING, properties=None)
    assert PLAN.describe(everything.summary())["properties"] is None
    assert PLAN.describe(everything.bind(["email", "plan"]).summary)["properties"] == [["plan", "plan"]]


@pytest.mark.parametrize(
    ("values", "columns"),
    [
        ({}, ["kind", "id"]),
        ({"insert_id_scope": "app"}, ["id"]),
        ({"fields": {"event": Constant("Order"), "identity": "email", "idempotency_key": "id"}}, ["id"]),
    ],
    ids=["event and insert ID", "insert ID alone", "one event"],
)
def test_the_key_of_an_event_may_have_two_columns(values, columns):
    mapping = event_mapping(**values)
    before, after = mapping.summary(), mapping.bind(["kind", "email", "at", "id"]).summary
    assert [list(before.key_columns), list(after.key_columns)] == [columns, columns]


def test_guards_state_mode_and_pace_are_in_it():
    plan = replace(
        PLAN,
        heap_object=EVENT,
        mode=RunMode.DRY_RUN,
        delivery=DeliverySettings(max_rejected=0.01),
        guards=GuardSettings(min_rows=1, max_changed=0.2, max_null={"Plan": 0.1}, unique_key=True),
        state=StateSettings("warehouse", "heap_sync_state", full_sync=True),
    )
    entry = plan.describe(new_keys=7)
    assert entry["mode"] == "dry_run"
    assert entry["guards"] == {"min_rows": 1, "max_changed": 0.2, "max_null": [["Plan", 0.1]], "unique_key": True}
    assert entry["max_rejected"] == 0.01
    assert entry["state"] == {
        "table": "heap_sync_state",
        "connection": "warehouse",
        "full_sync": True,
        "new_keys": 7,
    }
    assert entry["items_a_minute"] == 15_000


def test_there_is_no_secret_in_it():
    shown = replace(PLAN, mapping=PLAN.mapping.mask_constants(lambda value: "***" if value == "demo" else value))
    assert ["Source", {"constant": "***"}] in shown.describe()["properties"]
    assert "secret" not in json.dumps(shown.describe())


def test_a_mapping_of_many_properties_is_cut_and_counted():
    mapping = MappingSummary({"identity": "email"}, {f"Property {n}": f"column_{n}" for n in range(300)})
    entry = PLAN.describe(mapping)
    assert size(entry) <= MAX_BYTES
    assert len(entry["properties"]) > 20
    assert len(entry["properties"]) + entry["properties_left_out"] == 300
    assert entry["properties"][0] == ["Property 0", "column_0"]


texts = st.text(st.characters(codec="utf-8"), max_size=600)


@given(name=texts, properties=st.dictionaries(texts, texts.map(Constant), max_size=30), nulls=st.lists(texts))
def test_whatever_the_names_are_it_is_small(name, properties, nulls):
    plan = replace(
        PLAN,
        name=name + "😀" * 300,
        source_label="é" * 900,
        environment=replace(ENVIRONMENT, name=name, base_url=f"https://{'h' * 900}"),
        guards=GuardSettings(max_null=dict.fromkeys(nulls, 1.0)),
        state=StateSettings("é" * 300, "é" * 300),
    )
    fields = {field.name: "é" * 900 for field in EVENT.fields}
    mapping = MappingSummary(fields, properties, ("é" * 900, "é" * 900), signature="1:0123456789abcdef")
    assert size(plan.describe(mapping, 10**9)) <= MAX_BYTES


@given(texts, st.sampled_from([48, 128, 256]))
def test_a_text_that_is_cut_says_so(text, limit):
    short = truncate(text, limit)
    assert len(json.dumps(short)) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))
