"""What the page of models shows is what the code does."""

from __future__ import annotations

import re
from dataclasses import fields

from airflow_provider_heap.models.dbt import DbtCloudArtifacts, DbtModel
from airflow_provider_heap.models.looker import LookerLook
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "models.md").read_text()


def test_the_page_has_every_parameter_and_says_which_are_templated():
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE, flags=re.MULTILINE))
    for model in (DbtModel, LookerLook):
        for name in (field.name for field in fields(model)):
            assert (name in model.template_fields) == ("emplated" in rows[name]), name
    for name in (field.name for field in fields(DbtCloudArtifacts)):
        assert f"`{name}`" in PAGE
