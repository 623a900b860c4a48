from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="WorkerCounts")


@_attrs_define
class WorkerCounts:
    """Current workers of an endpoint."""

    idle: int | None | Unset = UNSET
    """ Workers that wait for a job. Always present in recordings. """
    initializing: int | None | Unset = UNSET
    """ Workers that are starting. Present except in old responses. """
    ready: int | None | Unset = UNSET
    """ Workers that can take a job, idle ones included and running ones excluded. Present except in old responses.
    """
    running: int | None | Unset = UNSET
    """ Workers that run a job. Always present in recordings. """
    throttled: int | None | Unset = UNSET
    """ Workers that wait for a machine. Present except in old responses. """
    unhealthy: int | None | Unset = UNSET
    """ Workers that failed their health checks. Always present in recordings. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        idle: int | None | Unset
        if isinstance(self.idle, Unset):
            idle = UNSET
        else:
            idle = self.idle

        initializing: int | None | Unset
        if isinstance(self.initializing, Unset):
            initializing = UNSET
        else:
            initializing = self.initializing

        ready: int | None | Unset
        if isinstance(self.ready, Unset):
            ready = UNSET
        else:
            ready = self.ready

        running: int | None | Unset
        if isinstance(self.running, Unset):
            running = UNSET
        else:
            running = self.running

        throttled: int | None | Unset
        if isinstance(self.throttled, Unset):
            throttled = UNSET
        else:
            throttled = self.throttled

        unhealthy: int | None | Unset
        if isinstance(self.unhealthy, Unset):
            unhealthy = UNSET
        else:
            unhealthy = self.unhealthy

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if idle is not UNSET:
            field_dict["idle"] = idle
        if initializing is not UNSET:
            field_dict["initializing"] = initializing
        if ready is not UNSET:
            field_dict["ready"] = ready
        if running is not UNSET:
            field_dict["running"] = running
        if throttled is not UNSET:
            field_dict["throttled"] = throttled
        if unhealthy is not UNSET:
            field_dict["unhealthy"] = unhealthy

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_idle(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        idle = _parse_idle(d.pop("idle", UNSET))

        def _parse_initializing(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        initializing = _parse_initializing(d.pop("initializing", UNSET))

        def _parse_ready(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        ready = _parse_ready(d.pop("ready", UNSET))

        def _parse_running(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        running = _parse_running(d.pop("running", UNSET))

        def _parse_throttled(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        throttled = _parse_throttled(d.pop("throttled", UNSET))

        def _parse_unhealthy(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        unhealthy = _parse_unhealthy(d.pop("unhealthy", UNSET))

        worker_counts = cls(
            idle=idle,
            initializing=initializing,
            ready=ready,
            running=running,
            throttled=throttled,
            unhealthy=unhealthy,
        )

        worker_counts.additional_properties = d
        return worker_counts

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
