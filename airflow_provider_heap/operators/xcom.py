"""Push XComs, and add to the extra of asset events."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)


def push_xcom(context: Context, key: str, value: Any) -> None:
    """
    Push an XCom for a callback or a link. A failure here is logged and never fails or masks the sync.

    :param context: Airflow's.
    :param key: its key.
    :param value: anything with a JSON form.
    """
    try:
        context["ti"].xcom_push(key=key, value=value)
    except Exception:
        log.warning("%s could not be pushed as XCom", key)
        log.debug("The error was", exc_info=True)


def add_to_asset_events(context: Context, outlets: Iterable[Any], report: dict[str, Any]) -> None:
    """
    Add the counters of a run to the events of a task's assets.

    :param context: Airflow's.
    :param outlets: the task's.
    :param report: the counters. What was synced is left out: the asset says what was written, and who waits for its
        events wants to know whether and how much.
    """
    counters = {name: value for name, value in report.items() if name != "sync"}
    events = context.get("outlet_events")
    for outlet in outlets:
        # An alias has no URI: it stands for assets that a task names while it runs.
        if events is not None and hasattr(outlet, "uri"):
            events[outlet].extra.update(counters)
