from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.execution_policy import ExecutionPolicy
    from ..models.s3_config import S3Config


T = TypeVar("T", bound="JobRequest")


@_attrs_define
class JobRequest:
    """A job to run. Members other than these never reach the handler."""

    input_: Any = _attrs_field(repr=False)
    """ The handler's input, `job["input"]`. Any JSON; an object by the documentation. The server accepts an empty
    object, but the job then fails with "job timed out after 1 retries". Always present. """
    webhook: str | Unset = _attrs_field(default=UNSET, repr=False)
    """ URL to which RunPod sends the job when it is terminal. Optional. """
    webhook_v2: str | Unset = _attrs_field(default=UNSET, repr=False)
    """ In the types of RunPod's clients; its meaning is not known. Optional. """
    policy: ExecutionPolicy | Unset = UNSET
    """ Limits of one job. How the server treats a value out of range is not known. """
    s_3_config: S3Config | Unset = UNSET
    """ S3-compatible storage that the worker may write to. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        input_ = self.input_

        webhook = self.webhook

        webhook_v2 = self.webhook_v2

        policy: dict[str, Any] | Unset = UNSET
        if not isinstance(self.policy, Unset):
            policy = self.policy.to_dict()

        s_3_config: dict[str, Any] | Unset = UNSET
        if not isinstance(self.s_3_config, Unset):
            s_3_config = self.s_3_config.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "input": input_,
            }
        )
        if webhook is not UNSET:
            field_dict["webhook"] = webhook
        if webhook_v2 is not UNSET:
            field_dict["webhookV2"] = webhook_v2
        if policy is not UNSET:
            field_dict["policy"] = policy
        if s_3_config is not UNSET:
            field_dict["s3Config"] = s_3_config

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.execution_policy import ExecutionPolicy  # noqa: PLC0415
        from ..models.s3_config import S3Config  # noqa: PLC0415

        d = dict(src_dict)
        input_ = d.pop("input")

        webhook = d.pop("webhook", UNSET)

        webhook_v2 = d.pop("webhookV2", UNSET)

        _policy = d.pop("policy", UNSET)
        policy: ExecutionPolicy | Unset
        if isinstance(_policy, Unset):
            policy = UNSET
        else:
            policy = ExecutionPolicy.from_dict(_policy)

        _s_3_config = d.pop("s3Config", UNSET)
        s_3_config: S3Config | Unset
        if isinstance(_s_3_config, Unset):
            s_3_config = UNSET
        else:
            s_3_config = S3Config.from_dict(_s_3_config)

        job_request = cls(
            input_=input_,
            webhook=webhook,
            webhook_v2=webhook_v2,
            policy=policy,
            s_3_config=s_3_config,
        )

        job_request.additional_properties = d
        return job_request

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
