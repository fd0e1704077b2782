"""Whatever happens to the syncs, Heap ends up equal to the source: a short version of ``make chaos``."""

from __future__ import annotations

import os
import random

import pytest

from airflow_provider_heap.sandbox import Faults
from tests.chaos.__main__ import run
from tests.chaos.databases import KINDS, AbsentError
from tests.chaos.scenarios import FAULT_ERRORS, frozen
from tests.chaos.session import ChaosError, Session, Sync
from tests.conftest import _absent

SEED = int(os.environ.get("HEAP_CHAOS_SEED", "20261125"))
KILLS = 8
USERS = Sync("users")

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", list(KINDS))
def test_after_kills_freezes_faults_and_restarts_heap_equals_the_source_and_the_counters_add_up(kind):
    try:
        session = run(SEED, kind, KILLS)
    except AbsentError as error:
        _absent(str(error))
    assert session.counts["kills"] >= KILLS
    assert session.counts["comparisons"] >= KILLS


def test_a_state_that_strikes_nothing_out_is_noticed():
    with Session(SEED, "sqlite", "strike_out") as session, pytest.raises(ChaosError, match="differ from the source"):
        let_a_value_go_back(session)


def test_a_value_that_goes_back_after_all_answers_were_lost_is_sent_again():
    with Session(SEED, "sqlite") as session:
        let_a_value_go_back(session)


def let_a_value_go_back(session):
    session.recover("users")
    [row, *_] = [row for row in session.tables["users"].rows if row.key is not None]
    session.tables["users"].update(row, plan="another")
    session.begin(Faults(reset="after"))
    session.expect(session.start(USERS).wait(), FAULT_ERRORS)
    assert session.sandbox.users[row.key]["plan"] == "another"
    session.tables["users"].update(row)
    session.recover("users")
    assert session.sandbox.users[row.key]["plan"] == row.plan


def test_a_run_that_ignores_the_loss_of_its_hold_is_noticed():
    with Session(SEED, "sqlite", "hold") as session, pytest.raises(ChaosError, match="while it stood still"):
        freeze_often(session)


def freeze_often(session):
    for number in range(20):
        frozen(session, "users", random.Random(number))
