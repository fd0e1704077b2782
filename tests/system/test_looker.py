"""Looks, read with the real SDK of Looker from a stand-in over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from airflow.providers.common.compat.sdk import DAG, BaseHook

from airflow_provider_heap.exceptions import ModelError, ModelUnavailableError
from airflow_provider_heap.models import ReadContext
from airflow_provider_heap.models.looker import LookerLook
from airflow_provider_heap.operators.heap import HeapUserSyncOperator
from tests.conftest import ROOT
from tests.system.looker import LookerServer, query

pytest.importorskip("looker_sdk")

ROWS = [("ada@x.com", "pro", 3), ("eve@x.com", "team", 12.5), ("bob@x.com", None, 12345678901234567890)]


@pytest.fixture
def connect(monkeypatch):
    """A way to make the connection ``looker_default``."""

    def make(host, **options):
        found = {"conn_type": "gcp_looker", "host": host, "login": "id", "password": "s3cret", **options}
        monkeypatch.setenv("AIRFLOW_CONN_LOOKER_DEFAULT", json.dumps(found))

    return make


@pytest.fixture
def looker(connect):
    """The stand-in, and the connection to it."""
    with LookerServer(ROWS) as server:
        connect(server.url, extra={"verify_ssl": True, "timeout": 120})
        yield server


@pytest.fixture
def users(warehouse):
    """The table that the Look's SQL reads."""
    warehouse.table("users", [{"email": f"u{n}@x.com", "plan": "pro", "seats": n} for n in range(600)])


def read(look, fetch_size=2, **source):
    """Return the columns and rows of a Look."""
    hook = BaseHook.get_connection("warehouse").get_hook if "AIRFLOW_CONN_WAREHOUSE" in os.environ else None
    with look.open(ReadContext(hook, fetch_size=fetch_size, **source)) as rows:
        return list(rows.columns), [tuple(row) for chunk in rows.chunks for row in chunk]


def refusal(kind=ModelError, look_id=42, **options):
    """Return why a Look is not read."""
    with pytest.raises(kind) as error:
        read(LookerLook(look_id, **options))
    assert "s3cret" not in str(error.value)
    return str(error.value)


def change(looker, **changed):
    """Change the query of the Look."""
    looker.looks["42"]["query"] = query(**changed)


@pytest.mark.parametrize("formats", [{"json_bi", "sql"}, {"json_detail", "sql"}], ids=["json_bi", "only json_detail"])
def test_rows_of_looker_keep_their_types_and_carry_nothing_but_values(looker, formats):
    looker.formats = formats
    columns, rows = read(LookerLook(42, mode="results"))
    assert columns == ["users.email", "users.plan", "users.seats"]
    assert rows == ROWS
    assert [type(row[2]) is int for row in rows] == [True, False, True]


def test_columns_may_be_called_by_their_labels(looker, users):
    labels = ["Users Email", "Users Plan", "Seats"]
    assert read(LookerLook(42, mode="results", by="label"))[0] == labels
    columns, rows = read(LookerLook(42, by="label"))
    assert (columns, len(rows)) == (labels, 600)


def test_all_rows_are_asked_for_unless_the_user_sets_a_limit(looker):
    change(looker, limit="1")
    assert len(read(LookerLook(42, mode="results"))[1]) == 3
    assert len(read(LookerLook("42", mode="results", limit="2"))[1]) == 2
    assert looker.requests[2][2] == {"limit": "-1"}


def test_a_look_without_rows_has_columns_all_the_same(looker):
    looker.rows = []
    assert read(LookerLook(42, mode="results")) == (["users.email", "users.plan", "users.seats"], [])


def test_table_calculations_come_with_the_results(looker):
    looker.rows = ROWS[:1]
    change(looker, has_table_calculations=True)
    assert read(LookerLook(42, mode="results", by="label")) == (
        ["Users Email", "Users Plan", "Seats", "Double Seats"],
        [(*ROWS[0], 6)],
    )


def test_the_sql_of_a_look_runs_on_the_users_own_connection(looker, users, heap_sandbox, run):
    operator = HeapUserSyncOperator(
        task_id="sync",
        model=LookerLook(42),
        sql_conn_id="warehouse",
        identity="users.email",
        properties={"Plan": "users.plan", "Seats": "users.seats"},
    )
    assert run(operator)["sent"] == 600
    assert heap_sandbox.users["u7@x.com"] == {"Plan": "pro", "Seats": 7}
    assert operator.source_label == "Look 42 of connection 'looker_default' (SQL on connection 'warehouse')"
    assert "/run/json" not in str(looker.requests)


@pytest.mark.parametrize(("by", "plan"), [("name", "users.plan"), ("label", "Users Plan")])
def test_the_database_compares_the_rows_of_a_looks_sql(looker, users, warehouse, heap_sandbox, run, by, plan):
    def sync(**options):
        names = {"identity": "users.email" if by == "name" else "Users Email", "properties": {"Plan": plan}}
        state = {"state_conn_id": "warehouse", "diff_schema": "main"}
        return run(HeapUserSyncOperator(task_id="sync", sql_conn_id="warehouse", **names, **state, **options))

    model = LookerLook(42, by=by)
    assert sync(model=model)["sent"] == 600
    assert sync(model=model)["unchanged"] == 600
    warehouse.run("update users set plan = 'team' where seats = 7")
    assert sync(model=model, dry_run=True)["would_send"] == 1
    assert sync(model=model)["sent"] == 1
    assert heap_sandbox.users["u7@x.com"] == {"Plan": "team"}
    with pytest.raises(ModelError, match=r"compared by SQL, and Look 42 .* has none"):
        sync(model=LookerLook(42, mode="results", by=by))


def test_results_need_no_sql_connection(looker, heap_sandbox, run):
    run(HeapUserSyncOperator(task_id="sync", model=LookerLook(42, mode="results"), identity="users.email"))
    assert heap_sandbox.users == {
        "ada@x.com": {"users.plan": "pro", "users.seats": 3},
        "eve@x.com": {"users.plan": "team", "users.seats": 12.5},
        "bob@x.com": {"users.seats": "12345678901234567890"},
    }


def test_the_sql_mode_needs_a_sql_connection(looker, heap_sandbox, run):
    with pytest.raises(ModelError, match="sql_conn_id is missing"):
        run(HeapUserSyncOperator(task_id="sync", model=LookerLook(42), identity="users.email"))


def test_columns_of_databases_that_allow_no_dot_get_their_fields_names(looker, users):
    looker.sql = "SELECT email AS users_email, plan AS USERS_PLAN, seats AS other FROM users"
    assert read(LookerLook(42))[0] == ["users.email", "users.plan", "other"]


@pytest.mark.parametrize(
    ("changed", "lost"),
    [
        ({"dynamic_fields": '[{"table_calculation": "t", "label": "Growth"}]'}, "table calculations (Growth)"),
        ({"dynamic_fields": '[{"category": "table_calculation", "label": "G"}]'}, "table calculations (G)"),
        ({"has_table_calculations": True}, "table calculations (unnamed)"),
        ({"total": True}, "totals"),
        ({"row_total": "right"}, "row totals"),
        ({"subtotals": ["users.plan"]}, "subtotals (users.plan)"),
        ({"fill_fields": ["users.created_date"]}, "filled-in values (users.created_date)"),
    ],
)
def test_what_the_sql_leaves_out_is_refused_with_the_way_out(looker, users, changed, lost):
    change(looker, **changed)
    told = refusal()
    assert "mode=\"sql\" would lose what Looker adds to the rows of Look 42 ('Active users') after its query" in told
    assert f': {lost}. Use mode="results"' in told
    assert read(LookerLook(42, mode="results"))[1]


def test_custom_fields_are_part_of_the_sql(looker, users):
    change(
        looker, dynamic_fields='[{"measure": "m", "based_on": "x"}, {"table_calculation": "t", "is_disabled": true}]'
    )
    assert len(read(LookerLook(42))[1]) == 600


def test_a_row_limit_that_is_saved_in_the_look_is_not_followed_in_silence(looker, users):
    change(looker, limit="500")
    assert "has a row limit of 500 saved" in refusal()
    assert "limit=-1 for all rows, limit=500 for these" in refusal()
    assert len(read(LookerLook(42, limit=-1))[1]) == 600
    assert len(read(LookerLook(42, limit=500))[1]) == 500


@pytest.mark.parametrize("end", ["LIMIT 500", "limit 500;\n", "FETCH NEXT 500 ROWS ONLY"])
def test_sql_that_stops_although_all_rows_were_asked_for_is_refused(looker, users, end):
    looker.sql = f'SELECT email AS "users.email" FROM users {end}'
    assert "asked for the SQL of Look 42 ('Active users') with all rows, and gave SQL that stops at 500" in refusal()


@pytest.mark.parametrize("mode", ["sql", "results"])
def test_pivots_merged_results_and_deleted_looks_are_refused(looker, users, mode):
    change(looker, pivots=["users.plan"])
    assert "Look 42 ('Active users') has pivots: its columns change with its data" in refusal(mode=mode)
    looker.looks["42"]["query"] = None
    assert "has no query of its own. That is so for merged results" in refusal(mode=mode)
    looker.looks["42"]["deleted"] = True
    assert "is in Looker's trash" in refusal(mode=mode)


@pytest.mark.parametrize("mode", ["sql", "results"])
@pytest.mark.parametrize(
    ("part", "status", "kind", "reason"),
    [
        ("login", 404, ModelError, "refuses the API key (404): the connection's login is its client ID"),
        ("looks/42", 404, ModelError, "answered 404 when asked for Look 42: it does not exist, or the user"),
        ("looks/42", 403, ModelError, "answered 403 when asked for Look 42: the user of the API key is not allowed to"),
        ("/run/", 403, ModelError, "of Look 42: the user of the API key is not allowed to"),
        ("/run/", 400, ModelError, "of Look 42: An error has occurred."),
        ("login", 503, ModelUnavailableError, "Looker (connection 'looker_default') answered 503"),
        ("looks/42", 500, ModelUnavailableError, "answered 500 when asked for Look 42"),
        ("/run/", 429, ModelUnavailableError, "answered 429"),
    ],
)
def test_each_refusal_of_looker_is_told_and_only_the_passing_ones_are_tried_again(
    looker, users, mode, part, status, kind, reason
):
    looker.faults[part] = status
    assert reason in refusal(kind, mode=mode)


def test_a_looker_that_is_down_or_breaks_off_is_worth_another_try(looker, connect):
    looker.error = "cut"
    assert "ended its answer early, when asked for Look 42" in refusal(ModelUnavailableError, mode="results")
    connect("http://127.0.0.1:1")
    assert "could not be reached, or ended its answer early, when asked for Look 42" in refusal(ModelUnavailableError)


def test_an_error_of_the_query_is_no_empty_result(looker):
    looker.rows, looker.error = [], "relation does not exist"
    told = refusal(mode="results")
    assert told == "Looker could not run Look 42 ('Active users'): relation does not exist"


@pytest.mark.parametrize(
    ("field", "lacks"),
    [("host", "Looker's URL"), ("login", "the client ID"), ("password", "the client secret")],
)
def test_a_connection_that_lacks_something_is_refused(connect, field, lacks):
    connect(**{"host": "http://x", field: None})
    assert refusal() == f"Connection 'looker_default' to Looker lacks {lacks}, its {field}."


def test_a_server_that_is_no_looker_is_told(heap_sandbox, connect):
    connect(heap_sandbox.url)
    assert "refuses the API key (404)" in refusal()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"mode": "csv"}, "mode of LookerLook must be 'sql' or 'results'; found 'csv'"),
        ({"by": "id"}, "by of LookerLook must be 'name' or 'label'; found 'id'"),
        ({"limit": 0}, "limit of LookerLook must be a count of rows, or -1 for all; found 0"),
        ({"limit": "many"}, "must be a count of rows"),
        ({"look_id": "my-look"}, "needs the number of a Look, which is in its URL in Looker; found 'my-look'"),
    ],
)
def test_parameters_that_can_not_be_right_are_refused(options, reason):
    assert reason in refusal(**options)


def test_fields_with_the_same_label_are_refused_by_label(looker, monkeypatch):
    monkeypatch.setattr(
        "tests.system.looker.FIELDS", [("a.id", "ID", "number"), ("b.id", "ID", "number"), ("c", "C", "x")]
    )
    assert "The fields 'a.id', 'b.id' of Look 42 ('Active users') have the same label 'ID'" in refusal(
        mode="results", by="label"
    )


def test_neither_a_looker_ini_nor_the_environment_is_read(looker, tmp_path, monkeypatch):
    (tmp_path / "looker.ini").write_text(
        "[Looker]\nbase_url=http://127.0.0.1:1\nclient_id=other\nclient_secret=other\n"
    )
    monkeypatch.chdir(tmp_path)
    for name in ("BASE_URL", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.setenv(f"LOOKERSDK_{name}", "http://127.0.0.1:1")
    assert read(LookerLook(42, mode="results"))[1] == ROWS


def test_the_session_is_closed_and_the_port_of_the_connection_is_used(looker, connect):
    host, _, port = looker.url.rpartition(":")
    connect(host, port=int(port))
    read(LookerLook(42, mode="results"))
    assert [(method, path) for method, path, _ in looker.requests] == [
        ("POST", "/api/4.0/login"),
        ("GET", "/api/4.0/looks/42"),
        ("GET", "/api/4.0/looks/42/run/json_bi"),
        ("DELETE", "/api/logout"),
    ]


def test_as_many_rows_as_looker_gives_the_less_permitted_are_warned_of(looker, caplog):
    looker.rows = ROWS[:1] * 5_000
    assert len(read(LookerLook(42, mode="results"))[1]) == 5_000
    assert "gave exactly 5,000 rows" in caplog.text


def test_its_parameters_are_rendered():
    with DAG(dag_id="d", schedule=None):
        operator = HeapUserSyncOperator(task_id="sync", model=LookerLook("{{ x }}", "looker_{{ x }}", limit="{{ x }}"))
    operator.render_template_fields({"x": "7"})
    assert operator.model == LookerLook("7", "looker_7", limit="7")


def test_parsing_a_dag_file_does_not_load_the_sdk():
    code = "import sys, airflow_provider_heap.models.looker; print('looker_sdk' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "False"
