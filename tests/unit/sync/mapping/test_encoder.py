"""Whatever names and values an item has, its JSON says them, and nothing that is absent."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.sync.mapping.encoder import MISSING, ItemEncoder

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.sampled_from(
    ['"', "\\", "\n", "\x7f0", '\x7f0"', '":', "a.b"]
)
values = st.none() | st.just(MISSING) | st.integers(-9, 9) | st.sampled_from(['"\x7f0":', "\x7f0", "\\", "\n"])


@given(st.data(), st.lists(names, unique=True, max_size=4), st.integers(1, 3))
def test_an_item_has_the_names_and_values_that_are_there(data, properties, size):
    columns = [data.draw(st.lists(values, min_size=size, max_size=size)) for _ in properties]
    keys = [f"key {n}" for n in range(size)]
    bodies = ItemEncoder(["identity"], properties).encode([keys, *columns], size)
    assert [json.loads(body) for body in bodies] == [
        {
            "identity": keys[row],
            "properties": {
                name: column[row]
                for name, column in zip(properties, columns, strict=True)
                if column[row] is not None and column[row] is not MISSING
            },
        }
        for row in range(size)
    ]
