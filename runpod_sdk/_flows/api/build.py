"""Requests: a caller's arguments as the generated model, checked before anything is sent."""

from __future__ import annotations

import copyreg
import re
import sys
from collections.abc import Mapping
from copy import copy
from typing import Any, Literal, overload
from urllib.parse import urlsplit

from attrs import fields

from runpod_sdk import models, settings
from runpod_sdk._hosts import is_host
from runpod_sdk._policy_units import check_unit
from runpod_sdk._secret import clear_frames
from runpod_sdk._warn import warn
from runpod_serverless_api import models as wire
from runpod_serverless_api.types import UNSET, Unset

# A copied or unpickled sentinel must be the same object, or it would be sent.
copyreg.pickle(Unset, lambda _: "UNSET")

_BLANK = wire.JobRequest(input_=None).to_dict()
_ARGUMENTS = frozenset({*_BLANK, "webhook", "policy", "s3Config"})
"""Fields that have an argument of their own."""


def request(
    body: object,
    *,
    input: object,
    webhook: str | None,
    policy: models.ExecutionPolicy | None,
    s3_config: models.S3Config | None,
    input_type: Any = None,
    extra_body: Mapping[str, Any] | None = None,
    warns: bool = True,
) -> wire.JobRequest:
    """
    Return the request for a caller's arguments, in one of the two forms.

    Args:
        extra_body: Top-level fields that the generated model does not know.
        warns: Whether to warn about an input that looks like the API's body.

    Raises:
        ValueError: Both or neither are passed, there is no input, or a field is unknown.
        TypeError: An argument has a wrong type, or the input is not of *input_type*.
    """
    before = sys.exception()
    try:
        built = _request(body, input, webhook, policy, s3_config)
        if body is None and warns:
            warn_if_nested(input)
        if input_type is not None:
            from runpod_sdk import _typed_inputs

            built.input_ = _typed_inputs.checker(input_type)(built.input_)
        _extend(built, extra_body)
        return built
    except BaseException as reason:
        clear_frames(reason, before)
        raise
    finally:
        del body, input, webhook, s3_config, extra_body


def _extend(request: wire.JobRequest, extra_body: object) -> None:
    """
    Add top-level fields to *request*.

    Raises:
        TypeError: *extra_body* is not a mapping, or a name is not a string.
        ValueError: A field has an argument of its own, or is in the request already.
    """
    if extra_body is None:
        return
    if not isinstance(extra_body, Mapping):
        kind = type(extra_body).__name__
        raise TypeError(f"extra_body must be a mapping of names to values, not a {kind}")
    fields = {**_BLANK, **request.to_dict()}
    for name in extra_body:
        if not isinstance(name, str):
            raise TypeError(f"extra_body has the name {name!r:.60}; names must be strings")
        if name in _ARGUMENTS or name in fields:
            raise ValueError(
                f"extra_body has {name!r:.60}, which is a field of the request: omit it"
            )
    request.additional_properties = {**request.additional_properties, **extra_body}


def _request(
    body: object,
    input: object,
    webhook: str | None,
    policy: models.ExecutionPolicy | None,
    s3_config: models.S3Config | None,
) -> wire.JobRequest:
    if body is None:
        if isinstance(input, settings.Unset):
            raise ValueError("no input: use run(input=…), or the API's body {'input': …}")
        return wire.JobRequest(
            input_=input,
            webhook=UNSET if webhook is None else _url(webhook),
            policy=UNSET if policy is None else _policy(policy),
            s_3_config=UNSET if s3_config is None else _s3_config(s3_config),
        )
    if not isinstance(input, settings.Unset) or (webhook, policy, s3_config) != (None, None, None):
        raise ValueError("pass the API's body or keyword arguments such as input=…, not both")
    if isinstance(body, wire.JobRequest):
        return copy(_checked(body))  # the caller's stays as it is
    if not isinstance(body, Mapping):
        raise TypeError(
            f"a request must be the API's body {{'input': …}}; use run(input={body!r:.60})"
        )
    for name, part in body.items():
        _check_part(name, part)
    if unknown := wire.JobRequest.from_dict({**_BLANK, **body}).additional_properties:
        names = ", ".join(repr(name) for name in unknown)
        raise ValueError(f"unknown request field {names}; to send it as input, use run(input=…)")
    if missing := [name for name in _BLANK if name not in body]:
        raise ValueError(f"the request lacks {missing[0]!r}: use run(input=…)")
    return _checked(wire.JobRequest.from_dict(body))


def _check_part(name: str, part: object) -> None:
    """Refuse a part that the model cannot represent, or would change."""
    if name in _BLANK:
        return
    try:
        held = wire.JobRequest.from_dict({**_BLANK, name: part}).to_dict()[name]
        is_valid = held is part or held == part
    except (TypeError, ValueError):
        is_valid = False
    if not is_valid:
        raise TypeError(f"{name!r} of a request must be an object, not {type(part).__name__}")


def _checked(request: wire.JobRequest) -> wire.JobRequest:
    """Return *request*; refuse fields that the service or the handler would ignore."""
    policy, storage = request.policy, request.s_3_config
    webhook: Any = request.webhook
    if not (webhook is None or isinstance(webhook, Unset)):
        _url(webhook)
    if policy is not UNSET and isinstance(policy, wire.ExecutionPolicy):
        if unknown := policy.additional_properties:
            known = [one.name for one in fields(wire.ExecutionPolicy) if one.init]
            names = ", ".join(_wire_name(wire.ExecutionPolicy, name) for name in known)
            raise ValueError(
                f"unknown policy field {', '.join(map(repr, unknown))}: the fields are {names}, and"
                " times are milliseconds"
            )
        _check_time("execution_timeout", policy.execution_timeout)
        _check_time("ttl", policy.ttl)
        _check_priority(policy.low_priority, _wire_name(wire.ExecutionPolicy, "low_priority"))
    if storage is not UNSET and isinstance(storage, wire.S3Config):
        for name in storage.additional_properties:
            if hasattr(storage, name):  # spelled as in Python
                right = _wire_name(wire.S3Config, name)
                raise ValueError(f"unknown s3Config field {name!r}: use {right!r}")
    return request


def _check_time(name: Literal["execution_timeout", "ttl"], value: object) -> None:
    if value is None or isinstance(value, Unset):
        return
    shown = f"policy.{_wire_name(wire.ExecutionPolicy, name)}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{shown} must be a number of milliseconds, not {value!r:.60}")
    check_unit(name, value, "ms", shown)


def _check_priority(value: Any, name: str) -> None:
    if value is not None and not isinstance(value, Unset):
        settings.checked_bool(value, f"policy.{name}")


def _wire_name(model: Any, attribute: str) -> str:
    """Return the wire name of a generated model's attribute."""
    wire_form: dict[str, Any] = model(**{attribute: None}).to_dict()
    return next(iter(wire_form))


def warn_if_nested(input: object) -> None:
    """Warn if *input* looks like the API's body: it would be an input within the input."""
    if isinstance(input, Mapping) and list(input) == list(_BLANK):
        name = next(iter(_BLANK))
        warn(
            f"the input's only key is {name!r}, so the handler gets a nested input: pass the inner"
            " value alone"
        )


def _url(webhook: str) -> str:
    if not isinstance(webhook, str):
        raise TypeError(f"webhook must be a URL, not {webhook!r:.60}")
    try:
        parts = urlsplit(webhook)
        is_valid = parts.scheme in ("http", "https") and is_host(parts.hostname or "")
    except ValueError:
        is_valid = False
    shown = re.sub(r"\?.*", "?…", re.sub(r"//[^/]*@", "//…@", webhook), flags=re.DOTALL)
    if not is_valid or re.search(r"[\s\x00-\x1f\x7f]", webhook):
        raise ValueError(
            f"webhook must be a URL that begins with https:// and names a host, not {shown!r:.60}"
        )
    return webhook


def _policy(policy: models.ExecutionPolicy) -> wire.ExecutionPolicy:
    if not isinstance(policy, models.ExecutionPolicy):
        raise TypeError(f"policy must be an ExecutionPolicy, not {policy!r:.60}")
    _check_priority(policy.low_priority, "low_priority")
    return wire.ExecutionPolicy(
        execution_timeout=milliseconds(policy.execution_timeout),
        ttl=milliseconds(policy.ttl),
        low_priority=UNSET if policy.low_priority is None else policy.low_priority,
    )


def _s3_config(config: models.S3Config) -> wire.S3Config:
    if not isinstance(config, models.S3Config):
        raise TypeError(f"s3_config must be an S3Config, not a {type(config).__name__}")
    config._check()
    return wire.S3Config(
        access_id=config.access_id,
        access_secret=config.access_secret,
        bucket_name=config.bucket_name,
        endpoint_url=config.endpoint_url,
        object_path=UNSET if config.object_path is None else config.object_path,
    )


@overload
def milliseconds(seconds: float) -> int: ...
@overload
def milliseconds(seconds: float | None) -> int | Unset: ...
def milliseconds(seconds: float | None) -> int | Unset:
    return UNSET if seconds is None else max(round(seconds * 1000), 1)
