"""The artifacts of a dbt project for the tests of this folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.models.dbt.project import ARTIFACTS, VERSIONS


@pytest.fixture(params=VERSIONS)
def each_version(request):
    """The manifest of each version."""
    return str(ARTIFACTS / f"dbt-{request.param}" / "manifest.json")


@pytest.fixture
def target(tmp_path):
    """A target folder that may be changed."""
    return Path(shutil.copytree(ARTIFACTS / "dbt-1.11", tmp_path / "target"))
