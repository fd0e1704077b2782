"""The Heap environment that a connection names: an App ID at a base URL."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, unquote, urlsplit

from airflow_provider_heap.exceptions import HeapConfigurationError

#: Heap keeps European data apart: it must go to the European host and not to heapanalytics.com
#: (https://developers.heap.io/reference/track-1).
REGIONS = {"us": "https://heapanalytics.com", "eu": "https://c.eu.heap-api.com"}

#: Where a person looks at an environment. Heap documents no address for it. That of the US is the one in links that
#: Heap's customers publish, such as https://heapanalytics.com/app/env/3411251519/overview/usage-baselines. For the EU
#: none is known, so there it is the page on which Heap's help tells everybody to look up the IDs of environments.
APP_URLS = {
    "us": "https://heapanalytics.com/app/env/{app_id}/overview/usage-baselines",
    "eu": "https://heapanalytics.com/app/manage/projects",
}

#: Where an admin finds the account's App ID and API key in Heap (https://developers.heap.io/reference/user-deletion).
API_KEY_PAGE = "Account > Manage > Privacy & Security"

_PORTS = {"http": 80, "https": 443}
#: Characters that no host name has. An IPv6 address has colons and, in a URL, brackets around it.
_NOT_IN_A_HOST_NAME = re.compile(r"[\s\"'<>\\^`{|}*,;!$&()=+]")

DEFAULT_REGION = "us"
DEFAULT_TIMEOUT = 30.0


@dataclass(frozen=True)
class Environment:
    """
    Where a sync writes to.

    :param app_id: the environment ID, digits only. Public by nature: every web page that Heap tracks contains it.
    :param base_url: scheme, host and perhaps a port and a path, without a slash at the end and without credentials.
    :param region: ``us`` or ``eu``.
    :param timeout: seconds that one request may take.
    :param name: the ID of the connection, for messages.
    :param credentials: user and password for basic authentication at a gateway before Heap; None for none. They are
        shown and stored nowhere.
    :param api_key: the account's API key, which only the deletion of users needs; None for none. It is shown and stored
        nowhere.
    """

    app_id: str
    base_url: str = REGIONS[DEFAULT_REGION]
    region: str = DEFAULT_REGION
    timeout: float = DEFAULT_TIMEOUT
    name: str = "heap_default"
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)

    @classmethod
    def parse(
        cls,
        *,
        app_id: str | None,
        region: str | None = None,
        host: str | None = None,
        port: int | None = None,
        timeout: object = None,
        api_key: str | None = None,
        name: str = "heap_default",
    ) -> Environment:
        """
        Return the environment that the fields of a connection describe, as a person typed them.

        :param app_id: the App ID.
        :param region: ``us`` or ``eu``; US when empty.
        :param host: another base URL, with or without a scheme, user and password; that of the region when empty.
        :param port: another port.
        :param timeout: seconds for one request, a number or its text; 30 when empty.
        :param api_key: the account's API key; may be empty.
        :param name: the connection's ID, for messages.
        :raises HeapConfigurationError: when a field is wrong, saying which and what it takes.
        """
        try:
            app_id = _parse_app_id(app_id)
            region = _parse_region(region)
            base_url, credentials = _parse_host(host, port, region, app_id)
            key = (api_key or "").strip() or None
            return cls(app_id, base_url, region, _parse_timeout(timeout), name, credentials, key)
        except ValueError as error:
            raise HeapConfigurationError(f"Connection {name!r}: {error}") from None

    def for_deletion(self) -> Environment:
        """
        Return where the deletion of users is asked for.

        Heap takes it at the US host for the data of both regions (https://developers.heap.io/reference/user-deletion).
        Another host, such as the sandbox or a proxy, stays.

        :raises HeapConfigurationError: when the connection cannot be used for it.
        """
        if self.api_key is None:
            raise HeapConfigurationError(
                f"Connection {self.name!r}: the API key (password) is empty, and Heap deletes users only with one. An "
                f"admin makes it in Heap, in {API_KEY_PAGE}."
            )
        if self.credentials is not None:
            raise HeapConfigurationError(
                f"Connection {self.name!r}: the Host has a user and a password, which travel in the same header as "
                "Heap's token for deletions. Use a connection without them to delete users."
            )
        if self.base_url in REGIONS.values():
            return replace(self, base_url=REGIONS[DEFAULT_REGION])
        return self

    @property
    def label(self) -> str:
        """The name of this environment in messages."""
        return f"{self.base_url} (region {self.region}, App ID {self.app_id}, connection {self.name!r})"

    @property
    def app_url(self) -> str:
        """Where a person looks at what arrived: the environment in Heap, or the front page of another host."""
        if self.base_url not in REGIONS.values():
            return f"{self.base_url}/"
        return APP_URLS[self.region].format(app_id=self.app_id)


def _parse_app_id(app_id: str | None) -> str:
    app_id = (app_id or "").strip()
    if not (app_id.isascii() and app_id.isdigit()):
        problem = f"found {app_id!r}" if app_id else "it is empty"
        raise ValueError(f"the App ID (login) must be the environment ID, digits only like 2388822444; {problem}.")
    return app_id


def _parse_region(region: str | None) -> str:
    region = (region or DEFAULT_REGION).strip().lower()
    if region not in REGIONS:
        raise ValueError(f"the Region (schema) must be 'us' or 'eu'; found {region!r}.")
    return region


def _parse_host(host: str | None, port: int | None, region: str, app_id: str) -> tuple[str, tuple[str, str] | None]:
    """Return the base URL that host and port describe, and apart from it user and password. The default is https."""
    host = (host or "").strip()
    if host.lower() in REGIONS:
        raise ValueError(
            f"{host!r} is a region, not a host. Write it after a slash, as in heap://{app_id}@/{host.lower()}, or put "
            "it into Region (schema), and leave Host empty."
        )
    parts = _split_url(host or REGIONS[region])
    credentials = None
    if "@" in parts.netloc:
        credentials = unquote(parts.username or ""), unquote(parts.password or "")
    netloc = parts.netloc.rpartition("@")[2]
    # The default port is left out, so that one environment does not look like two.
    if port not in (None, 0, _PORTS[parts.scheme]) and parts.port is None:
        netloc = f"{netloc}:{port}"
    return f"{parts.scheme}://{netloc}{parts.path}", credentials


def _split_url(host: str) -> SplitResult:
    """Return the parts of a URL. Messages contain nothing of what is before an ``@``, which may be a password."""
    shown = repr(host if "@" not in host else f"...@{host.rpartition('@')[2]}")
    try:
        parts = urlsplit((host if "://" in host else f"https://{host}").rstrip("/"))
        port_is_valid = parts.port is None or parts.port >= 0
    except ValueError:
        port_is_valid = False
        parts = SplitResult("", "", "", "", "")
    if "@" in parts.path + parts.query + parts.fragment or ("@" in host and not port_is_valid):
        raise ValueError(
            f"the host {shown} is not a URL. If it has a user and a password, write their special characters as in "
            "URLs: / as %2F, # as %23, ? as %3F, @ as %40."
        )
    if not port_is_valid:
        raise ValueError(f"the host {shown} is not a URL: its port is not a number from 0 to 65535.")
    if parts.scheme not in _PORTS or not parts.hostname or _NOT_IN_A_HOST_NAME.search(parts.hostname):
        raise ValueError(f"the host must be a host name or an http(s) URL; found {shown}.")
    if parts.query or parts.fragment:
        raise ValueError(f"the host must be a URL without ? and #; found {shown}.")
    return parts


def _parse_timeout(timeout: object) -> float:
    if timeout is None or timeout == "":
        return DEFAULT_TIMEOUT
    try:
        seconds = float(timeout)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError(f"the extra 'timeout' must be a number of seconds above 0; found {timeout!r}.")
    return seconds
