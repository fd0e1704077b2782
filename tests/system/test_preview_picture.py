"""The picture of a preview in the docs shows what the command prints today."""

from __future__ import annotations

import pytest

from scripts import preview_picture
from tests.system.dags import AIRFLOW_2


@pytest.mark.skipif(AIRFLOW_2, reason="Airflow knows commands of providers from 3.2 on")
def test_the_picture_of_a_preview_is_up_to_date(tmp_path, monkeypatch):
    for name in ("WAREHOUSE", "HEAP_DEFAULT"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", "set by the preview, and gone after the test")
    drawn = preview_picture.draw(preview_picture.preview(tmp_path / "warehouse.db"))
    assert preview_picture.texts(drawn) == preview_picture.texts(preview_picture.PICTURE.read_text("utf-8")), (
        "run python scripts/preview_picture.py"
    )
