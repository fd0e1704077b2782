"""
Looker's API 4.0 through the official SDK (extra ``looker``), with the credentials of an Airflow connection.

The connection has the form that the Google provider's ``LookerHook`` gives it. The SDK's own ways to credentials, a
``looker.ini`` in the working directory and environment variables, are not taken.
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

from airflow_provider_heap.exceptions import ModelError, ModelUnavailableError
from airflow_provider_heap.models.looker.results import FORMATS

if TYPE_CHECKING:
    from looker_sdk.sdk.api40.models import LookWithQuery

Answer = TypeVar("Answer")

VERSION = "4.0"
#: Answers to a format that it doesn't know.
_UNKNOWN_FORMAT = frozenset({400, 404, 422})
#: Answers that may be others in a moment, beside all from 500 on.
_TRANSIENT = frozenset({408, 425, 429})
_PIECE = 1 << 16


class _Refused(Exception):
    """Looker's answer was not a success."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status)
        self.status = status
        self.text = text


class Looker:
    """
    One session; a context manager that logs out.

    :param conn_id: the Airflow connection: host with ``https://`` and, if need be, port; client ID as login, client
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
        # What was asked for is here; a session that is left open ends by itself.
        with suppress(_Refused, requests.RequestException):
            self._sdk.auth.logout()
        self._transport.session.close()

    def look(self, look_id: str) -> LookWithQuery:
        """
        Return a Look with its query.

        :param look_id: its ID.
        :raises ModelError: when it can't be seen.
        :raises ModelUnavailableError: when Looker can't be reached or fails.
        """
        return self._ask(f"Look {look_id}", lambda: self._sdk.look(look_id))

    def sql(self, look_id: str, limit: int) -> str:
        """
        Return the SQL that Looker makes of a Look.

        :param look_id: its ID.
        :param limit: rows; -1 for all.
        :raises ModelError: when it may not be had.
        :raises ModelUnavailableError: when Looker can't be reached or fails.
        """
        answer = self._ask(f"the SQL of Look {look_id}", lambda: self._sdk.run_look(look_id, "sql", limit=limit))
        return answer if isinstance(answer, str) else answer.decode()

    def results(self, look_id: str, limit: int, file: IO[bytes], table_calculations: bool) -> str:
        """
        Run a Look, and write what it gives to a file as it arrives.

        :param look_id: its ID.
        :param limit: rows; -1 for all.
        :param file: takes the answer.
        :param table_calculations: whether Looker shall compute them.
        :return: the format that it gave.
        :raises ModelError: when it may not be run.
        :raises ModelUnavailableError: when Looker can't be reached or fails.
        """

        def run(result_format: str) -> None:
            self._transport.into = file
            try:
                self._sdk.run_look(
                    look_id, result_format, limit=limit, server_table_calcs=True if table_calculations else None
                )
            finally:
                self._transport.into = None

        def run_any() -> str:
            better, older = FORMATS
            try:
                run(better)
            except _Refused as refused:
                if refused.status not in _UNKNOWN_FORMAT:
                    raise
                run(older)
                return older
            return better

        return self._ask(f"the rows of Look {look_id}", run_any)

    def _ask(self, what: str, request: Callable[[], Answer]) -> Answer:
        """Make a request, and turn what goes wrong into our own."""
        try:
            return request()
        except _Refused as refused:
            raise self._failure(what, refused) from None
        except requests.Timeout as error:
            raise ModelUnavailableError(
                f"{self._name} gave no answer for {self._transport.settings.timeout} s when asked for {what}. "
                'If its query takes longer, set "timeout" in the connection\'s extra.'
            ) from error
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.SSLError,
        ) as error:
            raise ModelError(f"{self._name} can't be reached like this, look at its host: {error}") from error
        except requests.RequestException as error:
            raise ModelUnavailableError(
                f"{self._name} could not be reached, or broke off, when asked for {what}: {type(error).__name__}."
            ) from error
        except (SDKError, serialize.DeserializeError, AssertionError) as error:
            raise ModelError(
                f"{self._name} answered with something else than Looker's API when asked for {what}. Look at host and "
                "port: the API is at the host itself, or at port 19999."
            ) from error

    def _failure(self, what: str, refused: _Refused) -> ModelError | ModelUnavailableError:
        status = refused.status
        told = f"{self._name} answered {status} when asked for {what}"
        if status >= 500 or status in _TRANSIENT:
            return ModelUnavailableError(f"{told}.")
        if not self._sdk.auth.is_authenticated:
            return ModelError(
                f"{self._name} refuses the API key ({status}): the connection's login is its client ID, the password "
                "its client secret, as Looker shows them under Admin, Users, API Keys."
            )
        hint = {
            401: "the session is not accepted",
            403: "the user of the API key may not. It needs access to the Look's folder and model, and for results the "
            "permission to download",
            404: "there is none, or the user of the API key may not see it",
        }
        return ModelError(f"{told}: {hint.get(status) or _message(refused.text)}.")


def _message(text: str) -> str:
    """Return what Looker's error says (https://cloud.google.com/looker/docs/r/api/errors)."""
    try:
        found = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        found = "it refuses"
    return str(found).strip().rstrip(".")[:300]


class _Settings(api_settings.ApiSettings):
    """The SDK's settings, read from an Airflow connection."""

    def __init__(self, conn_id: str) -> None:
        self._conn_id = conn_id
        self._connection = BaseHook.get_connection(conn_id)
        super().__init__()

    def read_config(self) -> api_settings.SettingsConfig:
        """Return the settings; the SDK asks for them again when it logs in."""
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
        found = {"base_url": url, "client_id": str(connection.login), "client_secret": str(connection.password)}
        extra: MutableMapping[str, Any] = connection.extra_dejson
        for name in ("verify_ssl", "timeout"):
            if extra.get(name) is not None:
                found[name] = str(extra[name])
        return found  # type: ignore[return-value]


class _Transport(requests_transport.RequestsTransport):
    """
    The SDK's transport, for two things that its own doesn't do: it keeps an answer's status, and large answers go to a
    file. The SDK also asks the internet what an error means, which an answer that raises here gives it no cause to.
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

        :param method: of HTTP.
        :param path: the whole URL.
        :param query_params: of the URL.
        :param body: what is sent.
        :param authenticator: gives the headers of the session, and logs in if there is none.
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
        ) as answer:
            if not answer.ok:
                raise _Refused(answer.status_code, answer.text)
            # Logging in may come first, and its answer is the SDK's.
            if self.into is None or authenticator is None:
                content = answer.content
            else:
                content = b""
                self.into.seek(0)
                self.into.truncate()
                for piece in answer.iter_content(_PIECE):
                    self.into.write(piece)
        return transport.Response(True, content, transport.ResponseMode.STRING)
