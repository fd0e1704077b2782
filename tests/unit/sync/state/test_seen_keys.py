"""Keys of a run: which come twice, and which are on their way to Heap."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.sync.state.seen_keys import SeenKeys

#: Chunks of rows; a row is its key, and whether it is new or changed.
chunks = st.lists(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), min_size=1, max_size=6), max_size=6)


def hashes(rows):
    return [blake2b(key.encode(), digest_size=8).hexdigest() for key, _ in rows]


@given(chunks)
def test_a_row_is_sent_if_it_is_changed_or_follows_a_row_of_its_key_that_is_sent(chunks):
    on_the_way = set()
    with closing(SeenKeys()) as seen:
        for rows in chunks:
            expected = []
            for key, changed in rows:
                expected.append((changed or key in on_the_way, key in on_the_way))
                if changed:
                    on_the_way.add(key)
            to_send, came_before = seen.claim(seen.add(hashes(rows)), [changed for _, changed in rows])
            assert list(zip(to_send, came_before, strict=True)) == expected


@given(chunks)
def test_keys_that_come_more_than_once_are_counted_whether_or_not_they_are_sent(chunks):
    with closing(SeenKeys()) as seen:
        for rows in chunks:
            seen.add(hashes(rows))
        counts = Counter(key for rows in chunks for key, _ in rows)
        assert seen.duplicates() == sum(count > 1 for count in counts.values())
