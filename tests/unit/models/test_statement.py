"""A statement that would write is refused before it runs; a query passes, whatever words are in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models.statement import check_query, first_word

QUERIES = [
    "select 1",
    "  -- first\n/* second */ (select 1)",
    "with a as (select 1) select * from a",
    "with recursive t(n) as (values (1) union all select n + 1 from t) search depth first by n set o select * from t",
    "values (1)",
    "table people",
    "show tables",
    "explain select 1",
    "select * from people for update",
    "select 'a; delete from people' as a",
    'select "a;b" from people',
    "select $$; delete$$ as a, $x$; drop$x$ as b",
    r"select E'\'; delete' as a",
    "select '''; delete' as a",
    "select 1 -- ; delete from people",
    "select 1 /* ; delete from people */",
    "/* a /* nested */ comment */ select 1",
    # Words of statements are names in many databases.
    "select update, delete from people",
    "select update as set from people",
    "with update as (select 1) select * from update",
    "with a as (select 1), delete as (select 2) select * from a, delete",
    "select replace(name, 'b', 'c') from people",
    "select trim(delete from name) from people",
    "select 1 as into",
    "select p.into from people p",
    "select * from json_to_record('{}') as (update text, delete text)",
    "from (unpivot people on a, b into name x value y)",
]
WRITES = {
    "insert into people values (1)": "INSERT",
    "/* a */ -- b\n update people set a = 1": "UPDATE",
    "((delete from people))": "DELETE",
    "merge into people using other on true when matched then delete": "MERGE",
    "create table copy as select 1": "CREATE",
    "drop table people": "DROP",
    "truncate people": "TRUNCATE",
    "call clean()": "CALL",
    "do $$ begin end $$": "DO",
    "with a as (select 1) insert into people select * from a": "INSERT",
    "with a as (delete from people returning *) select * from a": "DELETE",
    "with a as (select 1), b as not materialized (update only people set a = 1 returning a) select * from b": "UPDATE",
    "with a as (with b as (select 1) delete from people returning *) select * from a": "DELETE",
    "with a as (insert into people values (1) returning *) select * from a": "INSERT",
    "select * into copy from people": "SELECT INTO",
    "select 1 into outfile '/tmp/x'": "SELECT INTO",
    "from people insert into other select *": "INSERT",
    "explain analyze delete from people": "EXPLAIN ANALYZE",
    "explain (analyze, buffers) select 1": "EXPLAIN ANALYZE",
}
SYNTAXES = [
    ("mysql", "/*! delete from people */", False),
    ("mysql", "/*!50000 delete from people */", False),
    ("mysql", "/*M! delete from people */", False),
    ("mysql", "select 1 /*! , 2 */", True),
    ("mysql", r"select 'it\'s; delete' # ; more", True),
    ("mysql", "select 2--1; delete from people", False),
    ("gcpbigquery", "# first\nselect 1", True),
    ("gcpbigquery", "# first\ndelete from people where true", False),
    ("gcpbigquery", "select '''a'b; delete''' as a, r'\\'; x' as b", True),
    ("gcpbigquery", "declare n int64; select n", False),
    ("postgres", r"select '\' as a, ';' as b", True),
    ("postgres", r"select '\'; delete from people --'", False),
    ("postgres", "select 5 # 3", True),
    ("snowflake", "// first\ndelete from people", False),
    ("mssql", "select 1 delete from people", False),
    ("mssql", "select [a;b] from people", True),
    ("sqlite", "pragma user_version = 3", False),
]


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_passes_as_it_is(sql):
    assert check_query(sql) == sql.strip()


@pytest.mark.parametrize("sql", WRITES)
def test_a_statement_that_would_write_is_refused_with_the_word_that_does(sql):
    with pytest.raises(ModelError, match=f"would write: it has {WRITES[sql]}[.]"):
        check_query(sql)


@pytest.mark.parametrize(("conn_type", "sql", "passes"), SYNTAXES)
def test_comments_and_texts_are_read_as_the_database_does(conn_type, sql, passes):
    if passes:
        assert check_query(sql, conn_type) == sql
        return
    with pytest.raises(ModelError):
        check_query(sql, conn_type)


@pytest.mark.parametrize("sql", ["select 1;", "select 1 ;\n; -- the end\n", "; select 1"])
def test_semicolons_and_comments_at_the_ends_do_not_count(sql):
    assert check_query(sql).strip("; ") == "select 1"


def test_several_statements_are_refused():
    with pytest.raises(ModelError, match="several statements"):
        check_query("select 1; select 2")


def test_snowflakes_anonymous_procedure_is_refused():
    with pytest.raises(ModelError, match="has CALL"):
        check_query("with p as procedure () returns int as $$ begin delete from t; end $$ call p()", "snowflake")


@pytest.mark.parametrize("sql", ["", " ;; ", "-- nothing", "/* nothing"])
def test_an_empty_statement_is_refused(sql):
    with pytest.raises(ModelError, match="empty"):
        check_query(sql)


def test_what_is_not_a_query_is_refused_by_its_first_word():
    with pytest.raises(ModelError, match="begins with PRAGMA"):
        check_query("pragma table_info(people)")


@given(st.text(alphabet="'\"`;-/*#$\\()[] \nab"), st.sampled_from(["mysql", "postgres", "gcpbigquery", "mssql", None]))
def test_any_text_is_read_to_its_end(sql, conn_type):
    try:
        check_query(sql, conn_type)
    except ModelError:
        pass


@pytest.mark.timing
@pytest.mark.parametrize(
    "part", ["/* c */\n", "-- c\n", "(", "'", "$a$", "/*", '"', "select ", "[", "\\'", "with a as (update "]
)
def test_the_check_is_linear(part):
    """With a pattern that goes back, 40 comments took minutes; this many took longer than the universe has."""
    for conn_type in ("mysql", "postgres", "gcpbigquery", "mssql"):
        try:
            check_query(part * 10_000 + "values (1)", conn_type)
        except ModelError:
            pass


def test_the_first_word_is_found_behind_comments_and_parentheses():
    assert first_word("/* a */ -- b\n((Select 1))") == "select"
    assert first_word("") == ""


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("users", "write select * from users"),
        ("shop.users", "write select * from shop.users"),
        ("selct email from users", "Did you mean SELECT?"),
        ("please send the users", "Write a statement that returns rows"),
    ],
)
def test_what_is_not_a_query_is_answered_with_what_was_meant(text, answer):
    with pytest.raises(ModelError, match="The model is not a query: it begins with") as raised:
        check_query(text)
    assert answer in str(raised.value)
