"""OpenLineage learns of the tables that were read and the object that was written, in one event."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat import sdk
from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

pytest.importorskip("airflow.providers.openlineage")

from airflow.providers.openlineage.sqlparser import DatabaseInfo

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import USER
from airflow_provider_heap.operators.heap import Constant, HeapUserSyncOperator, RowTemplate
from airflow_provider_heap.operators.lineage import lineage
from airflow_provider_heap.sync.mapping import FieldMapping
from airflow_provider_heap.sync.plan import RunMode, SyncPlan
from airflow_provider_heap.sync.report import Report

HEAP = "heap://heapanalytics.com/123"


@pytest.fixture
def collector(monkeypatch):
    """Airflow's collector, as it is where something reads lineage."""
    own = sdk.HookLineageCollector()
    monkeypatch.setattr(sdk, "get_hook_lineage_collector", lambda: own)
    return get_hook_lineage_collector()


class Hook:
    """A SQL hook as far as OpenLineage asks it; ``info`` is what it knows of its database, or raises."""

    def __init__(self, info):
        self.info = info

    def get_conn_id(self):
        return "warehouse"

    def get_connection(self, conn_id):
        return conn_id

    def get_openlineage_database_info(self, connection):
        assert connection == "warehouse"
        if isinstance(self.info, Exception):
            raise self.info
        return self.info

    def get_openlineage_database_dialect(self, connection):
        return "postgres"

    def get_openlineage_default_schema(self):
        return "public"


@pytest.fixture
def db_hook():
    return Hook(DatabaseInfo(scheme="postgres", authority="db:5432", database="shop"))


def ran(collector, hook, sql, key="sql_job"):
    collector.add_extra(context=hook, key=key, value={"sql": sql})


def named(datasets):
    return [(dataset.namespace, dataset.name) for dataset in datasets]


def test_what_was_read_and_what_was_written_are_in_one_lineage(collector, db_hook):
    heap_hook = object()
    collector.add_output_asset(context=heap_hook, uri=f"{HEAP}/users")
    ran(collector, db_hook, "select email from people p join crm.plans using (id)")
    result = lineage(heap_hook, db_hook)
    assert named(result.outputs) == [("heap://heapanalytics.com", "123/users")]
    assert sorted(named(result.inputs)) == [
        ("postgres://db:5432", "shop.crm.plans"),
        ("postgres://db:5432", "shop.public.people"),
    ]
    assert "people" in result.job_facets["sql"].query


def test_what_other_hooks_of_the_process_did_is_not_this_tasks(collector, db_hook):
    heap_hook, other = object(), Hook(db_hook.info)
    collector.add_output_asset(context=other, uri=f"{HEAP}/events")
    ran(collector, other, "select 1 from orders")
    ran(collector, db_hook, "select 1 from people", key="something_else")
    result = lineage(heap_hook, db_hook)
    assert (result.inputs, result.outputs) == ([], [])


def test_a_table_that_is_read_twice_is_named_once(collector, db_hook):
    ran(collector, db_hook, "select * from people where 1 = 0")
    ran(collector, db_hook, "select email from people")
    assert named(lineage(object(), db_hook).inputs) == [("postgres://db:5432", "shop.public.people")]


def test_without_a_query_there_is_what_was_written(collector):
    heap_hook = object()
    collector.add_output_asset(context=heap_hook, uri=f"{HEAP}/users")
    ran(collector, None, "select 1 from people")
    result = lineage(heap_hook, None)
    assert (len(result.outputs), result.inputs) == (1, [])


def test_a_hook_that_does_not_know_its_database_leaves_the_query(collector):
    hook = Hook(None)
    ran(collector, hook, "select email\n from people;")
    result = lineage(object(), hook)
    assert result.inputs == []
    assert "people" in result.job_facets["sql"].query


def test_a_failure_is_a_warning_and_leaves_the_query(collector, caplog):
    caplog.set_level(logging.INFO)
    hook = Hook(ConnectionError("secret"))
    ran(collector, hook, "select email from people")
    assert "people" in lineage(object(), hook).job_facets["sql"].query
    assert caplog.messages == ["OpenLineage could not find out which tables the query reads"]
    assert "secret" not in caplog.text


# Columns and counters


def mapped(columns, properties, **report):
    """A run whose query has these columns."""
    mapping = FieldMapping(USER, {"identity": columns[0]}, properties).bind(columns).summary
    plan = SyncPlan(USER, Environment.parse(app_id="123"), "people", "test", mode=report.pop("mode", RunMode.SEND))
    return SimpleNamespace(mapping=mapping, plan=plan, report=Report(**report))


def fields(result):
    """Return the columns that each field and property of what was written is made from."""
    [output] = result.outputs
    found = output.facets["columnLineage"].fields if output.facets else {}
    return {name: [(one.name, one.field) for one in field.inputFields] for name, field in found.items()}


@pytest.fixture
def written(collector, db_hook):
    """Return the lineage of a sync of users after a query."""

    def lineage_of(sql, run):
        heap_hook = object()
        collector.add_output_asset(context=heap_hook, uri=f"{HEAP}/users")
        ran(collector, db_hook, sql)
        return lineage(heap_hook, db_hook, run)

    return lineage_of


def test_each_property_names_the_columns_of_tables_that_it_is_made_from(written):
    sql = "select p.email as MAIL, c.plan, p.first, p.last, count(*) as n from people p join crm.companies c using (id)"
    properties = {"Plan": "plan", "Name": RowTemplate("{{ first }} {{ last }}"), "By": Constant(1), "Orders": "n"}
    result = written(sql, mapped(["mail", "plan", "first", "last", "n"], properties))
    people, companies = "shop.public.people", "shop.crm.companies"
    assert fields(result) == {
        "identity": [(people, "email")],
        "Plan": [(companies, "plan")],
        "Name": [(people, "first"), (people, "last")],
    }
    template = result.outputs[0].facets["columnLineage"].fields["Name"].transformationDescription
    assert template == "{{ first }} {{ last }}"


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("select * from people", {"identity": "email", "Plan": "plan"}),
        ("select email, plan from people", {"identity": "email", "Plan": "plan"}),
        ('select "email", "plan" from "shop"."public"."people"', {"identity": "email", "Plan": "plan"}),
        ("select p.*, 1 as plan from people p join people q using (id)", {}),
        ("select email, plan from people, crm.plans", {}),
    ],
)
def test_a_column_whose_table_is_not_certain_is_left_out(written, sql, found):
    result = written(sql, mapped(["email", "plan"], {"Plan": "plan"}))
    assert fields(result) == {name: [("shop.public.people", column)] for name, column in found.items()}


def test_statistics_are_of_what_was_sent_and_the_run_says_what_it_was(written):
    run = mapped(["email", "plan"], None, sent=3, rejected=1, bytes=512, reasons=Counter(http_400=1))
    result = written("select email, plan from people", run)
    statistics = result.outputs[0].outputFacets["outputStatistics"]
    assert (statistics.rowCount, statistics.size) == (3, 512)
    facet = result.run_facets["heap_sync"]
    assert (facet.mode, facet.sync, facet.read, facet.sent, facet.rejected) == ("send", "people", 4, 3, 1)
    assert (facet.would_send, facet.reasons) == (None, {"http_400": 1})


def test_a_dry_run_has_no_output_and_is_called_so(collector, db_hook):
    ran(collector, db_hook, "select email from people")
    result = lineage(object(), db_hook, mapped(["email"], None, mode=RunMode.DRY_RUN, would_send=7))
    assert (result.outputs, named(result.inputs)) == ([], [("postgres://db:5432", "shop.public.people")])
    facet = result.run_facets["heap_sync"]
    assert (facet.mode, facet.would_send, facet.sent) == ("dry_run", 7, 0)


def test_a_run_whose_query_failed_has_counters_and_no_columns(written):
    run = mapped(["email"], None)
    run.mapping = None
    assert fields(written("select email from people", run)) == {}


def test_without_openlineage_there_is_none(monkeypatch, db_hook):
    monkeypatch.setitem(sys.modules, "airflow.providers.openlineage.extractors", None)
    assert lineage(object(), db_hook) is None


def test_an_operator_that_ran_no_query_is_not_asked_for_a_connection(collector):
    operator = HeapUserSyncOperator(task_id="sync", model="select 1", sql_conn_id="no_such_connection")
    assert operator.get_openlineage_facets_on_complete(None).inputs == []
