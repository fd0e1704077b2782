"""A template over the columns of a row, strict, and with the columns' own names."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_heap.exceptions import ModelError
from airflow_provider_heap.sync.mapping import RowTemplate
from tests.unit.sync.mapping.mapped import invalid_user, user

#: Names that Jinja has a meaning of its own for, wherever a template may use them as variables.
JINJAS = ["range", "dict", "namespace", "cycler", "joiner", "lipsum", "self", "loop", "super", "caller", "varargs"]
#: Words that Jinja takes for no variable, and the tests' column of the key.
NOT_VARIABLES = {"who", "and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"}


def render(template, **values):
    """Return the text of a template, or the reason why its row is invalid."""
    found = user(values, properties={"p": RowTemplate(template)})
    return found["p"] if isinstance(found, dict) else found


def test_a_template_sees_the_columns_of_its_row_in_any_case():
    assert render("{{ first }} {{ last }}", first="Ada", LAST="Lovelace") == "Ada Lovelace"


@pytest.mark.parametrize("null", [None, float("nan"), Decimal("NaN"), float("inf")])
def test_a_null_renders_as_nothing(null):
    assert render("<{{ a }}>", a=null) == "<>"
    assert render("{{ b ~ '/' ~ a ~ '/' ~ (a ~ b) }}", a=null, b="x") == "x//x"


def test_a_null_of_pandas_renders_as_nothing_and_is_false():
    pandas = pytest.importorskip("pandas")
    for null in (pandas.NaT, pandas.NA):
        assert render("<{{ a }}{% if a %}?{% endif %}>", a=null) == "<>"


def test_a_row_that_cannot_be_rendered_is_invalid():
    assert render("{{ born.year }}", born=date(1815, 1, 1)) == "1815"
    assert render("{{ born.year }}", born=None) == "template_error"


@pytest.mark.parametrize("name", JINJAS)
def test_a_name_of_jinjas_is_the_column(name):
    assert render(f"salary {{{{ {name} }}}}", **{name: "10-20"}) == "salary 10-20"
    assert render(f"{{% if {name} %}}{{{{ {name} }}}}{{% endif %}}", **{name: "x"}) == "x"


@pytest.mark.parametrize("name", JINJAS)
def test_a_name_of_jinjas_that_is_not_a_column_is_refused(name):
    with pytest.raises(ModelError, match=f"'p' needs the column '{name}': no such column"):
        render(f"{{{{ {name} }}}}", plan="pro")


@given(st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True).filter(lambda name: name not in NOT_VARIABLES))
def test_any_name_is_the_column(name):
    assert render(f"{{{{ {name} }}}}", **{name: "the column"}) == "the column"


def test_jinjas_functions_can_be_called_where_no_column_has_their_name():
    assert render("{% for n in range(3) %}{{ n }}{% endfor %}{{ a }}", a="!") == "012!"
    assert render("{% set seen = namespace(n=1) %}{% set seen.n = 2 %}{{ seen.n }}{{ a }}", a="!") == "2!"
    with pytest.raises(ModelError, match="'lipsum'"):  # random text would be another property in every run
        render("{{ lipsum() }}", a=1)


def test_a_name_that_the_template_sets_is_not_a_column():
    assert render("{% set range = 3 %}{{ range }}{{ a }}", a="!") == "3!"
    assert render("{% for x in a %}{{ loop.index }}{{ x }}{% endfor %}", a="xy") == "1x2y"


@pytest.mark.parametrize("expression", ["a.upper", "[a]|map('upper')", "cycler(1)", "joiner()"])
def test_an_object_of_python_is_never_sent(expression):
    reason, _, detail = invalid_user({"a": "x"}, properties={"p": RowTemplate(f"{{{{ {expression} }}}}")})
    assert (reason, detail[:27]) == ("template_error", "an expression gives an obje")


@pytest.mark.parametrize("expression", ["a.__class__.__mro__", "[].append(a)", "{}.update({})"])
def test_a_template_is_rendered_in_jinjas_sandbox(expression):
    assert invalid_user({"a": "x"}, properties={"p": RowTemplate(f"{{{{ {expression} }}}}")})[2] == "SecurityError"


@pytest.mark.parametrize(("template", "message"), [("{{ a", "not Jinja"), ("{{ a|nope }}", "No filter named 'nope'")])
def test_what_is_not_jinja_is_refused(template, message):
    with pytest.raises(ModelError, match=message):
        render(template, a=1)


def test_a_column_called_self_is_a_column_whatever_else_is_called_so():
    assert render("{{ self }} {{ self_ }} {{ self__ }}", self="a", self_="b", self__="c") == "a b c"
