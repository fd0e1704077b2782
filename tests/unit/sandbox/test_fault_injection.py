"""Requests fail as the faults say."""

from __future__ import annotations

import pytest
import requests

from airflow_provider_heap.api.objects import USER
from airflow_provider_heap.sandbox import Faults
from tests.unit.sandbox.client import post


def test_every_nth_request_fails_up_to_a_number_of_times(heap_sandbox):
    heap_sandbox.faults = Faults(status=503, every=3, times=2, retry_after=7)
    answers = [post(heap_sandbox, USER, {"identity": "ada"}) for _ in range(10)]
    assert [answer.status_code for answer in answers] == [200, 200, 503, 200, 200, 503, 200, 200, 200, 200]
    assert answers[2].headers["Retry-After"] == "7"


@pytest.mark.parametrize(("seconds", "status"), [(3600, 503), (0, 200)])
def test_requests_fail_for_a_number_of_seconds(heap_sandbox, seconds, status):
    heap_sandbox.faults = Faults(status=503, seconds=seconds)
    assert post(heap_sandbox, USER, {"identity": "ada"}).status_code == status


@pytest.mark.parametrize(("moment", "taken"), [("before", 0), ("after", 1)])
def test_a_connection_is_cut_before_or_after_the_items_are_taken(heap_sandbox, moment, taken):
    heap_sandbox.faults = Faults(reset=moment)
    with pytest.raises(requests.ConnectionError):
        post(heap_sandbox, USER, {"identity": "ada"})
    assert len(heap_sandbox.users) == taken


def test_a_request_with_a_refused_key_or_too_many_bytes_is_refused(heap_sandbox):
    heap_sandbox.faults = Faults(refuse=["ada"], refuse_status=422, max_bytes=200)
    assert post(heap_sandbox, USER, {"identity": "bob"}, {"identity": "ada"}).status_code == 422
    assert post(heap_sandbox, USER, {"identity": "bob", "properties": {"p": "x" * 200}}).status_code == 413
    assert post(heap_sandbox, USER, {"identity": "bob"}).status_code == 200


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ({"every": 0}, "every 1 or more"),
        ({"latency": -1}, "latency must be"),
        ({"latency": "slow"}, "Expected `float`, got `str`"),
        ({"every": 1.5}, "Expected `int`"),
        ({"reset": "never"}, "reset must be"),
        ({"status": 99}, "status must be"),
        ({"times": -1}, "times must be"),
        ({"refuse": "ada"}, "Expected `array`"),
        (["ada"], "an object"),
    ],
)
def test_a_fault_with_a_wrong_value_is_refused_and_changes_nothing(heap_sandbox, faults, says):
    heap_sandbox.faults = Faults(max_bytes=7)
    answer = requests.post(f"{heap_sandbox.url}/sandbox/faults", json=faults, timeout=120)
    assert answer.status_code == 400
    assert says in answer.text
    assert heap_sandbox.faults.max_bytes == 7


def test_faults_say_how_often_they_still_apply():
    assert Faults(status=503).left() == {"times": None, "seconds": None}
    faults = Faults(status=503, times=2, seconds=3600)
    faults.count_and_fail()
    assert faults.left()["times"] == 1
    assert 0 < faults.left()["seconds"] <= 3600
    assert Faults(status=503, seconds=0).left() == {"times": None, "seconds": 0}
