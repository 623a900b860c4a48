from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="S3Config")


@_attrs_define
class S3Config:
    """S3-compatible storage that the worker may write to."""

    access_id: str | Unset = UNSET
    """ Access key id. Optional. """
    access_secret: str | Unset = _attrs_field(default=UNSET, repr=False)
    """ Secret access key. Optional. """
    bucket_name: str | Unset = UNSET
    """ Name of the bucket. Optional. """
    endpoint_url: str | Unset = UNSET
    """ URL of the storage. Optional. """
    object_path: str | Unset = UNSET
    """ Path in the bucket. Optional. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        access_id = self.access_id

        access_secret = self.access_secret

        bucket_name = self.bucket_name

        endpoint_url = self.endpoint_url

        object_path = self.object_path

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if access_id is not UNSET:
            field_dict["accessId"] = access_id
        if access_secret is not UNSET:
            field_dict["accessSecret"] = access_secret
        if bucket_name is not UNSET:
            field_dict["bucketName"] = bucket_name
        if endpoint_url is not UNSET:
            field_dict["endpointUrl"] = endpoint_url
        if object_path is not UNSET:
            field_dict["objectPath"] = object_path

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        access_id = d.pop("accessId", UNSET)

        access_secret = d.pop("accessSecret", UNSET)

        bucket_name = d.pop("bucketName", UNSET)

        endpoint_url = d.pop("endpointUrl", UNSET)

        object_path = d.pop("objectPath", UNSET)

        s3_config = cls(
            access_id=access_id,
            access_secret=access_secret,
            bucket_name=bucket_name,
            endpoint_url=endpoint_url,
            object_path=object_path,
        )

        s3_config.additional_properties = d
        return s3_config

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
