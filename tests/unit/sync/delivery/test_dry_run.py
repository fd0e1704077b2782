"""A dry run makes the bytes of each request, keeps them if asked to, and sends none."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.api.objects import USER
from airflow_provider_heap.sync.delivery.dry_run import DryRunSender
from tests.unit.sync.delivery.delivered import Ledger, users
from tests.unit.sync.plan.test_sync_plan import ENVIRONMENT

BODY = b'{"app_id":"2388822444","users":[{"identity":"%b","properties":{}}]}'


@pytest.fixture
def client(monkeypatch):
    def post(self, url, body):
        raise AssertionError("a request was made")

    monkeypatch.setattr(HeapClient, "_call", post)
    return HeapClient(ENVIRONMENT)


def test_requests_are_counted_with_their_items_and_bytes(client):
    ledger = Ledger()
    sender = DryRunSender(client, USER, ledger, None)
    sender.deliver(users("ada"))
    sender.deliver(users("bob"))
    assert (ledger.report.would_send, ledger.report.requests) == (2, 2)
    assert ledger.report.bytes == 2 * len(BODY % b"ada")


def test_the_first_request_can_be_looked_at(client):
    sender = DryRunSender(client, USER, Ledger(), None)
    assert sender.first_request is None
    sender.deliver(users("ada"))
    sender.deliver(users("bob"))
    assert sender.first_request == BODY % b"ada"


def test_each_request_has_a_file_of_its_exact_bytes(client, tmp_path):
    sender = DryRunSender(client, USER, Ledger(), ObjectStoragePath(str(tmp_path / "not" / "there")))
    sender.deliver(users("ada"))
    sender.deliver(users("bob"))
    files = {path.name: path.read_bytes() for path in (tmp_path / "not" / "there").iterdir()}
    assert files == {"000001.json": BODY % b"ada", "000002.json": BODY % b"bob"}


def test_a_request_that_cannot_be_kept_is_not_counted(client, tmp_path):
    (tmp_path / "file").write_text("")
    ledger = Ledger()
    sender = DryRunSender(client, USER, ledger, ObjectStoragePath(str(tmp_path / "file")))
    with pytest.raises(OSError, match="file"):
        sender.deliver(users("ada"))
    assert ledger.report.would_send is None
