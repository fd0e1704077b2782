"""Which failures to reach a host are mistakes in a configuration, so that trying again cannot help."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from airflow_provider_heap.api.environment import REGIONS, Environment

#: What OpenSSL says of an answer that is not TLS; from version 3.2 on the second.
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
#: What OpenSSL says of a file without certificates.
_NOT_A_BUNDLE = frozenset({"NO_CERTIFICATE_OR_CRL_FOUND", "PEM_LIB"})
#: The name is not known. A name server that does not answer gives another code, and may answer later.
_UNKNOWN_NAME = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})

_BUNDLE = "the certificate bundle that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names"


def configuration_problem(error: BaseException, environment: Environment) -> str | None:
    """
    Return what is wrong with the configuration, and what to do about it.

    :param error: what a request raised.
    :param environment: where the request was sent to.
    :return: a sentence; None when the configuration may be right, and the failure may be over later.
    """
    import requests
    from urllib3.exceptions import LocationParseError

    url = environment.base_url
    if isinstance(error, requests.exceptions.InvalidProxyURL):
        return "the proxy that HTTP_PROXY or HTTPS_PROXY names is not a URL."
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | LocationParseError):
        return f"the address {url} is not a URL that can be reached: correct the Host."
    if "TLS CA certificate bundle" in str(error):
        return f"{_BUNDLE} does not exist ({error})."
    if isinstance(error, requests.exceptions.ProxyError):
        # The causes are about the proxy and not about the Host.
        return None
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"the certificate of {url} is not accepted ({cause.verify_message}). Correct the Host, or let "
                "REQUESTS_CA_BUNDLE name the certificates of your network."
            )
        if isinstance(cause, ssl.SSLError) and cause.reason in _NOT_TLS:
            return f"the address {url} does not speak TLS: correct the port, or write http:// before the Host."
        if isinstance(cause, ssl.SSLError) and cause.reason in _NOT_A_BUNDLE:
            return f"{_BUNDLE} has no certificates ({cause.reason})."
        if isinstance(error, requests.exceptions.SSLError) and isinstance(cause, PermissionError):
            return f"{_BUNDLE} cannot be read ({cause})."
        # Heap's own hosts exist: if one is not found, the network is at fault.
        if isinstance(cause, socket.gaierror) and cause.errno in _UNKNOWN_NAME and url not in REGIONS.values():
            return f"there is no host {urlsplit(url).hostname!r}: correct the Host."
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came from; urllib3 puts the cause into ``reason`` or into the arguments."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and cause not in seen:
            seen.append(cause)
            yield cause
            waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
