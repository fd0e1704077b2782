"""One bulk request to Heap: its bytes, its tries, and what Heap's answer means."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec
import requests
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt

from airflow_provider_heap import __version__
from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import HeapObject
from airflow_provider_heap.api.rate_limiter import RateLimiter

log = logging.getLogger(__name__)

TRIES = 8
#: Seconds before the second try; each further wait doubles, up to the longest.
INITIAL_BACKOFF = 0.5
MAX_BACKOFF = 30.0
#: Heap documents no Retry-After; if it ever sends one, this is as long as we let it hold a task.
MAX_RETRY_AFTER = 300.0

_UNREACHABLE = 0
_TRANSIENT = frozenset({_UNREACHABLE, 408, 425, 429})
_WRONG_ADDRESS = frozenset({401, 403, 404, 405})


@dataclass(frozen=True)
class Response:
    """
    What came back for a request. Heap documents 200 and 400 alone; the rest is read as HTTP means it.

    :param status: HTTP status; 0 when no answer came.
    :param text: the body, or the network's error.
    :param retry_after: seconds that the server asked to wait; None when it did not.
    """

    status: int
    text: str
    retry_after: float | None = None

    @property
    def accepted(self) -> bool:
        """Heap has the items. Any 2xx: bodies differ from call to call and need not be JSON."""
        return 200 <= self.status < 300

    @property
    def server_error(self) -> bool:
        """The server failed, and may do so because of an item."""
        return self.status >= 500

    @property
    def transient(self) -> bool:
        """The same bytes may do better later."""
        return self.server_error or self.status in _TRANSIENT

    @property
    def wrong_address(self) -> bool:
        """This looks like a wrong address rather than a wrong item."""
        return 300 <= self.status < 400 or self.status in _WRONG_ADDRESS

    @property
    def reason_code(self) -> str:
        """The code under which a refusal is counted."""
        return f"http_{self.status}"


class HeapClient:
    """
    Sends items to one Heap environment over kept-alive connections; safe to use from several threads.

    :param environment: where to.
    :param connections: how many connections are kept open.
    """

    def __init__(self, environment: Environment, connections: int = 1) -> None:
        self.environment = environment
        #: Requests made and bytes of their bodies, repeated ones included.
        self.requests = 0
        self.bytes = 0
        self._lock = threading.Lock()
        self._session = _session(environment, connections)
        self._prepared: dict[str, requests.PreparedRequest] = {}
        app_id = msgspec.json.encode(environment.app_id)
        self._opening = b'{"app_id":' + app_id + b',"'

    def body(self, heap_object: HeapObject, bodies: Sequence[bytes]) -> bytes:
        """
        Return the exact bytes of a bulk request.

        :param heap_object: what the items are.
        :param bodies: the JSON of each item, at most 1000.
        """
        opening, parts = self._opening + heap_object.array_name.encode() + b'":[', [*bodies]
        if not parts:
            return opening + b"]}"
        # One join, so that the bytes are copied once.
        parts[0] = opening + parts[0]
        parts[-1] += b"]}"
        return b",".join(parts)

    def send(
        self,
        heap_object: HeapObject,
        bodies: Sequence[bytes],
        *,
        person_keys: Sequence[str] = (),
        rate_limiter: RateLimiter | None = None,
        tries: int | None = None,
    ) -> Response:
        """
        Make one bulk request, and the same again while its answer is transient.

        :param heap_object: what the items are.
        :param bodies: the JSON of each item, at most 1000.
        :param person_keys: the person that each item concerns, for the rate limiter.
        :param rate_limiter: how fast items may go; each try waits for a slot. None for no limit.
        :param tries: how often at most; None for the usual number.
        :return: the last answer.
        :raises RateLimiterClosed: when the rate limiter is closed.
        """
        limiter = rate_limiter or RateLimiter()
        body = self.body(heap_object, bodies)
        url = self.environment.base_url + heap_object.endpoint

        def attempt() -> Response:
            with limiter.slot(len(bodies), person_keys):
                answer = self._post(url, body)
            if answer.retry_after is not None:
                limiter.hold_off(answer.retry_after)
            return answer

        retrying = Retrying(
            retry=retry_if_result(lambda answer: answer.transient),
            stop=stop_after_attempt(tries or TRIES),
            wait=_wait,
            sleep=limiter.sleep,
            before_sleep=_log_retry,
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        answer: Response = retrying(attempt)
        return answer

    def ping(self, timeout: float) -> int:
        """
        Ask the host for its front page, which writes nothing.

        :param timeout: seconds to connect, and again to answer.
        :return: the HTTP status.
        :raises requests.RequestException: when no answer came.
        """
        with self._session.get(
            self.environment.base_url + "/", timeout=timeout, stream=True, allow_redirects=False
        ) as response:
            return response.status_code

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()

    def _post(self, url: str, body: bytes) -> Response:
        with self._lock:
            self.requests += 1
            self.bytes += len(body)
        try:
            response = self._session.send(
                self._request(url, body),
                timeout=self.environment.timeout,
                allow_redirects=False,
                proxies=self._session.proxies,
                verify=self._session.verify,
            )
        except requests.RequestException as error:
            return Response(_UNREACHABLE, f"{type(error).__name__}: {error}")
        return Response(response.status_code, response.content.decode("utf-8", "replace"), _retry_after(response))

    def _request(self, url: str, body: bytes) -> requests.PreparedRequest:
        """Return the request; but for the body it is made once, which spares a third of its cost."""
        if url not in self._prepared:
            self._prepared[url] = self._session.prepare_request(requests.Request("POST", url))
        request = self._prepared[url].copy()
        request.prepare_body(body, None)
        return request


def _session(environment: Environment, connections: int) -> requests.Session:
    session = requests.Session()
    session.headers["Content-Type"] = "application/json"
    session.headers["User-Agent"] = f"airflow-provider-heap/{__version__}"
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=connections))
    # Proxies and certificates of the process's environment are read once, not for each request. A .netrc is not read
    # at all: Heap takes no credentials, and must not be sent somebody else's.
    found = session.merge_environment_settings(environment.base_url, {}, None, None, None)
    session.proxies, session.verify, session.trust_env = found["proxies"], found["verify"], False
    return session


def _retry_after(response: requests.Response) -> float | None:
    """Read a Retry-After in either of its two forms; nonsense counts as none."""
    text = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(text) if text.isdigit() else (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _wait(state: RetryCallState) -> float:
    """Exponential, with jitter so that tasks that failed together do not come back together."""
    backoff = min(MAX_BACKOFF, INITIAL_BACKOFF * 2.0 ** (state.attempt_number - 1)) * random.uniform(0.5, 1.0)
    answer: Response | None = state.outcome.result() if state.outcome else None
    return backoff if answer is None else max(backoff, answer.retry_after or 0.0)


def _log_retry(state: RetryCallState) -> None:
    answer: Response | None = state.outcome.result() if state.outcome else None
    if answer is None:
        return
    what = f"answered {answer.status}" if answer.status else "could not be reached"
    log.warning("Heap %s; try %d in %.1f s", what, state.attempt_number + 1, state.upcoming_sleep)
    log.debug("Heap's answer: %s", answer.text)
