from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.job_status import JobStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.stream_chunk import StreamChunk


T = TypeVar("T", bound="JobStream")


@_attrs_define
class JobStream:
    """The new chunks of a job's output."""

    status: JobStatus | str
    """ Status of a job; new values may appear. Treat an unknown status as not terminal. """
    stream: list[StreamChunk] | None | Unset = UNSET
    """ The chunks, in order; empty if there are none. Always present in recordings, and some clients fail without
    it. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        status: str
        if isinstance(self.status, JobStatus):
            status = self.status.value
        else:
            status = self.status

        stream: list[dict[str, Any]] | None | Unset
        if isinstance(self.stream, Unset):
            stream = UNSET
        elif isinstance(self.stream, list):
            stream = []
            for stream_type_0_item_data in self.stream:
                stream_type_0_item = stream_type_0_item_data.to_dict()
                stream.append(stream_type_0_item)

        else:
            stream = self.stream

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "status": status,
            }
        )
        if stream is not UNSET:
            field_dict["stream"] = stream

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.stream_chunk import StreamChunk  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_status(data: object) -> JobStatus | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_open_job_status_type_0 = JobStatus(data)

                return componentsschemas_open_job_status_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(JobStatus | str, data)

        status = _parse_status(d.pop("status"))

        def _parse_stream(data: object) -> list[StreamChunk] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                stream_type_0 = []
                _stream_type_0 = data
                for stream_type_0_item_data in _stream_type_0:
                    stream_type_0_item = StreamChunk.from_dict(stream_type_0_item_data)

                    stream_type_0.append(stream_type_0_item)

                return stream_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[StreamChunk] | None | Unset, data)

        stream = _parse_stream(d.pop("stream", UNSET))

        job_stream = cls(
            status=status,
            stream=stream,
        )

        job_stream.additional_properties = d
        return job_stream

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
