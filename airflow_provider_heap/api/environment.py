"""The Heap environment that a connection names: an App ID at a base URL."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from airflow_provider_heap.exceptions import HeapConfigurationError

#: Heap keeps European data apart: it must go to the European host and not to heapanalytics.com
#: (https://developers.heap.io/reference/track-1).
REGIONS = {"us": "https://heapanalytics.com", "eu": "https://c.eu.heap-api.com"}

#: Where a person looks at an environment. Heap documents no address for it; the one of the US is the one in links that
#: Heap's customers publish, such as https://heapanalytics.com/app/env/3411251519/overview/usage-baselines. None of the
#: EU is known, so there it is the page on which Heap's help has everybody look up the IDs of environments.
APP_URLS = {
    "us": "https://heapanalytics.com/app/env/{app_id}/overview/usage-baselines",
    "eu": "https://heapanalytics.com/app/manage/projects",
}

_PORTS = {"http": 80, "https": 443}

DEFAULT_REGION = "us"
DEFAULT_TIMEOUT = 30.0


@dataclass(frozen=True)
class Environment:
    """
    Where a sync writes to.

    :param app_id: the environment ID, digits only. Public by nature: it stands in every tracked web page.
    :param base_url: scheme, host and perhaps a port and a path, without a slash at the end.
    :param region: ``us`` or ``eu``.
    :param timeout: seconds that one request may take.
    :param name: what messages call it: the ID of the connection.
    """

    app_id: str
    base_url: str = REGIONS[DEFAULT_REGION]
    region: str = DEFAULT_REGION
    timeout: float = DEFAULT_TIMEOUT
    name: str = "heap_default"

    @classmethod
    def parse(
        cls,
        *,
        app_id: str | None,
        region: str | None = None,
        host: str | None = None,
        port: int | None = None,
        timeout: object = None,
        name: str = "heap_default",
    ) -> Environment:
        """
        Read the fields of a connection as a person typed them; empty ones count as missing.

        :param app_id: the App ID.
        :param region: ``us`` or ``eu``; US when missing.
        :param host: another base URL, with or without a scheme; the region's when missing.
        :param port: another port.
        :param timeout: seconds for one request, a number or its text; 30 when missing.
        :param name: the connection's ID, for messages.
        :raises HeapConfigurationError: when a field cannot be right, telling which and what it takes.
        """
        app_id = (app_id or "").strip()
        if not (app_id.isascii() and app_id.isdigit()):
            found = f"found {app_id!r}" if app_id else "it is empty"
            raise HeapConfigurationError(
                f"Connection {name!r}: the App ID (login) must be the environment ID, digits only like 2388822444; "
                f"{found}."
            )
        region = (region or DEFAULT_REGION).strip().lower()
        if region not in REGIONS:
            raise HeapConfigurationError(
                f"Connection {name!r}: the Region (schema) must be 'us' or 'eu'; found {region!r}."
            )
        try:
            return cls(app_id, _base_url(host, port, region), region, _seconds(timeout), name)
        except ValueError as error:
            raise HeapConfigurationError(f"Connection {name!r}: {error}") from None

    @property
    def label(self) -> str:
        """How a log line names this environment."""
        return f"{self.base_url} (region {self.region}, App ID {self.app_id}, connection {self.name!r})"

    @property
    def app_url(self) -> str:
        """Where a person looks at what arrived: the environment in Heap; of another host its front page."""
        if self.base_url != REGIONS[self.region]:
            return f"{self.base_url}/"
        return APP_URLS[self.region].format(app_id=self.app_id)


def _base_url(host: str | None, port: int | None, region: str) -> str:
    """Join host and port; a scheme that is given is kept, else it is https."""
    url = (host or REGIONS[region]).strip()
    if "://" not in url:
        url = f"https://{url}"
    try:
        parts = urlsplit(url.rstrip("/"))
        named_port = parts.port
    except ValueError as error:
        raise ValueError(f"the host {host!r} is not a URL: {error}.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"the host must be a host name or an http(s) URL; found {host!r}.")
    # A port that goes without saying must not make one environment look like two.
    if port in (None, 0, _PORTS[parts.scheme]) or named_port is not None:
        return parts.geturl()
    return f"{parts.scheme}://{parts.netloc}:{port}{parts.path}"


def _seconds(timeout: object) -> float:
    if timeout is None or timeout == "":
        return DEFAULT_TIMEOUT
    try:
        seconds = float(timeout)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError(f"the extra 'timeout' must be a number of seconds above 0; found {timeout!r}.")
    return seconds
