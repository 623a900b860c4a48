from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ExecutionPolicy")


@_attrs_define
class ExecutionPolicy:
    """Limits of one job. How the server treats a value out of range is not known."""

    execution_timeout: int | Unset = UNSET
    """ Longest time that the job may run, in milliseconds. If absent, the endpoint's setting, 600000 by default.
    The server stops the job some seconds late. Optional. """
    ttl: int | Unset = UNSET
    """ Time to live of the job from its submission, queued and running, in milliseconds; 86400000 if absent. The
    server then deletes the job. Optional. """
    low_priority: bool | Unset = UNSET
    """ Do not start additional workers for this job. Optional. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        execution_timeout = self.execution_timeout

        ttl = self.ttl

        low_priority = self.low_priority

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if execution_timeout is not UNSET:
            field_dict["executionTimeout"] = execution_timeout
        if ttl is not UNSET:
            field_dict["ttl"] = ttl
        if low_priority is not UNSET:
            field_dict["lowPriority"] = low_priority

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        execution_timeout = d.pop("executionTimeout", UNSET)

        ttl = d.pop("ttl", UNSET)

        low_priority = d.pop("lowPriority", UNSET)

        execution_policy = cls(
            execution_timeout=execution_timeout,
            ttl=ttl,
            low_priority=low_priority,
        )

        execution_policy.additional_properties = d
        return execution_policy

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
