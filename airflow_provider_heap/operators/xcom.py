"""What a task leaves behind in Airflow: XCom, and the extra of asset events."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)


def leave(context: Context, key: str, value: Any) -> None:
    """
    Leave an XCom for a callback or a link. A sync does not fail for want of it, nor is hidden why it fails.

    :param context: Airflow's.
    :param key: its key.
    :param value: anything with a JSON form.
    """
    try:
        context["ti"].xcom_push(key=key, value=value)
    except Exception:
        log.warning("%s could not be kept as XCom", key)
        log.debug("Because of", exc_info=True)


def tell_assets(context: Context, outlets: Iterable[Any], report: dict[str, Any]) -> None:
    """
    Put the counters of a run into the events of a task's assets.

    :param context: Airflow's.
    :param outlets: the task's.
    :param report: the counters.
    """
    events = context.get("outlet_events")
    for outlet in outlets:
        # An alias has no URI: it stands for assets that a task names while it runs.
        if events is not None and hasattr(outlet, "uri"):
            events[outlet].extra.update(report)
