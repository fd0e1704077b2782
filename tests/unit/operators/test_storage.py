"""A folder in object storage is refused when the run starts, if what reads it is not installed."""

from __future__ import annotations

import importlib.util

import pytest

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.operators.storage import storage_folder


@pytest.mark.parametrize("kind", [str, lambda path: path.as_uri()])
def test_a_local_folder_is_used_as_it_is(tmp_path, kind):
    assert str(storage_folder("rejects_path", kind(tmp_path))).removeprefix("file://") == str(tmp_path)


@pytest.mark.parametrize(
    ("scheme", "package"),
    [
        ("s3", "apache-airflow-providers-amazon[s3fs]"),
        ("gs", "apache-airflow-providers-google"),
        ("abfs", "apache-airflow-providers-microsoft-azure"),
    ],
)
def test_a_package_that_is_missing_is_named_with_its_pip_install_line(monkeypatch, scheme, package):
    def missing(*args, **kwargs):
        raise ImportError(f"Install what reads {scheme}")

    # Where Airflow's versions look a file system up.
    in_sdk = importlib.util.find_spec("airflow.sdk")
    store = importlib.import_module("airflow.sdk.io" if in_sdk else "airflow.io.store")
    monkeypatch.setattr(store, "get_fs", missing)
    with pytest.raises(ModelError) as raised:
        storage_folder("rejects_path", f"{scheme}://bucket/rejects")
    assert str(raised.value).startswith(f"rejects_path='{scheme}://bucket/rejects' is not a folder that can be used")
    assert str(raised.value).endswith(f"pip install '{package}'")


def test_an_unknown_scheme_is_not_answered_with_a_package():
    with pytest.raises(ModelError, match="dry_run_path='no-such-scheme://bucket' is not a folder") as raised:
        storage_folder("dry_run_path", "no-such-scheme://bucket")
    assert "pip install" not in str(raised.value)
