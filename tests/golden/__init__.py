import pytest

# A failing check shows what differs, as in a test module.
pytest.register_assert_rewrite("tests.golden.expectations")
