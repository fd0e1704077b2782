"""What the sandbox does for Heap's deletion API: tokens, requests, and how far they are."""

from __future__ import annotations

import time
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import uuid4

import msgspec

from airflow_provider_heap.api.objects import COMPLETE, PENDING, STATUS_ENDPOINT, TOKEN_ENDPOINT

#: The key that a sandbox takes when no other is given.
API_KEY = "sandbox-api-key"


@dataclass(frozen=True)
class DeletionRequest:
    """
    A deletion that was asked for.

    :param id: its ID.
    :param app_id: the App ID of the token.
    :param users: how many users it names.
    :param asked_at: when, in seconds of the monotonic clock.
    """

    id: str
    app_id: str
    users: int
    asked_at: float


@dataclass
class Deletions:
    """
    The deletion API of a sandbox. All settings may be changed while it runs; the sandbox's lock guards the rest.

    :param api_key: the key that is taken.
    :param main_app_id: the App ID of the Main Production environment, which alone is taken; None takes any.
    :param token_lifetime: seconds after which a token expires.
    :param pending: seconds for which a deletion is pending.
    """

    #: The answer to a call without a token, or with one that has expired.
    unauthorized: ClassVar[tuple[int, str]] = 401, '{"error": "Unauthorized", "message": "a valid token is needed"}'

    api_key: str = API_KEY
    main_app_id: str | None = None
    token_lifetime: float = 300.0
    pending: float = 5.0
    #: What was asked for, in order, by ID.
    requests: dict[str, DeletionRequest] = field(default_factory=dict)
    #: Tokens that were given out, with their App ID and the time at which they expire.
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def answer(self, path: str, authorization: str) -> tuple[int, str]:
        """
        Return status and body of the answer to a call for a token, or for the status of a request.

        :param path: its path.
        :param authorization: its header.
        """
        if path == TOKEN_ENDPOINT:
            token = self.new_token(authorization)
            return (200, f'{{"access_token": "{token}"}}') if token else (401, '{"err": "Unauthorized"}')
        app_id, request = self.app_id_of(authorization), self.requests.get(path.rpartition("/")[2])
        if app_id is None:
            return self.unauthorized
        if request is None or request.app_id != app_id:
            return 404, '{"error": "Not Found", "message": "there is no such deletion request"}'
        return 200, f'{{"status": "{self.status(request)}"}}'

    def new_token(self, authorization: str) -> str | None:
        """
        Return a token.

        :param authorization: the header of basic authentication: App ID and API key.
        :return: None when Heap would answer 401.
        """
        kind, _, encoded = authorization.partition(" ")
        try:
            app_id, _, api_key = b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return None
        if kind.lower() != "basic" or api_key != self.api_key or app_id != (self.main_app_id or app_id):
            return None
        token = uuid4().hex
        self.tokens[token] = (app_id, time.monotonic() + self.token_lifetime)
        return token

    def app_id_of(self, authorization: str) -> str | None:
        """
        Return the App ID of a token.

        :param authorization: the header with the token.
        :return: None when there is no such token, or it has expired.
        """
        kind, _, token = authorization.partition(" ")
        app_id, expires_at = self.tokens.get(token, (None, 0.0))
        return app_id if kind.lower() == "bearer" and time.monotonic() < expires_at else None

    def add(self, app_id: str, users: int) -> str:
        """
        Keep a request.

        :param app_id: the App ID of its token.
        :param users: how many users it names.
        :return: the body of the answer.
        """
        request = DeletionRequest(str(uuid4()), app_id, users, time.monotonic())
        self.requests[request.id] = request
        answer = {
            "deletion_request_id": request.id,
            "status": self.status(request),
            "deletion_request_location": f"{STATUS_ENDPOINT}/{request.id}",
        }
        return msgspec.json.encode(answer).decode()

    def status(self, request: DeletionRequest) -> str:
        """
        Return how far a deletion is.

        :param request: the deletion.
        """
        return PENDING if time.monotonic() < request.asked_at + self.pending else COMPLETE

    @property
    def count_pending(self) -> int:
        """How many deletions are pending."""
        return sum(self.status(request) == PENDING for request in self.requests.values())

    def as_rows(self, epoch: float) -> list[dict[str, Any]]:
        """
        Return what was asked for, in order, in a form that JSON has.

        :param epoch: the wall clock's time at the start of the monotonic clock.
        """
        return [
            {
                "at": round(request.asked_at + epoch, 3),
                "id": request.id,
                "app_id": request.app_id,
                "users": request.users,
                "status": self.status(request),
            }
            for request in self.requests.values()
        ]
