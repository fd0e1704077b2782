"""One bulk request to Heap: its bytes, its tries, and what Heap's answer means."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_heap import __version__
from airflow_provider_heap.api.connection_errors import configuration_problem
from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import HeapObject
from airflow_provider_heap.api.rate_limiter import RateLimiter
from airflow_provider_heap.api.retry import RetryPolicy, parse_retry_after
from airflow_provider_heap.exceptions import HeapConfigurationError

if TYPE_CHECKING:
    # Imported where it is used: a DAG file that is parsed makes no request, and requests takes long to import.
    import requests

log = logging.getLogger(__name__)

_UNREACHABLE = 0
_TRANSIENT = frozenset({_UNREACHABLE, 408, 425, 429})
_WRONG_ADDRESS = frozenset({401, 403, 404, 405})


@dataclass(frozen=True)
class Response:
    """
    The answer to a request. Heap documents only 200 and 400; other statuses are read as HTTP defines them.

    :param status: HTTP status; 0 when no answer came.
    :param text: the body, or the network's error.
    :param retry_after: seconds that the server asked to wait; None when it did not ask.
    """

    status: int
    text: str
    retry_after: float | None = None

    @property
    def accepted(self) -> bool:
        """Whether Heap has the items. Any 2xx: bodies differ from call to call and need not be JSON."""
        return 200 <= self.status < 300

    @property
    def server_error(self) -> bool:
        """Whether the server failed; an item may be the cause."""
        return self.status >= 500

    @property
    def transient(self) -> bool:
        """Whether the same bytes may be accepted later."""
        return self.server_error or self.status in _TRANSIENT

    @property
    def wrong_address(self) -> bool:
        """Whether the address is more likely to be wrong than an item."""
        return 300 <= self.status < 400 or self.status in _WRONG_ADDRESS

    @property
    def reason_code(self) -> str:
        """The code under which refused items are counted."""
        return f"http_{self.status}"


class HeapClient:
    """
    Sends items to one Heap environment over connections that are kept open.

    Thread-safe: ``_lock`` guards the counters. ``_prepared`` needs no lock: two threads may prepare the same request,
    and either of the two can be used.

    :param environment: where to send to.
    :param connections: how many connections are kept open.
    :param retry_policy: how often a request is tried, and the waits in between.
    """

    def __init__(
        self, environment: Environment, connections: int = 1, *, retry_policy: RetryPolicy | None = None
    ) -> None:
        self.environment = environment
        self.retry_policy = retry_policy or RetryPolicy()
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
        before_try: Callable[[], None] | None = None,
    ) -> Response:
        """
        Make one bulk request, and repeat it while its answer is transient.

        :param heap_object: what the items are.
        :param bodies: the JSON of each item, at most 1000.
        :param person_keys: the person that each item concerns, for the rate limiter.
        :param rate_limiter: how fast items may go; each try waits for a slot. None for no limit.
        :param tries: how often at most; None for the number in the retry policy.
        :param before_try: called right before each try; what it raises ends the request.
        :return: the last answer.
        :raises HeapConfigurationError: when the host cannot be reached because of a mistake in the configuration.
        :raises RateLimiterClosed: when the rate limiter is closed.
        """
        limiter, policy = rate_limiter or RateLimiter(), self.retry_policy
        body = self.body(heap_object, bodies)
        url = self.environment.base_url + heap_object.endpoint
        for attempt in count(1):
            with limiter.slot(len(bodies), person_keys):
                if before_try is not None:
                    before_try()
                answer = self._post(url, body)
            if answer.retry_after is not None:
                limiter.hold_off(policy.limit_retry_after(answer.retry_after))
            if not answer.transient or attempt >= (tries or policy.tries):
                return answer
            wait = policy.wait(attempt, answer.retry_after)
            _log_retry(answer, attempt + 1, wait)
            limiter.sleep(wait)
        raise AssertionError

    def ping(self, timeout: float) -> int:
        """
        Request the front page of the host, which writes nothing.

        :param timeout: seconds to connect, and again to answer.
        :return: the HTTP status.
        :raises HeapConfigurationError: when the host cannot be reached because of a mistake in the configuration.
        :raises OSError: when no answer came.
        """
        url = self.environment.base_url + "/"
        try:
            with self._session.get(url, timeout=timeout, stream=True, allow_redirects=False) as response:
                return response.status_code
        except (OSError, ValueError) as error:
            self._raise_configuration_error(error)
            raise

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()

    def _post(self, url: str, body: bytes) -> Response:
        import requests

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
        except (OSError, ValueError) as error:
            self._raise_configuration_error(error)
            if not isinstance(error, requests.RequestException):
                raise
            return Response(_UNREACHABLE, f"{type(error).__name__}: {error}")
        retry_after = parse_retry_after(response.headers.get("Retry-After"))
        return Response(response.status_code, response.content.decode("utf-8", "replace"), retry_after)

    def _raise_configuration_error(self, error: Exception) -> None:
        if problem := configuration_problem(error, self.environment):
            raise HeapConfigurationError(f"Connection {self.environment.name!r}: {problem}") from error

    def _request(self, url: str, body: bytes) -> requests.PreparedRequest:
        """Return a request. Its headers are prepared once per URL, which saves a third of its cost."""
        if url not in self._prepared:
            import requests

            self._prepared[url] = self._session.prepare_request(requests.Request("POST", url))
        request = self._prepared[url].copy()
        request.prepare_body(body, None)
        return request


def _session(environment: Environment, connections: int) -> requests.Session:
    import requests
    from requests.adapters import HTTPAdapter
    from requests.auth import HTTPBasicAuth

    session = requests.Session()
    session.headers["Content-Type"] = "application/json"
    if environment.credentials:
        user, password = environment.credentials
        session.auth = HTTPBasicAuth(user.encode(), password.encode())
    session.headers["User-Agent"] = f"airflow-provider-heap/{__version__}"
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=connections))
    # Proxies and certificates in the environment variables are read once, not for each request. A .netrc is not read:
    # Heap takes no credentials, and must not be sent those of somebody else.
    settings = session.merge_environment_settings(environment.base_url, {}, None, None, None)
    session.proxies, session.verify, session.trust_env = settings["proxies"], settings["verify"], False
    return session


def _log_retry(answer: Response, attempt: int, wait: float) -> None:
    """Log that a request is repeated. Only DEBUG gets Heap's text, which may hold values of rows."""
    what = f"answered {answer.status}" if answer.status else "could not be reached"
    log.warning("Heap %s; try %d in %.1f s", what, attempt, wait)
    log.debug("Heap's answer: %s", answer.text)
