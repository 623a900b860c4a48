from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.batch_status import BatchStatus
from ..types import UNSET, Unset

T = TypeVar("T", bound="Batch")


@_attrs_define
class Batch:
    """A batch and its request counts."""

    id: str
    """ The batch's id. It is opaque. Always present. """
    status: BatchStatus | str
    """ Status of a batch; new values may appear. """
    endpoint_id: None | str | Unset = UNSET
    """ The endpoint's id. Present in `get_batch`. """
    request_total: int | None | Unset = UNSET
    """ Number of requests. Present in `get_batch`. """
    request_in_progress: int | None | Unset = UNSET
    """ Number of running requests. Present in `get_batch`. """
    request_completed: int | None | Unset = UNSET
    """ Number of completed requests. Present in `get_batch`. """
    request_failed: int | None | Unset = UNSET
    """ Number of failed requests. Present in `get_batch`. """
    created_at: int | None | Unset = UNSET
    """ When the batch was created, in milliseconds since 1970-01-01 UTC. Present in `get_batch`. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        status: str
        if isinstance(self.status, BatchStatus):
            status = self.status.value
        else:
            status = self.status

        endpoint_id: None | str | Unset
        if isinstance(self.endpoint_id, Unset):
            endpoint_id = UNSET
        else:
            endpoint_id = self.endpoint_id

        request_total: int | None | Unset
        if isinstance(self.request_total, Unset):
            request_total = UNSET
        else:
            request_total = self.request_total

        request_in_progress: int | None | Unset
        if isinstance(self.request_in_progress, Unset):
            request_in_progress = UNSET
        else:
            request_in_progress = self.request_in_progress

        request_completed: int | None | Unset
        if isinstance(self.request_completed, Unset):
            request_completed = UNSET
        else:
            request_completed = self.request_completed

        request_failed: int | None | Unset
        if isinstance(self.request_failed, Unset):
            request_failed = UNSET
        else:
            request_failed = self.request_failed

        created_at: int | None | Unset
        if isinstance(self.created_at, Unset):
            created_at = UNSET
        else:
            created_at = self.created_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "status": status,
            }
        )
        if endpoint_id is not UNSET:
            field_dict["endpointId"] = endpoint_id
        if request_total is not UNSET:
            field_dict["requestTotal"] = request_total
        if request_in_progress is not UNSET:
            field_dict["requestInProgress"] = request_in_progress
        if request_completed is not UNSET:
            field_dict["requestCompleted"] = request_completed
        if request_failed is not UNSET:
            field_dict["requestFailed"] = request_failed
        if created_at is not UNSET:
            field_dict["createdAt"] = created_at

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        def _parse_status(data: object) -> BatchStatus | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_open_batch_status_type_0 = BatchStatus(data)

                return componentsschemas_open_batch_status_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(BatchStatus | str, data)

        status = _parse_status(d.pop("status"))

        def _parse_endpoint_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        endpoint_id = _parse_endpoint_id(d.pop("endpointId", UNSET))

        def _parse_request_total(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        request_total = _parse_request_total(d.pop("requestTotal", UNSET))

        def _parse_request_in_progress(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        request_in_progress = _parse_request_in_progress(d.pop("requestInProgress", UNSET))

        def _parse_request_completed(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        request_completed = _parse_request_completed(d.pop("requestCompleted", UNSET))

        def _parse_request_failed(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        request_failed = _parse_request_failed(d.pop("requestFailed", UNSET))

        def _parse_created_at(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        created_at = _parse_created_at(d.pop("createdAt", UNSET))

        batch = cls(
            id=id,
            status=status,
            endpoint_id=endpoint_id,
            request_total=request_total,
            request_in_progress=request_in_progress,
            request_completed=request_completed,
            request_failed=request_failed,
            created_at=created_at,
        )

        batch.additional_properties = d
        return batch

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
