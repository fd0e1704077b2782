"""BigQuery through the real ``BigQueryHook`` and Google's client, against an emulator."""

from __future__ import annotations

import json
import resource

import pytest
from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.operators.heap import (
    HeapAccountSyncOperator,
    HeapEventSyncOperator,
    HeapUserSyncOperator,
)
from tests.integration.cli.conftest import dag_file, heap  # noqa: F401
from tests.system import emulators

pytestmark = pytest.mark.slow

PEOPLE = """\
create or replace table ds.people (
  email string, ts timestamp, num numeric, st struct<plan string, deep struct<a int64>>, arr array<string>,
  ints array<int64>, j json, moment datetime, n int64, f float64, ok bool, d date, t time)
"""
ROWS = """\
insert into ds.people values
  ('a@example.com', timestamp '2026-01-02 03:04:05+00', numeric '99.90',
   struct('pro' as plan, struct(1 as a) as deep), ['x', 'y'], [1, 2],
   json '{"plan": "pro"}', datetime '2026-01-02 03:04:05', 5, 1.5, true, date '2026-01-02', time '10:00:00'),
  ('b@example.com', null, null, null, [], [], null, null, null, null, null, null, null)
"""
PROPERTIES = {
    "arr": "x||y",
    "moment": "2026-01-02T03:04:05+00:00",
    "d": "2026-01-02",
    "f": 1.5,
    "ints": "1||2",
    "j.plan": "pro",
    "n": 5,
    "num": 99.9,
    "ok": "true",
    "st.deep.a": 1,
    "st.plan": "pro",
    "t": "10:00:00",
    "ts": "2026-01-02T03:04:05+00:00",
}


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    """An emulator: the ports of its two APIs."""
    pytest.importorskip("google.cloud.bigquery")
    with emulators.bigquery(tmp_path_factory.mktemp("bigquery")) as ports:
        yield ports


@pytest.fixture
def bigquery(ports, monkeypatch):
    """The connection ``bq`` to the emulator, and a client to prepare tables with."""
    from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
    from google.api_core.client_options import ClientOptions

    # The hook has no setting for an endpoint.
    options = ClientOptions(api_endpoint=f"http://127.0.0.1:{ports[0]}")
    monkeypatch.setattr(BigQueryHook, "get_client_options", lambda self: options)
    connection = {"conn_type": "gcpbigquery", "extra": {"is_anonymous": True, "project": "proj", "labels": {"a": "b"}}}
    monkeypatch.setenv("AIRFLOW_CONN_BQ", json.dumps(connection))
    client = BaseHook.get_connection("bq").get_hook().get_client(project_id="proj")
    client.create_dataset("ds", exists_ok=True)
    client.query(PEOPLE).result()
    client.query(ROWS).result()
    return client


def users(model, **kwargs):
    return HeapUserSyncOperator(task_id="users", model=model, sql_conn_id="bq", identity="email", **kwargs)


def test_every_type_arrives_as_what_it_is(bigquery, run, heap_sandbox):
    assert run(users("select * from ds.people"))["sent"] == 2
    assert heap_sandbox.users["a@example.com"] == PROPERTIES
    assert heap_sandbox.users["b@example.com"] == {"arr": "", "ints": ""}


def test_nested_json_is_one_compact_text(bigquery, run, heap_sandbox):
    run(users("select email, st, arr, j from ds.people", nested="json"))
    assert heap_sandbox.users["a@example.com"] == {
        "arr": '["x","y"]',
        "j": '{"plan":"pro"}',
        "st": '{"plan":"pro","deep":{"a":1}}',
    }


def test_bytes_have_no_json_form(bigquery, run, heap_sandbox):
    report = run(users("select 'a@example.com' as email, b'abc' as photo", max_rejected=1))
    assert report["reasons"] == {"no_json_form": 1}


def test_accounts_and_events_are_sent_with_their_timestamps(bigquery, run, heap_sandbox):
    common = {"task_id": "sync", "sql_conn_id": "bq", "model": "select * from ds.people where ts is not null"}
    run(HeapAccountSyncOperator(account_id="email", properties=["num"], **common))
    event = HeapEventSyncOperator(insert_id="n", identity="email", event="Signed Up", timestamp="ts", **common)
    assert run(event)["sent"] == 1
    assert heap_sandbox.accounts == {"a@example.com": {"num": 99.9}}
    [sent] = heap_sandbox.events
    assert sent["timestamp"] == "2026-01-02T03:04:05+00:00"


@pytest.mark.parametrize(("form", "parameters"), [("%(n)s", {"n": 5}), ("%s", [5])])
def test_parameters_are_bound(bigquery, run, heap_sandbox, form, parameters):
    run(users(f"select email from ds.people where n = {form} and email like '%%@example.com'", parameters=parameters))
    assert list(heap_sandbox.users) == ["a@example.com"]


def test_without_parameters_a_percent_sign_is_one(bigquery, run, heap_sandbox):
    run(users("select email, '100%%' as share from ds.people where email like 'a%'"))
    assert heap_sandbox.users == {"a@example.com": {"share": "100%%"}}


def test_parameters_in_bigquerys_own_form_get_the_drivers(bigquery, run, heap_sandbox):
    with pytest.raises(ModelError, match=r"for BigQuery, write `%\(name\)s` with a dict or `%s` with a list"):
        run(users("select email from ds.people where n = @n", parameters={"n": 5}))


def test_a_statement_that_would_write_does_not(bigquery, run, heap_sandbox):
    with pytest.raises(ModelError, match="would write: it has UPDATE"):
        run(users("update ds.people set n = 0 where true"))
    assert [row[0] for row in bigquery.query_and_wait("select n from ds.people where n is not null")] == [5]


def test_jobs_have_the_labels_of_the_connection_and_standard_sql(bigquery):
    from airflow_provider_heap.models.drivers.bigquery import open_connection

    hook = BaseHook.get_connection("bq").get_hook()
    assert hook.use_legacy_sql  # the hook's default
    with open_connection(hook) as connection:
        config = connection._client.default_query_job_config
    assert (config.labels, config.use_legacy_sql) == ({"a": "b"}, False)


def test_check_and_preview_show_the_types(bigquery, dag_file, heap, heap_sandbox, capsys):  # noqa: F811
    dag_file("""
with DAG(dag_id="people", schedule=None):
    common = dict(sql_conn_id="bq", model="select * from ds.people", identity="email")
    HeapUserSyncOperator(task_id="users", **common)
    HeapUserSyncOperator(task_id="bytes", **(common | {"model": "select 'a' as email, b'x' as photo"}))
    HeapUserSyncOperator(task_id="key", **(common | {"identity": "st"}))
    HeapUserSyncOperator(task_id="unnamed", **(common | {"model": "select email, count(*) from ds.people group by 1"}))
    HeapEventSyncOperator(task_id="number", insert_id="email", event="Signed Up", timestamp="n", **common)
""")
    [found] = json.loads(heap("check", "people", "users", "--output", "json"))
    types = ["STRING", "TIMESTAMP", "NUMERIC", "STRUCT", "ARRAY<STRING>", "ARRAY<INT64>", "JSON"]
    assert [column["type"] for column in found["columns"]][:7] == types
    assert (found["problems"], found["notes"]) == ([], [])
    preview = json.loads(heap("preview", "people", "users", "--output", "json"))
    assert {row["property"]: row["types"] for row in preview["mapping"]}["ts"] == ["TIMESTAMP"]
    assert preview["counts"]["would_send"] == 2
    problems = {"bytes": "no JSON form", "key": "can't be the identity", "unnamed": "alias", "number": "to_timestamp"}
    for task, problem in problems.items():
        with pytest.raises(SystemExit):
            heap("check", "people", task)
        assert problem in capsys.readouterr().out
    assert heap_sandbox.requests == []


def test_state_in_bigquery_is_refused_with_what_to_use(bigquery, run, heap_sandbox):
    with pytest.raises(ModelError, match=r"BigQuery can't hold the state.*PostgreSQL, MySQL"):
        run(users("select email from ds.people", state_conn_id="bq"))


def test_state_elsewhere_sends_only_what_changed(bigquery, warehouse, run, heap_sandbox):
    operator = users("select email, n, st, ts from ds.people", state_conn_id="warehouse")
    assert run(operator)["sent"] == 2
    assert run(operator)["unchanged"] == 2
    bigquery.query("update ds.people set n = 6 where n = 5").result()
    report = run(operator)
    assert (report["sent"], report["unchanged"]) == (1, 1)


def test_openlineage_knows_the_tables(bigquery, run, ti, heap_sandbox, monkeypatch):
    pytest.importorskip("airflow.providers.openlineage")
    emulators.collect_lineage(monkeypatch)
    operator = users("select email from ds.people")
    run(operator)
    lineage = operator.get_openlineage_facets_on_complete(ti)
    assert [table.name for table in lineage.inputs] == ["proj.ds.people"]
    assert "sql" in lineage.job_facets


def test_rows_come_through_the_storage_api_and_are_the_same(bigquery, ports):
    grpc = pytest.importorskip("grpc")
    storage = pytest.importorskip("google.cloud.bigquery_storage")
    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

    from airflow_provider_heap.models.drivers.bigquery import BigQuery, Connection

    sql = "select * except(j) from ds.people order by email"
    channel = grpc.insecure_channel(f"127.0.0.1:{ports[1]}")
    reader = storage.BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
    rows = []
    for options in ({"bqstorage_client": reader}, {"prefer_bqstorage_client": False}):
        driver = BigQuery(Connection(bigquery, **options), "google")
        with driver.cursor() as cursor:
            cursor.arraysize = 1  # so that the first page is not the whole answer
            cursor.execute(sql)
            rows.append([tuple(row) for row in driver.fetch(cursor, 10)])
    assert rows[0] == rows[1]


def test_without_the_right_to_use_the_storage_api_rows_come_all_the_same(bigquery):
    storage = pytest.importorskip("google.cloud.bigquery_storage")
    from google.api_core.exceptions import PermissionDenied

    from airflow_provider_heap.models.drivers.bigquery import BigQuery, Connection

    class Refusing(storage.BigQueryReadClient):
        """As Google answers without the role of a read session user."""

        def __init__(self):
            self.asked = 0

        def create_read_session(self, **kwargs):
            self.asked += 1
            raise PermissionDenied("bigquery.readsessions.create")

    refusing = Refusing()
    driver = BigQuery(Connection(bigquery, bqstorage_client=refusing), "google")
    with driver.cursor() as cursor:
        cursor.arraysize = 1
        cursor.execute("select email from ds.people order by email")
        assert [tuple(row) for row in driver.fetch(cursor, 10)] == [("a@example.com",), ("b@example.com",)]
    assert refusing.asked == 1


def test_many_rows_arrive_and_memory_stays_flat(bigquery, run, heap_sandbox):
    rows = "select cast(n as string) as email, repeat('x', 200) as x from unnest(generate_array(1, 200000)) as n"
    bigquery.query(f"create or replace table ds.big as {rows}").result()
    peaks = []
    for count in (20_000, 200_000):
        report = run(users(f"select * from ds.big limit {count}", dry_run=True))
        assert report["would_send"] == count
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert peaks[1] - peaks[0] < 60_000
