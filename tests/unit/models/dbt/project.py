"""The artifacts of one dbt project, as five versions of dbt wrote them, and models of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.models import ReadContext
from airflow_provider_heap.models.dbt import DbtModel

#: What these versions of dbt wrote for one project, without the fields that are long and not read.
ARTIFACTS = Path(__file__).parent / "artifacts"
VERSIONS = ["1.7", "1.8", "1.9", "1.10", "1.11"]
#: Most of what is refused needs no database.
NOWHERE = ReadContext(lambda: pytest.fail("no database is to be asked"))


def sql(name, manifest=ARTIFACTS / "dbt-1.11" / "manifest.json", **options):
    """Return the SQL that reads a model."""
    return DbtModel(name, str(manifest), **options).compile(NOWHERE)


def refusal(name, manifest=ARTIFACTS / "dbt-1.11" / "manifest.json", **options):
    """Return the message with which a model is refused."""
    with pytest.raises(ModelError) as error:
        sql(name, manifest, **options)
    return str(error.value)


def change(path, edit):
    """Change a JSON file."""
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))
