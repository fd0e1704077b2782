"""Commands, called as ``airflow heap`` calls them."""

from __future__ import annotations

import json
from argparse import ArgumentParser

import pytest

from tests.system.dags import AIRFLOW_2

HEAD = """
from airflow.providers.common.compat.sdk import DAG
from airflow_provider_heap.operators.heap import *
"""


@pytest.fixture
def dag_file(tmp_path, monkeypatch):
    """Write a DAG file into a folder of DAGs of its own."""
    if AIRFLOW_2:
        pytest.skip("Airflow knows commands of providers from 3.2 on")
    folder = tmp_path / "dags"
    folder.mkdir()
    bundle = {
        "name": "tests",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(folder)},
    }
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([bundle]))

    def write(code):
        (folder / "test_dag.py").write_text(HEAD + code)

    return write


@pytest.fixture
def heap(capsys):
    """Run a command of ``airflow heap``, and return what it printed; its failure is SystemExit."""
    from airflow_provider_heap.cli.definition import get_heap_cli_commands

    def run(*words):
        [command] = get_heap_cli_commands()
        words = list(words)
        while hasattr(command, "subcommands"):
            name = words.pop(0)
            [command] = [one for one in command.subcommands if one.name == name]
        parser = ArgumentParser()
        for arg in command.args:
            arg.add_to_parser(parser)
        capsys.readouterr()
        command.func(parser.parse_args(words))
        return capsys.readouterr().out

    return run
