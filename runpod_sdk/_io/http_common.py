"""Functions that all transports share: tracing a request, and translating its failure."""

from __future__ import annotations

import re
import ssl
import warnings
from collections.abc import Mapping
from typing import Any

from runpod_sdk import errors
from runpod_sdk._flows.io import Request, RequestFailed, Response, Submission
from runpod_sdk._io import certificates, proxies
from runpod_sdk._io.body import ResponseBody
from runpod_sdk._io.log import log
from runpod_sdk._io.server_url import ServerURL
from runpod_sdk._io.transport_errors import (
    ConnectError,
    ConnectTimeout,
    HTTPError,
    LocalProtocolError,
    PoolTimeout,
    ProxyError,
    TimeoutException,
    UnsupportedProtocol,
)
from runpod_sdk._signals import interruption_in
from runpod_sdk.settings import Config

_NEVER_SENT = (
    ConnectError,
    ConnectTimeout,
    PoolTimeout,
    ProxyError,
    UnsupportedProtocol,
    LocalProtocolError,
)
_NOT_HANDED_OVER = ("WriteError", "WriteTimeout")
"""httpcore's exceptions after which the body was not handed over completely."""
_PERMANENT = (UnsupportedProtocol, LocalProtocolError)
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


def warn_unclosed(source: object, config: Config) -> None:
    """
    Warn that a client was dropped with open connections.

    A task of a process pool cannot close the client of a job that it gets, so nothing is said.
    """
    if not config.revived:
        warnings.warn("a client was not closed: use `with`", ResourceWarning, 3, source=source)


def closed_while_waiting() -> errors.ClientClosedError:
    """Return the error of a call that was waiting, not sending, when its client was closed."""
    return errors.ClientClosedError("the client was closed while the call was waiting")


def closed_before() -> errors.ClientClosedError:
    """Return the error of a call after its client was closed."""
    return errors.ClientClosedError("the client is closed: create a new one; nothing was sent")


def log_response(request: Request, response: Response) -> Response:
    """Log the response to *request*, and return it."""
    log("DEBUG", "%s %s: HTTP %d", request.method, request.path, response.status_code)
    return response


def request_failed(
    config: Config, request: Request, fault: HTTPError, trace: SendTrace, *, closed: bool = False
) -> RequestFailed:
    """
    Return the port's exception for a transport's exception, and log it.

    Raise it from the exception's `source`.

    Args:
        closed: Whether the client was closed during the request.
    """
    _remove_secrets(fault)
    sent = trace.sent(fault)
    server = _address(config)
    timed_out = isinstance(fault, TimeoutException)
    permanent = False
    if closed:
        reason = (
            f"the client was closed {'before the response arrived' if sent else 'during the call'}"
        )
        timed_out = False
    elif isinstance(fault, ProxyError):
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
    log("DEBUG", "%s %s: %s", request.method, request.path, reason)
    return RequestFailed(
        reason,
        sent=sent,
        timed_out=timed_out,
        permanent=permanent,
        closed=closed,
        error_type=_error_type(fault),
    )


def _refused_by_proxy(config: Config, fault: ProxyError) -> tuple[str, bool]:
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


def raise_interruption(fault: HTTPError, before: BaseException | None, trace: SendTrace) -> None:
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
    return ServerURL(config.base_url).address


def _describe(fault: HTTPError) -> str:
    """Return *fault*'s class and text; under trio, the text may be its cause's."""
    name = type(fault.source).__name__
    source: BaseException | None = fault
    while source is not None and not str(source):
        source = source.__cause__ or source.__context__
    return name if source is None else f"{name}: {source}"


def _error_type(fault: HTTPError) -> str:
    """Return the class for telemetry; the classes of all transports have httpx's names."""
    cls = type(fault.source)
    return f"{'httpx' if isinstance(fault.source, HTTPError) else cls.__module__}.{cls.__name__}"
