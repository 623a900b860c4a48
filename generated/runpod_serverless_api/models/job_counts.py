from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="JobCounts")


@_attrs_define
class JobCounts:
    """Jobs of an endpoint. It is not known which count includes cancelled jobs."""

    completed: int | None | Unset = UNSET
    """ Jobs that completed since the endpoint was created. Present except in old responses. """
    failed: int | None | Unset = UNSET
    """ Jobs that failed since the endpoint was created, including jobs that the platform stopped. Present except in
    old responses. """
    in_progress: int | None | Unset = UNSET
    """ Running jobs. Always present in recordings. """
    in_queue: int | None | Unset = UNSET
    """ Queued jobs. Always present in recordings. """
    retried: int | None | Unset = UNSET
    """ Number of times that the platform moved a job to another worker. Present except in old responses. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        completed: int | None | Unset
        if isinstance(self.completed, Unset):
            completed = UNSET
        else:
            completed = self.completed

        failed: int | None | Unset
        if isinstance(self.failed, Unset):
            failed = UNSET
        else:
            failed = self.failed

        in_progress: int | None | Unset
        if isinstance(self.in_progress, Unset):
            in_progress = UNSET
        else:
            in_progress = self.in_progress

        in_queue: int | None | Unset
        if isinstance(self.in_queue, Unset):
            in_queue = UNSET
        else:
            in_queue = self.in_queue

        retried: int | None | Unset
        if isinstance(self.retried, Unset):
            retried = UNSET
        else:
            retried = self.retried

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if completed is not UNSET:
            field_dict["completed"] = completed
        if failed is not UNSET:
            field_dict["failed"] = failed
        if in_progress is not UNSET:
            field_dict["inProgress"] = in_progress
        if in_queue is not UNSET:
            field_dict["inQueue"] = in_queue
        if retried is not UNSET:
            field_dict["retried"] = retried

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_completed(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        completed = _parse_completed(d.pop("completed", UNSET))

        def _parse_failed(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        failed = _parse_failed(d.pop("failed", UNSET))

        def _parse_in_progress(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        in_progress = _parse_in_progress(d.pop("inProgress", UNSET))

        def _parse_in_queue(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        in_queue = _parse_in_queue(d.pop("inQueue", UNSET))

        def _parse_retried(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        retried = _parse_retried(d.pop("retried", UNSET))

        job_counts = cls(
            completed=completed,
            failed=failed,
            in_progress=in_progress,
            in_queue=in_queue,
            retried=retried,
        )

        job_counts.additional_properties = d
        return job_counts

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
