"""The plugin that puts the page *Heap* into Airflow's UI, from Airflow 3.1 on. Earlier versions ignore it."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any

from airflow.providers.common.compat.sdk import AirflowPlugin, conf

log = logging.getLogger(__name__)

#: Where the API server mounts the page's files and routes.
URL_PREFIX = "/heap"
#: The page's part of the address, below ``/plugin/``.
PAGE_ROUTE = "heap"


class HeapPlugin(AirflowPlugin):
    """
    Register the page *Heap*.

    Every process of Airflow makes one of these, but only the API server asks for the page: so it is built when it is
    asked for. A page that can't be built is logged and left out; the API server starts without it.
    """

    name = "heap"

    @cached_property
    def fastapi_apps(self) -> list[Any]:  # type: ignore[override]
        """The page's files and routes."""
        if not conf.getboolean("heap", "page", fallback=True):
            return []
        try:
            from airflow_provider_heap.ui.app import create_app

            return [{"app": create_app(), "url_prefix": URL_PREFIX, "name": "Heap"}]
        except Exception:
            log.exception("The page Heap could not be built, so Airflow's UI has none")
            return []

    @cached_property
    def react_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The page's entry in the menu, and its tabs."""
        if not self.fastapi_apps:
            return []
        try:
            return _entries()
        except Exception:
            log.exception("The page Heap could not be registered, so Airflow's UI has none")
            return []


def _entries() -> list[dict[str, Any]]:
    from airflow.api_fastapi.core_api.datamodels.plugins import ReactAppResponse

    base = f"{(conf.get('api', 'base_url', fallback='') or '').rstrip('/')}{URL_PREFIX}/static"
    entry: dict[str, Any] = {
        "name": "Heap",
        "bundle_url": f"{base}/heap.js",
        "icon": f"{base}/icon-light.svg",
        "icon_dark_mode": f"{base}/icon-dark.svg",
    }
    entries = [{**entry, "destination": "nav", "category": "browse", "url_route": PAGE_ROUTE}]
    # Airflow 3.4 shows a tab where it belongs only; earlier ones show it for each task of the installation.
    tabs_are_limited = "applies_to" in ReactAppResponse.model_fields
    if tabs_are_limited or conf.getboolean("heap", "tabs", fallback=False):
        from airflow_provider_heap.ui.sync_tasks import OPERATOR_CLASSES

        limit: dict[str, Any] = {"applies_to": {"operators": sorted(OPERATOR_CLASSES)}} if tabs_are_limited else {}
        entries += [
            {**entry, **limit, "destination": "task", "url_route": "heap-sync"},
            {**entry, **limit, "destination": "task_instance", "url_route": "heap-run"},
        ]
    return entries
