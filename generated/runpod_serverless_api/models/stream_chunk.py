from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="StreamChunk")


@_attrs_define
class StreamChunk:
    """One yielded value, or a part of it if it is larger than 1 MB."""

    output: Any | Unset = UNSET
    """ The yielded value, any JSON. Always present in recordings. """
    metrics: Any | Unset = UNSET
    """ Counters of the worker, any JSON. Present for a vLLM worker. """
    error: Any | Unset = UNSET
    """ Why the handler failed while it yielded. Present if the handler failed. Any JSON is accepted, in case
    another form than a string appears. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        output = self.output

        metrics = self.metrics

        error = self.error

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if output is not UNSET:
            field_dict["output"] = output
        if metrics is not UNSET:
            field_dict["metrics"] = metrics
        if error is not UNSET:
            field_dict["error"] = error

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        output = d.pop("output", UNSET)

        metrics = d.pop("metrics", UNSET)

        error = d.pop("error", UNSET)

        stream_chunk = cls(
            output=output,
            metrics=metrics,
            error=error,
        )

        stream_chunk.additional_properties = d
        return stream_chunk

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
