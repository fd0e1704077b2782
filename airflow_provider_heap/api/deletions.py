"""
The calls of Heap's deletion API, which needs more than an App ID: https://developers.heap.io/reference/user-deletion.

An App ID and the account's API key buy a token, and the token opens the other calls. It is kept in memory only, and
fetched again before it expires, or when Heap does not take it any more. No message and no log holds token or key.
"""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import msgspec

from airflow_provider_heap.api.environment import API_KEY_PAGE, Environment
from airflow_provider_heap.api.objects import STATUS_ENDPOINT, TOKEN_ENDPOINT
from airflow_provider_heap.api.response import Response
from airflow_provider_heap.exceptions import HeapConfigurationError, HeapUnavailableError

#: Seconds after which a token is fetched anew. Heap's help says that it expires in 5 minutes.
TOKEN_LIFETIME = 240.0

#: Makes one call: method, endpoint, body, ``Authorization`` header.
Call = Callable[[str, str, bytes, str], Response]


class UnknownRequestError(HeapConfigurationError):
    """Heap does not know a deletion request."""


class DeletionCalls:
    """
    Make calls of the deletion API, each with a token.

    Thread-safe: ``_lock`` guards the token and its age, so that threads that need a new one fetch it once.

    :param environment: App ID and API key.
    :param call: makes one call, without repeating it.
    """

    def __init__(self, environment: Environment, call: Call) -> None:
        self._environment = environment
        self._call = call
        self._token: str | None = None
        self._fetched_at = 0.0
        self._lock = threading.Lock()

    def ask(self, endpoint: str, body: bytes) -> Response:
        """
        Ask once for a deletion.

        :param endpoint: path of the call.
        :param body: who is to be deleted.
        :return: the answer, with the ID of the request when it was accepted.
        :raises HeapConfigurationError: when Heap refuses the API key, or its answer has no ID.
        """
        response = self._authorized("POST", endpoint, body)
        if not response.accepted:
            return response
        request_id = _text_of(response, "deletion_request_id")
        if request_id is None:
            raise HeapConfigurationError(
                f"{self._environment.label} answered {response.status} to a deletion, but without the ID of a request "
                "as Heap sends it: look at the Host of the Heap connection."
            )
        return replace(response, request_id=request_id)

    def ask_status(self, request_id: str) -> Response:
        """
        Ask once how far a deletion is.

        :param request_id: Heap's ID of the request.
        :raises HeapConfigurationError: when Heap refuses the API key.
        """
        return self._authorized("GET", f"{STATUS_ENDPOINT}/{quote(request_id, safe='')}")

    def parse_status(self, request_id: str, response: Response) -> str:
        """
        Return the status that an answer names.

        :param request_id: Heap's ID of the request.
        :param response: the answer to it.
        :raises UnknownRequestError: when Heap does not know the request.
        :raises HeapConfigurationError: when the answer is not Heap's.
        :raises HeapUnavailableError: when Heap can't be reached or keeps failing.
        """
        status = _text_of(response, "status") if response.accepted else None
        if status is not None:
            return status
        what = f"answered {response.status}" if response.status else "could not be reached"
        text = f"{self._environment.label} {what} when it was asked for the status of deletion request {request_id!r}"
        if response.transient:
            raise HeapUnavailableError(f"{text}.")
        if response.status == 404:
            raise UnknownRequestError(f"{text}: the account of this App ID has no such request.")
        raise HeapConfigurationError(f"{text}: look at the Host of the Heap connection.")

    def check_api_key(self) -> None:
        """
        Fetch a token, once; nothing is written to Heap.

        :raises HeapConfigurationError: when Heap refuses the API key.
        :raises HeapUnavailableError: when Heap can't be reached or fails.
        """
        token = self._bearer()
        if isinstance(token, Response):
            what = f"answered {token.status}" if token.status else f"could not be reached ({token.text})"
            raise HeapUnavailableError(f"{self._environment.label} {what} when it was asked for a token.")

    def _authorized(self, method: str, endpoint: str, body: bytes = b"") -> Response:
        """Make a call; once more, with a new token, when Heap does not take the one that there is."""
        token = self._bearer()
        for is_renewed in (False, True):
            if isinstance(token, Response):
                return token
            response = self._call(method, endpoint, body, token)
            if response.status not in (401, 403):
                break
            if is_renewed:
                raise self._refused(response.status)
            token = self._bearer(refused=token)
        return response

    def _bearer(self, refused: str | None = None) -> str | Response:
        """Return the header with the token; when none can be fetched for a reason that may pass, Heap's answer."""
        with self._lock:
            is_old = time.monotonic() - self._fetched_at > TOKEN_LIFETIME
            # Another thread may have replaced the refused one.
            if self._token is None or is_old or self._token == refused:
                self._token, asked_at = None, time.monotonic()
                response = self._ask_token()
                if not response.accepted:
                    return response
                self._token, self._fetched_at = self._parse_token(response), asked_at
            return self._token

    def _ask_token(self) -> Response:
        credentials = f"{self._environment.app_id}:{self._environment.api_key}".encode()
        response = self._call("POST", TOKEN_ENDPOINT, b"", f"Basic {b64encode(credentials).decode()}")
        if response.status in (401, 403):
            raise self._refused(response.status)
        if not response.accepted and not response.transient:
            raise HeapConfigurationError(
                f"{self._environment.label} answered {response.status} when it was asked for a token: look at the Host "
                "of the Heap connection."
            )
        return response

    def _parse_token(self, response: Response) -> str:
        token = _text_of(response, "access_token")
        # What cannot be in a header would end in an error that quotes it.
        if token is None or not (token.isascii() and token.isprintable()):
            raise HeapConfigurationError(
                f"{self._environment.label} answered {response.status} to the API key, but without a token as Heap "
                "sends it: look at the Host of the Heap connection."
            )
        return f"Bearer {token}"

    def _refused(self, status: int) -> HeapConfigurationError:
        environment = self._environment
        return HeapConfigurationError(
            f"{environment.label} answered {status} to the API key. Heap takes the key of an account only together "
            f"with the App ID of its Main Production environment: compare App ID {environment.app_id} and the API key "
            f"of the connection with {API_KEY_PAGE} in Heap, where an admin can also make a new key."
        )


def _text_of(response: Response, name: str) -> str | None:
    """Return a text of an answer; None when it has no such text."""
    try:
        answer: Any = msgspec.json.decode(response.text)
    except msgspec.DecodeError:
        return None
    value = answer.get(name) if isinstance(answer, dict) else None
    return value if isinstance(value, str) and value else None
