"""Functions that all transports share: tracing a request, and translating its failure."""

from __future__ import annotations

import logging
import re
import ssl
import sys
import warnings
from collections.abc import Mapping
from typing import Any

import httpx

from runpod_sdk import errors
from runpod_sdk._flows.io import Level, Request, RequestFailed, Response, Submission
from runpod_sdk._io import certificates, proxies
from runpod_sdk._io.body import ResponseBody
from runpod_sdk._io.log import logger
from runpod_sdk._signals import interruption_in
from runpod_sdk.settings import Config

TRANSPORT_ERRORS = (httpx.HTTPError,)
"""Exceptions of a transport."""
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
_NOT_HANDED_OVER = ("WriteError", "WriteTimeout")
"""httpcore's exceptions after which the body was not handed over completely."""
_PERMANENT = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
_QUOTED = re.compile(r"""(bytearray\()?\bb['"].*""", re.DOTALL)  # bytes, as h11 shows them


class SendTrace:
    """
    Traces a request, to know whether the server may have accepted it.

    The server may have accepted it as soon as the last byte was handed to the system. If a
    transport reports nothing, that is unknown. A submission is recorded at each step, because it
    may be interrupted.
    """

    def __init__(self, submission: Submission | None = None) -> None:
        self._submission = submission
        self._is_traced = True
        self._is_tunnel = False
        """Whether the current request is the `CONNECT` request for a proxy's tunnel."""
        self._may_be_taken = False
        self.reports_last_piece = False
        """Whether the body reports its last piece."""

    def untraced(self) -> None:
        """Record that the request was passed on to a transport that may not report its sending."""
        self._is_traced = False

    def traced(self) -> None:
        """Record that the transport reports when it sends the last bytes."""
        self._is_traced = True

    def handing_over(self) -> None:
        """Record that the last bytes are being sent, or all bytes of a short request."""
        self._is_traced = self._may_be_taken = True

    def not_handed_over(self) -> None:
        """Record that the last bytes were not handed to the system completely."""
        self._may_be_taken = False

    def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Record an event that httpcore reports."""
        self._is_traced = True
        if event.endswith("send_request_headers.started"):
            self._is_tunnel = getattr(info.get("request"), "method", b"") == b"CONNECT"
        elif self._is_tunnel or "send_request_body" not in event:
            return
        elif event.endswith(".started"):
            self._may_be_taken = not self.reports_last_piece
        elif event.endswith(".failed") and type(info.get("exception")).__name__ in _NOT_HANDED_OVER:
            self._may_be_taken = False

    def response_started(self, body: ResponseBody) -> None:
        """Record that the response's head has arrived, and that *body* collects the rest."""
        if self._submission is not None:
            self._submission.read = body.response

    def interrupted(self) -> None:
        """Record that the request was interrupted, not failed."""
        if self._submission is not None:
            self._submission.sent = self.sent()

    def sent(self, fault: BaseException | None = None) -> bool:
        """Return whether the server may have accepted the request, which ended with *fault*."""
        if isinstance(fault, _NEVER_SENT):
            return self._may_be_taken
        return self._may_be_taken or not self._is_traced


class RequestPath:
    """
    The functions with which httpx and httpcore send a request, sync or async.

    Mocks and recorders replace one of these functions.
    """

    def __init__(
        self, client: type[Any], transport: type[Any], function: str, in_httpcore: tuple[str, ...]
    ) -> None:
        """
        Look up the functions.

        Args:
            function: The name of the method with which transports and pools send a request.
            in_httpcore: The names of httpcore's classes that have this method.
        """
        self._function = function
        self._in_httpcore = in_httpcore
        self._classes: tuple[Any, ...] = client, client, transport
        self._names: tuple[str, ...] = "_send_single_request", "_transport_for_url", function
        self._all: tuple[tuple[Any, ...], tuple[str, ...]] | None = None
        """The classes and names with those of httpcore, as soon as it is imported."""
        self._own: tuple[Any, ...] = ()
        """The functions that were found last, if none of them was replaced."""

    def is_replaced(self) -> bool:
        """
        Return whether one of the functions is replaced at the moment.

        `Client.send` does not count, because tracers wrap it in production. Other functions that
        tracers wrap with wrapt do not count either: such a wrapper has the globals of the
        function that it wraps.
        """
        classes, names = self._all or (self._classes, self._names)
        if self._all is None and (httpcore := sys.modules.get("httpcore")) is not None:
            in_httpcore = [getattr(httpcore, name, None) for name in self._in_httpcore]
            if None in in_httpcore:  # another thread imports it
                return False
            classes += tuple(in_httpcore)
            names += (self._function,) * len(in_httpcore)
            self._all = classes, names
        found = tuple(map(getattr, classes, names))
        if found == self._own:
            return False
        for cls, function in zip(classes, found, strict=True):
            own_globals = vars(cls)["__init__"].__globals__
            if getattr(function, "__globals__", None) is not own_globals:
                return True
        self._own = found
        return False


SYNC_PATH = RequestPath(
    httpx.Client, httpx.HTTPTransport, "handle_request", ("ConnectionPool", "HTTPConnection")
)
ASYNC_PATH = RequestPath(
    httpx.AsyncClient,
    httpx.AsyncHTTPTransport,
    "handle_async_request",
    ("AsyncConnectionPool", "AsyncHTTPConnection"),
)


def warn_unclosed(source: object) -> None:
    """Warn that a client was dropped with open connections."""
    warnings.warn("a client was not closed: use `with`", ResourceWarning, 3, source=source)


def closed_while_waiting() -> errors.ClientClosedError:
    """Return the error of a call that was waiting, not sending, when its client was closed."""
    return errors.ClientClosedError("the client was closed while the call was waiting")


def closed_before() -> errors.ClientClosedError:
    """Return the error of a call after its client was closed."""
    return errors.ClientClosedError("the client is closed: create a new one; nothing was sent")


def log(level: Level, message: str, *args: object) -> None:
    """Log a flow's message."""
    logger.log(logging.INFO if level == "INFO" else logging.DEBUG, message, *args)


def log_response(request: Request, response: Response) -> Response:
    """Log the response to *request*, and return it."""
    logger.debug("%s %s: HTTP %d", request.method, request.path, response.status_code)
    return response


def request_failed(
    config: Config, request: Request, fault: Exception, trace: SendTrace, *, closed: bool = False
) -> RequestFailed:
    """
    Return the port's exception for a transport's exception, and log it.

    Args:
        closed: Whether the client was closed during the request.
    """
    _remove_secrets(fault)
    sent = trace.sent(fault)
    server = _address(config)
    timed_out = isinstance(fault, httpx.TimeoutException | TimeoutError)
    permanent = False
    if closed:
        reason = (
            f"the client was closed {'before the response arrived' if sent else 'during the call'}"
        )
        timed_out = False
    elif isinstance(fault, httpx.ProxyError):
        reason, permanent = _refused_by_proxy(config, fault)
    elif timed_out:
        reason = f"no {'response from' if sent else 'connection to'} {server} in time"
    elif sent:
        reason = f"the connection to {server} broke ({_describe(fault)})"
    else:
        why = _describe(fault)
        advice = certificates.advice(why, own_http=config.own_http)
        reason = f"no connection to {server} ({why}){advice}"
        permanent = isinstance(fault, _PERMANENT) or _is_untrusted(fault)
    logger.debug("%s %s: %s", request.method, request.path, reason)
    return RequestFailed(reason, sent=sent, timed_out=timed_out, permanent=permanent, closed=closed)


def _refused_by_proxy(config: Config, fault: httpx.ProxyError) -> tuple[str, bool]:
    """Return the reason that the proxy refused the tunnel, and whether that is permanent."""
    text = str(fault)
    proxy = proxies.proxy_for(config) if config.own_http else None
    where = "" if proxy is None else f" {proxy.url}"
    reason = f"the proxy{where} refused a tunnel to {_address(config)} ({text}); nothing was sent"
    if text.startswith("407"):
        reason += "; add a user name and a password to the proxy's URL"
    return reason, text.startswith(("403", "407"))


def _is_untrusted(fault: BaseException | None) -> bool:
    """Return whether a certificate was refused, which a retry would not change."""
    while fault is not None:
        if isinstance(fault, ssl.SSLCertVerificationError):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


def raise_interruption(fault: Exception, before: BaseException | None, trace: SendTrace) -> None:
    """Raise the signal handler's exception, if *fault* wraps one."""
    if (interruption := interruption_in(fault, before)) is not None:
        trace.interrupted()
        raise interruption


def _remove_secrets(fault: BaseException | None) -> None:
    """Remove requests and received data, which contain the API key, from *fault* and its causes."""
    while fault is not None:
        if getattr(fault, "_request", None) is not None:  # of httpx or httpx2
            fault.__dict__["_request"] = None
        fault.args = tuple(
            _QUOTED.sub("[not shown]", arg) if isinstance(arg, str) else arg for arg in fault.args
        )
        fault = fault.__cause__ or fault.__context__


def _address(config: Config) -> str:
    """Return the server's host and port, without the rest of its URL."""
    url = httpx.URL(config.base_url)
    port = "" if url.port else ":443" if url.scheme == "https" else ":80"
    return url.netloc.decode("ascii") + port


def _describe(fault: Exception) -> str:
    """Return *fault*'s class and text; under trio, the text may be its cause's."""
    source: BaseException | None = fault
    while source is not None and not str(source):
        source = source.__cause__ or source.__context__
    return type(fault).__name__ if source is None else f"{type(fault).__name__}: {source}"
