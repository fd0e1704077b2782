"""Artifacts are read from wherever dbt wrote them, with little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_heap.models.dbt import DbtModel
from tests.conftest import ROOT
from tests.unit.models.dbt.project import ARTIFACTS, NOWHERE, refusal


def test_a_manifest_is_a_path_a_url_or_a_path_object():
    path = ARTIFACTS / "dbt-1.11" / "manifest.json"
    for manifest in (str(path), f"file://{path}", path, ObjectStoragePath(str(path))):
        assert DbtModel("dim_users", manifest).compile(NOWHERE).endswith('"dim_users"')


def test_a_relative_path_starts_at_the_folder_in_which_the_worker_runs(target, monkeypatch):
    monkeypatch.chdir(target.parent)
    assert DbtModel("dim_users").compile(NOWHERE).endswith('"dim_users"')


def test_a_manifest_that_does_not_exist_or_is_something_else_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = refusal("x", "target/manifest.json")
    assert (
        f"There is no {tmp_path}/target/manifest.json (manifest='target/manifest.json' is relative to the folder"
        in message
    )
    assert "There is no /nowhere/manifest.json. dbt writes it" in refusal("x", "/nowhere/manifest.json")
    assert "is a folder; name the file" in refusal("x", tmp_path)
    assert "manifest is empty" in refusal("x", "")
    for content in ("", '{"nodes"', "[]", '{"metadata": {}}'):
        (tmp_path / "manifest.json").write_text(content)
        assert "is not manifest.json as dbt writes it" in refusal("x", tmp_path / "manifest.json")


def test_a_large_manifest_takes_little_more_memory_than_its_bytes(tmp_path):
    manifest = json.loads((ARTIFACTS / "dbt-1.11" / "manifest.json").read_text())
    users = manifest["nodes"]["model.shop.dim_users"]
    for n in range(2_000):
        more = {"unique_id": f"model.shop.m{n}", "name": f"m{n}", "alias": f"m{n}"}
        manifest["nodes"][more["unique_id"]] = {**users, **more, "raw_code": "select 1 -- \n" * 700}
        manifest["macros"][f"macro.{n}"] = {"macro_sql": "{{ x }}" * 700}
    large = tmp_path / "manifest.json"
    large.write_text(json.dumps(manifest))
    code = (
        "import resource, sys; from airflow_provider_heap.models.dbt import DbtModel\n"
        "for path in sys.argv[1:]:\n"
        "    DbtModel('dim_users', path).compile(None)\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ARTIFACTS / "dbt-1.11" / "manifest.json"), str(large)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    before, after = map(int, done.stdout.splitlines()[-2:])
    assert (after - before) * 1024 < 1.5 * large.stat().st_size
