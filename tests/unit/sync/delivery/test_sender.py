"""
Each item of a batch is accepted or rejected in the end, in few requests, whatever the answers are.

Heap is the sandbox; where an answer depends on the moment, a script.
"""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_heap.api.client import HeapClient
from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.rate_limiter import RateLimiterClosed
from airflow_provider_heap.api.retry import RetryPolicy
from airflow_provider_heap.exceptions import (
    HeapConfigurationError,
    HeapRefusedError,
    HeapUnavailableError,
    StateError,
    SyncRunningError,
)
from airflow_provider_heap.sandbox import Faults, Sandbox
from airflow_provider_heap.sync.delivery.ledger import BISECT_ALLOWANCE
from airflow_provider_heap.sync.delivery.sender import (
    MAX_FAILED_ITEMS_IN_A_ROW,
    PROBE_COUNT,
    REFUSALS_BEFORE_PROBING,
    TRIES_OF_ONE,
    TRIES_OF_PART,
)
from tests.unit.sync.delivery.delivered import Delivery, Ledger, Recorder, ScriptedClient, numbered, users

TRIES = RetryPolicy().tries


def client_of(url):
    return HeapClient(Environment("2388822444", url), 4, retry_policy=RetryPolicy(initial_backoff=0, max_backoff=0))


@pytest.fixture
def client(heap_sandbox):
    return client_of(heap_sandbox.url)


def keys_of(sandbox, **attributes):
    """Return the identities of the sandbox's requests that have some attributes."""
    return [
        [item["identity"] for item in request.items]
        for request in sandbox.requests
        if all(getattr(request, name) == value for name, value in attributes.items())
    ]


def test_a_batch_that_is_accepted_takes_one_request(client, heap_sandbox):
    delivery = Delivery(client)
    delivery.deliver(users("ada", "bob"))
    assert keys_of(heap_sandbox) == [["ada", "bob"]]
    assert (delivery.report.sent, delivery.report.rejected) == (2, 0)


def test_the_state_is_struck_out_first_the_hold_looked_at_before_each_try_and_the_items_recorded_last(
    client, heap_sandbox
):
    heap_sandbox.faults = Faults(status=503, times=2)
    delivery, recorder = Delivery(client), Recorder()
    delivery.ledger.record_with(recorder)
    delivery.deliver(users("ada"))
    assert recorder.calls == [("strike_out", ["ada"]), *[("assert_held",)] * 3, ("record", ["ada"])]


# Refused items


def test_a_refused_batch_is_bisected_depth_first_and_in_order(client, heap_sandbox):
    heap_sandbox.faults = Faults(refuse=frozenset({"u5"}))
    delivery = Delivery(client)
    delivery.deliver(users(*numbered(8)))
    assert keys_of(heap_sandbox) == [
        numbered(8),
        ["u0", "u1", "u2", "u3"],
        ["u4", "u5", "u6", "u7"],
        ["u4", "u5"],
        ["u4"],
        ["u5"],
        ["u6", "u7"],
    ]
    assert (delivery.report.sent, delivery.report.rejected) == (7, 1)
    assert delivery.report.reasons == {"http_400": 1}


@settings(max_examples=30)
@given(st.sets(st.integers(0, 12), max_size=12), st.sampled_from([400, 413, 422]))
def test_exactly_the_bad_items_are_rejected_and_all_others_arrive_in_their_order(bad, status):
    refused = frozenset(f"u{number}" for number in bad)
    with Sandbox(faults=Faults(refuse=refused, refuse_status=status)) as sandbox:
        delivery = Delivery(client_of(sandbox.url))
        delivery.deliver(users(*numbered(13)))
        arrived = [key for keys in keys_of(sandbox, taken=True) for key in keys]
    assert arrived == [key for key in numbered(13) if key not in refused]
    assert (delivery.report.sent, delivery.report.rejected) == (13 - len(bad), len(bad))


def test_a_request_that_is_too_large_is_bisected_until_it_fits_and_nothing_is_lost(client, heap_sandbox):
    heap_sandbox.faults = Faults(max_bytes=200)
    delivery = Delivery(client)
    delivery.deliver(users(*numbered(20)))
    assert delivery.report.sent == len(heap_sandbox.users) == 20


def test_once_far_more_failed_than_is_tolerated_a_refused_part_is_rejected_as_a_whole(client, heap_sandbox):
    heap_sandbox.faults = Faults(refuse=frozenset({"u5"}))
    delivery = Delivery(client, Ledger(10, rows_read=10_000, sent=1, rejected=10 + BISECT_ALLOWANCE + 1))
    delivery.deliver(users(*numbered(8)))
    assert len(heap_sandbox.requests) == 1
    assert delivery.report.reasons == {"http_400": 8}


# A Heap that refuses everything


def test_a_heap_that_refuses_everything_is_found_out_after_probes_from_elsewhere(client, heap_sandbox):
    heap_sandbox.faults = Faults(status=400)
    delivery = Delivery(client, Ledger(10_000), waiting=[users(*numbered(1000, "other"))])
    with pytest.raises(HeapRefusedError, match=f"refused {REFUSALS_BEFORE_PROBING} items one by one.*look at App ID"):
        delivery.deliver(users(*numbered(1000)))
    assert delivery.report.rejected == REFUSALS_BEFORE_PROBING
    assert len(keys_of(heap_sandbox)[-PROBE_COUNT:]) == PROBE_COUNT
    assert len(heap_sandbox.requests) <= 100


def test_probes_are_single_items_from_all_over_what_is_not_delivered_yet(client, heap_sandbox):
    heap_sandbox.faults = Faults(status=400)
    delivery = Delivery(client, Ledger(10_000), waiting=[users(*numbered(50, "other"))])
    with pytest.raises(HeapRefusedError):
        delivery.deliver(users(*numbered(REFUSALS_BEFORE_PROBING)))
    assert keys_of(heap_sandbox)[-PROBE_COUNT:] == [["other5"], ["other15"], ["other25"], ["other35"], ["other45"]]


def test_an_item_is_not_a_probe_if_its_key_comes_again_because_it_must_not_overtake_the_other(client, heap_sandbox):
    heap_sandbox.faults = Faults(status=400)
    elsewhere = [users("twice", "once", "thrice"), users("twice", "thrice", "thrice")]
    delivery = Delivery(client, Ledger(10_000), waiting=elsewhere)
    with pytest.raises(HeapRefusedError):
        delivery.deliver(users(*numbered(REFUSALS_BEFORE_PROBING)))
    assert keys_of(heap_sandbox)[-1] == ["once"]
    assert ["twice"] not in keys_of(heap_sandbox)
    assert ["thrice"] not in keys_of(heap_sandbox)


def test_a_bad_beginning_goes_on_once_a_probe_is_accepted_and_the_probe_comes_again_in_its_place(client, heap_sandbox):
    keys = numbered(200)
    heap_sandbox.faults = Faults(refuse=frozenset(keys[:40]))
    delivery = Delivery(client, Ledger(40))
    delivery.deliver(users(*keys))
    assert (delivery.report.sent, delivery.report.rejected) == (160, 40)
    arrived = [key for keys in keys_of(heap_sandbox, taken=True) for key in keys]
    assert arrived[1:] == keys[40:]
    assert arrived[0] in keys[40:]


def test_a_probe_is_struck_out_of_the_state_before_it_is_sent_and_not_recorded_as_sent(client, heap_sandbox):
    heap_sandbox.faults = Faults(refuse=frozenset(numbered(REFUSALS_BEFORE_PROBING)))
    delivery, recorder = Delivery(client, Ledger(100), waiting=[users("other")]), Recorder()
    delivery.ledger.record_with(recorder)
    delivery.deliver(users(*numbered(REFUSALS_BEFORE_PROBING)))
    assert ("strike_out", ["other"]) in recorder.calls
    assert not any(call[0] == "record" for call in recorder.calls)
    assert delivery.report.sent == 0


def test_once_something_was_accepted_any_number_of_items_may_be_refused(client, heap_sandbox):
    delivery = Delivery(client, Ledger(1000))
    delivery.deliver(users("good"))
    heap_sandbox.faults = Faults(status=400)
    delivery.deliver(users(*numbered(REFUSALS_BEFORE_PROBING + 10)))
    assert delivery.report.rejected == REFUSALS_BEFORE_PROBING + 10


def test_one_batch_at_a_time_is_bisected_before_anything_is_accepted_and_the_others_wait_until_the_run_ends(
    client, heap_sandbox
):
    heap_sandbox.faults = Faults(status=400)
    delivery, errors = Delivery(client, Ledger(10_000)), []
    batches = [users(*numbered(1000, name)) for name in "abcd"]

    def deliver(batch):
        try:
            delivery.sender.deliver(batch)
        except Exception as error:
            errors.append(error)
            delivery.rate_limiter.close()

    threads = [threading.Thread(target=deliver, args=[batch]) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(type(error).__name__ for error in errors) == ["HeapRefusedError", *["RateLimiterClosed"] * 3]
    assert len(heap_sandbox.requests) <= 100


# A server that fails


def test_a_server_that_fails_on_everything_is_unavailable_after_the_tries_of_one_batch(client, heap_sandbox):
    heap_sandbox.faults = Faults(status=503)
    delivery = Delivery(client)
    with pytest.raises(HeapUnavailableError, match="answered 503 on every try; 0 rows had arrived"):
        delivery.deliver(users("ada", "bob"))
    assert keys_of(heap_sandbox) == [["ada", "bob"]] * TRIES


def test_others_are_probed_once_each_before_it_is_called_unavailable(client, heap_sandbox):
    heap_sandbox.faults = Faults(status=503)
    delivery = Delivery(client, waiting=[users(*numbered(50, "other"))])
    with pytest.raises(HeapUnavailableError):
        delivery.deliver(users("ada", "bob"))
    assert len(keys_of(heap_sandbox)) == TRIES + PROBE_COUNT


def test_an_item_on_which_the_server_fails_is_rejected_when_it_takes_the_others(client, heap_sandbox):
    delivery = Delivery(client, Ledger(1))
    delivery.deliver(users("good"))
    heap_sandbox.reset()
    heap_sandbox.faults = Faults(refuse=frozenset({"u2"}), refuse_status=500)
    delivery.deliver(users(*numbered(4)))
    failed = keys_of(heap_sandbox, taken=False)
    assert failed == [numbered(4)] * TRIES + [["u2", "u3"]] * TRIES_OF_PART + [["u2"]] * TRIES_OF_ONE
    assert keys_of(heap_sandbox, taken=True) == [["u0", "u1"], ["u3"]]
    assert delivery.report.reasons == {"http_500": 1}


def test_the_first_item_of_a_run_may_be_the_bad_one_if_a_probe_is_accepted(client, heap_sandbox):
    heap_sandbox.faults = Faults(refuse=frozenset({"u0"}), refuse_status=500)
    delivery = Delivery(client, Ledger(1), waiting=[users("other")])
    delivery.deliver(users("u0", "u1"))
    assert delivery.report.reasons == {"http_500": 1}
    assert keys_of(heap_sandbox, taken=True) == [["other"], ["u1"]]
    assert delivery.report.sent == 1


def test_items_that_fail_and_none_after_them_that_arrives_are_an_outage_and_not_rejected():
    client = ScriptedClient(200, 500)
    delivery = Delivery(client, Ledger(10))
    delivery.deliver(users("good"))
    with pytest.raises(HeapUnavailableError, match="answered 500 on every try; 1 row had arrived"):
        delivery.deliver(users("u0", "u1"))
    assert (delivery.report.sent, delivery.report.rejected) == (1, 0)
    assert client.asked == [(1, None), (2, None), (1, TRIES_OF_ONE), (1, TRIES_OF_ONE)]


def test_items_that_failed_before_one_that_arrives_are_rejected_then():
    delivery = Delivery(ScriptedClient(200, 500, 500, 200), Ledger(10))
    delivery.deliver(users("good"))
    delivery.deliver(users("u0", "u1"))
    assert (delivery.report.sent, delivery.report.rejected) == (2, 1)


def test_several_single_items_in_a_row_that_fail_are_an_outage():
    client = ScriptedClient(200, 500)
    delivery = Delivery(client, Ledger(1000))
    delivery.deliver(users("good"))
    with pytest.raises(HeapUnavailableError):
        delivery.deliver(users(*numbered(64)))
    assert [asked for asked in client.asked if asked == (1, TRIES_OF_ONE)] == [(1, TRIES_OF_ONE)] * (
        MAX_FAILED_ITEMS_IN_A_ROW + 1
    )
    assert delivery.report.rejected == 0


def test_an_accepted_part_in_between_begins_the_count_of_failed_items_again():
    # A batch of two, of which the first one fails: the batch, its first item, its second item.
    one_of_two = (500, 500, 200)
    delivery = Delivery(ScriptedClient(200, *one_of_two * (MAX_FAILED_ITEMS_IN_A_ROW + 3)), Ledger(1000))
    delivery.deliver(users("good"))
    for number in range(MAX_FAILED_ITEMS_IN_A_ROW + 3):
        delivery.deliver(users(f"bad{number}", f"good{number}"))
    assert delivery.report.rejected == MAX_FAILED_ITEMS_IN_A_ROW + 3


def test_a_part_that_is_asked_to_wait_gets_all_tries_before_the_run_fails():
    client = ScriptedClient(200, 500, 429, 200, 200)
    delivery = Delivery(client, Ledger(10))
    delivery.deliver(users("good"))
    delivery.deliver(users(*numbered(4)))
    assert client.asked == [(1, None), (4, None), (2, TRIES_OF_PART), (2, None), (2, TRIES_OF_PART)]
    assert delivery.report.sent == 5


@pytest.mark.parametrize("status", [0, 408, 429])
def test_what_is_transient_and_no_items_fault_is_not_bisected(status):
    client = ScriptedClient(status, text="ConnectTimeout")
    delivery = Delivery(client, waiting=[users("other")])
    with pytest.raises(HeapUnavailableError, match="could not be reached" if not status else f"answered {status}"):
        delivery.deliver(users("ada", "bob"))
    assert client.asked == [(2, None)]
    assert delivery.report.rejected == 0


# An address that is not Heap's


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405])
def test_an_address_that_never_accepted_anything_is_a_matter_of_configuration(client, heap_sandbox, status):
    heap_sandbox.faults = Faults(status=status)
    with pytest.raises(HeapConfigurationError, match=f"answered {status} before it accepted anything"):
        Delivery(client).deliver(users("ada", "bob"))
    assert len(heap_sandbox.requests) == 1


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405])
def test_the_same_status_later_is_a_refusal(client, heap_sandbox, status):
    delivery = Delivery(client, Ledger(1))
    delivery.deliver(users("good"))
    heap_sandbox.faults = Faults(refuse=frozenset({"bob"}), refuse_status=status)
    delivery.deliver(users("ada", "bob"))
    assert delivery.report.reasons == {f"http_{status}": 1}


def test_a_message_has_no_value_of_a_row():
    text = "{\"error\": \"'Ada' of ada@example.com\n is `unknown`\", 'x': 1} " + "very " * 100 + "long"
    with pytest.raises(HeapConfigurationError) as raised:
        Delivery(ScriptedClient(404, text=text)).deliver(users("ada"))
    message = str(raised.value)
    assert not any(word in message for word in ("Ada", "ada@", "example.com", "unknown", "long"))
    assert message.endswith("...")


def test_a_message_says_so_when_heap_said_nothing():
    with pytest.raises(HeapConfigurationError, match=r"It said: nothing$"):
        Delivery(ScriptedClient(404, text=" \n")).deliver(users("ada"))


# The state


def test_nothing_is_sent_that_could_not_be_struck_out(client, heap_sandbox):
    delivery = Delivery(client)
    delivery.ledger.record_with(Recorder(strike_out=StateError("away")))
    with pytest.raises(StateError):
        delivery.deliver(users("ada"))
    assert heap_sandbox.requests == []


def test_a_run_that_lost_its_hold_makes_no_further_try(client, heap_sandbox):
    heap_sandbox.faults = Faults(status=503)
    delivery = Delivery(client)
    delivery.ledger.record_with(Recorder(assert_held=[None, None, SyncRunningError("taken")]))
    with pytest.raises(SyncRunningError):
        delivery.deliver(users("ada"))
    assert len(heap_sandbox.requests) == 2
    assert delivery.report.rejected == 0


def test_items_that_heap_took_and_that_cannot_be_recorded_count_as_sent(client, heap_sandbox):
    delivery = Delivery(client)
    delivery.ledger.record_with(Recorder(record=StateError("away")))
    with pytest.raises(StateError):
        delivery.deliver(users("ada"))
    assert delivery.report.sent == len(heap_sandbox.users) == 1


def test_a_run_that_ends_ends_the_wait_between_two_tries(heap_sandbox):
    heap_sandbox.faults = Faults(status=503)
    patient = HeapClient(
        Environment("2388822444", heap_sandbox.url), retry_policy=RetryPolicy(initial_backoff=3600, max_backoff=3600)
    )
    delivery, errors = Delivery(patient), []

    def deliver():
        try:
            delivery.deliver(users("ada"))
        except RateLimiterClosed as error:
            errors.append(error)

    heap_sandbox._on_request = lambda request: threading.Timer(0.01, delivery.rate_limiter.close).start()
    thread = threading.Thread(target=deliver)
    thread.start()
    thread.join(60)
    assert len(errors) == 1
    assert delivery.report.rejected == 0
