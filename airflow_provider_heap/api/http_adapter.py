"""The part of requests that a call to Heap needs. Imported where it is used: requests takes long to import."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError


class OneHostAdapter(HTTPAdapter):
    """
    Sends prepared requests to one host, and returns the responses of urllib3, read to their end.

    What requests makes of a response (cookies, a history, an encoding), and its search for the host's connections,
    costs more than the request itself. Its rules for proxies and certificates apply, and errors are those of requests.
    Safe to use from several threads: two that look for the connections at once find the same ones.

    :param connections: how many connections are kept open.
    """

    def __init__(self, connections: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=connections)
        self._connections: Any = None

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the connections to the host. Parameters: see requests, from 2.32 on."""
        if self._connections is None:
            self._connections = super().get_connection_with_tls_context(*args, **kwargs)
        return self._connections

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> Any:
        """
        Return the response of urllib3, read to its end.

        :param req: the request.
        :param resp: the response.
        :raises requests.ConnectionError: when it can't be read.
        """
        try:
            resp.read(decode_content=True, cache_content=True)
        except HTTPError as error:
            raise requests.ConnectionError(error, request=req) from error
        return resp
