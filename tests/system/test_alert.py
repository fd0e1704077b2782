"""Those who should hear of a failure do, and know what had arrived before it."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import BaseNotifier

from tests.conftest import ROOT
from tests.system.dags import load, task_instances


class Say(BaseNotifier):
    """As much of a notifier as Slack's or SMTP's: its text is templated."""

    template_fields = ("text",)

    def __init__(self, text):
        super().__init__()
        self.text = text

    def notify(self, context):
        """Print instead of sending."""
        print(self.text)


@pytest.fixture
def alerts():
    """The DAG ``heap_alerts``."""
    return load(ROOT / "dags" / "heap_alerts.py")["heap_alerts"]


def people(warehouse, sound, broken):
    """Make a table of people, some of whom have no email."""
    rows = [{"email": f"u{n}@example.com", "plan": "pro"} for n in range(sound)]
    warehouse.table("signups", rows + [{"email": None, "plan": "free"}] * broken)


def states(dag):
    return {ti.task_id: str(ti.state) for ti in task_instances(dag)}


@pytest.mark.parametrize(("broken", "chosen", "other"), [(1, "look_into_it", "done"), (0, "done", "look_into_it")])
def test_the_counters_choose_the_branch(heap_sandbox, warehouse, alerts, broken, chosen, other):
    people(warehouse, 10, broken)
    found = states(alerts)
    assert (found["people"], found[chosen], found[other]) == ("success", "success", "skipped")


def test_a_callback_tells_what_arrived_before_the_task_failed(heap_sandbox, warehouse, alerts, capsys, caplog):
    people(warehouse, 3, 1)
    assert states(alerts)["people"] == "failed"
    told = "".join(capsys.readouterr()) + caplog.text
    assert "people failed (TooManyRejectedError): 3 rows sent, the others: {'identity_null': 1}" in told


def test_a_broken_guard_fails_at_once_and_is_told(heap_sandbox, warehouse, alerts, capsys, caplog):
    people(warehouse, 3, 0)
    alerts.get_task("people").min_rows = 4
    assert states(alerts)["people"] == "failed"
    assert heap_sandbox.requests == []
    told = "".join(capsys.readouterr()) + caplog.text
    assert "people failed (GuardError): 0 rows sent" in told


def test_a_notifier_has_the_exception_and_its_report_in_its_template(heap_sandbox, warehouse, alerts, capsys):
    people(warehouse, 3, 1)
    # [notifier]
    text = "{{ ti.task_id }}: {{ exception.report.sent }} rows sent, {{ exception.report.reasons }}"
    # [/notifier]
    alerts.get_task("people").on_failure_callback = [Say(text)]
    states(alerts)
    assert "people: 3 rows sent, {'identity_null': 1}" in "".join(capsys.readouterr())
