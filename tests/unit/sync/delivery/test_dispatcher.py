"""Senders work at the same time, as many as allowed; each key stays in order; a failure ends the run."""

from __future__ import annotations

import random
import threading

import pytest

from airflow_provider_heap.api.rate_limiter import RateLimiterClosed
from airflow_provider_heap.sync.delivery.batch_queue import BatchQueue
from airflow_provider_heap.sync.delivery.dispatcher import Dispatcher
from airflow_provider_heap.sync.items import ItemBatch, JsonLines
from airflow_provider_heap.sync.stop_signal import StopSignal
from tests.unit.sync.delivery.test_batch_queue import Messages, batch


class Sender:
    """A sender made of a function."""

    def __init__(self, deliver):
        self.deliver = deliver


class Delivery:
    """A dispatcher and its queue, and a wait for their end."""

    def __init__(self, deliver, concurrency=4, paused=False):
        self.stop = StopSignal()
        self.queue = BatchQueue(2 * concurrency, self.stop, Messages(), paused)
        self.dispatcher = Dispatcher(self.queue, Sender(deliver), self.stop, concurrency)
        self.put = self.dispatcher.put

    def finish(self):
        self.stop.wait_for(self.queue.is_empty)
        self.dispatcher.join()


def test_batches_of_one_key_are_delivered_one_after_the_other_in_order():
    seen, lock = {}, threading.Lock()

    def deliver(items):
        threading.Event().wait(random.uniform(0, 0.003))
        with lock:
            for key, number in zip(items.keys, items.numbers, strict=True):
                seen.setdefault(key, []).append(number)

    delivery = Delivery(deliver, 8)
    for number in range(300):
        keys = random.sample("abcdefghijkl", 2)
        delivery.put(ItemBatch([number] * 2, keys, keys, JsonLines.of([b""] * 2)))
    delivery.finish()
    assert sum(map(len, seen.values())) == 600
    for numbers in seen.values():
        assert numbers == sorted(numbers)


def test_as_many_requests_are_in_flight_as_allowed_and_no_more():
    together = threading.Barrier(3)  # passed only by three at the same time
    running, most, lock = 0, 0, threading.Lock()

    def deliver(items):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(60)
        with lock:
            running -= 1

    delivery = Delivery(deliver, 3)
    for number in range(21):
        delivery.put(batch(str(number)))
    delivery.finish()
    assert most == 3


def test_no_more_threads_are_started_than_batches_wait_for():
    delivery = Delivery(lambda items: None, 4)
    before = threading.active_count()
    delivery.put(batch("a"))
    assert threading.active_count() <= before + 1
    delivery.finish()


def test_the_failure_of_a_sender_reaches_the_one_who_waits():
    def deliver(items):
        raise ValueError(items.keys[0])

    delivery = Delivery(deliver)
    delivery.put(batch("a"))
    with pytest.raises(ValueError, match="a"):
        delivery.finish()
    assert delivery.queue.cancel(60) == 0


def test_a_sender_that_stops_because_the_run_ends_is_not_a_failure():
    def deliver(items):
        raise RateLimiterClosed

    delivery = Delivery(deliver)
    delivery.put(batch("a"))
    delivery.finish()
    assert not delivery.stop.is_set


def test_no_thread_is_left_at_the_end():
    before = threading.active_count()
    delivery = Delivery(lambda items: None)
    for key in "abcdef":
        delivery.put(batch(key))
    delivery.finish()
    assert threading.active_count() == before


def test_a_stop_ends_the_wait_although_a_request_is_not_answered():
    answered = threading.Event()
    delivery = Delivery(lambda items: answered.wait(60), 1)
    delivery.put(batch("a"))
    threading.Thread(target=delivery.stop.set, args=[KeyError("stop")]).start()
    with pytest.raises(KeyError):
        delivery.finish()
    assert delivery.queue.cancel(0) == 1
    answered.set()


def test_what_is_held_back_is_delivered_after_the_release():
    seen = []
    delivery = Delivery(lambda items: seen.extend(items.keys), 2, paused=True)
    for key in "abcd":
        delivery.put(batch(key))
    assert seen == []
    delivery.dispatcher.resume()
    delivery.finish()
    assert sorted(seen) == list("abcd")
