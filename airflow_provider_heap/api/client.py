"""One request to Heap: its bytes, its tries, and what Heap's answer means."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider_heap import __version__
from airflow_provider_heap.api.connection_errors import configuration_problem
from airflow_provider_heap.api.deletions import DeletionCalls
from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import HeapObject
from airflow_provider_heap.api.rate_limiter import RateLimiter
from airflow_provider_heap.api.response import UNREACHABLE, Response
from airflow_provider_heap.api.retry import RetryPolicy, parse_retry_after
from airflow_provider_heap.exceptions import HeapConfigurationError

if TYPE_CHECKING:
    # Imported where it is used: a DAG file that is parsed makes no request, and requests takes long to import.
    import requests

log = logging.getLogger(__name__)


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
        self._session = _session(environment)
        self._adapter = _adapter(connections)
        self._prepared: dict[tuple[str, str], requests.PreparedRequest] = {}
        self._deletions = DeletionCalls(environment, self._call)
        app_id = msgspec.json.encode(environment.app_id)
        self._opening = b'{"app_id":' + app_id + b',"'

    def body(self, heap_object: HeapObject, items: bytes | memoryview) -> bytes:
        """
        Return the exact bytes of a bulk request.

        :param heap_object: what the items are.
        :param items: their JSON, with commas between them; at most as many as the object's ``max_items``.
        """
        # The token of a deletion stands for the App ID.
        opening = (b'{"' if heap_object.deletes else self._opening) + heap_object.array_name.encode() + b'":['
        return b"".join((opening, items, b"]}"))

    def send(
        self,
        heap_object: HeapObject,
        items: bytes | memoryview,
        *,
        count: int = 1,
        person_keys: Sequence[str] = (),
        rate_limiter: RateLimiter | None = None,
        tries: int | None = None,
        before_try: Callable[[], None] | None = None,
    ) -> Response:
        """
        Make one bulk request, and repeat it while its answer is transient.

        :param heap_object: what the items are.
        :param items: their JSON, with commas between them; at most as many as the object's ``max_items``.
        :param count: how many items.
        :param person_keys: the person that each item concerns, for the rate limiter.
        :param rate_limiter: how fast items may go; each try waits for a slot. None for no limit.
        :param tries: how often at most; None for the number in the retry policy.
        :param before_try: called right before each try; what it raises ends the request.
        :return: the last answer.
        :raises HeapConfigurationError: when the host cannot be reached because of a mistake in the configuration, or
            when Heap refuses the API key.
        :raises RateLimiterClosed: when the rate limiter is closed.
        """
        limiter = rate_limiter or RateLimiter()
        body = self.body(heap_object, items)

        def request() -> Response:
            with limiter.slot(count, person_keys):
                if before_try is not None:
                    before_try()
                if heap_object.deletes:
                    return self._deletions.ask(heap_object.endpoint, body)
                return self._call("POST", heap_object.endpoint, body)

        return self._repeat(request, limiter, tries)

    def deletion_status(self, request_id: str, *, tries: int | None = None) -> str:
        """
        Return how far a deletion is: ``pending`` or ``complete``, as Heap documents.

        :param request_id: Heap's ID of the request.
        :param tries: how often at most; None for the number in the retry policy.
        :raises HeapConfigurationError: when Heap does not know the request, or refuses the API key.
        :raises HeapUnavailableError: when Heap can't be reached or keeps failing.
        """
        return self._deletions.parse_status(
            request_id, self._repeat(lambda: self._deletions.ask_status(request_id), RateLimiter(), tries)
        )

    def check_api_key(self) -> None:
        """
        Fetch a token with the API key, once; nothing is written to Heap.

        :raises HeapConfigurationError: when Heap refuses the API key.
        :raises HeapUnavailableError: when Heap can't be reached.
        """
        self._deletions.check_api_key()

    def _repeat(self, request: Callable[[], Response], limiter: RateLimiter, tries: int | None) -> Response:
        """Make a request, and repeat it while its answer is transient."""
        policy = self.retry_policy
        for attempt in count(1):
            answer = request()
            if answer.retry_after is not None:
                limiter.hold_off(policy.limit_retry_after(answer.retry_after))
            if not answer.transient or attempt >= (tries or policy.tries):
                return answer
            wait = policy.wait(attempt, answer.retry_after)
            _log_retry(self.environment.base_url, answer, attempt + 1, wait)
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
        self._adapter.close()

    def _call(self, method: str, endpoint: str, body: bytes = b"", authorization: str | None = None) -> Response:
        import requests

        with self._lock:
            self.requests += 1
            self.bytes += len(body)
        try:
            response = self._adapter.send(
                self._request(method, self.environment.base_url + endpoint, body, authorization),
                timeout=self.environment.timeout,
                proxies=self._session.proxies,
                verify=self._session.verify,
            )
        except (OSError, ValueError) as error:
            self._raise_configuration_error(error)
            if not isinstance(error, requests.RequestException):
                raise
            return Response(UNREACHABLE, f"{type(error).__name__}: {error}")
        retry_after = parse_retry_after(response.headers.get("Retry-After"))
        return Response(response.status, response.data.decode("utf-8", "replace"), retry_after)

    def _raise_configuration_error(self, error: Exception) -> None:
        if problem := configuration_problem(error, self.environment):
            raise HeapConfigurationError(f"Connection {self.environment.name!r}: {problem}") from error

    def _request(self, method: str, url: str, body: bytes, authorization: str | None) -> requests.PreparedRequest:
        """Return a request. Its headers are prepared once per URL, which saves a third of its cost."""
        if (method, url) not in self._prepared:
            import requests

            self._prepared[method, url] = self._session.prepare_request(requests.Request(method, url))
        request = self._prepared[method, url].copy()
        request.prepare_body(body, None)
        if authorization is not None:
            request.headers["Authorization"] = authorization
        return request


def _adapter(connections: int) -> Any:
    from airflow_provider_heap.api.http_adapter import OneHostAdapter

    return OneHostAdapter(connections)


def _session(environment: Environment) -> requests.Session:
    import requests
    from requests.auth import HTTPBasicAuth

    session = requests.Session()
    session.headers["Content-Type"] = "application/json"
    if environment.credentials:
        user, password = environment.credentials
        session.auth = HTTPBasicAuth(user.encode(), password.encode())
    session.headers["User-Agent"] = f"airflow-provider-heap/{__version__}"
    # Proxies and certificates in the environment variables are read once, not for each request. A .netrc is not read:
    # Heap takes no credentials, and must not be sent those of somebody else.
    settings = session.merge_environment_settings(environment.base_url, {}, None, None, None)
    session.proxies, session.verify, session.trust_env = settings["proxies"], settings["verify"], False
    return session


def _log_retry(base_url: str, answer: Response, attempt: int, wait: float) -> None:
    """Log that a request is repeated. Only DEBUG gets Heap's text, which may hold values of rows."""
    what = f"answered {answer.status}" if answer.status else f"could not be reached at {base_url}"
    log.warning("Heap %s; try %d in %.1f s", what, attempt, wait)
    log.debug("Heap's answer: %s", answer.text)
