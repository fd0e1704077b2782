"""
Looker's API 4.0 through the official SDK (extra ``looker``), with the credentials of an Airflow connection.

The connection has the form of the Google provider's ``LookerHook``. The SDK's own sources of credentials, a
``looker.ini`` in the working directory and environment variables, are not read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, TypeVar

import requests
from airflow.providers.common.compat.sdk import BaseHook
from looker_sdk.error import SDKError
from looker_sdk.rtl import api_settings, auth_session, requests_transport, serialize, transport
from looker_sdk.sdk.api40.methods import Looker40SDK

from airflow_provider_heap.api.response import is_transient
from airflow_provider_heap.exceptions import ModelError, ModelUnavailableError
from airflow_provider_heap.models.looker.results import FORMATS

if TYPE_CHECKING:
    from looker_sdk.sdk.api40.models import LookWithQuery

Answer = TypeVar("Answer")

VERSION = "4.0"
#: Characters of Looker's messages that ours contain.
MAX_MESSAGE_LENGTH = 300
#: Statuses with which Looker answers a format that it does not know.
_UNKNOWN_FORMAT = frozenset({400, 404, 422})
#: Bytes of an answer that are written to a file at a time.
_PIECE_SIZE = 1 << 16


class _StatusError(Exception):
    """
    Looker's answer was not a success.

    :param status: HTTP status.
    :param text: the body.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status)
        self.status = status
        self.text = text


class Looker:
    """
    A session with Looker; a context manager that logs out.

    :param conn_id: the Airflow connection: host with ``https://``, and port if it needs one; client ID as login, client
        secret as password; in the extra ``verify_ssl``, and ``timeout`` in seconds (120).
    :raises ModelError: when the connection lacks something.
    """

    def __init__(self, conn_id: str) -> None:
        self._name = f"Looker (connection {conn_id!r})"
        settings = _Settings(conn_id)
        self._transport = _Transport(settings, requests.Session())
        self._sdk = Looker40SDK(
            auth_session.AuthSession(settings, self._transport, serialize.deserialize40, VERSION),
            serialize.deserialize40,
            serialize.serialize40,
            self._transport,
            VERSION,
        )

    def __enter__(self) -> Looker:
        return self

    def __exit__(self, *exc: object) -> None:
        # The answers are here already, and a session that stays open ends by itself.
        with suppress(_StatusError, requests.RequestException):
            self._sdk.auth.logout()
        self._transport.session.close()

    def look(self, look_id: str) -> LookWithQuery:
        """
        Return a Look with its query.

        :param look_id: ID of the Look.
        :raises ModelError: when Looker refuses it.
        :raises ModelUnavailableError: when Looker cannot be reached or fails.
        """
        return self._ask(f"Look {look_id}", lambda: self._sdk.look(look_id))

    def sql(self, look_id: str, limit: int) -> str:
        """
        Return the SQL that Looker generates for a Look.

        :param look_id: ID of the Look.
        :param limit: rows; -1 for all.
        :raises ModelError: when Looker refuses it.
        :raises ModelUnavailableError: when Looker cannot be reached or fails.
        """
        sql = self._ask(f"the SQL of Look {look_id}", lambda: self._sdk.run_look(look_id, "sql", limit=limit))
        return sql if isinstance(sql, str) else sql.decode()

    def results(self, look_id: str, limit: int, file: IO[bytes], table_calculations: bool) -> str:
        """
        Run a Look, and write its rows to a file as they arrive.

        :param look_id: ID of the Look.
        :param limit: rows; -1 for all.
        :param file: where the answer is written to.
        :param table_calculations: whether Looker computes the table calculations.
        :return: the format of the answer.
        :raises ModelError: when Looker refuses to run it.
        :raises ModelUnavailableError: when Looker cannot be reached or fails.
        """

        def run(result_format: str) -> None:
            self._transport.into = file
            try:
                self._sdk.run_look(
                    look_id, result_format, limit=limit, server_table_calcs=True if table_calculations else None
                )
            finally:
                self._transport.into = None

        def run_in_known_format() -> str:
            newer, older = FORMATS
            try:
                run(newer)
            except _StatusError as refused:
                if refused.status not in _UNKNOWN_FORMAT:
                    raise
                run(older)
                return older
            return newer

        return self._ask(f"the rows of Look {look_id}", run_in_known_format)

    def _ask(self, what: str, request: Callable[[], Answer]) -> Answer:
        """Make a request, and translate its errors."""
        try:
            return request()
        except _StatusError as refused:
            raise self._failure(what, refused) from None
        except requests.Timeout as error:
            raise ModelUnavailableError(
                f"{self._name} did not answer within {self._transport.settings.timeout} s when asked for {what}. "
                'If its query takes longer, set "timeout" in the connection\'s extra.'
            ) from error
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.SSLError,
        ) as error:
            raise ModelError(f"{self._name} cannot be reached, check the host of the connection: {error}") from error
        except requests.RequestException as error:
            raise ModelUnavailableError(
                f"{self._name} could not be reached, or ended its answer early, when asked for {what}: "
                f"{type(error).__name__}."
            ) from error
        except (SDKError, serialize.DeserializeError, AssertionError) as error:
            raise ModelError(
                f"{self._name} did not answer like Looker's API when asked for {what}. Check host and port: the API is "
                "at the host itself, or at port 19999."
            ) from error

    def _failure(self, what: str, refused: _StatusError) -> ModelError | ModelUnavailableError:
        status = refused.status
        answered = f"{self._name} answered {status} when asked for {what}"
        if is_transient(status):
            return ModelUnavailableError(f"{answered}.")
        if not self._sdk.auth.is_authenticated:
            return ModelError(
                f"{self._name} refuses the API key ({status}): the connection's login is its client ID, the password "
                "its client secret, as Looker shows them under Admin, Users, API Keys."
            )
        hint = {
            401: "the session is not accepted",
            403: "the user of the API key is not allowed to. The user needs access to the folder and the model of the "
            "Look, and for results the permission to download",
            404: "it does not exist, or the user of the API key has no access to it",
        }
        return ModelError(f"{answered}: {hint.get(status) or _message(refused.text)}.")


def _message(text: str) -> str:
    """Return the message in Looker's error (https://cloud.google.com/looker/docs/r/api/errors)."""
    try:
        message = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        message = "the request was refused"
    return str(message).strip().rstrip(".")[:MAX_MESSAGE_LENGTH]


class _Settings(api_settings.ApiSettings):
    """The SDK's settings, read from an Airflow connection."""

    def __init__(self, conn_id: str) -> None:
        self._conn_id = conn_id
        self._connection = BaseHook.get_connection(conn_id)
        super().__init__()

    def read_config(self) -> api_settings.SettingsConfig:
        """Return the settings; the SDK calls this again when it logs in."""
        connection = self._connection
        for field, meaning in (
            ("host", "Looker's URL"),
            ("login", "the client ID"),
            ("password", "the client secret"),
        ):
            if not getattr(connection, field):
                raise ModelError(f"Connection {self._conn_id!r} to Looker lacks {meaning}, its {field}.")
        host = str(connection.host).rstrip("/")
        url = (host if "://" in host else f"https://{host}") + (f":{connection.port}" if connection.port else "")
        config = {"base_url": url, "client_id": str(connection.login), "client_secret": str(connection.password)}
        extra: MutableMapping[str, Any] = connection.extra_dejson
        for name in ("verify_ssl", "timeout"):
            if extra.get(name) is not None:
                config[name] = str(extra[name])
        return config  # type: ignore[return-value]


class _Transport(requests_transport.RequestsTransport):
    """
    A transport that does two things which the SDK's own does not: it keeps the status of an answer, and writes large
    answers to a file. It raises for every error itself, because the SDK would look up on the internet what one means.
    """

    into: IO[bytes] | None = None

    def request(
        self,
        method: transport.HttpMethod,
        path: str,
        query_params: MutableMapping[str, str] | None = None,
        body: bytes | None = None,
        authenticator: transport.TAuthenticator = None,
        transport_options: transport.TransportOptions | None = None,
    ) -> transport.Response:
        """
        Make a request.

        :param method: HTTP method.
        :param path: the whole URL.
        :param query_params: query of the URL.
        :param body: the body.
        :param authenticator: returns the headers of the session, and logs in when there is none.
        :param transport_options: headers to add.
        """
        headers = authenticator({}) if authenticator else {}
        headers.update((transport_options or {}).get("headers") or {})
        with self.session.request(
            method.name,
            path,
            auth=requests_transport.NullAuth(),
            params=query_params,
            data=body,
            headers=headers,
            timeout=self.settings.timeout,
            stream=True,
        ) as response:
            if not response.ok:
                raise _StatusError(response.status_code, response.text)
            # The first answer may be that of the login, which the SDK needs.
            if self.into is None or authenticator is None:
                content = response.content
            else:
                content = b""
                self.into.seek(0)
                self.into.truncate()
                for piece in response.iter_content(_PIECE_SIZE):
                    self.into.write(piece)
        return transport.Response(True, content, transport.ResponseMode.STRING)
