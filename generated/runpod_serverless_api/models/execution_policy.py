from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ExecutionPolicy")


@_attrs_define
class ExecutionPolicy:
    """Limits of one job. What becomes of a value out of range is not known. [documented]"""

    execution_timeout: int | Unset = UNSET
    """ Longest time that the job may run, in milliseconds. Without it that of the endpoint, 600000 at first.
    Enforced some seconds late. Optional. [documented] """
    ttl: int | Unset = UNSET
    """ Life of the job from its submission, in the queue and running, in milliseconds; then it is deleted. Without
    it 86400000. Optional. [documented] """
    low_priority: bool | Unset = UNSET
    """ Whether the job only uses the workers there are, and makes no new one start. Optional. [documented] """
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
