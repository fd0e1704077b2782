"""What Snowflake and BigQuery say when a role may not, in their own words, which their emulators don't have."""

from __future__ import annotations

import pytest

from airflow_provider_heap.exceptions import ModelError, StateError
from airflow_provider_heap.models import ReadContext
from airflow_provider_heap.models.diff.dialects.bigquery import BigQueryDialect
from airflow_provider_heap.models.diff.dialects.snowflake import SnowflakeDialect
from airflow_provider_heap.models.diff.session import Session
from airflow_provider_heap.models.drivers.base import Driver


class Hook:
    """As much of a hook as a session asks for."""

    def get_conn_id(self):
        """Return the connection's name."""
        return "warehouse"


class Refusing:
    """A connection whose statements fail."""

    def __init__(self, text):
        self.text = text

    def cursor(self):
        """Return itself."""
        return self

    def execute(self, statement):
        """Fail."""
        raise RuntimeError(self.text)

    def close(self):
        """Do nothing."""


def run(dialect, text, schema="heap"):
    Session(Driver(Refusing(text), "driver"), dialect, ReadContext(Hook), schema).run("drop table t", "drop a table")


@pytest.mark.parametrize(
    "text",
    [
        "002003 (02000): SQL compilation error:\nSchema 'DB1.HEAP' does not exist or not authorized.",
        "002003 (02000): SQL compilation error:\nDatabase 'DB1' does not exist or not authorized.",
        "003001 (42501): SQL access control error:\nInsufficient privileges to operate on schema 'HEAP'",
    ],
)
def test_snowflake_is_told_its_grant(text):
    with pytest.raises(ModelError, match=r'grant usage, create table on schema "DB1"\."HEAP" to role'):
        run(SnowflakeDialect(), text, "db1.heap")


@pytest.mark.parametrize(
    "text",
    [
        "404 Not found: Dataset proj:heap was not found in location US",
        "403 Access Denied: Dataset proj:heap: Permission bigquery.tables.create denied on dataset proj:heap",
        "403 Access Denied: Project proj: User does not have bigquery.jobs.create permission in project proj.",
    ],
)
def test_bigquery_is_told_its_grant(text):
    with pytest.raises(ModelError, match=r"grant `roles/bigquery\.dataEditor` on schema `heap` to"):
        run(BigQueryDialect(), text)


@pytest.mark.parametrize(
    "text",
    [
        "002003 (42S02): SQL compilation error:\nTable 'DB1.HEAP.HEAP_1_2' does not exist or not authorized.",
        "002003 (42S02): SQL compilation error:\nObject 'DB1.HEAP.HEAP_1_2' does not exist or not authorized.",
        "403 Exceeded rate limits: too many dataset metadata update operations for this dataset.",
        "400 Could not serialize access to table proj:heap.heap_1 due to concurrent update",
    ],
)
def test_what_may_pass_is_tried_again(text):
    with pytest.raises(StateError, match="are sent again by the next try"):
        run(SnowflakeDialect(), text)
