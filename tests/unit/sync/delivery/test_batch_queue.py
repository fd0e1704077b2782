"""Batches wait in order: a few in memory, the rest on disk, those of a key in flight until it is done."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_heap.sync.delivery import batch_queue, spool
from airflow_provider_heap.sync.delivery.batch_queue import BatchQueue
from airflow_provider_heap.sync.items import ItemBatch, JsonLines
from airflow_provider_heap.sync.stop_signal import StopSignal


class Messages:
    """A log that keeps what it is told."""

    def __init__(self):
        self.texts = []

    def info(self, message, *args):
        self.texts.append(message % args)

    warning = info


@pytest.fixture
def log():
    return Messages()


@pytest.fixture
def stop():
    return StopSignal()


@pytest.fixture(autouse=True)
def _no_wait_for_room(monkeypatch):
    monkeypatch.setattr(batch_queue, "ROOM_WAIT", 0.0)


def batch(*keys):
    return ItemBatch(list(range(len(keys))), list(keys), list(keys), JsonLines.of(key.encode() for key in keys))


def in_background(function, *args):
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    return thread


def test_batches_are_handed_out_in_the_order_in_which_they_came(stop, log):
    queue = BatchQueue(8, stop, log)
    for key in "abc":
        queue.put(batch(key))
    assert [queue.take().keys for _ in "abc"] == [["a"], ["b"], ["c"]]


def test_a_batch_whose_key_is_in_flight_waits_until_it_is_done_and_so_do_those_behind_it(stop, log):
    queue, taken = BatchQueue(8, stop, log), []
    first = batch("a")
    for one in (first, batch("a", "b"), batch("c")):
        queue.put(one)
    assert queue.take() is first
    waiting = in_background(lambda: taken.append(queue.take().keys))
    assert queue.undelivered()[0] is first
    assert taken == []
    queue.done(first)
    waiting.join(60)
    assert taken == [["a", "b"]]


def test_what_does_not_fit_into_memory_waits_on_disk_in_order_and_the_log_says_so_once(stop, log):
    queue = BatchQueue(2, stop, log)
    for number in range(50):
        queue.put(batch(f"a{number}", f"b{number}"))
    assert queue.on_disk == 2 * 48
    keys = []
    for _ in range(50):
        one = queue.take()
        keys += one.keys
        queue.done(one)
    assert keys == [key for number in range(50) for key in (f"a{number}", f"b{number}")]
    assert queue.on_disk == 0
    assert queue.is_empty()
    assert ["wait on disk" in text for text in log.texts] == [True]


def test_a_full_disk_makes_the_reader_wait_and_says_so_once(stop, log, monkeypatch):
    monkeypatch.setattr(batch_queue, "FULL_DISK_WAIT", 0.01)
    monkeypatch.setattr(spool.Spool, "put", lambda self, batch: False)
    queue, added = BatchQueue(1, stop, log), threading.Event()
    queue.put(batch("a"))
    reader = in_background(lambda: (queue.put(batch("b")), added.set()))
    while not log.texts:
        pass
    assert not added.is_set()
    queue.done(queue.take())
    reader.join(60)
    assert added.is_set()
    assert ["is full: reading waits" in text for text in log.texts] == [True]


def test_a_disk_that_is_full_of_rows_that_guards_hold_back_is_an_error_of_its_own(stop, log, monkeypatch):
    monkeypatch.setattr(spool.Spool, "put", lambda self, batch: False)
    queue = BatchQueue(1, stop, log, paused=True)
    queue.put(batch("a"))
    with pytest.raises(OSError, match="nothing was sent"):
        queue.put(batch("b"))


def test_a_disk_that_fails_stops_the_run(stop, log, monkeypatch):
    queue = BatchQueue(1, stop, log)
    for key in "abc":
        queue.put(batch(key))

    def fail(self):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(spool.Spool, "get", fail)
    assert queue.take() is None
    with pytest.raises(OSError, match="Input/output"):
        stop.raise_if_set()


def test_a_paused_queue_hands_out_nothing_until_it_is_resumed(stop, log):
    queue, taken = BatchQueue(8, stop, log, paused=True), []
    queue.put(batch("a"))
    sender = in_background(lambda: taken.append(queue.take().keys))
    assert not queue.wants_sender()
    assert taken == []
    queue.resume()
    sender.join(60)
    assert taken == [["a"]]


def test_the_end_is_handed_out_once_everything_is_taken(stop, log):
    queue = BatchQueue(8, stop, log)
    queue.put(batch("a"))
    queue.end()
    assert queue.take().keys == ["a"]
    assert queue.take() is None


def test_a_stop_ends_the_waits_of_reader_and_senders(stop, log, monkeypatch):
    monkeypatch.setattr(spool.Spool, "put", lambda self, batch: False)
    queue, errors, taken = BatchQueue(1, stop, log), [], []
    queue.put(batch("a"))
    in_flight = queue.take()

    def read():
        try:
            for key in "bcd":
                queue.put(batch(key))
        except KeyError as error:
            errors.append(error)

    reader, sender = in_background(read), in_background(lambda: taken.append(queue.take()))
    stop.set(KeyError("stop"))
    reader.join(60)
    sender.join(60)
    assert len(errors) == 1
    assert len(taken) == 1  # the sender waits no longer
    assert queue.cancel(0) >= 1
    queue.done(in_flight)


def test_cancelling_waits_for_what_is_in_flight_and_says_how_much_was_not_answered(stop, log):
    queue = BatchQueue(8, stop, log)
    for key in "ab":
        queue.put(batch(key))
    first, _ = queue.take(), queue.take()
    stop.set(KeyError("stop"))
    in_background(queue.done, first)
    assert queue.cancel(0.5) == 1
    assert [one.keys for one in queue.undelivered()] == [["b"]]
